//! The report for a person at a terminal or reading a log.
//!
//! Responsible for columns, wrapping and colour. Every text of the report is untrusted and escaped here; what a finding
//! means is decided elsewhere.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::{
    Action, Fact, Report, Section, Status, Style, Verdict,
    escape::{at_line_start, cut_name, lines, terminal},
    excerpt,
    grid::Grid,
    wording::{self, Elapsed},
};

mod row;
mod table;

use row::{Line, Row};

/// Widest check column that rows are aligned to, in characters. Longer ids push their own row only.
const CHECK_CAP: usize = 24;
/// Widest subject column that rows are aligned to, in characters: the longest name a release of ours holds fits.
const SUBJECT_CAP: usize = 50;
/// Columns of a tag and the space after it; continuation lines start there.
const INDENT: usize = 7;
/// Below this terminal width a detail that does not fit beside the columns gives up alignment, and then its line.
const NARROW: usize = 100;
/// Columns before each line of what an action writes.
const CONTENT: usize = INDENT + 2;
/// Columns of `expected ` and `got      `.
const LABEL: usize = 9;
/// Widest line of what is a list of short things, where the terminal or the log has no bound or a wider one.
const LIST: usize = 100;
/// Most problems that are named once more before the verdict.
const RECALLED: usize = 20;
/// Problems that stand right before the verdict need no second naming, when they are no more than these.
const IN_VIEW: usize = 3;

/// Writes the report.
pub(super) fn render(report: &Report, style: &Style, w: &mut dyn Write) -> io::Result<()> {
    let page = Page { style: *style };
    match report.sections.as_slice() {
        [section] => page.only(report, section, w)?,
        sections => page.several(report, sections, w)?,
    }
    let made = report.made_at.filter(|_| style.every_pass).map(|time| format!(" at {time}")).unwrap_or_default();
    page.verdict(report, &format!("{}{made}", Elapsed(report.elapsed)), w)
}

/// Renders with one style.
struct Page {
    style: Style,
}

impl Page {
    fn only(&self, report: &Report, section: &Section, w: &mut dyn Write) -> io::Result<()> {
        self.info(section, w)?;
        self.caveats(report.caveats.iter().chain(&section.caveats), w)?;
        let lines = if self.style.every_pass { row::each(section) } else { row::folded(section, self.style.width) };
        let tail = self.body(section, &lines, w)?;
        self.recall(report, tail, w)
    }

    /// A table of the subjects, then what is wrong with each, or everything where each pass is asked for.
    fn several(&self, report: &Report, sections: &[Section], w: &mut dyn Write) -> io::Result<()> {
        if !sections.is_empty() {
            self.grid(&Grid::subjects(report), 0, w)?;
        }
        self.caveats(report.caveats.iter(), w)?;
        let mut tail = 0;
        for section in sections {
            let lines = if self.style.every_pass { row::each(section) } else { row::attention(section) };
            let nothing_to_see = self.exhibits(section).is_empty() && section.actions.is_empty();
            if lines.is_empty() && section.caveats.is_empty() && nothing_to_see {
                continue;
            }
            writeln!(w)?;
            self.info(section, w)?;
            self.caveats(section.caveats.iter(), w)?;
            tail = self.body(section, &lines, w)?;
        }
        if !sections.is_empty() {
            writeln!(w)?;
        }
        self.recall(report, tail, w)
    }

    /// The line that opens a section, and below it what a reader looks for first: image, signer, time, log entry. A
    /// repository speaks for itself; other facts are named.
    fn info(&self, section: &Section, w: &mut dyn Write) -> io::Result<()> {
        write!(w, "{} {}", self.painted("[INFO]", AnsiColor::Blue), terminal(&section.subject))?;
        let (first, others): (Vec<_>, Vec<_>) = section.ordered_facts().into_iter().partition(|fact| match fact {
            Fact::Image(_) | Fact::Signer(_) | Fact::SignedAt(_) | Fact::LogIndex(_) => true,
            Fact::Repository(_) | Fact::Other(..) => false,
        });
        let start = INDENT + section.subject.chars().count();
        let (mut column, mut new) = (start, false);
        for fact in others {
            let text = match fact {
                Fact::Repository(text) => terminal(text),
                Fact::Image(_) | Fact::Signer(_) | Fact::SignedAt(_) | Fact::LogIndex(_) | Fact::Other(..) => {
                    format!("{} {}", fact.name(), terminal(&fact.value()))
                }
            };
            let width = text.chars().count();
            if column + 3 + width > self.style.width {
                write!(w, "\n{:INDENT$}", "")?;
                (column, new) = (INDENT, true);
            }
            if new {
                write!(w, "{}", at_line_start(&text))?
            } else {
                write!(w, " · {text}")?
            }
            column += width + if new { 0 } else { 3 };
            new = false;
        }
        writeln!(w)?;
        let widest = first.iter().map(|fact| fact.name().len()).max().unwrap_or(0);
        for fact in first {
            writeln!(w, "{:INDENT$}{:widest$}  {}", "", fact.name(), terminal(&fact.value()))?;
        }
        Ok(())
    }

    fn caveats<'a>(&self, caveats: impl Iterator<Item = &'a String>, w: &mut dyn Write) -> io::Result<()> {
        for caveat in caveats {
            write!(w, "{} ", self.painted("[WARN]", AnsiColor::Yellow))?;
            self.wrapped(&terminal(caveat), INDENT, w)?;
        }
        Ok(())
    }

    /// Rows in the order of the checks, then what was done, then the exhibits that help to follow. Returns how many lines
    /// of findings end the section with problems only; `usize::MAX` when something else does.
    fn body(&self, section: &Section, lines: &[Line], w: &mut dyn Write) -> io::Result<usize> {
        let rows = || lines.iter().filter_map(|line| if let Line::Row(row) = line { Some(row) } else { None });
        let widest =
            |column: fn(&Row) -> &str, cap| rows().map(|row| column(row).chars().count()).max().unwrap_or(0).min(cap);
        let columns = Columns { check: widest(|r| r.check, CHECK_CAP), subject: widest(|r| &r.subject, SUBJECT_CAP) };
        for line in lines {
            match line {
                Line::Row(row) => self.row(row, &columns, w)?,
                Line::Run(names) => self.run(names, w)?,
            }
        }
        let grids: Vec<Grid> =
            Grid::actions_in_short(&section.actions).into_iter().chain(self.exhibits(section)).collect();
        for grid in &grids {
            writeln!(w, "{:INDENT$}{}:", "", grid.title)?;
            self.grid(grid, INDENT, w)?;
        }
        section.actions.iter().try_for_each(|action| self.content(action, w))?;
        let is_problem = |line: &Line| matches!(line, Line::Row(row) if is_recalled(row.status));
        let before = lines.iter().position(is_problem).unwrap_or(lines.len());
        let trailing = lines.iter().skip(before);
        let only = grids.is_empty() && trailing.clone().all(is_problem);
        Ok(if only { trailing.count() } else { usize::MAX })
    }

    /// What an action writes or deploys, line by line and uncut: a reader who agrees to it must have seen it.
    fn content(&self, action: &Action, w: &mut dyn Write) -> io::Result<()> {
        let Some(content) = &action.content else { return Ok(()) };
        writeln!(w, "{:INDENT$}{}:", "", terminal(&format!("{} {}", action.what, action.target)))?;
        lines(content.trim_end_matches('\n')).split('\n').try_for_each(|line| writeln!(w, "{:CONTENT$}{line}", ""))
    }

    /// All exhibits where everything is asked for, else those that are the point and those whose checks found something.
    fn exhibits(&self, section: &Section) -> Vec<Grid> {
        let concerns = |checks: &[&str]| {
            section.findings.iter().any(|found| is_recalled(found.status) && checks.contains(&found.check))
        };
        let shown = section
            .exhibits
            .iter()
            .filter(|exhibit| self.style.every_pass || exhibit.table.is_the_point() || concerns(exhibit.checks));
        shown.map(Grid::exhibit).collect()
    }

    /// Problems and warnings once more, a line each, unless they are few and stand right above. What could not be checked is
    /// among them where nothing worse was found and there is something to do about it: the rest follows from a problem that is
    /// named, or waits for its turn.
    fn recall(&self, report: &Report, tail: usize, w: &mut dyn Write) -> io::Result<()> {
        let found =
            report.sections.iter().flat_map(|section| section.findings.iter().map(move |found| (section, found)));
        let mut found: Vec<_> = found.filter(|(_, finding)| is_recalled(finding.status)).collect();
        let in_view = tail <= IN_VIEW && tail == found.len();
        let decided = matches!(report.verdict(), Verdict::Failed | Verdict::Incomplete);
        found.retain(|(_, finding)| {
            finding.status != Status::SkippedRequired || (!decided && wording::help(finding).is_some())
        });
        if found.is_empty() || in_view {
            return Ok(());
        }
        let several = report.sections.len() > 1;
        if !several {
            writeln!(w)?;
        }
        for (section, finding) in found.iter().take(RECALLED) {
            let row = Row::of(finding);
            let of = if several {
                format!("{}  ", cut_name(&terminal(&section.subject), SUBJECT_CAP))
            } else {
                String::new()
            };
            let gap = if row.subject.is_empty() { "" } else { "  " };
            let label = wording::tag(finding.status);
            let text = format!("{of}{}{gap}{}  {}", row.check, row.subject, row.detail);
            write!(w, "  {} ", self.painted(label, color_of(finding.status)))?;
            writeln!(w, "{}", at_line_start(&self.elided(text.trim_end(), INDENT)))?;
        }
        match found.len().saturating_sub(RECALLED) {
            0 => Ok(()),
            more => writeln!(w, "  and {more} more"),
        }
    }

    /// One finding: tag and columns, the detail beside them where it fits and below where not, then place, source and help.
    fn row(&self, row: &Row, columns: &Columns, w: &mut dyn Write) -> io::Result<()> {
        write!(w, "{} ", self.painted(&format!("[{}]", wording::tag(row.status)), color_of(row.status)))?;
        let (aligned, ragged) = (columns.aligned(row), columns.ragged(row));
        let start = |line: &str| INDENT + line.chars().count() + 2;
        let fits = |line: &str| start(line).saturating_add(row.detail.chars().count()) <= self.style.width;
        let narrow = self.style.width < NARROW || self.style.width < start(&aligned) + row.least();
        if row.detail.is_empty() {
            writeln!(w, "{}", ragged.trim_end())?;
        } else if fits(&aligned) || (!narrow && !row.brief) {
            write!(w, "{aligned}  ")?;
            self.detail(row, start(&aligned), w)?;
        } else if fits(&ragged) {
            writeln!(w, "{ragged}  {}", row.detail)?;
        } else if row.brief {
            // What the whole section is about stands above it, and takes no room from what was found.
            let named = if row.is_about_section { columns.unnamed(row) } else { ragged };
            writeln!(w, "{}", self.elided(&format!("{named}  {}", row.detail), INDENT))?;
        } else {
            write!(w, "{}\n{:INDENT$}", ragged.trim_end(), "")?;
            self.detail(row, INDENT, w)?;
        }
        if let Some(place) = &row.place {
            write!(w, "{:INDENT$}at ", "")?;
            self.wrapped(place, INDENT + 3, w)?;
        }
        self.source(row, w)?;
        if let Some(help) = &row.help {
            write!(w, "{:INDENT$}→ ", "")?;
            self.wrapped(help, INDENT + 2, w)?;
        }
        Ok(())
    }

    /// The source lines a finding quotes.
    fn source(&self, row: &Row, w: &mut dyn Write) -> io::Result<()> {
        let Some(finding) = &row.finding else { return Ok(()) };
        let width = self.style.width.min(LIST * 2).saturating_sub(INDENT);
        let drawn = excerpt::drawn(finding, width, self.style.color).unwrap_or_default();
        drawn.lines().try_for_each(|line| writeln!(w, "{:INDENT$}{line}", ""))
    }

    /// Checks that passed and have no more to say.
    fn run(&self, names: &[String], w: &mut dyn Write) -> io::Result<()> {
        write!(w, "{} ", self.painted("[PASS]", color_of(Status::Pass)))?;
        let (mut column, width) = (INDENT, self.style.width.min(LIST));
        for (index, name) in names.iter().enumerate() {
            let comma = if index + 1 == names.len() { "" } else { "," };
            let taken = name.chars().count() + comma.len();
            if index > 0 && column + 1 + taken > width {
                write!(w, "\n{:INDENT$}", "")?;
                column = INDENT;
            } else if index > 0 {
                write!(w, " ")?;
                column += 1;
            }
            write!(w, "{name}{comma}")?;
            column += taken;
        }
        writeln!(w)
    }

    /// The detail on one line where it fits. Two values that do not fit beside each other go below each other, so that
    /// the eye finds where they differ.
    fn detail(&self, row: &Row, indent: usize, w: &mut dyn Write) -> io::Result<()> {
        let fits = indent.saturating_add(row.detail.chars().count()) <= self.style.width;
        let Some((expected, actual)) = row.compared.as_ref().filter(|_| !fits) else {
            return self.wrapped(&row.detail, indent, w);
        };
        if !row.message.is_empty() {
            self.wrapped(&row.message, indent, w)?;
            write!(w, "{:indent$}", "")?;
        }
        write!(w, "expected ")?;
        self.wrapped(expected, indent + LABEL, w)?;
        write!(w, "{:indent$}{:LABEL$}", "", "got")?;
        self.wrapped(actual, indent + LABEL, w)
    }

    fn verdict(&self, report: &Report, end: &str, w: &mut dyn Write) -> io::Result<()> {
        let color = match report.verdict() {
            Verdict::Passed => AnsiColor::Green,
            Verdict::Undecided => AnsiColor::Yellow,
            Verdict::Incomplete | Verdict::Failed => AnsiColor::Red,
        };
        let words = self.painted(&wording::verdict_of(report), color);
        // Escaped with the colon behind it: a subject that is one itself must not start a workflow command.
        let subject = format!("{}:", terminal(wording::overall_subject(report)));
        writeln!(w, "{} {words} — {}{end}", at_line_start(&subject), wording::tally(report.counts()))
    }

    /// The rest of a line of which `indent` columns are written, wrapped at spaces under itself. Words are never broken,
    /// so a hash or an address can be copied.
    fn wrapped(&self, text: &str, indent: usize, w: &mut dyn Write) -> io::Result<()> {
        let (mut column, mut blank) = (indent, true);
        for (index, word) in text.split(' ').enumerate() {
            let width = word.chars().count();
            if index > 0 && column.saturating_add(1 + width) > self.style.width {
                write!(w, "\n{:indent$}", "")?;
                (column, blank) = (indent, true);
            } else if index > 0 {
                write!(w, " ")?;
                column += 1;
            }
            if blank {
                write!(w, "{}", at_line_start(word))?
            } else {
                write!(w, "{word}")?
            }
            blank = blank && word.trim().is_empty();
            column += width;
        }
        writeln!(w)
    }

    /// Columns that are left of a line of which `indent` are written.
    fn room(&self, indent: usize) -> usize {
        self.style.width.min(2 * LIST).saturating_sub(indent)
    }

    /// `text` as far as it fits a line of which `indent` columns are written.
    fn elided(&self, text: &str, indent: usize) -> String {
        let room = self.room(indent);
        if text.chars().count() <= room {
            return text.to_owned();
        }
        let kept: String = text.chars().take(room.saturating_sub(1)).collect();
        format!("{}…", kept.trim_end())
    }

    fn painted(&self, text: &str, color: AnsiColor) -> String {
        if !self.style.color {
            return text.to_owned();
        }
        let style: Ansi = color.on_default().bold();
        format!("{style}{text}{style:#}")
    }
}

/// Widths of the columns before the detail; a subject column of 0 is none.
struct Columns {
    check: usize,
    subject: usize,
}

impl Columns {
    /// Check and subject, each padded to its column.
    fn aligned(&self, row: &Row) -> String {
        let mut line = format!("{:check$}", row.check, check = self.check);
        if self.subject > 0 {
            line.push_str(&format!("  {:subject$}", row.subject, subject = self.subject));
        }
        line
    }

    /// The same without padding behind the subject, for terminals that have no room for it.
    fn ragged(&self, row: &Row) -> String {
        let gap = if row.subject.is_empty() { "" } else { "  " };
        format!("{:check$}{gap}{}", row.check, row.subject, check = self.check)
    }

    /// The check alone.
    fn unnamed(&self, row: &Row) -> String {
        format!("{:check$}", row.check, check = self.check)
    }
}

/// What is said once more before the verdict: what it hangs on, and what a person should look at.
fn is_recalled(status: Status) -> bool {
    wording::is_problem(status) || status == Status::Warn
}

fn color_of(status: Status) -> AnsiColor {
    match status {
        Status::Pass => AnsiColor::Green,
        Status::Warn => AnsiColor::Yellow,
        Status::Fail | Status::Missing => AnsiColor::Red,
        Status::SkippedRequired | Status::Skipped => AnsiColor::Cyan,
    }
}
