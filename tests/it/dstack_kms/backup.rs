//! `dstack backup`: a copy of what verified, and nothing else.

use super::Recorded;
use crate::binary::{Place, Run, statuses};

fn backup(recorded: &Recorded, place: &Place, document: &str, more: &[&str]) -> Run {
    let (collateral, root) = (recorded.file("collateral.json"), recorded.file("tdx-root-ca.pem"));
    let words = ["dstack", "backup", "--bootstrap-info", document, "--collateral", &collateral, "--root", &root];
    place.merotee(words).args(["--at", super::AT]).args(more).run()
}

#[test]
fn a_verified_document_is_kept_under_its_date_for_its_owner_alone() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let info = recorded.file("bootstrap-info.json");
    let run = backup(&recorded, &place, &info, &["--dry-run"]).expect(0);
    run.says(&["the copy holds no private key"]);
    assert_eq!(place.names("."), [""; 0]);
    backup(&recorded, &place, &info, &[]).expect(0).says(&["[PASS] dstack-backup"]);
    let names = place.names(".");
    let [name] = names.as_slice() else { panic!("{names:?}") };
    let date = name.strip_prefix("kms-bootstrap-info-").and_then(|rest| rest.strip_suffix(".json")).unwrap();
    assert!(date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit()), "{name}");
    assert_eq!(std::fs::read(place.path(name)).unwrap(), std::fs::read(&info).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
    }
    backup(&recorded, &place, &info, &[]).expect(0).says(&["is there already, with the same bytes"]);
    backup(&recorded, &place, &info, &["--dir", "of/today"]).expect(0);
    assert!(place.path("of/today").join(name).is_file());
    place.write(name, "{}");
    backup(&recorded, &place, &info, &[]).expect(10).says(&["is there already and says something else"]);
    assert_eq!(place.read(name), "{}");
}

#[test]
fn what_does_not_verify_is_not_kept() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let mut document = recorded.document.clone();
    document["k256_pubkey"] = serde_json::json!("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    place.write("changed.json", document.to_string());
    let run = backup(&recorded, &place, "changed.json", &["--format", "json"]).expect(10);
    assert_eq!(statuses(&run.report(), "dstack-backup"), ["skipped_required"]);
    backup(&recorded, &place, "changed.json", &["--dir", "none"]).expect(10);
    let run = backup(&recorded, &place, "changed.json", &["--dir", "changed.json"]).expect(2);
    run.says(&["--dir changed.json is a file: name a folder"]);
    assert_eq!(place.names("."), ["changed.json"]);
}
