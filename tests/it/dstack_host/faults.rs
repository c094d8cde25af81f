//! What is wrong with a KMS, its machine or what answers in its place: the exit code, the words, and what is left running.

use merotee::sandbox::vmm::IMAGE;

use super::stage::{DOMAIN, Stage};
use crate::{binary::Place, tampering::document::Document};

/// A kind of tampering, how the command ends, what it says, and whether the KMS was told to serve.
const KINDS: [(&str, i32, &str, bool); 14] = [
    ("dstack-auth-down", 10, "KMS is not allowed to bootstrap", false),
    ("dstack-bootstrap-lost", 1, "whether it made keys is not known", false),
    ("dstack-other-keys", 10, "made over other keys", false),
    ("dstack-debug-td", 10, "debug", false),
    ("dstack-other-root", 10, "not", false),
    ("dstack-other-authority", 10, "not certified by the attested key", true),
    ("dstack-application", 10, "not certified by the attested key", true),
    ("dstack-intercepted", 10, "send nothing there", true),
    ("dstack-other-k256", 10, "k256_pubkey is not the attested one", true),
    ("dstack-other-ca-cert", 10, "the key of ca_cert is not the attested ca_pubkey", true),
    ("dstack-is-dev", 10, "is_dev is true", true),
    ("dstack-any-upgrade", 10, "allow_any_upgrade is true", true),
    ("dstack-slow", 10, "under 1 s", true),
    ("dstack-not-allowed", 10, "does not list it", false),
];

#[test]
fn every_fault_ends_with_its_code_and_its_words_and_no_kms_serves_that_was_not_verified() {
    for (kind, code, words, served) in KINDS {
        let stage = Stage::spoilt(&[kind]);
        let run = stage.bootstrap(&[]).run();
        assert_eq!(run.code, code, "{kind}: {}{}", run.stdout, run.stderr);
        drop(run.says(&[words]));
        assert_eq!((stage.asked().1, stage.vm("kms").serves), (usize::from(served), served), "{kind}");
        assert_eq!(stage.vm("kms").status, "running", "{kind}");
    }
}

#[test]
fn every_fault_is_a_kind_of_tampering_and_ends_as_its_page_says() {
    let place = Place::new();
    let rows: Vec<_> = Document::read().services.into_iter().filter(|row| row.kind.starts_with("dstack-")).collect();
    assert_eq!(rows.len(), 19);
    super::deployed::written(&place);
    for row in &rows {
        let words: Vec<&str> = match row.service.as_str() {
            "a dstack KMS" => vec!["dstack", "bootstrap", "--domain", DOMAIN, "--out", &row.kind],
            "a dstack host" => {
                vec!["dstack", "deploy", "--compose", "app-compose.json", "--image", IMAGE, "--wait", "1"]
            }
            other => panic!("{other}"),
        };
        let run = place.tampered(&row.kind, words).run();
        assert_eq!(run.code, row.exit, "{}: {}{}", row.kind, run.stdout, run.stderr);
        drop(run.says(&[&row.says]));
    }
    let idle = place.tampered("dstack-slow", ["dstack", "logs"]).run().expect(2);
    idle.says(&["which this command asks nothing of"]);
}

#[test]
fn a_development_kms_is_accepted_where_that_is_asked_for() {
    let stage = Stage::spoilt(&["dstack-is-dev", "dstack-any-upgrade"]);
    stage.bootstrap(&["--allow-dev"]).run().expect(0).says(&["accepted, as asked for"]);
}

#[test]
fn a_lost_answer_of_an_old_kms_is_never_asked_for_again() {
    let stage = Stage::spoilt(&["dstack-old-kms", "dstack-bootstrap-lost"]);
    stage.bootstrap(&[]).run().expect(1).says(&["is not known"]);
    stage.host().mend();
    stage.spoil(merotee::sandbox::vmm::Flaw::Old);
    for _ in 0..2 {
        let run = stage.bootstrap(&[]).run().expect(1);
        run.says(&["its answer was lost", "remove the VM, deploy it again"]);
    }
    assert_eq!(stage.asked(), (1, 0));
    // As the advice says.
    stage.remove("kms");
    stage.stand();
    std::fs::remove_dir_all(stage.place.path("kms")).unwrap();
    stage.bootstrap(&[]).run().expect(0);
    assert_eq!(stage.asked(), (2, 1));
}

#[test]
fn a_lost_answer_of_a_new_kms_is_found_out_by_asking_again_and_its_keys_are_not_used() {
    let stage = Stage::spoilt(&["dstack-bootstrap-lost"]);
    stage.bootstrap(&[]).run().expect(1).says(&["is not known"]);
    stage.host().mend();
    let run = stage.bootstrap(&[]).run().expect(10);
    run.says(&["KMS has already been bootstrapped", "its answer was lost", "remove the VM"]);
    assert!(stage.vm("kms").has_keys && !stage.vm("kms").serves);
}

#[test]
fn keys_that_somebody_else_had_made_are_not_taken() {
    let stage = Stage::waiting();
    let stranger = format!("{}/prpc/Onboard.Bootstrap?json", stage.host().kms_url());
    let said = stage.post(&stranger, r#"{"domain":"evil.example.com"}"#);
    assert!(said.contains("ca_pubkey"), "{said}");
    let run = stage.bootstrap(&[]).run().expect(10);
    run.says(&["already been bootstrapped", "somebody else had it make keys"]);
    assert!(!stage.vm("kms").serves);
}
