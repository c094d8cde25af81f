//! A bootstrap that is run again in another state than it was left in: keys are not made twice, a KMS is not told to serve that
//! is not allowed or was not verified, and no one is told to remove a KMS that serves.

use super::stage::{DOMAIN, Stage};

/// A root that is not the sandbox's: a run that judges by it must fail.
fn by_another_root<'a>(stage: &'a Stage, other: &Stage) -> crate::binary::Invocation<'a> {
    let root = other.world.tdx_root();
    let words = ["dstack", "bootstrap", "--domain", DOMAIN, "--out", "kms", "--wait", "20"];
    stage.merotee(&words).args(["--root", root.to_str().unwrap()])
}

#[test]
fn an_answer_that_failed_is_final_and_a_kms_is_not_asked_again_when_its_file_is_gone() {
    for kinds in [&["dstack-other-keys"][..], &["dstack-old-kms", "dstack-other-keys"]] {
        let stage = Stage::spoilt(kinds);
        stage.bootstrap(&[]).run().expect(10).says(&["remove its VM"]);
        stage.host().mend();
        stage.bootstrap(&[]).run().expect(1).says(&["failed verification", "another folder"]);
        std::fs::remove_file(stage.place.path("kms/bootstrap-info.json")).unwrap();
        stage.bootstrap(&[]).run().expect(1).says(&["failed verification"]);
        assert_eq!(stage.asked(), (1, 0), "{kinds:?}");
    }
}

#[test]
fn a_file_that_is_gone_after_everything_passed_is_to_be_put_back() {
    for kinds in [&[][..], &["dstack-old-kms"]] {
        let stage = Stage::spoilt(kinds);
        stage.bootstrap(&[]).run().expect(0);
        std::fs::remove_file(stage.place.path("kms/bootstrap-info.json")).unwrap();
        stage.bootstrap(&[]).run().expect(1).says(&["is gone", "put the file with sha256"]);
        assert_eq!(stage.asked(), (1, 1));
    }
}

#[test]
fn what_was_attested_is_held_to_the_allow_list_in_every_run() {
    let stage = Stage::waiting();
    stage.bootstrap(&[]).run().expect(0);
    let zeros = "0".repeat(64);
    stage.bootstrap(&["--allowed-mr", &zeros]).run().expect(10).says(&["dstack-allowed", "--allowed-mr"]);
    stage.host().allow(&[]).unwrap();
    stage.bootstrap(&[]).run().expect(10).says(&["does not list it"]);
}

#[test]
fn a_kms_that_serves_is_never_to_be_removed_because_a_later_judgement_fails() {
    let (stage, other) = (Stage::waiting(), Stage::with_seed(7));
    stage.bootstrap(&[]).run().expect(0);
    let run = by_another_root(&stage, &other).run().expect(10);
    assert!(!run.stderr.contains("remove its VM"), "{}", run.stderr);
    run.says(&["was told to serve before: do not remove it"]);
    stage.bootstrap(&[]).run().expect(0);
}

#[test]
fn a_replica_that_has_keys_already_is_not_told_to_serve() {
    let stage = Stage::waiting();
    stage.bootstrap(&[]).run().expect(0);
    stage.stand_replica();
    let at = stage.host().replica_url();
    stage.post(&format!("{at}/prpc/Onboard.Bootstrap?json"), r#"{"domain":"evil.example.com"}"#);
    let (root, source) = (stage.world.tdx_root(), stage.host().kms_url().replace("http://", "https://"));
    let words = ["dstack", "onboard", "--domain", "kms-2.example.com", "--kms-url", &at, "--source-url", &source];
    let info = ["--bootstrap-info", "kms/bootstrap-info.json", "--root", root.to_str().unwrap()];
    stage.merotee(&words).args(info).run().expect(10).says(&["it has keys already", "remove the VM"]);
    assert!(!stage.vm("kms-2").serves);
}

#[test]
fn an_option_that_says_who_allows_a_kms_wins_over_the_environment() {
    let stage = Stage::spoilt(&["dstack-not-allowed"]);
    let measured = stage.host().measured("kms").unwrap();
    stage.bootstrap(&["--allowed-mr", &measured, "--dry-run"]).run().expect(0);
}
