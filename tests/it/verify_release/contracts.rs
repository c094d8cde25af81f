//! `--list-contract` and `--contract`.

use serde_json::{Value, json};

use super::{KMS, only};
use crate::binary::Place;

fn listed(place: &Place) -> Value {
    let run = place.merotee(["verify-release-assets", "--list-contract"]).run().expect(0);
    assert_eq!(run.stderr, "");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn what_is_listed_can_be_given_back_and_means_the_same() {
    let place = Place::new();
    place.merotee(["verify-release-assets", "--list-contract", "--output", "contract.json"]).run().expect(0);
    assert_eq!(serde_json::from_str::<Value>(&place.read("contract.json")).unwrap(), listed(&place));
    let verify = |more: &[&str]| {
        place.sandbox(["verify-release-assets", "1.2.0", "--format", "json"]).args(more).run().expect(0).report()
    };
    let (given, built_in) = (verify(&["--contract", "contract.json"]), verify(&[]));
    assert_eq!(given["counts"], built_in["counts"]);
}

#[test]
fn an_asset_that_only_the_given_contract_demands_is_missing() {
    let place = Place::new();
    let mut contracts = listed(&place);
    for contract in contracts["contracts"].as_array_mut().unwrap() {
        contract["assets"].as_array_mut().unwrap().push(json!({"name": "audit-{profile}.pdf", "role": "other"}));
    }
    place.write("contract.json", contracts.to_string());
    let command = ["verify-release-assets", KMS, "--contract", "contract.json", "--format", "json"];
    let run = place.sandbox(command).run().expect(11).says(&["audit-locked-read-only.pdf", "audit-debug.pdf"]);
    assert_eq!(run.report()["verdict"], "incomplete");
    assert_eq!(run.report()["counts"]["missing"], 3);
}

#[test]
fn a_contract_that_cannot_be_used_is_a_usage_error_before_anything_is_asked() {
    let place = Place::new();
    let mut undemanding = listed(&place);
    undemanding["contracts"][0]["assets"] = json!([]);
    let mut newer = listed(&place);
    newer["schema_version"] = json!(2);
    let mut misspelt = listed(&place);
    misspelt["contracts"][0]["asets"] = json!([]);
    for (bytes, why) in [
        ("{".to_owned(), "not a release contract"),
        ("[1]".to_owned(), "not a release contract"),
        (undemanding.to_string(), "everything would pass"),
        (newer.to_string(), "schema_version 2"),
        (misspelt.to_string(), "asets"),
    ] {
        place.write("contract.json", bytes);
        let run = place.sandbox(["verify-release-assets", KMS, "--contract", "contract.json"]).run();
        run.expect(2).says(&["contract.json", why]).without_product();
    }
    let run = place.sandbox(["verify-release-assets", KMS, "--contract", "nowhere.json"]).run();
    run.expect(1).says(&["cannot read nowhere.json"]).without_product();
}

#[test]
fn a_family_that_the_given_contract_leaves_out_is_a_usage_error() {
    let place = Place::new();
    let mut contracts = listed(&place);
    contracts["contracts"].as_array_mut().unwrap().retain(|contract| contract["family"] == "node");
    place.write("contract.json", contracts.to_string());
    let command = ["verify-release-assets", KMS, "--contract", "contract.json"];
    place.sandbox(command).run().expect(2).says(&["nothing for the kms family"]).without_product();
    let command = ["verify-release-assets", "mero-tee-v1.2.0", "--contract", "contract.json", "--format", "json"];
    assert_eq!(only(&place.sandbox(command).run().expect(0).report(), "asset-present")["status"], "pass");
}
