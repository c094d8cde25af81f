//! `catalog` as its users run it.

use merotee::{
    digest::Sha256,
    sandbox::catalog::{CATALOG_PAIRS, Pair, catalog},
};
use serde_json::{Value, json};

use crate::binary::{Place, findings, statuses};

const FILE: &str = "compatibility-catalog.json";

/// The catalog of the sandbox's repository, byte for byte.
fn kept() -> String {
    format!("{:#}\n", catalog(&CATALOG_PAIRS))
}

#[test]
fn a_pair_is_listed_or_missing_or_not_to_be_relied_on() {
    let place = Place::new();
    let check = |words: &[&str]| place.sandbox(["catalog", "check"]).args(words).args(["--format", "json"]).run();
    let report = check(&["1.2.0", "1.2.0"]).expect(0).report();
    assert_eq!(statuses(&report, "catalog-pair"), ["pass"; 3]);
    check(&["mero-kms-v1.2.0", "mero-tee-v1.2.0", "--profile", "debug"]).expect(0);
    let report = check(&["1.2.0", "1.1.0"]).expect(11).report();
    assert_eq!(findings(&report)[0]["actual"], "listed with node image 1.2.0");
    for wrong in [["mero-tee-v1.2.0", "1.2.0"], ["1.2.0", "latest"]] {
        check(&wrong).expect(2).without_product();
    }
    place.write("mine.json", r#"{"schema_version":"1","entries":[{"kms":"1.2.0","node_image":"1.1.0","profiles":["debug"],"tested":false}]}"#);
    let mine =
        |words: &[&str]| check(&[&["1.2.0", "1.1.0", "--catalog", "mine.json", "--profile", "debug"], words].concat());
    mine(&[]).expect(10);
    mine(&["--allow-untested"]).expect(0);
    place.write("mine.json", r#"{"schema_version":"1","entries":[{"kms":7}]}"#);
    mine(&[]).expect(10);
    place.write("mine.json", "{");
    mine(&[]).expect(10);
    let listed =
        r#"{"schema_version":"1","entries":[{"kms":"1.2.0","node_image":"1.1.0","profiles":["debug"],"tested":true}]}"#;
    place.write("mine.json", listed);
    mine(&[]).expect(0);
    place.write("mine.json", listed.replacen("\"1\"", "\"99\"", 1));
    mine(&[]).expect(10).says(&["schema_version", "99"]);
    let upstream = |tested: bool| {
        let (kms, node) = ("mero-kms-v1.2.0", "mero-tee-v1.2.0");
        let release = json!({"version": "1.2.0", "kms_tag": kms, "node_image_tag": node, "tested": tested});
        place.write("mine.json", json!({"schema_version": 1, "releases": [release]}).to_string());
        check(&["1.2.0", "1.2.0", "--catalog", "mine.json"])
    };
    upstream(true).expect(0);
    upstream(false).expect(10).says(&["is listed as not tested"]);
    let run = place.sandbox(["catalog", "check", "1.2.0", "1.2.0", "--path", "none.json"]).run();
    run.expect(11).says(&["has no such file on its default branch"]);
}

#[test]
fn the_catalog_is_shown_as_a_table_and_as_json_in_one_form() {
    let place = Place::new();
    let run = place.sandbox(["catalog", "show"]).run().expect(0);
    insta::assert_snapshot!("catalog_show", run.stdout);
    let upstream = json!({"schema_version": 1, "releases": [
        {"version": "2.3.7", "kms_tag": "mero-kms-v2.3.7", "node_image_tag": "mero-tee-v2.3.7"}]});
    place.write("upstream.json", upstream.to_string());
    let run = place.merotee(["catalog", "show", "--catalog", "upstream.json", "--format", "json"]).run().expect(0);
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&shown["form"], &shown["entries"][0]["kms"]), (&json!("releases"), &json!("2.3.7")));
    place.write("bad.json", r#"{"schema_version":"1","entries":[{"kms":"1.2.0"}]}"#);
    let run = place.merotee(["catalog", "show", "--catalog", "bad.json"]).run();
    run.expect(10).says(&["[ERROR]", "0 pairs"]);
}

#[test]
fn a_pair_is_added_on_a_report_that_passed_and_its_digest_is_recorded() {
    let place = Place::new();
    place.write(FILE, "{\n  \"schema_version\": \"1\",\n  \"x\": [1,2],\n  \"entries\": []\n}\n");
    place.sandbox(["verify-release-assets", "1.2.0", "--format", "json", "--output", "report.json"]).run().expect(0);
    let add = |words: &[&str]| {
        let words = [&["catalog", "add", "1.2.0", "1.2.0", "--format", "json"], words].concat();
        place.sandbox(words).run()
    };
    let before = place.read(FILE);
    let dry = add(&["--evidence", "report.json", "--dry-run"]).expect(0).report();
    assert!(findings(&dry).iter().any(|f| f["message"].as_str().unwrap().starts_with("would change: ")), "{dry}");
    add(&["--evidence", "report.json", "--check"]).expect(10);
    assert_eq!(place.read(FILE), before, "neither changes anything");
    let report = add(&["--evidence", "report.json"]).expect(0).report();
    assert_eq!(statuses(&report, "catalog-evidence")[0], "pass");
    let after = place.read(FILE);
    let digest = Sha256::of(place.read("report.json").as_bytes()).to_string();
    assert!(after.contains(&digest) && after.contains("\"x\": [1,2],"), "{after}");
    add(&["--evidence", "report.json"]).expect(0);
    add(&["--evidence", "report.json", "--check"]).expect(0);
    assert_eq!(place.read(FILE), after, "again changes nothing");
    place.merotee(["catalog", "check", "1.2.0", "1.2.0", "--catalog", FILE]).run().expect(0);
    add(&["--untested"]).expect(10).says(&["is listed as tested"]);
    add(&[]).expect(2).without_product();
}

#[test]
fn a_report_of_another_repository_or_under_another_trust_root_changes_nothing() {
    let place = Place::new();
    let empty = r#"{"schema_version":"1","entries":[]}"#;
    place.write(FILE, empty);
    place.sandbox(["verify-release-assets", "1.2.0", "--format", "json", "--output", "report.json"]).run().expect(0);
    let report: Value = serde_json::from_str(&place.read("report.json")).unwrap();
    // Under Sigstore's own root it would have no such caveat.
    let sigstores = json!({"caveats": []});
    let with = |changes: &Value| {
        let mut changed = report.clone();
        changed.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        changed.to_string()
    };
    place.write("evil.json", place.read("report.json").replace("calimero-network/mero-tee", "evil/fork"));
    place.write("fork.json", with(&sigstores).replace("calimero-network/mero-tee", "evil/fork"));
    place.write("genuine.json", with(&sigstores));
    let instance = merotee::sandbox::sigstore::Instance::new(7, jiff::Timestamp::now()).unwrap();
    place.write("other-root.json", instance.trusted_root_json("http://127.0.0.1"));
    let words = |file: &'static str| {
        ["catalog", "add", "1.2.0", "1.2.0", "--repo", "calimero-network/mero-tee", "--evidence", file]
    };
    let unlike = "relies on a trust root that is not in use here";
    for file in ["evil.json", "report.json"] {
        place.merotee(words(file)).run().expect(10).says(&[unlike, "--trusted-root", "left as it is"]);
        let under = place.merotee(words(file)).args(["--trusted-root", "other-root.json"]).run();
        under.expect(10).says(&[unlike]);
    }
    let of_other = "was looked at in evil/fork, not in calimero-network/mero-tee";
    place.merotee(words("fork.json")).run().expect(10).says(&[of_other, "left as it is"]);
    place.sandbox(["catalog", "add", "1.2.0", "1.2.0", "--evidence", "evil.json"]).run().expect(10).says(&[of_other]);
    place.merotee(words("report.json")).args(["--trusted-root", "no-such-root"]).run().expect(1);
    assert_eq!(place.read(FILE), empty);
    place.merotee(words("genuine.json")).run().expect(0);
    assert_ne!(place.read(FILE), empty);
}

#[test]
fn a_report_that_failed_or_is_of_other_releases_changes_nothing() {
    let place = Place::new();
    let before = place.write(FILE, kept()).metadata().unwrap().modified().unwrap();
    let verify = |kind: &str, what: &str, file: &str| {
        let words = ["verify-release-assets", what, "--format", "json", "--output", file];
        place.tampered(kind, words).run()
    };
    verify("api-digest", "1.2.0", "failed.json").expect(10);
    place.sandbox(["verify-release-assets", "1.1.0", "--format", "json", "--output", "other.json"]).run().expect(0);
    place
        .sandbox(["verify-release-assets", "1.2.0", "--quick", "--format", "json", "--output", "quick.json"])
        .run()
        .expect(0);
    place
        .sandbox(["verify-release-assets", "mero-kms-v1.2.0", "--format", "json", "--output", "half.json"])
        .run()
        .expect(0);
    place.write("forged.json", place.read("failed.json").replace("\"verdict\": \"failed\"", "\"verdict\": \"passed\""));
    for (file, code, why) in [
        ("failed.json", 10, "did not pass"),
        ("other.json", 10, "not of the pair"),
        ("quick.json", 10, "not looked at as a whole"),
        ("forged.json", 10, "do not add up to a pass"),
        ("half.json", 11, "no report is about mero-tee-v1.2.0"),
        (FILE, 10, "not a report of merotee"),
    ] {
        let run = place.sandbox(["catalog", "add", "1.2.0", "1.2.0", "--evidence", file]).run();
        run.expect(code).says(&[why, "left as it is"]);
    }
    assert_eq!(place.read(FILE), kept());
    assert_eq!(place.path(FILE).metadata().unwrap().modified().unwrap(), before, "it was not even written");
}

#[test]
fn a_rebuild_from_the_releases_equals_the_catalog_that_is_kept() {
    let place = Place::new();
    let rebuild = |words: &[&str]| {
        let words = [&["catalog", "rebuild", "--format", "json"], words].concat();
        place.sandbox(words).run()
    };
    place.write(FILE, kept());
    rebuild(&["--check"]).expect(0);
    rebuild(&[]).expect(0);
    assert_eq!(place.read(FILE), kept());
    // What is lost is found again where it stood; only what people had said of it is not.
    let mut lacking: Value = serde_json::from_str(&kept()).unwrap();
    lacking["entries"].as_array_mut().unwrap().remove(1);
    place.write(FILE, format!("{lacking:#}\n"));
    rebuild(&["--check"]).expect(10);
    rebuild(&["--dry-run"]).expect(0);
    assert_eq!(place.read(FILE), format!("{lacking:#}\n"));
    rebuild(&[]).expect(0);
    let found = place.read(FILE);
    let as_said = found.replacen("\"tested\": false", "\"tested\": true,\n      \"notes\": \"sample pair\"", 1);
    assert_eq!(as_said, kept());
    // And what no releases bear out goes.
    let invented = kept().replacen("\"node_image\": \"1.2.0\"", "\"node_image\": \"1.1.0\"", 1);
    place.write(FILE, invented);
    rebuild(&[]).expect(0);
    assert!(place.read(FILE).starts_with(&kept()[..kept().find("\"tested\"").unwrap()]), "{}", place.read(FILE));
    let release = |(kms, node): Pair| json!({"version": kms, "kms_tag": format!("mero-kms-v{kms}"), "node_image_tag": format!("mero-tee-v{node}")});
    let upstream = json!({"schema_version": 1, "releases": CATALOG_PAIRS.map(release), "x": {}});
    let text = format!("{upstream:#}\n");
    place.write(FILE, &text);
    rebuild(&[]).expect(0);
    assert_eq!(place.read(FILE), text);
}

#[test]
fn a_rehearsed_rebuild_says_each_change_to_a_person() {
    let place = Place::new();
    place.write(FILE, "{\n  \"schema_version\": \"1\",\n  \"entries\": []\n}\n");
    let run = place.sandbox(["catalog", "rebuild", "--dry-run", "--format", "json"]).run().expect(0);
    let changes = findings(&run.report()).iter().filter(|found| found["check"] == "catalog-edit").count();
    assert!(changes > 1, "{}", run.stdout);
    for words in [&["catalog", "rebuild", "--dry-run"][..], &["catalog", "rebuild", "--dry-run", "--pr"]] {
        let run = place.sandbox(words).run().expect(0);
        // Lines are wrapped where a terminal is narrow.
        let shown = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let told = shown.matches("would change: KMS ").count();
        assert!(told > 1 && !shown.contains("catalog-edit all"), "{shown}");
        assert!(words.len() > 3 || told == changes, "{}", run.stdout);
    }
}

#[test]
fn a_listed_release_that_fails_verification_stops_the_rebuild() {
    let place = Place::new();
    place.write(FILE, kept());
    for kind in ["identity-repository", "signature-other-file"] {
        let run = place.tampered(kind, ["catalog", "rebuild"]).run();
        run.expect(10).says(&["is listed and not trusted", "left as it is"]);
    }
    assert_eq!(place.read(FILE), kept());
}
