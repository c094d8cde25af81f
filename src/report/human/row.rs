//! Findings as rows of the human report, folded to a line a check.

use crate::report::{Finding, Section, Status, escape::terminal, wording};

use super::{CHECK_CAP, INDENT, LABEL};

/// Lines of passed checks up to which each check keeps its own. In a longer report those that only say how many passed
/// share lines.
const FEW: usize = 20;
/// A detail column narrower than this is not worth wrapping into.
const MIN_DETAIL: usize = 40;

/// A line of the report, or several.
pub(super) enum Line {
    /// A finding, or what passed of one check.
    Row(Box<Row>),
    /// Checks that passed and have no more to say, in order.
    Run(Vec<String>),
}

/// Every finding by itself.
pub(super) fn each(section: &Section) -> Vec<Line> {
    section.findings.iter().map(|finding| Line::Row(Box::new(Row::of(finding)))).collect()
}

/// What did not pass: a check that was not made must be seen, too.
pub(super) fn attention(section: &Section) -> Vec<Line> {
    let found = section.findings.iter().filter(|finding| finding.status != Status::Pass);
    found.map(|finding| Line::Row(Box::new(Row::of(finding)))).collect()
}

/// What did not pass, and the passes of each check as one line where the first of them stood. A pass that is alone keeps
/// its words, and so do those that are to be told.
///
/// In a report of many checks, a pass whose words do not fit the `width` of a line shares one with others: cut, they would
/// tell nothing that a reader of a pass needs.
pub(super) fn folded(section: &Section, width: usize) -> Vec<Line> {
    let rows: Vec<Row> = section.findings.iter().filter_map(|finding| gathered(section, finding)).collect();
    let few = rows.iter().filter(|row| row.status == Status::Pass).count() <= FEW;
    let column = rows.iter().map(|row| row.check.chars().count()).max().unwrap_or(0).min(CHECK_CAP);
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        if few || !(row.is_mute() || row.is_cut(column, width)) {
            lines.push(Line::Row(Box::new(row)));
        } else if let Some(Line::Run(names)) = lines.last_mut() {
            names.push(row.name());
        } else {
            lines.push(Line::Run(vec![row.name()]));
        }
    }
    lines
}

/// The row of a finding; none for a pass that an earlier one of its check speaks for.
fn gathered(section: &Section, finding: &Finding) -> Option<Row> {
    let check = finding.check;
    let of = || section.findings.iter().filter(|other| other.check == check);
    let passes = || of().filter(|other| other.status == Status::Pass);
    match finding.status {
        Status::Pass if section.told.contains(&check) => Some(Row::of(finding)),
        Status::Pass if passes().nth(1).is_some() => {
            let first = passes().next().is_some_and(|first| std::ptr::eq(first, finding));
            first.then(|| Row::counted(check, passes().count(), of().count()))
        }
        Status::Pass => {
            let is_about_section = finding.subject == section.subject;
            let own = Row { brief: true, is_about_section, ..Row::of(finding) };
            // Beside what did not pass of its check, one that says nothing reads as the check's verdict.
            let is_bare = own.subject.is_empty() && own.detail.is_empty() && of().nth(1).is_some();
            Some(if is_bare { Row::counted(check, 1, of().count()) } else { own })
        }
        Status::Warn | Status::Fail | Status::Missing | Status::SkippedRequired | Status::Skipped => {
            Some(Row::of(finding))
        }
    }
}

/// A finding with its texts escaped.
pub(super) struct Row {
    pub(super) status: Status,
    pub(super) check: &'static str,
    pub(super) subject: String,
    /// Everything on one line.
    pub(super) detail: String,
    /// The detail without what is compared.
    pub(super) message: String,
    pub(super) compared: Option<(String, String)>,
    pub(super) place: Option<String>,
    pub(super) help: Option<String>,
    /// The finding itself, to draw the source it quotes.
    pub(super) finding: Option<Finding>,
    /// Whether it must not take more than a line.
    pub(super) brief: bool,
    /// Whether it is about what the whole section is about.
    pub(super) is_about_section: bool,
}

impl Row {
    pub(super) fn of(finding: &Finding) -> Self {
        let uncompared = Finding { expected: None, actual: None, ..finding.clone() };
        let quotes = finding.location.as_ref().is_some_and(|location| location.snippet.is_some());
        Self {
            status: finding.status,
            check: finding.check,
            subject: terminal(&finding.subject),
            detail: wording::tagged_sentence(finding, terminal),
            message: wording::tagged_sentence(&uncompared, terminal),
            compared: finding.expected.as_deref().map(terminal).zip(finding.actual.as_deref().map(terminal)),
            place: wording::place(finding).as_deref().map(terminal),
            help: wording::help(finding).map(terminal),
            finding: quotes.then(|| finding.clone()),
            brief: false,
            is_about_section: false,
        }
    }

    /// What so many of a check's findings have in common: they passed.
    fn counted(check: &'static str, passed: usize, all: usize) -> Self {
        let subject = if passed == all { format!("all {all}") } else { format!("{passed} of {all}") };
        let (detail, message) = (String::new(), String::new());
        let (compared, place, help, finding) = (None, None, None, None);
        let (brief, is_about_section) = (true, false);
        Self {
            status: Status::Pass,
            check,
            subject,
            detail,
            message,
            compared,
            place,
            help,
            finding,
            brief,
            is_about_section,
        }
    }

    /// Whether it says no more than that a check passed as a whole, however often.
    fn is_mute(&self) -> bool {
        self.status == Status::Pass && (self.subject.is_empty() || self.detail.is_empty())
    }

    /// Whether it is a pass whose line would not hold its words, with so many columns for the check.
    fn is_cut(&self, column: usize, width: usize) -> bool {
        let lengths =
            [self.check.chars().count().max(column), self.subject.chars().count(), self.detail.chars().count()];
        self.status == Status::Pass && self.brief && INDENT + lengths.iter().sum::<usize>() + 4 > width
    }

    /// The check as it stands among others on one line; the only thing it looked at is not named.
    fn name(&self) -> String {
        if self.subject.is_empty() || !self.detail.is_empty() {
            self.check.to_owned()
        } else {
            format!("{} ({})", self.check, self.subject)
        }
    }

    /// Columns the detail needs to be readable beside the others: no word of it, nor a label and its value, overflows.
    pub(super) fn least(&self) -> usize {
        let longest = |text: &str| text.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
        let labelled = self.compared.as_ref().map_or(0, |(a, b)| LABEL + longest(a).max(longest(b)));
        longest(&self.detail).max(labelled).max(MIN_DETAIL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(findings: Vec<Finding>) -> Vec<String> {
        let section = Section { findings, ..Section::default() };
        let shown = |line: Line| match line {
            Line::Row(row) => format!("{:?} {} {}", row.status, row.subject, row.detail).trim_end().to_owned(),
            Line::Run(names) => names.join(", "),
        };
        folded(&section, 80).into_iter().map(shown).collect()
    }

    #[test]
    fn a_pass_that_says_nothing_is_counted_beside_what_did_not_pass_of_its_check() {
        let finding = |check, status, subject: &str| Finding::new(check, status, subject, "");
        let (bare, fail) = (finding("checksum", Status::Pass, ""), finding("checksum", Status::Fail, "a"));
        assert_eq!(rows(vec![bare.clone(), fail.clone()]), ["Pass 1 of 2", "Fail a"]);
        assert_eq!(rows(vec![finding("checksum", Status::Pass, "b"), fail.clone()]), ["Pass b", "Fail a"]);
        assert_eq!(rows(vec![bare, finding("mrtds", Status::Fail, "a")]), ["Pass", "Fail a"]);
    }

    #[test]
    fn passes_that_say_what_is_changed_are_each_told_in_whole_and_others_are_counted() {
        let pass = |check, message: &str| Finding::new(check, Status::Pass, "a", message);
        let findings = vec![pass("edit", "x"), pass("edit", &"y".repeat(90)), pass("other", "z"), pass("other", "z")];
        let section = Section { findings, told: &["edit"], ..Section::default() };
        let shown = |line: Line| match line {
            Line::Row(row) => (row.detail.chars().count(), row.brief),
            Line::Run(names) => (names.len(), true),
        };
        let lines: Vec<_> = folded(&section, 80).into_iter().map(shown).collect();
        assert_eq!(lines, [(1, false), (90, false), (0, true)]);
    }
}
