//! The difference for a person at a terminal: readable at 80 columns, each value in full once, at the end.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

use super::{
    Diff, FileDiff, RoleDiff,
    wording::{self, Legend},
};
use crate::report::escape::{at_line_start, terminal};

/// Columns of ` + RTMR0  `.
const INDENT: usize = 13;
/// Narrower than this, a value in full stands on two lines.
const WHOLE_VALUE: usize = 104;

/// Renders the difference for a terminal of `width` columns.
pub fn render(diff: &Diff, color: bool, width: usize) -> String {
    let mut page = Page { out: String::new(), legend: Legend::default(), color, width: width.max(40) };
    // Writing to a String cannot fail.
    let _: fmt::Result = page.write(diff);
    page.out
}

struct Page {
    out: String,
    legend: Legend,
    color: bool,
    width: usize,
}

impl Page {
    fn write(&mut self, diff: &Diff) -> fmt::Result {
        let title = format!("[INFO] {} → {}", terminal(&diff.from), terminal(&diff.to));
        self.paragraph(&title, 7)?;
        if diff.is_empty() {
            return writeln!(self.out, "No difference ({} compared).", files(diff.unchanged));
        }
        for file in &diff.files {
            self.file(file)?;
        }
        if diff.unchanged > 0 {
            writeln!(self.out, "\n{} without a difference.", files(diff.unchanged))?;
        }
        self.values()
    }

    fn file(&mut self, file: &FileDiff) -> fmt::Result {
        writeln!(self.out)?;
        self.paragraph(&format!("{} · {}", terminal(&wording::name(file)), file.kind), 2)?;
        if !file.structural.is_empty() {
            let tag = self.painted("[WARN]", AnsiColor::Yellow);
            self.paragraph_after(&format!("  {tag} "), 9, wording::REVIEW, 9)?;
            for change in &file.structural {
                let text = terminal(&wording::structural(change)).replace('`', "");
                self.paragraph(&format!("         {text}"), 11)?;
            }
        }
        for entry in &file.malformed {
            let tag = self.painted("[WARN]", AnsiColor::Yellow);
            let text = format!(
                "not compared, malformed: {} is {}, expected {}",
                terminal(&entry.place),
                terminal(&entry.actual),
                entry.expected
            );
            self.paragraph_after(&format!("  {tag} "), 9, &text, 9)?;
        }
        for change in &file.restated {
            let (place, from, to) = (terminal(&change.place), terminal(&change.from), terminal(&change.to));
            self.paragraph(&format!("  {place}  {from} → {to}"), 4)?;
        }
        if file.roles.is_empty() {
            return self.paragraph(&format!("  = {}", wording::no_list_changes(file)), 4);
        }
        file.roles.iter().try_for_each(|entry| self.entry(entry))
    }

    fn entry(&mut self, entry: &RoleDiff) -> fmt::Result {
        writeln!(self.out, "\n  {} · {}", entry.profile, entry.role.as_str())?;
        for line in wording::lines(entry, &mut self.legend) {
            let sign = match line.sign {
                '+' => self.painted("+", AnsiColor::Green),
                '-' => self.painted("-", AnsiColor::Red),
                _ => self.painted("!", AnsiColor::Yellow),
            };
            let head = format!("  {sign} {:7}  ", line.list);
            let text = match (line.value.is_empty(), line.meaning.is_empty()) {
                (true, _) => line.meaning,
                (false, true) => line.value,
                (false, false) => format!("{}  {}", line.value, line.meaning),
            };
            self.paragraph_after(&head, INDENT, &text, INDENT)?;
        }
        self.paragraph_after("  = ", 4, &format!("in all   {}", wording::in_all(entry)), INDENT)
    }

    fn values(&mut self) -> fmt::Result {
        let values: Vec<_> = self.legend.values().map(|(number, value)| (number, value.to_owned())).collect();
        if values.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "\nValues in full")?;
        for (number, value) in values {
            let label = format!("v{number}");
            if self.width < WHOLE_VALUE && value.len() > 64 {
                let (first, second) = value.split_at_checked(value.len() / 2).unwrap_or((&value, ""));
                writeln!(self.out, "  {label:4} {first}\n       {second}")?;
            } else {
                writeln!(self.out, "  {label:4} {value}")?;
            }
        }
        Ok(())
    }

    fn paragraph(&mut self, text: &str, indent: usize) -> fmt::Result {
        let lead = text.len() - text.trim_start().len();
        let (lead, rest) = text.split_at_checked(lead).unwrap_or(("", text));
        self.paragraph_after(lead, lead.len(), rest, indent)
    }

    /// `head`, which takes `column` columns, and `text` wrapped under `indent`. Words are never broken.
    fn paragraph_after(&mut self, head: &str, column: usize, text: &str, indent: usize) -> fmt::Result {
        write!(self.out, "{head}")?;
        let mut at = column;
        let mut first = true;
        for word in text.split(' ') {
            let width = word.chars().count();
            if !first && at + 1 + width > self.width {
                write!(self.out, "\n{:indent$}{}", "", at_line_start(word))?;
                at = indent;
            } else if first {
                write!(self.out, "{}", at_line_start(word))?;
            } else {
                write!(self.out, " {word}")?;
                at += 1;
            }
            at += width;
            first = false;
        }
        writeln!(self.out)
    }

    fn painted(&self, text: &str, color: AnsiColor) -> String {
        if !self.color {
            return text.to_owned();
        }
        let style: Style = color.on_default().bold();
        format!("{style}{text}{style:#}")
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
