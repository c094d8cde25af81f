//! Messages as people, programs and attackers write them.

use super::*;

fn commit(message: &str) -> Commit {
    let author = Person { name: "Ada".into(), email: "ada@example.org".into() };
    Commit { id: "a".repeat(40), parents: vec!["b".repeat(40)], author, message: message.into(), files: Vec::new() }
}

fn merge(message: &str) -> Commit {
    Commit { parents: vec!["b".repeat(40), "c".repeat(40)], ..commit(message) }
}

#[test]
fn a_title_is_taken_apart_where_it_has_the_form_and_stays_whole_where_not() {
    let read = |line: &str| {
        let title = Title::read(line);
        (title.kind, title.scope.unwrap_or_default(), title.text, title.breaking, title.pulls)
    };
    let plain = |kind, text: &str| (kind, String::new(), text.to_owned(), false, vec![]);
    assert_eq!(read("feat: a thing"), plain(Kind::Feature, "a thing"));
    assert_eq!(read("Fix: a thing"), plain(Kind::Fix, "a thing"));
    assert_eq!(read("perf(kms): x (#12)"), (Kind::Performance, "kms".into(), "x".into(), false, vec![12]));
    assert_eq!(read("feat(api)!: y (#1) (#2)"), (Kind::Feature, "api".into(), "y".into(), true, vec![1, 2]));
    assert_eq!(read("fix(security): z"), (Kind::Security, "security".into(), "z".into(), false, vec![]));
    assert_eq!(read("security: z"), plain(Kind::Security, "z"));
    for kind in ["build", "chore", "ci", "deps", "refactor", "style", "test"] {
        assert_eq!(read(&format!("{kind}: x")), plain(Kind::Maintenance, "x"));
    }
    for whole in ["note: well", "feat x", "feat(: x", "feat:x", "http://a: b", "feat: ", "", "(#0)", "a b: c"] {
        assert_eq!(read(whole), plain(Kind::Other, whole.trim()), "{whole}");
    }
    assert_eq!(read("wip!: x"), (Kind::Other, String::new(), "wip!: x".into(), true, vec![]), "any type may break");
    assert_eq!(read("(#12)"), (Kind::Other, String::new(), "(#12)".into(), false, vec![12]));
    assert_eq!(read("x (#99999999999)"), plain(Kind::Other, "x (#99999999999)"), "no number of a pull request");
}

#[test]
fn only_a_merge_commit_merges_a_pull_request_and_its_title_stands_below() {
    let merged = merge("Merge pull request #12 from o/branch\n\nfeat: a thing\n\nCo-authored-by: X <x@y>");
    assert_eq!((merged.merged_pull(), merged.merged_title()), (Some(12), Some("feat: a thing")));
    assert_eq!(commit("Merge pull request #12 from o/branch").merged_pull(), None);
    for other in
        ["Merge branch 'main'", "Merge pull request 12", "Merge pull request #x from y", "merge pull request #1 "]
    {
        assert_eq!(merge(other).merged_pull(), None, "{other}");
    }
    assert_eq!(merge("Merge pull request #3 from o/b\n\nReviewed-by: X").merged_title(), None);
}

#[test]
fn what_breaks_is_read_from_footers_to_the_end_of_their_paragraph() {
    let message = "feat!: x\n\nwords\n\nBREAKING CHANGE: the format\n  is another one\nSigned-off-by: A <a@b>\nmore\n\n\
                   BREAKING-CHANGE: so is this\n\nBREAKING CHANGE:\n";
    assert_eq!(commit(message).breaking_notes(), ["the format is another one", "so is this", ""]);
    for none in ["BREAKING CHANGE: in the subject", "x\n\nbreaking change: small", "x\n\nA BREAKING CHANGE: within"] {
        assert_eq!(commit(none).breaking_notes(), [""; 0], "{none}");
    }
}

#[test]
fn flaws_are_named_once_in_one_spelling() {
    let message = "fix: cve-2025-12345, (CVE-2025-12345) and GHSA-AbCd-1234-wxyz.\n\nCVE-2024-1 CVE-20255-1234 xCVE-2025-1234 \
                   CVE-2025-123456 GHSA-a-b-c";
    assert_eq!(commit(message).flaws(), ["CVE-2025-12345", "GHSA-abcd-1234-wxyz", "CVE-2025-123456"]);
}

#[test]
fn people_are_the_author_and_those_named_as_having_helped() {
    let message = "x\n\nco-authored-by: Grace Hopper <grace@navy.example>\nCo-Authored-By: No Address\nHelped-by: N <n@o>\n\
                   Co-authored-by: <only@address>";
    let names: Vec<String> = commit(message).people().into_iter().map(|person| person.name).collect();
    assert_eq!(names, ["Ada", "Grace Hopper", ""]);
}

#[test]
fn a_revert_says_so_in_its_title_and_names_what_it_takes_back() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let by_git = commit(&format!("Revert \"feat: x\"\n\nThis reverts commit {id}.\n"));
    assert_eq!(by_git.reverts(), [Reverted::Commit(id.into())]);
    let by_github = commit("Revert \"feat: x (#12)\" (#13)\n\nReverts calimero-network/mero-tee#12");
    assert_eq!(by_github.reverts(), [Reverted::Pull(12)]);
    assert_eq!(commit("revert: x\n\nThis reverts commit 0123456.").reverts(), [Reverted::Commit("0123456".into())]);
    for none in ["feat: x\n\nThis reverts commit 0123456.", "Revert \"x\"\n\nThis reverts commit 012.", "Reverts #1"] {
        assert_eq!(commit(none).reverts(), [], "{none}");
    }
}
