//! The report for a person at a terminal or reading a log.
//!
//! Responsible for columns, wrapping and colour. Every text of the report is untrusted and escaped here; what a finding
//! means is decided elsewhere.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::{
    Counts, Fact, Finding, Report, Section, Status, Style, Verdict,
    escape::{at_line_start, terminal},
    wording::{self, Elapsed},
};

/// Widest check column that rows are aligned to, in characters. Longer ids push their own row only.
const CHECK_CAP: usize = 24;
/// Widest subject column that rows are aligned to, in characters: the longest name a release of ours holds fits.
const SUBJECT_CAP: usize = 50;
/// Columns of a tag and the space after it; continuation lines start there.
const INDENT: usize = 7;
/// Below this terminal width a detail that does not fit beside the columns gives up alignment, and then its line.
const NARROW: usize = 100;
/// Columns of `expected ` and `got      `.
const LABEL: usize = 9;
/// A detail column narrower than this is not worth wrapping into.
const MIN_DETAIL: usize = 40;

/// Writes the report.
pub(super) fn render(report: &Report, style: &Style, w: &mut dyn Write) -> io::Result<()> {
    let page = Page { style: *style };
    if report.sections.is_empty() {
        page.caveats(report, w)?;
    }
    let several = report.sections.len() > 1;
    for (index, section) in report.sections.iter().enumerate() {
        if index > 0 {
            writeln!(w)?;
        }
        page.info(section, w)?;
        if index == 0 {
            page.caveats(report, w)?;
        }
        page.findings(section, w)?;
        if several {
            page.verdict(&section.subject, section.verdict(), section.counts(), Elapsed(None), w)?;
        }
    }
    if several {
        writeln!(w)?;
    }
    let subject = wording::overall_subject(report);
    page.verdict(subject, report.verdict(), report.counts(), Elapsed(report.elapsed), w)
}

/// Renders with one style.
struct Page {
    style: Style,
}

impl Page {
    /// The line that opens a section. A repository speaks for itself; other facts are named.
    fn info(&self, section: &Section, w: &mut dyn Write) -> io::Result<()> {
        write!(w, "{} {}", self.painted("[INFO]", AnsiColor::Blue), terminal(&section.subject))?;
        for fact in section.ordered_facts() {
            let value = terminal(&fact.value());
            match fact {
                Fact::Repository(_) => write!(w, " · {value}")?,
                Fact::Image(_) | Fact::Signer(_) | Fact::SignedAt(_) | Fact::LogIndex(_) | Fact::Other(..) => {
                    write!(w, " · {} {value}", fact.name())?;
                }
            }
        }
        writeln!(w)
    }

    fn caveats(&self, report: &Report, w: &mut dyn Write) -> io::Result<()> {
        for caveat in &report.caveats {
            write!(w, "{} ", self.painted("[WARN]", AnsiColor::Yellow))?;
            self.wrapped(&terminal(caveat), INDENT, w)?;
        }
        Ok(())
    }

    /// Rows in the order of the checks, except that what the verdict hangs on comes last: the end of a long report is what
    /// a reader sees.
    fn findings(&self, section: &Section, w: &mut dyn Write) -> io::Result<()> {
        let mut rows = if self.style.every_pass { each(section) } else { gathered(section) };
        rows.sort_by_key(|row| weight(row.status));
        let widest = |column: fn(&Row) -> &str, cap| {
            rows.iter().map(|row| column(row).chars().count()).max().unwrap_or(0).min(cap)
        };
        let columns = Columns { check: widest(|r| r.check, CHECK_CAP), subject: widest(|r| &r.subject, SUBJECT_CAP) };
        for row in &rows {
            self.row(row, &columns, w)?;
        }
        Ok(())
    }

    /// One finding: tag and columns, the detail beside them where it fits and below where not, then place and help.
    fn row(&self, row: &Row, columns: &Columns, w: &mut dyn Write) -> io::Result<()> {
        write!(w, "{} ", self.painted(&format!("[{}]", wording::tag(row.status)), color_of(row.status)))?;
        let (aligned, ragged) = (columns.aligned(row), columns.ragged(row));
        let start = |line: &str| INDENT + line.chars().count() + 2;
        let fits = |line: &str| start(line).saturating_add(row.detail.chars().count()) <= self.style.width;
        let narrow = self.style.width < NARROW || self.style.width < start(&aligned) + row.least();
        if row.detail.is_empty() {
            writeln!(w, "{}", ragged.trim_end())?;
        } else if fits(&aligned) || !narrow {
            write!(w, "{aligned}  ")?;
            self.detail(row, start(&aligned), w)?;
        } else if fits(&ragged) {
            writeln!(w, "{ragged}  {}", row.detail)?;
        } else {
            write!(w, "{}\n{:INDENT$}", ragged.trim_end(), "")?;
            self.detail(row, INDENT, w)?;
        }
        if let Some(place) = &row.place {
            write!(w, "{:INDENT$}at ", "")?;
            self.wrapped(place, INDENT + 3, w)?;
        }
        if let Some(help) = &row.help {
            write!(w, "{:INDENT$}→ ", "")?;
            self.wrapped(help, INDENT + 2, w)?;
        }
        Ok(())
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

    fn verdict(
        &self,
        subject: &str,
        verdict: Verdict,
        counts: Counts,
        elapsed: Elapsed,
        w: &mut dyn Write,
    ) -> io::Result<()> {
        let color = match verdict {
            Verdict::Passed => AnsiColor::Green,
            Verdict::Undecided => AnsiColor::Yellow,
            Verdict::Incomplete | Verdict::Failed => AnsiColor::Red,
        };
        let (word, tally) = (self.painted(verdict.word(), color), wording::tally(counts));
        // Escaped with the colon behind it: a subject that is one itself must not start a workflow command.
        let subject = format!("{}:", terminal(subject));
        writeln!(w, "{} {word} — {tally}{elapsed}", at_line_start(&subject))
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

    fn painted(&self, text: &str, color: AnsiColor) -> String {
        if !self.style.color {
            return text.to_owned();
        }
        let style: Ansi = color.on_default().bold();
        format!("{style}{text}{style:#}")
    }
}

fn each(section: &Section) -> Vec<Row> {
    section.findings.iter().map(Row::of).collect()
}

/// The passes of one check as one row, where the first of them stood. One that is alone keeps its words.
fn gathered(section: &Section) -> Vec<Row> {
    let of = |check: &'static str| section.findings.iter().filter(move |finding| finding.check == check);
    let passes = |check| of(check).filter(|finding| finding.status == Status::Pass);
    let row = |finding: &Finding| {
        let (check, passed) = (finding.check, passes(finding.check).count());
        match finding.status {
            Status::Pass if passed > 1 => {
                let first = passes(check).next().is_some_and(|first| std::ptr::eq(first, finding));
                first.then(|| Row::counted(check, passed, of(check).count()))
            }
            Status::Pass
            | Status::Warn
            | Status::Fail
            | Status::Missing
            | Status::SkippedRequired
            | Status::Skipped => Some(Row::of(finding)),
        }
    };
    section.findings.iter().filter_map(row).collect()
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
}

/// A finding with its texts escaped.
struct Row {
    status: Status,
    check: &'static str,
    subject: String,
    /// Everything on one line.
    detail: String,
    /// The detail without what is compared.
    message: String,
    compared: Option<(String, String)>,
    place: Option<String>,
    help: Option<String>,
}

impl Row {
    fn of(finding: &Finding) -> Self {
        let uncompared = Finding { expected: None, actual: None, ..finding.clone() };
        Self {
            status: finding.status,
            check: finding.check,
            subject: terminal(&finding.subject),
            detail: wording::marked_sentence(finding, terminal),
            message: wording::marked_sentence(&uncompared, terminal),
            compared: finding.expected.as_deref().map(terminal).zip(finding.actual.as_deref().map(terminal)),
            place: wording::place(finding).as_deref().map(terminal),
            help: wording::help(finding).map(terminal),
        }
    }

    /// What so many of a check's findings have in common: they passed.
    fn counted(check: &'static str, passed: usize, all: usize) -> Self {
        let subject = if passed == all { format!("all {all}") } else { format!("{passed} of {all}") };
        Self {
            status: Status::Pass,
            check,
            subject,
            detail: String::new(),
            message: String::new(),
            compared: None,
            place: None,
            help: None,
        }
    }

    /// Columns the detail needs to be readable beside the others: no word of it, nor a label and its value, overflows.
    fn least(&self) -> usize {
        let longest = |text: &str| text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
        let labelled = self.compared.as_ref().map_or(0, |(a, b)| LABEL + longest(a).max(longest(b)));
        longest(&self.detail).max(labelled).max(MIN_DETAIL)
    }
}

/// How near the verdict a row stands. A required skip undoes a pass, so it stands with the failures.
fn weight(status: Status) -> u8 {
    match status {
        Status::Pass => 0,
        Status::Skipped => 1,
        Status::Warn => 2,
        Status::SkippedRequired | Status::Missing | Status::Fail => 3,
    }
}

fn color_of(status: Status) -> AnsiColor {
    match status {
        Status::Pass => AnsiColor::Green,
        Status::Warn => AnsiColor::Yellow,
        Status::Fail | Status::Missing => AnsiColor::Red,
        Status::SkippedRequired | Status::Skipped => AnsiColor::Cyan,
    }
}
