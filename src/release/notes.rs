//! Release notes: the sections a class of release must have, and the image they pin.
//!
//! A section is a Markdown heading of any level with text below it, before the next heading of the same or a higher
//! level. Headings, HTML comments, blank lines and the placeholders `TBD`, `TBA`, `TODO` and `FIXME` are not text; code
//! is. A heading is compared by its words: case, punctuation, emphasis, emoji and a leading number do not matter, and
//! neither does anything after `:`, `(`, `–` or `—`. [`SECTIONS`] is the list, and these are the headings it accepts:
//!
//! | section | accepted headings | required of |
//! |---|---|---|
//! | changelog | Changelog, Change log, What's changed, Changes | stable, hotfix |
//! | breaking changes | Breaking changes, Breaking change, Backwards incompatible changes, Incompatible changes | stable, hotfix |
//! | upgrade path | Upgrade path, Upgrade, Upgrading, Upgrade instructions, Upgrade notes, How to upgrade, Migration | stable, hotfix |
//! | measurements | MRTD/RTMR changes, MRTD and RTMR changes, MRTD changes, Measurement changes, Measurements | stable, hotfix |
//! | counterpart | Compatible counterpart versions, Compatible versions, Compatible KMS versions, Compatible node image versions, Compatible node versions, Compatibility | stable, hotfix |
//! | incident | CVE or incident reference, CVE reference, Incident reference, CVE, CVEs, Incident, Security advisory | hotfix |
//! | exact change | Exact change, Exact change description, Change description, The change, The fix, Fix | hotfix |
//! | rollback | Rollback instructions, Rollback, Rolling back, How to roll back | hotfix |
//! | reason | Why a patch was needed, Why a patch was necessary, Why a patch release was necessary, Why this patch, Why this hotfix, Reason for the patch, Rationale | hotfix |
//!
//! Whether what the sections say is true is for people. Which image they pin is the business of [`image`].

pub mod image;
mod markdown;

use markdown::{Line, lines};

use crate::{
    report::{CheckInfo, Finding, Status},
    schema::excerpt::excerpt,
    subject::tag::Class,
};

/// The notes have the sections their class demands.
pub const NOTES_SECTIONS: CheckInfo = CheckInfo {
    id: "notes-sections",
    title: "the release notes have every section their class demands, with text in it",
};

/// A section that notes may have to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// The heading to write.
    pub heading: &'static str,
    /// Every heading that is accepted, as words: lowercase, one space between. The first is [`Self::heading`].
    pub accepted: &'static [&'static str],
    /// What the section has to tell.
    pub tells: &'static str,
    /// Whether only hotfixes need it. Otherwise stable releases do too.
    pub hotfix_only: bool,
}

/// Every section, in the order to write them.
pub const SECTIONS: [Section; 9] = [
    Section {
        heading: "Changelog",
        accepted: &["changelog", "change log", "whats changed", "changes"],
        tells: "what changed since the previous release",
        hotfix_only: false,
    },
    Section {
        heading: "Breaking changes",
        accepted: &["breaking changes", "breaking change", "backwards incompatible changes", "incompatible changes"],
        tells: "what stops working, or that nothing does",
        hotfix_only: false,
    },
    Section {
        heading: "Upgrade path",
        accepted: &[
            "upgrade path",
            "upgrade",
            "upgrading",
            "upgrade instructions",
            "upgrade notes",
            "how to upgrade",
            "migration",
        ],
        tells: "from which versions and how to upgrade",
        hotfix_only: false,
    },
    Section {
        heading: "MRTD/RTMR changes",
        accepted: &[
            "mrtd rtmr changes",
            "mrtd and rtmr changes",
            "mrtd changes",
            "measurement changes",
            "measurements",
        ],
        tells: "which measurements changed, or that none did",
        hotfix_only: false,
    },
    Section {
        heading: "Compatible counterpart versions",
        accepted: &[
            "compatible counterpart versions",
            "compatible versions",
            "compatible kms versions",
            "compatible node image versions",
            "compatible node versions",
            "compatibility",
        ],
        tells: "which versions of the other family work with this one",
        hotfix_only: false,
    },
    Section {
        heading: "CVE or incident reference",
        accepted: &[
            "cve or incident reference",
            "cve reference",
            "incident reference",
            "cve",
            "cves",
            "incident",
            "security advisory",
        ],
        tells: "the CVE or incident that made the hotfix necessary",
        hotfix_only: true,
    },
    Section {
        heading: "Exact change",
        accepted: &["exact change", "exact change description", "change description", "the change", "the fix", "fix"],
        tells: "exactly what was changed",
        hotfix_only: true,
    },
    Section {
        heading: "Rollback instructions",
        accepted: &["rollback instructions", "rollback", "rolling back", "how to roll back"],
        tells: "how to go back to the patched release",
        hotfix_only: true,
    },
    Section {
        heading: "Why a patch was needed",
        accepted: &[
            "why a patch was needed",
            "why a patch was necessary",
            "why a patch release was necessary",
            "why this patch",
            "why this hotfix",
            "reason for the patch",
            "rationale",
        ],
        tells: "why the change could not wait for the next release",
        hotfix_only: true,
    },
];

/// The sections notes of a release of `class` must have, in the order to write them. None for a release candidate.
pub fn required_sections(class: Class) -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter().filter(move |section| match class {
        Class::Rc => false,
        Class::Stable => !section.hotfix_only,
        Class::Hotfix => true,
    })
}

/// [`NOTES_SECTIONS`]: every section `class` demands is there and says something. A finding a section; one finding for
/// a release candidate, whose notes may be short. `subject` is what to call the notes.
pub fn notes_sections(subject: &str, notes: &str, class: Class) -> Vec<Finding> {
    let lines = lines(notes);
    if class == Class::Rc {
        let finding = if says_something(&lines) {
            Finding::new(NOTES_SECTIONS.id, Status::Pass, subject, "notes of a release candidate may be short")
        } else {
            Finding::new(NOTES_SECTIONS.id, Status::Warn, subject, "the release candidate has no notes")
                .help("say at least what the candidate is for")
        };
        return vec![finding];
    }
    required_sections(class).map(|section| section_filled(subject, &lines, section)).collect()
}

fn section_filled(subject: &str, lines: &[Line], section: &Section) -> Finding {
    let mut found = false;
    for (index, line) in lines.iter().enumerate() {
        let Line::Heading(level, title) = line else { continue };
        if !section.accepted.contains(&words(title).as_str()) {
            continue;
        }
        found = true;
        let below = lines.get(index + 1..).unwrap_or_default();
        let end = below.iter().position(|line| matches!(line, Line::Heading(other, _) if other <= level));
        if says_something(below.get(..end.unwrap_or(below.len())).unwrap_or_default()) {
            let message = format!("{}: under `{}`", section.heading, excerpt(title));
            return Finding::new(NOTES_SECTIONS.id, Status::Pass, subject, message);
        }
    }
    let (problem, got) = if found { ("is empty", "a heading without text") } else { ("is missing", "no such heading") };
    Finding::new(NOTES_SECTIONS.id, Status::Fail, subject, format!("the section `{}` {problem}", section.heading))
        .compared(format!("a heading `{}` with text below it", section.heading), got)
        .help(format!("tell {}", section.tells))
}

/// The words of a heading up to the first remark, lowercase, one space between, without a leading number.
fn words(title: &str) -> String {
    let title = title.split([':', '(', '–', '—']).next().unwrap_or_default();
    let plain: String =
        title.chars().filter(|c| !matches!(c, '\'' | '’')).map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<_> = plain.split_whitespace().map(str::to_lowercase).collect();
    let is_number = |word: &String| word.chars().all(|c| c.is_ascii_digit());
    words.into_iter().skip_while(is_number).collect::<Vec<_>>().join(" ")
}

fn says_something(lines: &[Line]) -> bool {
    let mut text = lines.iter().filter_map(|line| match line {
        Line::Text(text) => Some(words_of_text(text)).filter(|words| !words.is_empty()),
        Line::Code(code) => Some(code.trim().to_owned()).filter(|code| !code.is_empty()),
        Line::Heading(..) => None,
    });
    text.any(|words| !matches!(words.as_str(), "tbd" | "tba" | "todo" | "fixme"))
}

fn words_of_text(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    plain.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
