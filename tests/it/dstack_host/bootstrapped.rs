//! `dstack bootstrap` and `dstack onboard` where nothing is wrong, and where the words are.

use merotee::adapters::bootstrap_journal;

use super::stage::{DOMAIN, Stage};
use crate::binary::Place;

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_kms_makes_its_keys_once_and_serves_with_them_and_a_second_run_only_looks() {
    let stage = Stage::waiting();
    let run = stage.bootstrap(&[]).run().expect(0);
    run.says(&["certified by the attested key", "GetMeta is answered in", "equal to the verified document"]);
    let vm = stage.vm("kms");
    assert!(vm.serves && vm.has_keys);
    assert_eq!(stage.place.read("kms/bootstrap-info.json"), vm.bootstrap_info.unwrap(), "byte for byte");
    assert_eq!(stage.place.names("kms"), ["bootstrap-info.json", bootstrap_journal::NAME]);
    for name in stage.place.names("kms") {
        assert_eq!(mode(&stage.place.path(format!("kms/{name}"))), 0o600, "{name}");
        let text = stage.place.read(&format!("kms/{name}"));
        assert!(!text.contains("PRIVATE") && !text.contains("_key\""), "{name}: {text}");
    }
    stage.bootstrap(&[]).run().expect(0).says(&["certified by the attested key"]);
    assert_eq!(stage.asked(), (1, 1));
}

#[test]
fn a_kms_that_nothing_allows_is_not_asked_and_the_line_to_add_is_printed_for_every_backend() {
    let stage = Stage::spoilt(&["dstack-not-allowed"]);
    let measured = stage.host().measured("kms").unwrap();
    let run = stage.bootstrap(&[]).run().expect(10);
    let added = format!("add \"{measured}\" to kms.mrAggregated");
    run.says(&[&added, &format!("addKmsAggregatedMr(0x{measured})"), "then run this again"]);
    let api = stage.host().auth_url().to_owned();
    let by_api = stage.bootstrap(&["--auth-url", &api]).env("MEROTEE_DSTACK_ALLOW_LIST", "").run().expect(10);
    by_api.says(&["does not allow it: aggregated MR not allowed"]);
    let other = "ab".repeat(32);
    let pinned = stage.bootstrap(&["--allowed-mr", &other]).env("MEROTEE_DSTACK_ALLOW_LIST", "").run().expect(10);
    pinned.says(&["another measurement than the one given"]);
    let nobody = stage.bootstrap(&[]).env("MEROTEE_DSTACK_ALLOW_LIST", "").run().expect(2);
    nobody.says(&["nothing says whether the KMS may have keys", "--allowed-mr"]);
    assert_eq!(stage.asked(), (0, 0));
    stage.host().allow(&[measured]).unwrap();
    stage.bootstrap(&["--auth-url", &api]).env("MEROTEE_DSTACK_ALLOW_LIST", "").run().expect(0);
}

#[test]
fn a_rehearsal_changes_nothing() {
    let stage = Stage::waiting();
    stage.bootstrap(&["--dry-run"]).run().expect(0).says(&["was not asked (--dry-run)"]);
    assert_eq!(stage.asked(), (0, 0));
    assert!(!stage.vm("kms").has_keys);
}

#[test]
fn a_replica_takes_the_keys_and_is_held_to_have_no_document_of_its_own() {
    let stage = Stage::waiting();
    stage.bootstrap(&[]).run().expect(0);
    stage.stand_replica();
    let (root, at) = (stage.world.tdx_root(), stage.host().replica_url());
    let source = stage.host().kms_url().replace("http://", "https://");
    let words = ["dstack", "onboard", "--domain", "kms-2.example.com", "--kms-url", &at, "--source-url", &source];
    let onboard = || {
        let info = ["--bootstrap-info", "kms/bootstrap-info.json", "--root", root.to_str().unwrap()];
        stage.merotee(&words).args(info)
    };
    onboard().run().expect(0).says(&["certified by the attested key", "none, as of a replica"]);
    assert!(stage.vm("kms-2").serves && stage.vm("kms-2").bootstrap_info.is_none());
    onboard().run().expect(0).says(&["does not wait"]);
}

#[test]
fn commands_are_about_the_sandbox_s_own_host_where_nothing_is_named() {
    let place = Place::new();
    place.sandbox(["dstack", "bootstrap", "--domain", DOMAIN, "--out", "kms"]).run().expect(0);
    let run = place.sandbox(["dstack", "onboard", "--domain", "kms-2.example.com"]).run().expect(0);
    run.says(&["none, as of a replica"]);
    place.sandbox(["dstack", "logs"]).run().expect(0).says(&["Onboarding"]);
    place.sandbox(["dstack", "preflight", "--image", "dstack-0.5.7"]).run().expect(0).says(&["not checked"]);
}

#[test]
fn a_folder_about_another_kms_or_with_a_changed_answer_is_refused() {
    let stage = Stage::waiting();
    stage.bootstrap(&[]).run().expect(0);
    let other = stage.merotee(&["dstack", "bootstrap", "--domain", "other.example.com", "--out", "kms"]);
    other.run().expect(1).says(&["is about the KMS at", "name another folder with --out"]);
    let changed = stage.place.read("kms/bootstrap-info.json").replace("\"k256_pubkey\"", " \"k256_pubkey\"");
    stage.place.write("kms/bootstrap-info.json", changed);
    stage.bootstrap(&[]).run().expect(1).says(&["it was changed since"]);
    stage.place.write("kms/bootstrap-journal.jsonl", "nonsense\n");
    stage.bootstrap(&[]).run().expect(1).says(&["is not the journal of a bootstrap"]);
}

#[test]
fn a_name_that_is_none_is_refused_before_anything_is_asked() {
    let stage = Stage::waiting();
    for domain in ["bad_domain", "", "a..b"] {
        let run = stage.merotee(&["dstack", "bootstrap", "--domain", domain, "--out", "kms"]).run().expect(2);
        run.says(&["--domain", "DNS name"]);
    }
    assert!(stage.host().record().requests().is_empty());
}
