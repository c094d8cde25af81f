//! `doc-guard`: a change to policies, catalog, measurements or release code comes with a change of the documentation.
//!
//! What counts as which is configured. Whether the documentation says the right thing is for the review.

use super::config::{DocGuard, Glob};
use crate::{
    report::{CheckInfo, Finding, Location},
    schema::excerpt::{capped, excerpt},
    text::counted,
};

/// Changes that people must know of are documented.
pub const DOCUMENTED: CheckInfo =
    CheckInfo { id: "documented", title: "a change to watched files comes with a change of the documentation" };

/// One file that a change touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path after the change, or before it where it is gone.
    pub path: String,
    /// Its path before, where it had another.
    pub from: Option<String>,
    /// What happened to it.
    pub kind: ChangeKind,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Its content is new or other than before.
    Written,
    /// Only its name or its mode changes.
    Moved,
    /// It is gone.
    Deleted,
}

impl ChangedFile {
    /// Whether it is to be documented. A page is not, unless it is a watched file under another name.
    fn is_watched(&self, config: &DocGuard) -> bool {
        self.was_watched(config) || any(&config.watched, &self.path) && !any(&config.documentation, &self.path)
    }

    /// Whether it is watched under its old name.
    fn was_watched(&self, config: &DocGuard) -> bool {
        self.from.as_deref().is_some_and(|from| any(&config.watched, from))
    }

    /// Whether the change says something new. A page that is deleted or moved does not, nor one that was a watched file.
    fn documents(&self, config: &DocGuard) -> bool {
        match self.kind {
            ChangeKind::Written => any(&config.documentation, &self.path) && !self.was_watched(config),
            ChangeKind::Moved | ChangeKind::Deleted => false,
        }
    }
}

fn any(globs: &[Glob], path: &str) -> bool {
    globs.iter().any(|glob| glob.matches(path))
}

/// [`DOCUMENTED`]. One finding a watched file that is touched.
pub fn documented(config: &DocGuard, changes: &[ChangedFile]) -> Vec<Finding> {
    let pages: Vec<&str> = changes.iter().filter(|c| c.documents(config)).map(|c| c.path.as_str()).collect();
    let watched = changes.iter().filter(|change| change.is_watched(config));
    let findings: Vec<Finding> = watched.map(|change| one(config, change, &pages)).collect();
    match (findings.is_empty(), changes.len()) {
        (true, 0) => vec![DOCUMENTED.undecided("", "the change touches no file")],
        (true, count) => {
            let touched = counted(count, "file changes, and it needs", "files change, and none needs");
            vec![
                DOCUMENTED
                    .pass("", format!("{touched} {}", if count == 1 { "no documentation" } else { "documentation" })),
            ]
        }
        (false, _) => capped(findings),
    }
}

fn one(config: &DocGuard, change: &ChangedFile, pages: &[&str]) -> Finding {
    match pages {
        [] => {
            let patterns: Vec<_> = config.documentation.iter().map(|glob| format!("`{}`", glob.as_str())).collect();
            let verb = match change.kind {
                ChangeKind::Written => "changes",
                ChangeKind::Moved => "is moved",
                ChangeKind::Deleted => "is deleted",
            };
            DOCUMENTED
                .fail(&change.path, format!("{verb}, and no documentation changes with it"))
                .help(format!("describe the change in a file that matches {}", patterns.join(", ")))
                .at(Location::file(&change.path))
        }
        [page] => DOCUMENTED.pass(&change.path, format!("documented in {}", excerpt(page))),
        [page, others @ ..] => {
            let more = counted(others.len(), "more file", "more files");
            DOCUMENTED.pass(&change.path, format!("documented in {} and {more}", excerpt(page)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Status;

    fn changed(kind: ChangeKind, path: &str) -> ChangedFile {
        ChangedFile { path: path.into(), from: None, kind }
    }

    fn judged(changes: &[ChangedFile]) -> Vec<(Status, String)> {
        documented(&DocGuard::default(), changes).into_iter().map(|f| (f.status, f.subject)).collect()
    }

    const POLICY: &str = "policies/kms-phala-attestation-policy.debug.json";

    #[test]
    fn each_kind_of_watched_file_fails_without_documentation_and_passes_with_it() {
        let page = changed(ChangeKind::Written, "docs/policies.md");
        for path in [
            POLICY,
            "attestation-policy-debug.json",
            "a/published-mrtds.json",
            "compatibility-catalog.json",
            "scripts/release-kms.sh",
            ".github/workflows/release-kms-phala.yaml",
        ] {
            for kind in [ChangeKind::Written, ChangeKind::Moved, ChangeKind::Deleted] {
                let change = changed(kind, path);
                assert_eq!(judged(std::slice::from_ref(&change)), [(Status::Fail, path.to_owned())]);
                assert_eq!(judged(&[change, page.clone()]), [(Status::Pass, path.to_owned())]);
            }
        }
    }

    #[test]
    fn a_page_that_is_deleted_moved_or_elsewhere_documents_nothing() {
        for page in [
            changed(ChangeKind::Deleted, "docs/a.md"),
            changed(ChangeKind::Moved, "docs/a.md"),
            changed(ChangeKind::Written, "src/a.md"),
            changed(ChangeKind::Written, "docs.md"),
        ] {
            assert_eq!(judged(&[changed(ChangeKind::Written, POLICY), page]), [(Status::Fail, POLICY.to_owned())]);
        }
    }

    #[test]
    fn a_file_is_watched_under_its_old_name_too() {
        let away = ChangedFile { path: "x".into(), from: Some(POLICY.into()), kind: ChangeKind::Moved };
        assert_eq!(judged(&[away]), [(Status::Fail, "x".to_owned())]);
    }

    #[test]
    fn a_watched_file_that_is_moved_among_the_pages_is_no_page() {
        for kind in [ChangeKind::Moved, ChangeKind::Written] {
            let moved = ChangedFile { path: "docs/policy.json".into(), from: Some(POLICY.into()), kind };
            let fails = (Status::Fail, "docs/policy.json".to_owned());
            assert_eq!(judged(std::slice::from_ref(&moved)), std::slice::from_ref(&fails));
            let other = changed(ChangeKind::Written, "compatibility-catalog.json");
            assert_eq!(
                judged(&[moved.clone(), other]),
                [fails, (Status::Fail, "compatibility-catalog.json".to_owned())]
            );
            let page = changed(ChangeKind::Written, "docs/policies.md");
            assert_eq!(judged(&[moved, page]), [(Status::Pass, "docs/policy.json".to_owned())]);
        }
        // A page that gets another name stays one.
        let page = ChangedFile { path: "docs/b.md".into(), from: Some("docs/a.md".into()), kind: ChangeKind::Written };
        assert_eq!(judged(&[changed(ChangeKind::Written, POLICY), page]), [(Status::Pass, POLICY.to_owned())]);
    }

    #[test]
    fn a_change_of_other_files_passes_and_a_change_of_none_is_no_verdict() {
        assert_eq!(judged(&[changed(ChangeKind::Written, "src/main.rs")]), [(Status::Pass, String::new())]);
        assert_eq!(judged(&[]), [(Status::SkippedRequired, String::new())]);
        let readme = changed(ChangeKind::Written, "README.md");
        assert_eq!(judged(&[readme]), [(Status::Pass, String::new())]);
    }
}
