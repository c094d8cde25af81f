//! Folders of policies: what counts as one, what is missing where none is, and machines that no two files may share.

use std::fs;

use serde_json::{Value, json};

use crate::{
    binary::{BINARY, Place, findings},
    gen_policy::register,
};

const PROFILES: [&str; 3] = ["debug", "debug-read-only", "locked-read-only"];
const REGISTERS: [&str; 5] = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];

/// The lists of one side, with the prefix given.
fn lists(role: &str, profile: &str, prefix: &str) -> Value {
    let mut lists = json!({});
    for name in REGISTERS {
        lists[format!("{prefix}allowed_{name}")] = json!([register(role, profile, name)]);
    }
    lists[format!("{prefix}allowed_tcb_statuses")] = json!(["uptodate"]);
    lists
}

/// A final policy whose KMS and nodes are of these profiles.
fn policy(profile: &str, kms: &str, node: &str) -> Value {
    let mut policy = lists("kms", kms, "kms_");
    let node = lists("node", node, "node_");
    policy.as_object_mut().unwrap().extend(node.as_object().unwrap().clone());
    json!({"schema_version": 1, "role": "kms", "profile": profile, "tag": "1.2.0", "status": "ready", "policy": policy})
}

fn name(profile: &str) -> String {
    format!("policies/attestation-policy-{profile}.json")
}

/// A folder of three sound policies.
fn sound() -> Place {
    let place = Place::new();
    for profile in PROFILES {
        place.write(&name(profile), policy(profile, profile, profile).to_string());
    }
    place
}

fn edit(place: &Place, name: &str, change: impl FnOnce(&mut Value)) {
    let mut document: Value = serde_json::from_str(&place.read(name)).unwrap();
    change(&mut document);
    place.write(name, document.to_string());
}

/// The findings of `role-separation` that failed.
fn overlaps(place: &Place, paths: &[&str], code: i32) -> Vec<String> {
    let run = place.merotee(["policy", "validate", "--format", "json"]).args(paths).run().expect(code);
    let report = run.report();
    let of_roles = findings(&report).into_iter().filter(|f| f["check"] == "role-separation" && f["status"] == "fail");
    of_roles.map(|f| format!("{}: {}", f["subject"].as_str().unwrap(), f["message"].as_str().unwrap())).collect()
}

#[test]
fn a_kms_of_one_profile_that_is_a_node_of_another_fails_in_each_of_the_six_pairs_and_either_way() {
    assert_eq!(overlaps(&sound(), &["policies"], 0), [""; 0]);
    for (kms, node) in PROFILES.iter().flat_map(|a| PROFILES.map(|b| (*a, b))).filter(|(a, b)| *a != *b) {
        for (changed, side, role, of) in [(node, "node_", "kms", kms), (kms, "kms_", "node", node)] {
            let place = sound();
            edit(&place, &name(changed), |d| {
                for register in REGISTERS {
                    let key = format!("{side}allowed_{register}");
                    let other = lists(role, of, "")[format!("allowed_{register}")][0].clone();
                    d["policy"][key].as_array_mut().unwrap().push(other);
                }
            });
            let failed = overlaps(&place, &["policies"], 10);
            assert_eq!(failed.len(), 1, "{kms} {node} {side}: {failed:?}");
            let expected = format!("{kms} KMS ({}) and {node} node ({}) are not separated", name(kms), name(node));
            assert!(failed[0].contains(&expected), "{failed:?}");
        }
    }
}

#[test]
fn what_one_register_tells_apart_is_no_overlap() {
    for spared in REGISTERS {
        let place = sound();
        edit(&place, &name("debug"), |d| {
            for register in REGISTERS.iter().filter(|r| **r != spared) {
                let locked = lists("kms", "locked-read-only", "")[format!("allowed_{register}")].clone();
                d["policy"][format!("node_allowed_{register}")] = locked;
            }
        });
        assert_eq!(overlaps(&place, &["policies"], 0), [""; 0], "{spared}");
    }
}

#[test]
fn files_in_other_folders_of_other_kinds_and_of_other_versions_are_held_against_each_other_too() {
    let place = sound();
    let registry_kms = json!({"schema_version": 2, "policy_id": "mero-kms-phala/2.1.4", "release_tag": "2.1.4",
        "status": "approved", "policy": lists("kms", "locked-read-only", "")});
    place.write("kms-phala/2.1.4.json", registry_kms.to_string());
    let registry_node = |machine: [(&str, &str); 3]| {
        let of = |(role, profile): (&str, &str)| lists(role, profile, "");
        json!({"schema_version": 1, "policy_id": "mero-tee/2.1.9", "release_tag": "2.1.9", "status": "approved",
            "profiles": {"debug": of(machine[0]), "debug-read-only": of(machine[1]), "locked-read-only": of(machine[2])}})
    };
    let nodes = [("node", "debug"), ("node", "debug-read-only"), ("node", "locked-read-only")];
    place.write("mero-tee/2.1.9.json", registry_node(nodes).to_string());
    assert_eq!(overlaps(&place, &["."], 0), [""; 0]);
    for at in 0..3 {
        let mut machines = nodes;
        machines[at] = ("kms", "locked-read-only");
        place.write("mero-tee/2.1.9.json", registry_node(machines).to_string());
        let folder = overlaps(&place, &["kms-phala", "mero-tee"], 10);
        assert_eq!(folder.len(), 1, "{folder:?}");
        assert!(
            folder[0].starts_with("mero-tee/2.1.9.json: locked-read-only KMS (kms-phala/2.1.4.json)"),
            "{folder:?}"
        );
        assert_eq!(overlaps(&place, &["policies", "mero-tee/2.1.9.json"], 10).len(), 1);
        // Neither file shows it alone.
        assert_eq!(overlaps(&place, &["kms-phala"], 0), [""; 0]);
    }
    // Nothing but the registry's node file is left of the nodes of that version: an empty list takes any value.
    let mut open = registry_node(nodes);
    for register in REGISTERS {
        open["profiles"]["debug"][format!("allowed_{register}")] = json!([]);
    }
    place.write("mero-tee/2.1.9.json", open.to_string());
    assert_eq!(overlaps(&place, &["kms-phala", "mero-tee"], 10).len(), 1);
}

#[test]
fn published_measurements_beside_the_policies_count_for_the_role_they_state() {
    for (role, other) in [("kms", "node"), ("node", "kms")] {
        let place = sound();
        let published = |machine: &str, profile: &str| {
            let mut profiles = json!({});
            for own in PROFILES {
                profiles[own] = lists(role, own, "");
            }
            profiles["debug"] = lists(machine, profile, "");
            json!({"schema_version": 1, "role": role, "tag": "1.2.0", "profiles": profiles}).to_string()
        };
        place.write("policies/published-mrtds.json", published(role, "debug"));
        assert_eq!(overlaps(&place, &["policies"], 0), [""; 0]);
        place.write("policies/published-mrtds.json", published(other, "locked-read-only"));
        let failed = overlaps(&place, &["policies"], 10);
        assert_eq!(failed.len(), 1, "{role}: {failed:?}");
        assert!(failed[0].contains("policies/published-mrtds.json"), "{failed:?}");
    }
}

#[test]
fn a_folder_without_a_policy_is_incomplete_and_never_passes() {
    let candidates = json!({"schema_version": 1, "measurement_source": "td_quote"});
    let documents: [(&str, String); 10] = [
        ("notes.json", json!({"note": "moved"}).to_string()),
        ("notes.json", "[]".into()),
        ("notes.json", "null".into()),
        ("notes.json", "\"policy\"".into()),
        ("index.json", json!({"releases": []}).to_string()),
        ("compatibility-catalog.json", json!({"schema_version": "1", "entries": []}).to_string()),
        ("measurement-policy-candidates.json", candidates.to_string()),
        ("attestation-policy.schema.json", json!({"$schema": "x", "title": "a policy"}).to_string()),
        ("attestation-policy-debug.json.sigstore.json", json!({"mediaType": "x"}).to_string()),
        (
            "published-mrtds.json",
            json!({"role": "node", "tag": "1.2.0", "profiles": {"debug": lists("node", "debug", "")}}).to_string(),
        ),
    ];
    for (name, text) in &documents {
        let place = Place::new();
        place.write(&format!("policies/{name}"), text);
        let run = place.merotee(["policy", "validate", "policies"]).run().expect(11);
        run.says(&["holds no policy: its only JSON file is not one", "INCOMPLETE"]);
        // A folder that holds one does not make up for it.
        let place = sound();
        place.write(&format!("others/sub/{name}"), text);
        place.merotee(["policy", "validate", "policies", "others"]).run().expect(11).says(&["others"]);
        place.merotee(["policy", "diff", "others", "others"]).run().expect(2).says(&["nothing to compare"]);
    }
    let place = Place::new();
    for (at, (name, text)) in documents.iter().enumerate() {
        place.write(&format!("policies/{at}/{name}"), text);
    }
    place.merotee(["policy", "validate", "policies"]).run().expect(11).says(&["none of its 10 JSON files is one"]);
}

#[test]
fn a_file_whose_name_promises_a_policy_and_that_holds_none_fails_and_cannot_be_compared() {
    for name in [
        "attestation-policy-debug.json",
        "attestation-policy-staging.json",
        "ATTESTATION-POLICY-DEBUG.JSON",
        "kms-phala-attestation-policy.json",
        "kms-phala-attestation-policy.locked-read-only.json",
        "nodes/node-policy.json",
        "policy.json",
        "policies.json",
        "mero-tee/2.1.4.json",
        "v2.1.4.json",
    ] {
        for text in ["{}", "[]", "null", r#"{"note": "moved"}"#, r#"{"releases": []}"#, "", "\u{feff}{}"] {
            let place = sound();
            let name = name.replace("attestation-policy-debug", "attestation-policy-debug-2");
            place.write(&format!("policies/{name}"), text);
            let run = place.merotee(["policy", "validate", "policies"]).run().expect(10);
            run.says(&["[FAIL] schema", &name]);
            let run = place.merotee(["policy", "diff", "policies", "policies"]).run().expect(1).without_product();
            run.says(&[&format!("policies: {name} cannot be compared")]);
        }
    }
    // Whatever the name says, these speak of what is allowed.
    for text in [r#"{"policy_id": "x"}"#, r#"{"release_tag": "x"}"#, r#"{"profiles": {"debug": {"allowed_mrtd": []}}}"#]
    {
        let place = sound();
        place.write("policies/document.json", text);
        place.merotee(["policy", "validate", "policies"]).run().expect(10).says(&["policies/document.json"]);
        place.merotee(["policy", "diff", "policies", "policies"]).run().expect(1).without_product();
    }
}

#[test]
fn a_policy_without_lists_that_can_be_read_cannot_be_compared() {
    for text in
        [r#"{"policy": "none"}"#, r#"{"policy": {}, "profile": "production"}"#, r#"{"policy": [], "tag": "1.2.0"}"#]
    {
        let place = sound();
        place.write("policies/attestation-policy-x.json", text);
        let run = place.merotee(["policy", "diff", "policies", "policies"]).run().expect(1).without_product();
        run.says(&["it holds no lists that can be read"]);
    }
}

#[test]
fn two_states_without_a_policy_are_a_usage_error_and_one_is_a_difference() {
    let place = sound();
    for folder in ["empty", "other"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    place.write("notes/notes.json", "{}");
    for (a, b) in [("empty", "empty"), ("empty", "other"), ("empty", "notes"), ("notes", "empty"), ("notes", "notes")] {
        for more in [&[][..], &["--fail-on-change"], &["--format", "json"]] {
            let run = place.merotee(["policy", "diff", a, b]).args(more).run().expect(2).without_product();
            run.says(&["holds a policy: there is nothing to compare"]);
        }
    }
    place.merotee(["policy", "diff", "empty", "policies"]).run().expect(0).says(&["the file is new"]);
    place.merotee(["policy", "diff", "policies", "notes"]).run().expect(0).says(&["the file is gone"]);
}

#[test]
fn standard_input_is_a_policy_that_was_asked_for() {
    let place = sound();
    let piped = |file: &str, arguments: &str| {
        let script = format!("{BINARY} policy {arguments} < {file}");
        place.program("sh", ["-c", &script]).run()
    };
    piped(&name("debug"), "validate -").expect(0).says(&["standard input: PASSED"]);
    piped("/dev/null", "validate -").expect(10).says(&["[FAIL] schema"]);
    let changed = piped(&name("debug"), &format!("diff - {}", name("locked-read-only"))).expect(0);
    changed.says(&["profile was \"debug\" and is \"locked-read-only\""]);
    piped(&name("debug"), &format!("diff {} -", name("debug"))).expect(0).says(&["No difference"]);
}
