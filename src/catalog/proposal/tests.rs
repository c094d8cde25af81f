//! What a reviewer reads, and which branch it lies on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::catalog::evidence::{CATALOG_EVIDENCE, Evidence};

fn statement(evidence: &[&str]) -> Statement {
    let report = |text: &&str| Evidence { command: "e2e".to_owned(), sha256: Sha256::of(text.as_bytes()) };
    Statement {
        kms: "1.2.0".parse().unwrap(),
        node_image: "1.1.0".parse().unwrap(),
        profiles: vec![Profile::LockedReadOnly, Profile::Debug],
        evidence: evidence.iter().map(report).collect(),
        notes: Some("see @ada <script>".to_owned()),
    }
}

fn proposed(base: &Branch, statement: &Statement) -> Change {
    let proposal = Proposal { base, path: "catalog.json", branch: None, label: LABEL, draft: false };
    let changes = ["KMS 1.2.0 with node image 1.1.0 is now listed".to_owned()];
    let findings = [CATALOG_EVIDENCE.pass("r.json", "fine"), CATALOG_EVIDENCE.warn("r.json", "another signer")];
    proposal.of_pair(statement, Edit { text: "{}", changes: &changes, findings: &findings })
}

fn master() -> Branch {
    "master".parse().unwrap()
}

#[test]
fn a_reviewer_reads_what_is_listed_on_which_reports_and_what_weakens_them() {
    let change = proposed(&master(), &statement(&["one"]));
    assert_eq!(change.title, "List KMS 1.2.0 with node image 1.1.0 as tested");
    let digest = Sha256::of(b"one");
    assert_eq!(
        change.body,
        format!(
            "KMS `1.2.0` with node image `1.1.0`, tested in debug, locked-read-only.\n\n\
             > see `@ada <script>`\n\n\
             **Changes**\n\n- KMS 1.2.0 with node image 1.1.0 is now listed\n\n\
             | report | SHA-256 |\n|---|---|\n| e2e | `{digest}` |\n\n\
             The reports passed. A digest lets a reviewer ask for the report it is of, and proves nothing by itself.\n\n\
             **Warnings**\n\n- another signer"
        )
    );
}

#[test]
fn the_branch_follows_from_what_is_said_of_the_pair_and_not_from_the_reports() {
    let branch = |base: &Branch, statement: &Statement| proposed(base, statement).branch.to_string();
    let first = branch(&master(), &statement(&["one"]));
    assert!(first.starts_with("merotee/catalog-add/1.2.0-1.1.0-"), "{first}");
    assert_eq!(branch(&master(), &statement(&["two", "three"])), first);
    let mut reordered = statement(&["one"]);
    reordered.profiles.reverse();
    assert_eq!(branch(&master(), &reordered), first);
    let others = [
        branch(&"release".parse().unwrap(), &statement(&["one"])),
        branch(&master(), &statement(&[])),
        branch(&master(), &Statement { profiles: vec![Profile::Debug], ..statement(&["one"]) }),
        branch(&master(), &Statement { notes: None, ..statement(&["one"]) }),
        branch(&master(), &Statement { node_image: "1.1.1".parse().unwrap(), ..statement(&["one"]) }),
    ];
    for other in others {
        assert_ne!(other, first);
    }
    let long = Statement { kms: format!("1.0.0-{}", "a".repeat(300)).parse().unwrap(), ..statement(&[]) };
    let long = branch(&master(), &long);
    assert!(long.starts_with("merotee/catalog-") && long.len() < 100, "{long}");
}

#[test]
fn a_rebuild_has_one_branch_whatever_it_changes_and_a_mark_of_what_it_changes() {
    let rebuilt = |changes: &[String]| {
        let master = master();
        let proposal = Proposal { base: &master, path: "catalog.json", branch: None, label: LABEL, draft: true };
        proposal.of_rebuild(Edit { text: "{}", changes, findings: &[] })
    };
    let lines = |count: usize| (0..count).map(|i| format!("change {i}")).collect::<Vec<_>>();
    let (one, two, none) = (rebuilt(&lines(1)), rebuilt(&lines(2)), rebuilt(&[]));
    assert_eq!((one.branch.as_str(), &two.branch), ("merotee/catalog-rebuild/master", &one.branch));
    assert_ne!(one.mark, two.mark);
    assert_eq!((one.files.len(), none.files.len()), (1, 0));
    let many = rebuilt(&lines(SHOWN + 3)).body;
    assert!(many.contains("- and 3 more") && !many.contains(&format!("change {SHOWN}")), "{many}");
}
