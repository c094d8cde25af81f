//! `dstack auth`: the list shown, changed with what it said kept beside it, or left as it is.

use std::fs;

use crate::binary::{Place, statuses};

const MR: &str = "9218777cbf9d7539e34576d42e6b6097ba324a8ad7794452614957e8bc170535";
const OTHER: &str = "51ea38f8eee6dc72dbae9b74531ae6d6204295d265dabb4e6c34621a2a1a1197";
const LIST: &str = r#"{
    "osImages": ["0xE61BE43DD1CC6A6F5EDEFD7C51B608983780839B0000CE60DD99737DCFFE09B9"],
    "x-owner": "platform team",
    "kms": {
        "mrAggregated": [],
        "devices": [],
        "allowAnyDevice": false
    },
    "apps": {}
}
"#;

#[test]
fn a_list_is_shown_as_the_service_reads_it() {
    let place = Place::new();
    place.write("auth-config.json", LIST);
    let run = place.merotee(["dstack", "auth", "show", "auth-config.json"]).run().expect(0);
    run.says(&[
        "KMS: none",
        "OS images: e61be43dd1cc6a6f5edefd7c51b608983780839b0000ce60dd99737dcffe09b9",
        "TCB statuses: UpToDate",
        "any device: the list is empty, and allowAnyDevice = false does not change that",
        "the field `x-owner` is not one that the service reads",
    ]);
}

#[test]
fn an_entry_is_added_and_taken_out_and_what_the_file_said_is_kept_beside_it() {
    let place = Place::new();
    let path = place.write("auth-config.json", LIST);
    let edit = |verb: &str, more: &[&str]| place.merotee(["dstack", "auth", verb, "auth-config.json"]).args(more).run();
    let run = edit("allow", &["--mr-aggregated", MR]).expect(0);
    run.says(&["-        \"mrAggregated\": [],", &format!("+            \"0x{MR}\""), "auth-config.json.bak"]);
    let expected =
        LIST.replace("\"mrAggregated\": []", &format!("\"mrAggregated\": [\n            \"0x{MR}\"\n        ]"));
    assert_eq!(place.read("auth-config.json"), expected);
    assert_eq!(place.read("auth-config.json.bak"), LIST);
    edit("allow", &["--mr-aggregated", &format!("0x{}", MR.to_uppercase())]).expect(0).says(&["nothing was changed"]);
    assert_eq!(place.names("."), ["auth-config.json", "auth-config.json.bak"]);
    edit("revoke", &["--mr-aggregated", MR]).expect(0).says(&["is no longer allowed"]);
    assert_eq!(fs::read_to_string(path).unwrap(), LIST);
    edit("revoke", &["--mr-aggregated", MR]).expect(0).says(&["does not list it: nothing was changed"]);
}

#[test]
fn several_entries_go_in_at_once() {
    let place = Place::new();
    place.write("l.json", "{}");
    let words = ["dstack", "auth", "allow", "l.json", "--mr-aggregated", MR, "--mr-aggregated", OTHER, "--device", MR];
    let app = "c".repeat(40);
    let more = ["--os-image", OTHER, "--compose-hash", MR, "--app", &app];
    let run = place.merotee(words).args(more).run().expect(0);
    run.says(&["kms.devices was empty and allowed any device", "is new: it may boot on any device"]);
    let list: serde_json::Value = serde_json::from_str(&place.read("l.json")).unwrap();
    assert_eq!(list["kms"]["mrAggregated"].as_array().unwrap().len(), 2);
    assert_eq!(list["apps"]["c".repeat(40)]["composeHashes"][0], format!("0x{MR}"));
}

#[test]
fn a_rehearsal_shows_the_change_and_makes_none() {
    let place = Place::new();
    place.write("l.json", LIST);
    let words = ["dstack", "auth", "allow", "l.json", "--mr-aggregated", MR, "--dry-run", "--format", "json"];
    let run = place.merotee(words).run().expect(0);
    assert_eq!(statuses(&run.report(), "dstack-allow-list-edit"), ["pass"]);
    run.says(&["planned"]);
    assert_eq!((place.read("l.json").as_str(), place.names(".")), (LIST, vec!["l.json".to_owned()]));
}

#[cfg(unix)]
#[test]
fn the_mode_of_the_file_stays_as_it_was_for_itself_and_its_copy() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let path = place.write("l.json", LIST);
    for mode in [0o600, 0o640] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let verb = if mode == 0o600 { "allow" } else { "revoke" };
        place.merotee(["dstack", "auth", verb, "l.json", "--mr-aggregated", MR]).run().expect(0);
        let backup = if mode == 0o600 { "l.json.bak" } else { "l.json.bak.1" };
        for file in ["l.json", backup] {
            let actual = fs::metadata(place.path(file)).unwrap().permissions().mode() & 0o777;
            assert_eq!(actual, mode, "{file}");
        }
    }
}

#[test]
fn what_is_not_a_list_is_left_as_it_is() {
    let place = Place::new();
    for text in ["", "[]", "{\"kms\": []}", "{\"kms\": {}, \"kms\": {}}"] {
        place.write("l.json", text);
        for verb in ["allow", "revoke"] {
            let run = place.merotee(["dstack", "auth", verb, "l.json", "--mr-aggregated", MR]).run().expect(2);
            run.says(&["l.json is not an allow-list"]).without_product();
        }
        place.merotee(["dstack", "auth", "show", "l.json"]).run().expect(2).says(&["l.json is not an allow-list"]);
        assert_eq!(place.read("l.json"), text);
    }
    place.write("l.json", LIST);
    place.merotee(["dstack", "auth", "allow", "l.json"]).run().expect(2).without_product();
    place
        .merotee(["dstack", "auth", "allow", "l.json", "--mr-aggregated", "12"])
        .run()
        .expect(2)
        .says(&["64 hex digits"]);
    place.merotee(["dstack", "auth", "allow", "l.json", "--compose-hash", MR]).run().expect(2).says(&["--app"]);
    place.merotee(["dstack", "auth", "allow", "none.json", "--mr-aggregated", MR]).run().expect(1).says(&["none.json"]);
    let (app, other) = ("ab".repeat(20), "AB".repeat(20));
    let twice = format!("{{\"apps\":{{\"0x{other}\":{{}},\"{app}\":{{\"composeHashes\":[\"{MR}\"]}}}}}}");
    place.write("twice.json", &twice);
    let words = ["dstack", "auth", "revoke", "twice.json", "--app", &app, "--compose-hash", MR];
    place.merotee(words).run().expect(2).says(&["`apps` holds one application as", &app, &other]);
    assert_eq!(place.read("twice.json"), twice);
    place.write("one.json", format!("{{\"kms\":{{\"devices\":[\"{MR}\"]}}}}"));
    let run = place.merotee(["dstack", "auth", "revoke", "one.json", "--device", MR]).run().expect(2);
    run.says(&["it is the only entry of `kms.devices`, and an empty list allows any device"]);
}
