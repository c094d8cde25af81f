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
//! Whether what the sections say is true is for people.

mod markdown;

use markdown::{Line, lines};

use super::tag::Class;
use crate::{
    report::{CheckInfo, Finding, Status},
    schema::excerpt::excerpt,
};

/// The notes pin the image by digest.
pub const NOTES_IMAGE: CheckInfo =
    CheckInfo { id: "notes-image", title: "the release notes pin the KMS image by its digest" };
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

/// A container image that notes name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    /// Name with registry: `ghcr.io/owner/name`.
    pub name: String,
    /// Mutable tag, when there is one.
    pub tag: Option<String>,
    /// What stands after `@sha256:`, well formed or not.
    pub digest: Option<String>,
}

impl ImageReference {
    /// Whether the digest is there and well formed: 64 lowercase hex digits.
    pub fn is_pinned(&self) -> bool {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        self.digest.as_ref().is_some_and(|d| d.len() == 64 && d.bytes().all(hex))
    }

    /// The reference as a deployment must use it.
    fn text_without_tag(&self) -> String {
        Self { tag: None, ..self.clone() }.text()
    }

    /// The reference as written.
    fn text(&self) -> String {
        let mut text = self.name.clone();
        if let Some(tag) = &self.tag {
            text.extend([":", tag]);
        }
        if let Some(digest) = &self.digest {
            text.extend(["@sha256:", digest]);
        }
        text
    }
}

const REGISTRY: &str = "ghcr.io/";

/// Every image of ghcr.io that a reader of the notes sees, in order, code included and HTML comments left out.
pub fn images(notes: &str) -> Vec<ImageReference> {
    let mut found = Vec::new();
    for line in lines(notes) {
        let (Line::Heading(_, text) | Line::Text(text) | Line::Code(text)) = line;
        for (at, _) in text.match_indices(REGISTRY) {
            let before = text.get(..at).unwrap_or_default();
            // `mirror.example/ghcr.io/…` is another registry's image, `docker://ghcr.io/…` is not.
            let inside_another = before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/'))
                && !before.ends_with("://");
            if !inside_another {
                found.extend(image_at(text.get(at + REGISTRY.len()..).unwrap_or_default()));
            }
        }
    }
    found
}

/// Reads `owner/name[:tag][@sha256:…]` from the beginning of `text`.
fn image_at(text: &str) -> Option<ImageReference> {
    let take = |text: &str, accept: fn(char) -> bool| text.chars().take_while(|c| accept(*c)).collect::<String>();
    let path = take(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-' | '/'));
    let mut rest = text.get(path.len()..).unwrap_or_default();
    // A sentence's full stop is not part of the name.
    let name = path.trim_end_matches(['.', '/', '-', '_']);
    let mut tag = None;
    if let Some(after) = rest.strip_prefix(':') {
        let word = take(after, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        rest = after.get(word.len()..).unwrap_or_default();
        tag = Some(word.trim_end_matches('.').to_owned()).filter(|word| !word.is_empty());
    }
    let digest = rest.strip_prefix("@sha256:").map(|after| take(after, |c| c.is_ascii_alphanumeric()));
    (!name.is_empty()).then(|| ImageReference { name: format!("{REGISTRY}{name}"), tag, digest })
}

/// [`NOTES_IMAGE`]: at least one image is pinned by digest. Images named without a digest fail when none is pinned, and
/// are warned about otherwise, unless the same image is pinned elsewhere in the notes.
pub fn notes_image(subject: &str, notes: &str) -> Vec<Finding> {
    let images = images(notes);
    let finding = |status, message: String| Finding::new(NOTES_IMAGE.id, status, subject, message);
    let expected = "ghcr.io/…@sha256:<64 hex digits>";
    let help = "write the image as the deployment must use it, with the digest the build printed";
    let mut pinned: Vec<_> = images.iter().filter(|i| i.is_pinned()).collect();
    pinned.dedup();
    let loose: Vec<_> = images.iter().filter(|i| !pinned.iter().any(|p| p.name == i.name)).collect();
    let Some(first) = pinned.first() else {
        let (message, got) = match loose.first() {
            None => ("the notes name no image", "no image of ghcr.io".to_owned()),
            Some(image) if image.digest.is_some() => ("the image's digest is malformed", excerpt(&image.text())),
            Some(image) => ("the image is named by a mutable tag only", excerpt(&image.text())),
        };
        return vec![finding(Status::Fail, message.to_owned()).compared(expected, got).help(help)];
    };
    let others = if pinned.len() > 1 { format!(" and {} more", pinned.len() - 1) } else { String::new() };
    let mut findings = vec![finding(Status::Pass, format!("pinned as {}{others}", first.text_without_tag()))];
    if let Some(image) = loose.first() {
        let message = "another image is named without its digest".to_owned();
        findings.push(finding(Status::Warn, message).compared(expected, excerpt(&image.text())).help(help));
    }
    findings
}

#[cfg(test)]
#[path = "notes/notes_tests.rs"]
mod tests;
