//! Values that fit their settings and values that do not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::report::Status;

fn setting(name: &str) -> &'static Setting {
    VARIABLES.iter().chain(&SECRETS).find(|s| s.name == name).unwrap()
}

fn status_of(name: &str, value: &str) -> Status {
    let nothing = Asked::Yes(BTreeMap::new());
    of_variable(setting(name), Some(value), &nothing).status
}

#[test]
fn each_variable_takes_what_it_is_for_and_nothing_else() {
    for (name, good, bad) in [
        (
            "MERO_KMS_VERSION",
            vec!["1.2.0", "v1.2.0", "1.3.0-rc.1"],
            vec!["latest", "1.2", "mero-kms-v1.2.0", "1.2.0\n"],
        ),
        ("MERO_KMS_PROFILE", vec!["debug", "locked-read-only"], vec!["Debug", "prod"]),
        (
            "GCP_PROJECT_ID",
            vec!["my-project", "example.com:my-project"],
            vec!["My-Project", "short", "ends-with-", "1abcdef"],
        ),
        ("GCP_ZONE", vec!["us-central1-a", "europe-west4-b"], vec!["us-central1", "us_central1_a", "us-central1-a\n"]),
        ("GCP_IMAGE_FAMILY", vec!["mero-tee", "m"], vec!["-m", "M", "m-", ""]),
        (
            "GHCR_REGISTRY",
            vec!["ghcr.io/calimero-network", "localhost:5000/a/b-c"],
            vec!["https://ghcr.io/a", "ghcr.io", "ghcr.io/A", "ghcr.io/a:tag"],
        ),
        (
            "PHALA_DSTACK_URL",
            vec!["https://dstack.example/x", "http://127.0.0.1:4000"],
            vec!["http://dstack.example", "http://127.example", "dstack.example", "https://u:p@h/"],
        ),
        (
            "COMPATIBILITY_CATALOG_PATH",
            vec!["compatibility-catalog.json", "a/b.json"],
            vec!["/etc/x", "../x", "a//b", "a\\b", ""],
        ),
    ] {
        for value in good {
            assert_eq!(status_of(name, value), Status::Pass, "{name} {value:?}");
        }
        for value in bad {
            assert_eq!(status_of(name, value), Status::Fail, "{name} {value:?}");
        }
    }
}

#[test]
fn what_is_not_set_is_missing_only_where_the_repository_was_asked_and_the_pipeline_needs_it() {
    let asked = Asked::Yes(BTreeMap::new());
    let silent: Asked<BTreeMap<String, String>> = Asked::No("--offline".to_owned());
    for setting in &VARIABLES {
        let needed = setting.needed == Needed::Always;
        let expected = if needed { Status::Missing } else { Status::Skipped };
        let finding = of_variable(setting, None, &asked);
        assert_eq!(finding.status, expected, "{}", setting.name);
        assert!(finding.help.unwrap().contains(&format!("gh variable set {}", setting.name)));
        assert_eq!(of_variable(setting, None, &silent).status, Status::Skipped, "{}", setting.name);
    }
    let there = Asked::Yes(BTreeMap::from([("GCP_ZONE".to_owned(), "us-central1-a".to_owned())]));
    assert_eq!(of_variable(setting("GCP_ZONE"), None, &there).status, Status::Pass);
    assert_eq!(of_variable(setting("GCP_ZONE"), Some("us-central1-b"), &there).status, Status::Warn);
}

#[test]
fn no_finding_holds_a_secret() {
    const VALUE: &str = "hunter2-hunter2";
    let names = Asked::Yes(BTreeSet::from(["GHCR_TOKEN".to_owned()]));
    for setting in &SECRETS {
        for value in
            [VALUE.to_owned(), format!(" {VALUE}"), format!("{VALUE}\n"), format!("{{\"private_key\": \"{VALUE}\"}}")]
        {
            let shown = format!("{:?}", of_secret(setting, Some(&value), &names));
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
    let status = |name, value| of_secret(setting(name), value, &names).status;
    assert_eq!(status("GHCR_TOKEN", None), Status::Pass);
    assert_eq!(status("GCP_SERVICE_ACCOUNT_KEY", None), Status::Missing);
    assert_eq!(status("ITA_API_KEY", None), Status::Skipped);
    assert_eq!(status("ITA_API_KEY", Some("key\n")), Status::Fail, "a file's last line break breaks a header");
    assert_eq!(status("GCP_SERVICE_ACCOUNT_KEY", Some("{}")), Status::Fail);
    let key = r#"{"type":"service_account","client_email":"a@b","private_key":"-----BEGIN PRIVATE KEY-----\nx"}"#;
    assert_eq!(status("GCP_SERVICE_ACCOUNT_KEY", Some(key)), Status::Pass);
}

#[test]
fn names_stand_once_and_could_be_set() {
    let names: BTreeSet<&str> = VARIABLES.iter().chain(&SECRETS).map(|s| s.name).collect();
    assert_eq!(names.len(), VARIABLES.len() + SECRETS.len());
    assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
}
