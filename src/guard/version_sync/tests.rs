//! Each rule, passing and failing, on literals.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::report::Status;

const MANIFEST: &str = "[package]\nname = \"mero-kms-phala\"\nversion = \"1.2.0\"\n";
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"mero-kms-phala\"\nversion = \"9.9.9\"\nsource = \"registry\"\n\n\
                    [[package]]\nname = \"mero-kms-phala\"\nversion = \"1.2.0\"\n";
const NODE: &str = "{\n  \"merodVersion\": \"0.1.0\",\n  \"imageVersion\": \"1.2.0\"\n}\n";

fn sources() -> Files {
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    Files {
        kms_manifest: bytes(MANIFEST),
        workspace_manifest: None,
        lock_file: bytes(LOCK),
        node_versions: bytes(NODE),
    }
}

fn replaced(field: Option<Vec<u8>>, from: &str, to: &str) -> Option<Vec<u8>> {
    Some(String::from_utf8(field.unwrap()).unwrap().replace(from, to).into_bytes())
}

fn found(sources: &Files) -> Vec<Finding> {
    let config = VersionSync::default();
    files(&config, &Versions::read(&config, sources), &[])
}

fn statuses(findings: &[Finding]) -> Vec<Status> {
    findings.iter().map(|finding| finding.status).collect()
}

#[test]
fn files_that_agree_pass_each_by_its_name() {
    let findings = found(&sources());
    assert_eq!(statuses(&findings), [Status::Pass; 4], "{findings:?}");
    let subjects: Vec<_> = findings.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects, ["mero-kms/Cargo.toml", "mero-tee/versions.json", "Cargo.lock", "mero-tee/versions.json"]);
}

/// The one finding that is not a pass, as "STATUS FILE:LINE:COLUMN MESSAGE".
fn fault(sources: &Files) -> String {
    let findings = found(sources);
    let mut faults = findings.iter().filter(|finding| finding.status != Status::Pass);
    let fault = faults.next().unwrap_or_else(|| panic!("{findings:?}"));
    let at = fault.location.clone().unwrap_or_default();
    format!("{:?} {}:{}:{} {}", fault.status, at.file, at.line.unwrap_or(0), at.column.unwrap_or(0), fault.message)
}

#[test]
fn a_stale_lock_file_is_pointed_at_where_the_old_version_stands() {
    let stale = Files { lock_file: replaced(sources().lock_file, "\"1.2.0\"", "\"1.1.0\""), ..sources() };
    assert_eq!(
        fault(&stale),
        "Fail Cargo.lock:10:11 the lock file is stale: it does not have the version of the manifest"
    );
    let other = Files { lock_file: replaced(sources().lock_file, "mero-kms-phala", "other"), ..sources() };
    assert!(fault(&other).contains("has no package `mero-kms-phala` of this repository"), "{}", fault(&other));
    let twice = Files { lock_file: replaced(sources().lock_file, "source = \"registry\"\n", ""), ..sources() };
    assert!(fault(&twice).contains("twice"));
    assert!(fault(&Files { lock_file: None, ..sources() }).starts_with("Missing"));
}

#[test]
fn two_versions_differ_only_where_the_configuration_lets_them() {
    let apart = Files { node_versions: replaced(sources().node_versions, "1.2.0", "2.0.0"), ..sources() };
    assert_eq!(fault(&apart), "Fail mero-tee/versions.json:3:19 the two families have different versions");
    let config = VersionSync { shared_version: false, ..VersionSync::default() };
    assert_eq!(statuses(&files(&config, &Versions::read(&config, &apart), &[])), [Status::Pass; 3]);
}

#[test]
fn a_version_is_taken_from_the_workspace_where_the_package_says_so() {
    let inherits = Files {
        kms_manifest: replaced(sources().kms_manifest, "version = \"1.2.0\"", "version.workspace = true"),
        ..sources()
    };
    assert!(fault(&inherits).contains("takes its version from the workspace, and Cargo.toml is not there"));
    let workspace = |text: &str| Files { workspace_manifest: Some(text.into()), ..inherits.clone() };
    let findings = found(&workspace("[workspace.package]\nversion = \"1.2.0\"\n"));
    assert_eq!(statuses(&findings), [Status::Pass; 4], "{findings:?}");
    assert_eq!(findings.first().unwrap().subject, "Cargo.toml");
    assert!(fault(&workspace("[workspace]\n")).contains("no `workspace.package.version`"));
}

#[test]
fn a_file_that_states_no_version_is_told_with_its_place() {
    let manifest = |to: &str| Files { kms_manifest: Some(to.into()), ..sources() };
    let node = |to: &str| Files { node_versions: Some(to.into()), ..sources() };
    for (sources, expected) in [
        (manifest("[package"), "Fail mero-kms/Cargo.toml:1:9 not TOML"),
        (manifest("\u{ff}\u{0}"), "Fail mero-kms/Cargo.toml:1:3 not TOML"),
        (manifest("[package]\nname = \"x\"\n"), "Fail mero-kms/Cargo.toml:0:0 there is no `package.version`"),
        (manifest("[package]\nversion = 1\n"), "Fail mero-kms/Cargo.toml:2:11 `package.version` is not a text"),
        (
            manifest("[package]\nversion = \"1.2\"\n"),
            "Fail mero-kms/Cargo.toml:2:11 `package.version` is not a version",
        ),
        (node("{"), "Fail mero-tee/versions.json:1:1 not JSON"),
        (node("{\"imageVersion\": 1}"), "Fail mero-tee/versions.json:1:18 `imageVersion` is not a text: 1"),
        (node("{\"imageVersion\": \"v1.2.0\"}"), "Fail mero-tee/versions.json:1:18 `imageVersion` is not a version"),
        (node("[]"), "Fail mero-tee/versions.json:0:0 there is no `imageVersion`"),
        (node("{\"imageVersion\":\"1.2.0\",\"imageVersion\":\"2.0.0\"}"), "Fail mero-tee/versions.json:1:"),
    ] {
        assert!(fault(&sources).starts_with(expected), "{}", fault(&sources));
    }
    assert!(fault(&Files { kms_manifest: None, ..sources() }).starts_with("Missing"));
    assert!(fault(&Files { node_versions: None, ..sources() }).starts_with("Missing"));
}

#[test]
fn the_tag_has_the_version_that_its_familys_variable_holds() {
    let config = VersionSync::default();
    let status = |name: &str, value| tag(&config, &name.parse().unwrap(), value).status;
    for value in ["1.2.0", "v1.2.0", "mero-kms-v1.2.0"] {
        assert_eq!(status("mero-kms-v1.2.0", Some(value)), Status::Pass, "{value}");
    }
    for value in ["1.2.1", "1.2.0-rc.1", "mero-tee-v1.2.0", " 1.2.0", "1.2.0\n::error::x", "latest"] {
        assert_eq!(status("mero-kms-v1.2.0", Some(value)), Status::Fail, "{value:?}");
    }
    assert_eq!(status("node-image-gcp-v2.0.0", Some("mero-tee-v2.0.0")), Status::Pass);
    let unset = tag(&config, &"mero-tee-v2.0.0".parse().unwrap(), None);
    assert_eq!((unset.status, unset.message.as_str()), (Status::Missing, "the variable MERO_TEE_VERSION is not set"));
    assert!(unset.help.unwrap().contains("MERO_TEE_VERSION: ${{ vars.MERO_TEE_VERSION }}"));
}

#[test]
fn the_files_state_the_version_of_the_tag_they_are_tagged_with() {
    let config = VersionSync::default();
    let versions = Versions::read(&config, &sources());
    let last = |name: &str| files(&config, &versions, &[name.parse().unwrap()]).pop().unwrap();
    assert_eq!(last("mero-kms-v1.2.0").status, Status::Pass);
    assert_eq!(last("mero-tee-v1.3.0").status, Status::Fail);
}

fn stated(version: &str, file: &str) -> Reading {
    Reading::Stated(Stated { version: version.parse().unwrap(), file: file.into(), line: 3, column: 11 })
}

fn change(kms: (&str, &str), node: (&str, &str)) -> Change {
    let side = |(base, head), file| Side { base: stated(base, file), head: stated(head, file), moved_to: None };
    Change { kms: side(kms, "mero-kms/Cargo.toml"), node: side(node, "mero-tee/versions.json") }
}

fn coupled(change: &Change, marks: &[Mark], overridden: &Overridden) -> Vec<Finding> {
    let config = VersionSync::default();
    judge(&config, &change.coupling(&config, marks), overridden)
}

fn considered(author: &str, permission: Permission) -> Considered {
    Considered { author: author.into(), reason: "only a label changes".into(), url: "https://x/1".into(), permission }
}

#[test]
fn one_version_changes_with_the_other_or_the_other_is_marked() {
    let alone = change(("1.0.0", "1.1.0"), ("1.0.0", "1.0.0"));
    let none = Overridden::NoPullRequest;
    assert_eq!(statuses(&coupled(&change(("1.0.0", "1.0.0"), ("1.0.0", "1.0.0")), &[], &none)), [Status::Pass]);
    assert_eq!(statuses(&coupled(&change(("1.0.0", "1.1.0"), ("1.0.0", "1.1.0")), &[], &none)), [Status::Pass; 3]);
    let failed = coupled(&alone, &[], &none);
    assert_eq!(
        failed.first().unwrap().message,
        "kms goes from 1.0.0 to 1.1.0, and the version of the node image does not"
    );
    assert_eq!(failed.first().unwrap().location, Some(Location::file("mero-kms/Cargo.toml").on(3, 11)));
    let mark = |family| Mark { family, by: "label x".into() };
    assert_eq!(statuses(&coupled(&alone, &[mark(Family::Node)], &none)), [Status::Pass; 2]);
    // That the version which changes is marked as unchanged excuses nothing.
    assert_eq!(statuses(&coupled(&alone, &[mark(Family::Kms)], &none)), [Status::Fail]);
    let node = change(("1.0.0", "1.0.0"), ("1.0.0", "1.1.0"));
    assert!(coupled(&node, &[], &none).first().unwrap().message.starts_with("node image goes from 1.0.0 to 1.1.0"));
}

#[test]
fn a_version_that_goes_back_or_gets_build_metadata_does_not_answer_one_that_goes_up() {
    let judged = |kms, node| coupled(&change(kms, node), &[], &Overridden::NoPullRequest);
    let (up, back) = (("1.2.0", "1.3.0"), ("1.2.0", "1.1.0"));
    assert_eq!(statuses(&judged(up, back)), [Status::Fail]);
    let apart = judged(back, up).pop().unwrap();
    let words = "node image goes from 1.2.0 to 1.3.0, and kms goes from 1.2.0 to 1.1.0, which goes back";
    assert_eq!((apart.status, apart.message.as_str()), (Status::Fail, words));
    // That it is marked as unchanged does not make it so.
    let mark = Mark { family: Family::Node, by: "label x".into() };
    assert_eq!(statuses(&coupled(&change(up, back), &[mark], &Overridden::NoLabel)), [Status::Fail]);
    for built in [("1.2.0", "1.2.0+x"), ("1.2.0+x", "1.2.0"), ("1.2.0+x", "1.2.0+y")] {
        let alone = judged(up, built).pop().unwrap();
        assert!(alone.message.ends_with("and the version of the node image does not"), "{alone:?}");
        assert_eq!(statuses(&judged(built, built)), [Status::Pass]);
    }
}

#[test]
fn versions_that_change_together_are_the_same_where_both_families_share_one() {
    let differ = change(("1.2.0", "1.3.0"), ("1.2.0", "1.2.1"));
    let found = coupled(&differ, &[], &Overridden::NoPullRequest);
    assert_eq!(statuses(&found), [Status::Pass, Status::Pass, Status::Fail]);
    assert_eq!(found.last().unwrap().message, "the two families have different versions");
    let config = VersionSync { shared_version: false, ..VersionSync::default() };
    let own = judge(&config, &differ.coupling(&config, &[]), &Overridden::NoPullRequest);
    assert_eq!(statuses(&own), [Status::Pass; 2]);
}

#[test]
fn the_label_excuses_only_with_a_reason_by_a_person_who_may_write() {
    let alone = change(("1.0.0", "1.1.0"), ("1.0.0", "1.0.0"));
    let said = |overridden: &Overridden| coupled(&alone, &[], overridden).pop().unwrap();
    assert_eq!(said(&Overridden::NoLabel).status, Status::Fail);
    let unjustified = said(&Overridden::Labelled(vec![]));
    assert!(unjustified.status == Status::Fail && unjustified.message.ends_with("has no justification"));
    for permission in [Permission::Read, Permission::None] {
        let outsider = said(&Overridden::Labelled(vec![considered("mallory", permission)]));
        assert!(outsider.status == Status::Fail && outsider.help.unwrap().contains("@mallory has"), "{permission:?}");
    }
    for permission in [Permission::Write, Permission::Admin] {
        let both = vec![considered("mallory", Permission::Read), considered("alice", permission)];
        let excused = said(&Overridden::Labelled(both));
        assert_eq!(excused.status, Status::Warn);
        assert!(
            excused.message.contains("@alice") && excused.message.contains("\"only a label changes\""),
            "{excused:?}"
        );
    }
}

#[test]
fn a_version_that_goes_back_is_pointed_out_and_one_that_is_new_is_a_change() {
    let back = coupled(&change(("1.1.0", "1.0.0"), ("1.1.0", "1.0.0")), &[], &Overridden::NoLabel);
    assert_eq!(statuses(&back), [Status::Warn, Status::Warn, Status::Pass]);
    let mut new = change(("1.0.0", "1.0.0"), ("1.0.0", "1.0.0"));
    new.kms.base = Reading::Absent;
    assert!(coupled(&new, &[], &Overridden::NoLabel).first().unwrap().message.contains("from none to 1.0.0"));
}

#[test]
fn a_file_that_is_gone_is_missing_and_its_new_name_is_told() {
    let mut moved = change(("1.0.0", "1.0.0"), ("1.0.0", "1.0.0"));
    moved.kms.head = Reading::Absent;
    assert_eq!(statuses(&coupled(&moved, &[], &Overridden::NoLabel)), [Status::Missing]);
    moved.kms.moved_to = Some("kms/Cargo.toml".into());
    let finding = coupled(&moved, &[], &Overridden::NoLabel).pop().unwrap();
    assert!(finding.help.unwrap().contains("kms-manifest = \"kms/Cargo.toml\""));
}

#[test]
fn a_reason_stands_behind_the_label_at_the_start_of_a_line() {
    let given = |body| reason(body, "skip-version-sync");
    let text = |reason: &str| Some(reason.to_owned());
    assert_eq!(given("Hello\n Skip-Version-Sync : only docs \n"), text("only docs"));
    assert_eq!(given("skip-version-sync: a: b"), text("a: b"));
    for none in [
        "",
        "skip-version-sync",
        "skip-version-sync:",
        "skip-version-sync: ...",
        "> skip-version-sync: quoted",
        "x skip-version-sync: y",
    ] {
        assert_eq!(given(none), None, "{none}");
    }
}

#[test]
fn an_instruction_that_a_comment_quotes_is_no_reason_and_what_follows_it_may_be() {
    let given = |body: &str| reason(body, "skip-version-sync");
    for quoted in [
        "```\nskip-version-sync: why\n```\n",
        "``` text\nskip-version-sync: why\n``\n~~~\n```\n",
        "~~~~\r\nskip-version-sync: why\r\n~~~\r\nskip-version-sync: still\r\n~~~~~\r\n",
        "```\n    ```\nskip-version-sync: still inside\n```\n",
        "- ```\n  skip-version-sync: why\n  ```\n",
        "<!-- skip-version-sync: why -->\n",
        "<!--\nskip-version-sync: why\n\n-->\n",
        "skip-version-sync: <!-- why -->\n",
        "    skip-version-sync: why\n",
        "\tskip-version-sync: why\n",
        "  \tskip-version-sync: why\n",
        "skip-version-sync: REASON\n",
        "skip-version-sync: <REASON>\n",
        "skip-version-sync: `reason`.\n",
    ] {
        assert_eq!(given(quoted), None, "{quoted}");
        let then = format!("{quoted}skip-version-sync: the REASON is mine\n");
        assert_eq!(given(&then).as_deref(), Some("the REASON is mine"), "{then}");
    }
    for unfinished in
        ["```\nskip-version-sync: why", "<!-- x\nskip-version-sync: why", "```\n<!--\n```\n<!--\nskip-version-sync: x"]
    {
        assert_eq!(given(unfinished), None, "{unfinished}");
    }
    // A mark of the other kind inside one is text.
    assert_eq!(given("```\n<!--\n```\nskip-version-sync: mine").as_deref(), Some("mine"));
    assert_eq!(given("<!--\n```\n-->\n   skip-version-sync: mine").as_deref(), Some("mine"));
    assert_eq!(given("``` a ` b\nskip-version-sync: mine").as_deref(), Some("mine"));
}

#[test]
fn a_mark_is_a_trailer_of_a_commit_or_a_label() {
    let marks = |message| Mark::in_message(message, &"ab".repeat(20), "A. Person");
    let expected = Mark { family: Family::Node, by: "commit abababababab by A. Person".into() };
    assert_eq!(marks("Bump the KMS\n\nWhy.\n\nSigned-off-by: X\nversion-unchanged: Node\n"), [expected]);
    for none in ["Version-Unchanged: node\n\nbody", "x\n\nVersion-Unchanged: both", "x\n\n Version-Unchanged : node"] {
        assert_eq!(marks(none), [], "{none}");
    }
    let labels = ["KMS-version-unchanged".to_owned(), "other".to_owned()];
    let config = VersionSync::default();
    assert_eq!(
        Mark::in_labels(&config, &labels),
        [Mark { family: Family::Kms, by: "label kms-version-unchanged".into() }]
    );
}
