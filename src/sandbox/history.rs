//! The history of the sample repository: its commits, the tags that name releases, its branches.
//!
//! Documents, certificates and refs all state the commits of this history. To add one, add a row to [`COMMITS`] below its
//! parents; to move a branch, change [`BRANCHES`]. A tag that no row has gets a commit of its own on top of the main branch.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::Timestamp;

use super::{
    catalog,
    git::{Commit, Files, Mode, Object, Objects, Oid, Person},
};

/// One commit of the sample repository.
struct Row {
    /// What other rows and branches call it.
    name: &'static str,
    /// Names of the rows it follows.
    parents: &'static [&'static str],
    /// Name and address of who wrote it.
    author: (&'static str, &'static str),
    /// When it was recorded.
    time: &'static str,
    message: &'static str,
    /// Files that it adds or changes, over those of its parents.
    files: &'static [(&'static str, &'static str)],
    /// Tags that point to it, whether they have a release or not.
    tags: &'static [&'static str],
}

const ANA: (&str, &str) = ("Ana Prieto", "ana@example.com");
const BO: (&str, &str) = ("Bo Lindqvist", "bo@example.com");
const CHIDI: (&str, &str) = ("Chidi Okafor", "chidi@example.com");
const BOT: (&str, &str) = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com");

/// Every commit, after its parents.
const COMMITS: &[Row] = &[
    Row {
        name: "start",
        parents: &[],
        author: ANA,
        time: "2025-06-02T09:00:00Z",
        message: "Initial commit",
        files: &[("README.md", "# mero-tee\n"), ("LICENSE", "MIT OR Apache-2.0\n")],
        tags: &[],
    },
    Row {
        name: "kms-1.0",
        parents: &["start"],
        author: ANA,
        time: "2025-06-09T15:30:00Z",
        message: "feat(kms): release keys to attested nodes (#3)\n\nThe quote is verified before a key is derived.",
        files: &[("mero-kms/src/main.rs", "fn main() {}\n"), ("versions.json", "{\"imageVersion\": \"1.0.0\"}\n")],
        tags: &["mero-kms-v1.0.0"],
    },
    Row {
        name: "tee-1.0",
        parents: &["kms-1.0"],
        author: BO,
        time: "2025-06-10T08:12:00Z",
        message: "feat(image): build the node image for GCP (#5)",
        files: &[("mero-tee/ubuntu.pkr.hcl", "# the node image\n")],
        tags: &["mero-tee-v1.0.0"],
    },
    Row {
        name: "limits",
        parents: &["tee-1.0"],
        author: CHIDI,
        time: "2025-07-01T11:00:00Z",
        message: "fix(kms): bound the number of open challenges (#9)\n\nFixes #7.",
        files: &[("mero-kms/src/challenges.rs", "pub const MOST: usize = 10_000;\n")],
        tags: &[],
    },
    Row {
        name: "kms-1.1",
        parents: &["limits"],
        author: ANA,
        time: "2025-07-14T16:45:00Z",
        message: "chore(release): 1.1.0 (#11)",
        files: &[("versions.json", "{\"imageVersion\": \"1.1.0\"}\n")],
        tags: &["mero-kms-v1.1.0"],
    },
    Row {
        name: "tee-1.1",
        parents: &["kms-1.1"],
        author: BO,
        time: "2025-07-15T07:20:00Z",
        message: "feat(image): measure the root file system (#12)",
        files: &[("mero-tee/ubuntu.pkr.hcl", "# the node image\n# dm-verity\n")],
        tags: &["mero-tee-v1.1.0"],
    },
    Row {
        name: "docs",
        parents: &["tee-1.1"],
        author: CHIDI,
        time: "2025-08-20T10:05:00Z",
        message: "docs: say how a node asks for its key (#15)",
        files: &[("docs/keys.md", "# How a node gets its key\n")],
        tags: &[],
    },
    Row {
        name: "rotation",
        parents: &["tee-1.1"],
        author: ANA,
        time: "2025-08-21T14:40:00Z",
        message: "feat(kms): rotate the log every day",
        files: &[("mero-kms/src/log.rs", "pub const DAYS: u64 = 1;\n")],
        tags: &[],
    },
    Row {
        name: "rotation-merged",
        parents: &["docs", "rotation"],
        author: BO,
        time: "2025-08-25T09:30:00Z",
        message: "Merge pull request #16 from calimero-network/log-rotation\n\nRotate the log every day",
        files: &[],
        tags: &[],
    },
    Row {
        name: "kms-1.2",
        parents: &["rotation-merged"],
        author: ANA,
        time: "2025-09-08T13:00:00Z",
        message: "feat(kms)!: bind answers to the caller's nonce (#18)\n\nBREAKING CHANGE: clients must send a nonce.",
        files: &[
            ("mero-kms/src/main.rs", "fn main() {}\n\nfn binding() {}\n"),
            ("versions.json", "{\"imageVersion\": \"1.2.0\"}\n"),
        ],
        tags: &["mero-kms-v1.2.0"],
    },
    Row {
        name: "tee-1.2",
        parents: &["kms-1.2"],
        author: BO,
        time: "2025-09-09T06:55:00Z",
        message: "fix(image): leave no shell in the locked profile (#19)",
        files: &[("mero-tee/ubuntu.pkr.hcl", "# the node image\n# dm-verity\n# no shell\n")],
        tags: &["mero-tee-v1.2.0"],
    },
    Row {
        name: "update",
        parents: &["tee-1.2"],
        author: BOT,
        time: "2025-09-22T03:00:00Z",
        message: "chore(deps): update dependencies (#21)",
        files: &[("Cargo.lock", "version = 4\n")],
        tags: &[],
    },
    Row {
        name: "kms-1.3-rc",
        parents: &["update"],
        author: CHIDI,
        time: "2025-09-30T17:25:00Z",
        message: "feat(kms): answer health checks without a lock (#22)",
        files: &[("versions.json", "{\"imageVersion\": \"1.3.0-rc.1\"}\n")],
        tags: &["mero-kms-v1.3.0-rc.1"],
    },
    // On a branch from the release that it patches.
    Row {
        name: "kms-1.1.1",
        parents: &["kms-1.1"],
        author: CHIDI,
        time: "2025-09-12T19:10:00Z",
        message: "fix(kms): refuse a challenge that was answered before (#20)\n\nCVE-2025-0000",
        files: &[("mero-kms/src/challenges.rs", "pub const MOST: usize = 10_000;\npub const ONCE: bool = true;\n")],
        tags: &["mero-kms-v1.1.1"],
    },
    // The same change as it must not be made: with what was merged since.
    Row {
        name: ASTRAY,
        parents: &["docs"],
        author: CHIDI,
        time: "2025-09-12T19:10:00Z",
        message: "fix(kms): refuse a challenge that was answered before (#20)\n\nCVE-2025-0000",
        files: &[("mero-kms/src/challenges.rs", "pub const MOST: usize = 10_000;\npub const ONCE: bool = true;\n")],
        tags: &[],
    },
    // From here on tags that are not released yet.
    Row {
        name: "kms-1.3",
        parents: &["kms-1.3-rc"],
        author: ANA,
        time: "2025-09-30T18:10:00Z",
        message: "feat(kms): tell how old the policy is (#24)",
        files: &[("versions.json", "{\"imageVersion\": \"1.3.0\"}\n")],
        tags: &["mero-kms-v1.3.0"],
    },
    Row {
        name: "tee-1.3",
        parents: &["kms-1.3"],
        author: BO,
        time: "2025-09-30T18:40:00Z",
        message: "feat(image): start the node before the network is up (#25)",
        files: &[("mero-tee/ubuntu.pkr.hcl", "# the node image\n# dm-verity\n# no shell\n# early\n")],
        tags: &["mero-tee-v1.3.0"],
    },
    Row {
        name: "kms-1.4-rc",
        parents: &["tee-1.3"],
        author: CHIDI,
        time: "2025-09-30T20:00:00Z",
        message: "feat(kms): keep collateral over a restart (#27)",
        files: &[("versions.json", "{\"imageVersion\": \"1.4.0-rc.1\"}\n")],
        tags: &["mero-kms-v1.4.0-rc.1"],
    },
    Row {
        name: "kms-1.2.1",
        parents: &["kms-1.2"],
        author: CHIDI,
        time: "2025-09-30T21:30:00Z",
        message: "fix(kms): refuse a challenge that was answered before (#20)\n\nCVE-2025-0000",
        files: &[("mero-kms/src/challenges.rs", "pub const MOST: usize = 10_000;\npub const ONCE: bool = true;\n")],
        tags: &["mero-kms-v1.2.1"],
    },
];

/// The row of a hotfix that does not branch from the release it patches.
const ASTRAY: &str = "astray";

/// Branches of the sample repository and the rows they point to. The first is the main one.
const BRANCHES: &[(&str, &str)] = &[
    (MAIN, "kms-1.4-rc"),
    ("release/1.1", "kms-1.1.1"),
    ("release/1.2", "kms-1.2.1"),
    ("chidi/answered-once", ASTRAY),
];

/// The main branch.
pub(super) const MAIN: &str = "master";

static SAMPLE: LazyLock<History> = LazyLock::new(History::declared);

/// A repository's objects, and what its tags and branches point to.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) objects: Objects,
    pub(super) tags: BTreeMap<String, Oid>,
    pub(super) branches: BTreeMap<String, Oid>,
}

/// The commit that a release's tag points to.
pub(super) fn commit_of(tag: &str) -> Oid {
    SAMPLE.tags.get(tag).copied().unwrap_or_else(|| release_commit(tag).id())
}

/// The commit of a hotfix that was made from the main branch as it was by then.
pub(super) fn astray() -> Oid {
    SAMPLE.branches.get("chidi/answered-once").copied().unwrap_or_else(|| release_commit(ASTRAY).id())
}

/// The history of the sample repository.
pub(super) fn sample() -> History {
    SAMPLE.clone()
}

impl History {
    /// A history of one commit on its main branch.
    pub(super) fn started(full_name: &str) -> Self {
        let mut history = Self::default();
        let readme = format!("# {full_name}\n");
        let tree = history.tree(Files::new(), &[("README.md", &readme)]);
        let commit = commit(ANA, "2025-06-02T09:00:00Z", "Initial commit", tree, Vec::new());
        let id = history.objects.add(Object::Commit(commit));
        history.branches.insert("master".to_owned(), id);
        history
    }

    /// The commit of a tag, recorded if no row has it. A `commit` of this history wins over what the rows say: a tag can be
    /// moved.
    pub(super) fn release(&mut self, tag: &str, commit: &str) -> Oid {
        let said = commit.parse().ok().filter(|id| self.objects.commit(*id).is_some());
        let id = match said.or_else(|| self.tags.get(tag).copied()) {
            Some(id) => id,
            None => self.objects.add(Object::Commit(release_commit(tag))),
        };
        self.tags.insert(tag.to_owned(), id);
        id
    }

    /// Records a commit with more files on top of a branch.
    pub(super) fn add_files(&mut self, branch: &str, message: &str, changed: &[(&str, &str)]) {
        let parents: Vec<Oid> = self.branches.get(branch).copied().into_iter().collect();
        let files = parents.first().map(|parent| self.objects.files_of(*parent)).unwrap_or_default();
        let tree = self.tree(files, changed);
        let commit = commit(BOT, "2025-10-01T00:00:00Z", message, tree, parents);
        let id = self.objects.add(Object::Commit(commit));
        self.branches.insert(branch.to_owned(), id);
    }

    fn declared() -> Self {
        let (mut history, mut rows) = (Self::default(), BTreeMap::<&str, Oid>::new());
        let listed = format!("{:#}\n", catalog::kept_with(None));
        for row in COMMITS {
            let parents: Vec<Oid> = row.parents.iter().filter_map(|parent| rows.get(parent).copied()).collect();
            let files = parents.iter().flat_map(|parent| history.objects.files_of(*parent)).collect();
            let mut changed: Vec<(&str, &str)> = row.files.to_vec();
            if row.parents.is_empty() {
                changed.push((catalog::PATH, listed.as_str()));
            }
            let tree = history.tree(files, &changed);
            let id = history.objects.add(Object::Commit(commit(row.author, row.time, row.message, tree, parents)));
            history.tags.extend(row.tags.iter().map(|tag| ((*tag).to_owned(), id)));
            rows.insert(row.name, id);
        }
        let branch = |(branch, row): &(&str, &str)| Some(((*branch).to_owned(), *rows.get(row)?));
        history.branches = BRANCHES.iter().filter_map(branch).collect();
        history
    }

    fn tree(&mut self, mut files: Files, changed: &[(&str, &str)]) -> Oid {
        for (path, content) in changed {
            let id = self.objects.add(Object::Blob(content.as_bytes().to_vec().into()));
            files.insert((*path).to_owned(), (Mode::File, id));
        }
        self.objects.write_tree(&files)
    }
}

/// The commit of a release that no row has: on top of the main branch, with its files.
fn release_commit(tag: &str) -> Commit {
    let head = BRANCHES.first().and_then(|(branch, _)| SAMPLE.branches.get(*branch)).copied();
    let tree = head.and_then(|head| SAMPLE.objects.commit(head)).map(|head| head.tree);
    let tree = tree.unwrap_or_else(|| Objects::default().write_tree(&Files::new()));
    commit(BOT, "2025-09-30T18:00:00Z", &format!("chore(release): {tag}"), tree, head.into_iter().collect())
}

fn commit((name, email): (&str, &str), time: &str, message: &str, tree: Oid, parents: Vec<Oid>) -> Commit {
    // The times are those above; a test reads them all.
    let time = time.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let person = Person { name: name.to_owned(), email: email.to_owned(), time };
    Commit { tree, parents, author: person.clone(), committer: person, message: message.to_owned() }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_has_a_time_a_name_of_its_own_and_parents_that_stand_above_it() {
        let mut above = BTreeSet::new();
        for row in COMMITS {
            assert!(row.time.parse::<Timestamp>().is_ok(), "{}", row.name);
            assert!(row.parents.iter().all(|parent| above.contains(parent)), "{}", row.name);
            assert!(above.insert(row.name), "{}", row.name);
        }
        assert!(BRANCHES.iter().all(|(_, row)| above.contains(row)));
        let tags: Vec<&str> = COMMITS.iter().flat_map(|row| row.tags).copied().collect();
        assert_eq!(tags.len(), tags.iter().collect::<BTreeSet<_>>().len(), "a tag points to one commit");
    }

    #[test]
    fn a_release_without_a_row_has_a_commit_too_and_a_file_on_the_branch_does_not_move_it() {
        let (tag, mut history) = ("mero-kms-v9.9.9", sample());
        history.add_files("master", "One more", &[("a.json", "{}")]);
        assert_eq!(history.release(tag, ""), commit_of(tag));
        assert_eq!(history.release("mero-kms-v1.2.0", ""), commit_of("mero-kms-v1.2.0"));
        let [before, after] = ["mero-kms-v1.4.0-rc.1", tag].map(commit_of);
        assert_eq!(history.objects.since(before, after), [after]);
        assert!(history.objects.files_of(history.branches["master"]).contains_key("a.json"));
    }
}
