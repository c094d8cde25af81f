//! Makes release notes from what is known of a release: its changes, its documents, and the release before it.
//!
//! What a section demands and nothing here can tell is left as a gap, marked by a comment and a placeholder, which
//! [`check`](super::check()) refuses until a person has written it. The same facts give the same bytes.

mod changelog;
mod documents;

use std::fmt::Write as _;

use super::{
    changes::Change,
    markdown::GAP,
    measured::Measurements,
    people::contributors,
    prose::{bounded, prose},
    sections::{SECTIONS, Section, Topic, required_sections},
};
use crate::{
    subject::{
        profile::Profile,
        repository::Repository,
        tag::{Class, Tag},
    },
    text::counted,
};

/// What is known of a release.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// Its tag.
    pub tag: &'a Tag,
    /// Its class.
    pub class: Class,
    /// Where it is released.
    pub repository: &'a Repository,
    /// Address of the GitHub that people see, without a slash at its end.
    pub server: &'a str,
    /// The release it is compared with; `None` for the first one.
    pub previous: Option<&'a Tag>,
    /// Its changes, newest first.
    pub changes: &'a [Change],
    /// How many changes are left out: those of the other family alone.
    pub left_out: usize,
    /// Files that differ from the previous release, by path.
    pub files: &'a [String],
    /// Its container images.
    pub images: Images,
    /// What its machines measure to.
    pub measured: Known<Measurements>,
    /// What those of the previous release do.
    pub measured_before: Known<Measurements>,
    /// Versions of the other family that work with it.
    pub compatible: Known<Vec<Pair>>,
    /// Machines of the other family that its policies admit.
    pub admitted: Option<Measurements>,
}

/// Something that may not be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// It is.
    Yes(T),
    /// It is not, for this reason: a clause without a stop.
    No(String),
}

/// Container images of a release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Images {
    /// Name of the image with registry, of a release that has one.
    pub name: Option<String>,
    /// Digest of the image for production, `sha256:<hex>`.
    pub production: Option<String>,
    /// Digests of the profiles' images.
    pub profiles: Vec<(Profile, String)>,
}

/// A version of the other family that works with this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Its tag.
    pub tag: Tag,
    /// In which profiles.
    pub profiles: Vec<Profile>,
    /// Whether the two were tested together.
    pub tested: bool,
    /// What the catalog says of the pair.
    pub notes: Option<String>,
}

/// The notes.
pub fn generate(facts: &Facts<'_>) -> String {
    let mut text = format!("# {}\n\n{}", facts.tag, summary(facts));
    if facts.images.name.is_some() {
        let _ = write!(text, "\n## Image\n\n{}", documents::images(facts));
    }
    for section in written(facts) {
        let _ = write!(text, "\n## {}\n\n{}", section.heading, body(facts, section));
        if section.topic == Topic::Changelog {
            text.push_str(&people(facts));
        }
    }
    text
}

/// The sections to write, what breaks before everything else: those the class demands, and of a release candidate those
/// there is something to say in.
fn written<'s>(facts: &Facts<'_>) -> Vec<&'s Section> {
    let mut sections: Vec<&Section> = match facts.class {
        Class::Stable | Class::Hotfix => required_sections(facts.class).collect(),
        Class::Rc => SECTIONS.iter().filter(|section| has_something_to_say(facts, section.topic)).collect(),
    };
    sections.sort_by_key(|section| section.topic != Topic::Breaking);
    sections
}

fn has_something_to_say(facts: &Facts<'_>, topic: Topic) -> bool {
    match topic {
        Topic::Changelog => true,
        Topic::Breaking => facts.changes.iter().any(|change| !change.breaks.is_empty()),
        Topic::Measurements => matches!(&facts.measured, Known::Yes(measured) if !measured.is_empty()),
        Topic::Counterpart => matches!(&facts.compatible, Known::Yes(pairs) if !pairs.is_empty()),
        Topic::Upgrade | Topic::Incident | Topic::ExactChange | Topic::Rollback | Topic::Reason => false,
    }
}

/// The changes that no later one takes back.
fn standing<'f>(facts: &'f Facts<'_>) -> impl Iterator<Item = &'f Change> {
    facts.changes.iter().filter(|change| change.taken_back_by.is_none())
}

fn summary(facts: &Facts<'_>) -> String {
    let commits = facts.changes.iter().map(|change| change.commits).sum();
    let count =
        format!("{} in {}", counted(facts.changes.len(), "change", "changes"), counted(commits, "commit", "commits"));
    let mut text = match facts.previous {
        Some(previous) => format!("Changes since [{previous}]({}): {count}.\n", facts.comparison(previous)),
        None => format!("The first {} release: {count}.\n", facts.tag.family()),
    };
    if facts.left_out > 0 {
        let left_out = counted(facts.left_out, "change is", "changes are");
        let _ = writeln!(text, "{left_out} left out: of the {} alone.", facts.tag.family().counterpart());
    }
    text
}

fn body(facts: &Facts<'_>, section: &Section) -> String {
    match section.topic {
        Topic::Changelog => changelog::changelog(facts),
        Topic::Breaking => changelog::breaking(facts).unwrap_or_else(|| {
            let marked = match facts.changes.len() {
                0 => "there is no change".to_owned(),
                1 => "the change is not marked as breaking".to_owned(),
                count => format!("none of the {count} changes is marked as breaking"),
            };
            gap(section, &marked)
        }),
        Topic::Measurements => documents::measurements(facts, section),
        Topic::Counterpart => documents::counterparts(facts, section),
        Topic::Incident => changelog::incident(facts).unwrap_or_else(|| gap(section, "no change names one")),
        Topic::ExactChange => changelog::exact_change(facts).unwrap_or_else(|| gap(section, "there is no change")),
        Topic::Upgrade | Topic::Rollback | Topic::Reason => gap(section, ""),
    }
}

/// A part of a section that a person has to write, and why it could not be filled in.
fn gap(section: &Section, why: &str) -> String {
    gap_named(section.topic.name(), section.tells, why)
}

fn gap_named(name: &str, tells: &str, why: &str) -> String {
    let why = if why.is_empty() { String::new() } else { format!(" ({})", prose(why, 300)) };
    format!("{GAP}{name} -->\n**TODO:** tell {tells}{why}.\n")
}

/// Characters of contributors' names.
const PEOPLE: usize = 8_000;

fn people(facts: &Facts<'_>) -> String {
    let found = contributors(facts.changes.iter().flat_map(|change| &change.people));
    if found.people.is_empty() && found.programs.is_empty() {
        return String::new();
    }
    let lines = |names: &[String]| names.iter().map(|name| format!("- {}", prose(name, 80))).collect::<Vec<_>>();
    let (mut text, more) = bounded(lines(&found.people), PEOPLE);
    if more > 0 {
        let _ = writeln!(text, "- and {more} more");
    }
    if !found.programs.is_empty() {
        let (programs, more) = bounded(lines(&found.programs), PEOPLE);
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{gap}Programs:\n\n{programs}");
        if more > 0 {
            let _ = writeln!(text, "- and {more} more");
        }
    }
    format!("\n## Contributors\n\n{text}")
}

impl Facts<'_> {
    fn page(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.server, self.repository)
    }

    /// The page that compares a release with this one.
    fn comparison(&self, previous: &Tag) -> String {
        self.page(&format!("compare/{previous}...{}", self.tag))
    }

    /// A pull request or a commit, linked.
    fn references(&self, change: &Change) -> String {
        let pulls = change.title.pulls.iter().map(|pull| format!("[#{pull}]({})", self.page(&format!("pull/{pull}"))));
        let mut links: Vec<String> = pulls.take(5).collect();
        if links.is_empty() {
            links.push(self.commit(&change.id));
        }
        links.join(", ")
    }

    fn commit(&self, id: &str) -> String {
        let short: String = id.chars().take(9).collect();
        format!("[`{short}`]({})", self.page(&format!("commit/{id}")))
    }
}

#[cfg(test)]
mod tests;
