//! `merod-config generate` and `apply`.

use std::fs;

use serde_json::{Value, json};

use crate::{
    binary::Place,
    gen_policy::{register, write_inputs},
};

const POLICY: &str = "policies/attestation-policy-locked-read-only.json";
const URL: &str = "https://kms.example:8080/";

fn generated() -> Place {
    let place = Place::new();
    write_inputs(&place);
    let mut words = vec!["gen-policy", "--tag", "1.2.0", "--node-mrtds", "published-mrtds.json", "--out", "policies"];
    words.extend(["--commit", "0123456789abcdef0123456789abcdef01234567", "--candidates", "probe-debug-1.json"]);
    words.extend(["--candidates", "probe-debug-read-only-1.json", "--candidates", "probe-locked-read-only-1.json"]);
    place.merotee(words).run().expect(0);
    place
}

fn generate(place: &Place, more: &[&str]) -> crate::binary::Run {
    place.merotee(["merod-config", "generate", "--policy", POLICY, "--url", URL]).args(more).run()
}

fn apply(place: &Place, more: &[&str]) -> crate::binary::Run {
    place
        .merotee(["merod-config", "apply", "--policy", POLICY, "--url", URL, "--config", "config.toml"])
        .args(more)
        .run()
}

fn edit(place: &Place, change: impl FnOnce(&mut Value)) {
    let mut document: Value = serde_json::from_str(&place.read(POLICY)).unwrap();
    change(&mut document);
    place.write(POLICY, document.to_string());
}

#[test]
fn a_policy_becomes_the_block_a_node_reads_in_toml_and_json() {
    let place = generated();
    let toml = generate(&place, &[]).expect(0);
    insta::assert_snapshot!("merod_config_toml", toml.stdout);
    let json = generate(&place, &["--format", "json"]).expect(0);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    let phala = &document["tee"]["kms"]["phala"];
    assert_eq!((&phala["url"], &phala["attestation"]["accept_mock"]), (&json!(URL), &json!(false)));
    assert_eq!(phala["attestation"]["allowed_rtmr3"], json!([register("kms", "locked-read-only", "rtmr3")]));
    assert_eq!(phala["attestation"]["allowed_tcb_statuses"], json!(["uptodate"]));
}

#[test]
fn applying_keeps_the_rest_makes_a_backup_and_does_nothing_twice() {
    let place = generated();
    let old =
        "# node\r\n[identity]\r\nkeypair = \"secret\" # keep\r\n\r\n[tee.kms.phala]\r\nurl = 'http://old' # KMS\r\n";
    let path = place.write("config.toml", old);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    apply(&place, &["--dry-run"])
        .expect(0)
        .says(&["nothing was changed; would set in tee.kms.phala: url, attestation.enabled"]);
    assert_eq!(place.read("config.toml"), old);
    apply(&place, &[]).expect(0).says(&["set in tee.kms.phala: url, attestation.enabled, "]);
    let new = place.read("config.toml");
    assert!(new.starts_with(&old.replace("'http://old'", &format!("\"{URL}\""))), "{new}");
    assert_eq!(place.read("config.toml.bak"), old);
    apply(&place, &[]).expect(0).says(&["already says all of this"]);
    assert_eq!(place.read("config.toml"), new);
    let beside = |place: &Place| place.names("").into_iter().filter(|n| n.starts_with("config.toml")).count();
    assert_eq!(beside(&place), 2, "no second backup");
    place.write("config.toml", new.replace("enabled = true", "enabled = false"));
    apply(&place, &[]).expect(0).says(&["set in tee.kms.phala: attestation.enabled"]);
    assert_eq!((beside(&place), place.read("config.toml.bak")), (3, old.to_owned()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for name in ["config.toml", "config.toml.bak"] {
            assert_eq!(fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        }
    }
}

#[test]
fn a_configuration_that_cannot_be_edited_is_left_as_it_is() {
    let place = generated();
    for (text, says) in
        [("a = \n", "not TOML"), ("tee = { kms = {} }\n", "is an inline table"), ("[[tee]]\n", "`tee` is not a table")]
    {
        place.write("config.toml", text);
        apply(&place, &[]).expect(2).says(&["config.toml was left as it is", says]);
        assert_eq!(place.read("config.toml"), text);
    }
    place.write("config.toml", [b'a', 0xff]);
    apply(&place, &[]).expect(2).says(&["is not UTF-8"]);
    fs::remove_file(place.path("config.toml")).unwrap();
    apply(&place, &[]).expect(1).says(&["cannot read config.toml"]);
    assert!(place.names("").iter().all(|n| !n.contains(".bak")));
}

#[test]
fn a_policy_that_no_node_should_trust_changes_nothing() {
    let refused = |change: fn(&mut Value), more: &[&str], says: &str| {
        let place = generated();
        place.write("config.toml", "a = 1\n");
        edit(&place, change);
        apply(&place, more).expect(10).says(&[says]);
        assert_eq!(place.read("config.toml"), "a = 1\n");
        place.write("out.toml", "old");
        generate(&place, &[more, &["--output", "out.toml"]].concat()).expect(10).says(&[says]);
        assert_eq!(place.read("out.toml"), "old");
    };
    refused(|d| d["status"] = json!("policy_not_ready"), &[], "policy_not_ready in a stable release");
    refused(|d| d["policy"]["kms_allowed_rtmr1"] = json!([]), &[], "nothing in RTMR1");
    refused(|d| d["policy"]["kms_allowed_tcb_statuses"] = json!(["revoked"]), &[], "revoked platforms");
    refused(
        |d| d["kms"]["default_binding_b64"] = json!("AAAA"),
        &[],
        "kms.default_binding_b64 differs from the KMS's binding",
    );
    refused(|d| d["merod_config_path"] = json!("tee.other"), &[], "another place in the configuration");
    refused(|_| {}, &["--profile", "debug"], "for another profile");
    refused(|_| {}, &["--tag", "1.2.1"], "for another release");
}

#[test]
fn addresses_that_have_no_place_in_a_configuration_are_refused() {
    let place = generated();
    for url in ["ftp://kms/", "https://user:pw@kms/", "https://kms/?a=1", "https://kms/#x", "kms"] {
        let words = ["merod-config", "generate", "--policy", POLICY, "--url", url];
        place.merotee(words).run().expect(2).without_product();
    }
}

#[test]
fn a_release_folder_gives_the_profiles_policy_and_a_doubtful_one_does_not() {
    let place = generated();
    let words = |profile: &str| {
        ["merod-config", "generate", "--release-dir", "policies", "--profile", profile, "--url", URL].map(str::to_owned)
    };
    place.merotee(words("debug")).run().expect(0).says(&["profile debug", "verify-release-assets"]);
    place.write("policies/kms-phala-attestation-policy.debug.json", "{}");
    place.merotee(words("debug")).run().expect(2).says(&["holds two policies of debug"]);
    fs::remove_dir_all(place.path("policies")).unwrap();
    place.merotee(words("debug")).run().expect(1).says(&["holds no policy of debug"]);
}

#[test]
fn a_setting_that_undoes_the_policy_is_warned_about() {
    let place = generated();
    place.write("config.toml", "[tee.kms.phala.attestation]\npolicy_json_path = \"/p.json\"\n");
    apply(&place, &[]).expect(0).says(&["[WARN] merod-config", "policy_json_path", "what was applied has no effect"]);
}
