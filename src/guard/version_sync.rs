//! `version-sync`: the versions that a repository states agree with each other, with the tag and with the variables of the
//! release, and a change of one family's version says something about the other's.
//!
//! Judges values: which files there are at which commit, and what GitHub says of a pull request, is found out elsewhere.

mod coupling;
mod justification;
mod versions;

use semver::Version;

pub use self::{
    coupling::{Change, Coupling, Mark, Side, judge},
    justification::{Comment, Considered, Overridden, Permission, reason},
    versions::{Files, Reading, Stated, Versions},
};
use super::config::VersionSync;
use crate::{
    report::{CheckInfo, Finding, Location},
    schema::excerpt::excerpt,
    subject::tag::{Family, Selector, Tag},
};

/// The tag is the version that the variable announces.
pub const VERSION_TAG: CheckInfo =
    CheckInfo { id: "version-tag", title: "the tag's version is the one that its family's variable holds" };

/// The files agree.
pub const VERSION_FILES: CheckInfo =
    CheckInfo { id: "version-files", title: "manifest, lock file and image versions state versions that agree" };

/// One version does not change alone.
pub const VERSION_COUPLING: CheckInfo = CheckInfo {
    id: "version-coupling",
    title: "a change of one family's version changes the other's, or says why it does not",
};

/// The rules, for listings.
pub const RULES: [CheckInfo; 3] = [VERSION_TAG, VERSION_FILES, VERSION_COUPLING];

/// [`VERSION_TAG`]: `value` is what the variable of the tag's family holds, `None` where it is not set.
pub fn tag(config: &VersionSync, tag: &Tag, value: Option<&str>) -> Finding {
    let variable = variable(config, tag.family());
    let Some(value) = value else {
        return VERSION_TAG.missing(tag.as_str(), format!("the variable {variable} is not set")).help(format!(
            "set the repository variable {variable} and pass it to the step: `{variable}: ${{{{ vars.{variable} }}}}`"
        ));
    };
    let held = match value.parse::<Selector>() {
        Ok(Selector::Both(version)) => Some(version),
        Ok(Selector::One(other)) if other.family() == tag.family() => Some(other.version().clone()),
        Ok(Selector::One(_)) | Err(_) => None,
    };
    match held {
        Some(held) if held == *tag.version() => VERSION_TAG.pass(tag.as_str(), format!("{variable} is {held}")),
        held => {
            let got = held.map_or_else(|| format!("`{}`", excerpt(value)), |held| held.to_string());
            VERSION_TAG
                .fail(tag.as_str(), format!("{variable} does not hold the version of the tag"))
                .compared(tag.version().to_string(), got)
                .help(format!("set {variable} to {}, or tag the version that it holds", tag.version()))
        }
    }
}

/// The variable that holds the version of a family.
pub fn variable(config: &VersionSync, family: Family) -> &str {
    match family {
        Family::Kms => &config.kms_variable,
        Family::Node => &config.node_variable,
    }
}

/// [`VERSION_FILES`] of one revision: every file states a version, the lock file has the manifest's, both families have
/// the same where the configuration says so, and, where a tag is given, its family's is the tag's.
pub fn files(config: &VersionSync, versions: &Versions, tags: &[Tag]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for family in Family::ALL {
        findings.push(stated(config, family, versions.of(family)));
    }
    findings.push(lock(config, versions));
    if let (Reading::Stated(kms), Reading::Stated(node)) = (&versions.kms, &versions.node)
        && config.shared_version
    {
        findings.push(shared(kms, node));
    }
    for tag in tags {
        if let Reading::Stated(stated) = versions.of(tag.family()) {
            findings.push(tagged(stated, tag));
        }
    }
    findings
}

/// A family's file states a version.
fn stated(config: &VersionSync, family: Family, reading: &Reading) -> Finding {
    let file = file(config, family);
    match reading {
        Reading::Absent => VERSION_FILES
            .missing(file, format!("the file with the version of the {family} is not there"))
            .help(format!("set `{}` in merotee.toml to its path from the top of the repository", key(family))),
        Reading::Wrong(wrong) => Finding::clone(wrong),
        Reading::Stated(stated) => VERSION_FILES.pass(&stated.file, format!("{family} {}", stated.version)),
    }
}

/// [`VERSION_FILES`] of the lock file alone: it has the version of the manifest.
pub fn lock(config: &VersionSync, versions: &Versions) -> Finding {
    let file = config.lock_file.as_str();
    let Reading::Stated(stated) = &versions.kms else {
        return VERSION_FILES.undecided(file, "not compared: the manifest states no version");
    };
    let locked = match &versions.lock {
        Reading::Wrong(wrong) => return Finding::clone(wrong),
        Reading::Absent => {
            return VERSION_FILES
                .missing(file, "there is no lock file")
                .help("commit Cargo.lock, or set `lock-file` in merotee.toml to its path");
        }
        Reading::Stated(locked) => locked,
    };
    if locked.version == stated.version {
        return VERSION_FILES.pass(file, format!("locks {}", locked.version));
    }
    VERSION_FILES
        .fail(file, "the lock file is stale: it does not have the version of the manifest")
        .compared(format!("{} as in {}", stated.version, stated.file), locked.version.to_string())
        .help("run `cargo update --workspace` and commit the lock file")
        .at(locked.location())
}

fn shared(kms: &Stated, node: &Stated) -> Finding {
    if kms.version == node.version {
        return VERSION_FILES.pass(&node.file, format!("both families have version {}", kms.version));
    }
    VERSION_FILES
        .fail(&node.file, "the two families have different versions")
        .compared(format!("{} as in {}", kms.version, kms.file), node.version.to_string())
        .help("change one of them, or set `shared-version = false` in merotee.toml where each has versions of its own")
        .at(node.location())
}

fn tagged(stated: &Stated, tag: &Tag) -> Finding {
    if stated.version == *tag.version() {
        return VERSION_FILES.pass(&stated.file, format!("states the version of {tag}"));
    }
    VERSION_FILES
        .fail(&stated.file, format!("does not state the version of {tag}"))
        .compared(tag.version().to_string(), stated.version.to_string())
        .help("tag the commit that states the version")
        .at(stated.location())
}

/// The file that states the version of a family, as configured.
fn file(config: &VersionSync, family: Family) -> &str {
    match family {
        Family::Kms => &config.kms_manifest,
        Family::Node => &config.node_versions,
    }
}

/// The key in `merotee.toml` that says where that file is.
fn key(family: Family) -> &'static str {
    match family {
        Family::Kms => "kms-manifest",
        Family::Node => "node-versions",
    }
}

impl Stated {
    fn location(&self) -> Location {
        Location::file(&self.file).on(self.line, self.column)
    }
}

/// A version as people read it, where there may be none.
fn shown(version: Option<&Version>) -> String {
    version.map_or_else(|| "none".to_owned(), Version::to_string)
}

#[cfg(test)]
mod tests;
