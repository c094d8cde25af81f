//! The two families are deployed together, so one version does not change alone (ADR-0003): the other changes with it, is
//! marked as unchanged, or a person with write access says why neither is needed.

use semver::Version;

use super::{
    Overridden, VERSION_COUPLING, VERSION_FILES,
    justification::Considered,
    key, shown,
    versions::{Reading, Stated},
};
use crate::{
    guard::config::VersionSync,
    report::{Finding, Location},
    schema::excerpt::excerpt,
    subject::tag::Family,
};

/// What a change does to the version of one family.
#[derive(Debug, Clone)]
pub struct Side {
    /// Before the change.
    pub base: Reading,
    /// After it.
    pub head: Reading,
    /// Where the change moved the file to, when it did.
    pub moved_to: Option<String>,
}

/// A statement that the version of a family is not to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The family.
    pub family: Family,
    /// Who says so: `label node-version-unchanged`, `commit 0123456 by A. Person`.
    pub by: String,
}

/// What a change does to both.
#[derive(Debug, Clone)]
pub struct Change {
    /// The KMS.
    pub kms: Side,
    /// The node image.
    pub node: Side,
}

/// What came of comparing before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coupling {
    /// A version cannot be told.
    Unreadable(Vec<Finding>),
    /// Neither version changes.
    Neither,
    /// Both change, in the same direction: first the KMS.
    Both(Box<[Bump; 2]>),
    /// One goes up and the other back, which does not answer to it: first the one that goes up.
    Apart(Box<[Bump; 2]>),
    /// One changes and the other is marked as unchanged.
    Marked(Bump, Mark),
    /// One changes and nothing is said of the other.
    Alone(Bump),
}

/// A version that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bump {
    family: Family,
    from: Option<Version>,
    to: Stated,
}

impl Change {
    fn side(&self, family: Family) -> &Side {
        match family {
            Family::Kms => &self.kms,
            Family::Node => &self.node,
        }
    }

    /// Compares before and after, in the light of what is marked.
    pub fn coupling(&self, config: &VersionSync, marks: &[Mark]) -> Coupling {
        let (mut bumps, mut unreadable) = (Vec::new(), Vec::new());
        for family in Family::ALL {
            let side = self.side(family);
            match &side.head {
                // Build metadata makes no other version.
                Reading::Stated(to) if side.base.version().is_some_and(|from| is_same(from, &to.version)) => {}
                Reading::Stated(to) => {
                    bumps.push(Bump { family, from: side.base.version().cloned(), to: to.clone() });
                }
                Reading::Wrong(wrong) => unreadable.push(Finding::clone(wrong)),
                Reading::Absent => unreadable.push(gone(config, family, side)),
            }
        }
        if !unreadable.is_empty() {
            return Coupling::Unreadable(unreadable);
        }
        let mut each = bumps.into_iter();
        match (each.next(), each.next()) {
            (None, _) => Coupling::Neither,
            (Some(first), Some(second)) => match (first.goes_back(), second.goes_back()) {
                (true, true) | (false, false) => Coupling::Both(Box::new([first, second])),
                (false, true) => Coupling::Apart(Box::new([first, second])),
                (true, false) => Coupling::Apart(Box::new([second, first])),
            },
            (Some(bump), None) => match marks.iter().find(|mark| mark.family == bump.family.counterpart()) {
                Some(mark) => Coupling::Marked(bump, mark.clone()),
                None => Coupling::Alone(bump),
            },
        }
    }
}

/// The file with the version of a family is not there after the change.
fn gone(config: &VersionSync, family: Family, side: &Side) -> Finding {
    let (file, key) = (super::file(config, family), key(family));
    let missing = VERSION_FILES.missing(file, format!("the file with the version of the {family} is not there"));
    match &side.moved_to {
        Some(to) => missing
            .help(format!("the change moved it: set `{key} = \"{}\"` in merotee.toml", excerpt(to)))
            .at(Location::file(to)),
        None => missing.help(format!("set `{key}` in merotee.toml to its path from the top of the repository")),
    }
}

/// [`VERSION_COUPLING`], with what GitHub says of the pull request where that matters.
pub fn judge(config: &VersionSync, coupling: &Coupling, overridden: &Overridden) -> Vec<Finding> {
    match coupling {
        Coupling::Unreadable(findings) => findings.clone(),
        Coupling::Neither => vec![VERSION_COUPLING.pass("", "neither version changes")],
        Coupling::Both(bumps) => {
            let [kms, node] = bumps.as_ref();
            let shared = config.shared_version.then(|| super::shared(&kms.to, &node.to));
            bumps.iter().map(changed).chain(shared).collect()
        }
        Coupling::Apart(bumps) => {
            let [up, back] = bumps.as_ref();
            let message = format!("{}, and {}, which goes back", up.words(), back.words());
            let help = format!("give the {} a higher version as well, or change each by itself", back.family);
            vec![VERSION_COUPLING.fail(&back.to.file, message).help(help).at(back.to.location())]
        }
        Coupling::Marked(bump, mark) => vec![changed(bump), {
            let other = bump.family.counterpart();
            VERSION_COUPLING.pass(super::file(config, other), format!("{other} marked as unchanged by {}", mark.by))
        }],
        Coupling::Alone(bump) => alone(config, bump, overridden),
    }
}

/// A change of a version that is in order. One that goes back is pointed out.
fn changed(bump: &Bump) -> Finding {
    let words = bump.words();
    if bump.goes_back() {
        return VERSION_COUPLING
            .warn(&bump.to.file, format!("{words}, which goes back"))
            .help("make sure that this is meant: a version that was released cannot be released again")
            .at(bump.to.location());
    }
    VERSION_COUPLING.pass(&bump.to.file, words)
}

fn alone(config: &VersionSync, bump: &Bump, overridden: &Overridden) -> Vec<Finding> {
    let label = config.skip_label.as_str();
    let how = format!("a comment with a line `{label}: REASON` by a person with write access");
    let (why, help) = match overridden {
        Overridden::Labelled(considered) => {
            if let Some(by) = considered.iter().find(|comment| comment.permission.may_write()) {
                return vec![excused(bump, label, by)];
            }
            match considered.first() {
                Some(first) => (
                    format!(", and no one with write access justifies the label {label}"),
                    format!("add {how}; @{} has {} access", excerpt(&first.author), first.permission.name()),
                ),
                None => (format!(", and the label {label} has no justification"), format!("add {how}")),
            }
        }
        Overridden::NoLabel => {
            (String::new(), format!("{}; or add the label {label} and {how}", other_ways(config, bump)))
        }
        Overridden::NoPullRequest => (String::new(), other_ways(config, bump)),
    };
    let other = bump.family.counterpart();
    let message = format!("{}, and the version of the {other} does not{why}", bump.words());
    vec![VERSION_COUPLING.fail(&bump.to.file, message).help(help).at(bump.to.location())]
}

/// What can be done without the label.
fn other_ways(config: &VersionSync, bump: &Bump) -> String {
    let other = bump.family.counterpart();
    let label = match other {
        Family::Kms => &config.kms_unchanged_label,
        Family::Node => &config.node_unchanged_label,
    };
    format!(
        "change the version in {} as well, or mark it as unchanged with the label {label} or a commit with the trailer \
         `{}: {}`",
        super::file(config, other),
        Mark::TRAILER,
        other.role(),
    )
}

/// The override was used: a person should see by whom and why.
fn excused(bump: &Bump, label: &str, by: &Considered) -> Finding {
    let (who, access, reason) = (excerpt(&by.author), by.permission.name(), excerpt_long(&by.reason));
    let message = format!("{}, alone by the label {label}: @{who} ({access} access) says: {reason}", bump.words());
    VERSION_COUPLING
        .warn(&bump.to.file, message)
        .help(format!("read the justification: {}", by.url))
        .at(bump.to.location())
}

/// A quotation, cut where a reader has seen enough.
fn excerpt_long(text: &str) -> String {
    let start: String = text.chars().take(MAX_QUOTE).collect();
    if start.len() < text.len() { format!("\"{start}…\"") } else { format!("\"{start}\"") }
}

/// Most characters of a reason that are quoted.
const MAX_QUOTE: usize = 160;

/// Whether two versions are the same but for build metadata, which has no place in their order.
fn is_same(one: &Version, other: &Version) -> bool {
    one.cmp_precedence(other).is_eq()
}

impl Bump {
    /// Whether the version is lower than before.
    fn goes_back(&self) -> bool {
        self.from.as_ref().is_some_and(|from| self.to.version.cmp_precedence(from).is_lt())
    }

    fn words(&self) -> String {
        format!("{} goes from {} to {}", self.family, shown(self.from.as_ref()), self.to.version)
    }
}

impl Mark {
    /// Key of the trailer that marks a version as unchanged, in a commit message.
    pub const TRAILER: &'static str = "Version-Unchanged";

    /// The marks in the last paragraph of a commit message, where git has its trailers: `Version-Unchanged: kms`.
    pub fn in_message(message: &str, commit: &str, author: &str) -> Vec<Self> {
        let paragraph = message.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let short: String = commit.chars().take(12).collect();
        let marks = paragraph.lines().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            if !key.eq_ignore_ascii_case(Self::TRAILER) {
                return None;
            }
            let family = Family::ALL.into_iter().find(|family| family.role().eq_ignore_ascii_case(value.trim()))?;
            Some(Self { family, by: format!("commit {short} by {}", excerpt(author)) })
        });
        marks.collect()
    }

    /// The marks among the labels of a pull request.
    pub fn in_labels(config: &VersionSync, labels: &[String]) -> Vec<Self> {
        let pairs = [(Family::Kms, &config.kms_unchanged_label), (Family::Node, &config.node_unchanged_label)];
        let marked = pairs.into_iter().filter(|(_, name)| labels.iter().any(|label| label.eq_ignore_ascii_case(name)));
        marked.map(|(family, name)| Self { family, by: format!("label {name}") }).collect()
    }
}
