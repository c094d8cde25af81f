//! `dstack deploy`, `logs` and `preflight` against the VMM, by its URL and over its socket.

use axum::http::Method;
use merotee::sandbox::{
    trouble::{Mishap, Trouble},
    vmm::{Flaw, IMAGE, TOKEN},
};
use serde_json::{Value, json};

use super::stage::Stage;
use crate::binary::{Invocation, Place};

/// An app-compose.json as `dstack compose` writes it.
const COMPOSE: &str = r#"{
    "manifest_version": 2,
    "name": "kms",
    "runner": "docker-compose",
    "docker_compose_file": "services:\n  kms:\n    image: registry.example.com/dstack-kms:fixed\n",
    "kms_enabled": false,
    "gateway_enabled": false,
    "local_key_provider_enabled": true,
    "key_provider_id": "",
    "public_logs": false,
    "public_sysinfo": false,
    "allowed_envs": [],
    "no_instance_id": true,
    "secure_time": false
}"#;

/// Writes it into the working folder.
pub(super) fn written(place: &Place) {
    place.write("app-compose.json", COMPOSE);
}

fn deploy<'a>(stage: &'a Stage, options: &[&str]) -> Invocation<'a> {
    written(&stage.place);
    let words = ["dstack", "deploy", "--compose", "app-compose.json", "--image", IMAGE];
    stage.merotee(&words).args(options)
}

/// How many VMs there are.
fn vms(stage: &Stage) -> usize {
    stage.host().vms().len()
}

fn creations(stage: &Stage) -> usize {
    stage.host().record().requests().iter().filter(|one| one.path.contains("CreateVm")).count()
}

#[test]
fn a_vm_is_made_once_and_found_again_by_name_and_hash() {
    let stage = Stage::empty();
    deploy(&stage, &["--dry-run"]).run().expect(0).says(&["create VM", "manifest_version"]);
    assert_eq!(vms(&stage), 0);
    deploy(&stage, &[]).run().expect(0).says(&["waits for its keys", "app id"]);
    deploy(&stage, &[]).run().expect(0).says(&["waits for its keys"]);
    assert_eq!((vms(&stage), creations(&stage)), (1, 1));
    // Another file under the same name is never put in its place: its keys are on its disk.
    stage.place.write("other.json", COMPOSE.replace(":fixed", ":other"));
    let words = ["dstack", "deploy", "--compose", "other.json", "--image", IMAGE];
    stage.merotee(&words).run().expect(1).says(&["runs something else", "never replaced"]);
    stage.merotee(&["dstack", "logs", "kms", "--lines", "1"]).run().expect(0).says(&["Onboarding"]);
    stage.merotee(&["dstack", "logs", "nothing"]).run().expect(1).says(&["has no VM nothing"]);
}

#[test]
fn the_socket_does_as_the_url_does_and_one_whose_path_is_too_long_is_named() {
    let stage = Stage::empty();
    let socket = format!("unix:{}", stage.world.vmm_socket().display());
    let at = stage.host().kms_url();
    deploy(&stage, &["--vmm", &socket, "--kms-url", &at]).run().expect(0).says(&["waits for its keys"]);
    stage.merotee(&["dstack", "logs", "--vmm", &socket]).run().expect(0).says(&["Onboarding"]);
    let long = format!("unix:/{}", "x".repeat(200));
    let run = deploy(&stage, &["--vmm", &long]).run().expect(2);
    run.says(&["the path of the socket has 201 bytes", "a shorter path"]);
    let nowhere = stage.merotee(&["dstack", "logs", "--vmm", "unix:nowhere.sock"]).env("MEROTEE_RETRIES", "0");
    nowhere.run().expect(1).says(&["could not reach"]);
}

#[test]
fn the_vmm_is_told_who_asks_by_token_or_by_a_user_and_refuses_everybody_else() {
    let stage = Stage::empty();
    let logs = || stage.merotee(&["dstack", "deploy", "--compose", "a.json", "--image", IMAGE, "--dry-run"]);
    stage.place.write("a.json", COMPOSE);
    logs().run().expect(0);
    let none = logs().env("DSTACK_VMM_TOKEN", "").run().expect(1);
    none.says(&["(401)", "DSTACK_VMM_TOKEN", "DSTACK_VMM_AUTH_PASSWORD"]);
    let as_user = |user: &str| {
        logs().env("DSTACK_VMM_TOKEN", "").env("DSTACK_VMM_AUTH_USER", user).env("DSTACK_VMM_AUTH_PASSWORD", TOKEN)
    };
    as_user("admin").run().expect(0);
    // The password alone, as the tutorial sets it.
    as_user("").run().expect(0);
    stage.spoil(Flaw::Locked);
    let run = logs().run().expect(1).says(&["(401)"]);
    drop(run);
    let far = stage.merotee(&["dstack", "logs", "--vmm", "http://vmm.example.com:9080"]).run().expect(2);
    far.says(&["do not go to http://vmm.example.com:9080 without encryption"]);
}

#[test]
fn what_a_failed_creation_leaves_behind_is_removed() {
    let stage = Stage::of(&["dstack-create-fails"]);
    let run = deploy(&stage, &[]).run().expect(1);
    run.says(&["Unsupported rootfs type", "is removed"]);
    assert_eq!(vms(&stage), 0);
    // Killed right after: the next run finds what was left.
    let gone = Trouble { method: Method::POST, path: "RemoveVm".to_owned(), after: 0, what: Mishap::Status(500) };
    stage.host().troubles().add(gone);
    deploy(&stage, &[]).run().expect(1).says(&["could not be removed"]);
    assert_eq!(vms(&stage), 1);
    stage.host().mend();
    deploy(&stage, &[]).run().expect(0);
    assert_eq!(vms(&stage), 1);
}

/// What `dstack deploy` orders where nothing else is said, but for what a test changes of it.
fn ordered(change: &Value) -> Value {
    let mut order = json!({
        "name": "kms", "image": IMAGE, "compose_file": COMPOSE, "vcpu": 2, "memory": 4096, "disk_size": 20,
        "ports": [{"protocol": "tcp", "host_address": "0.0.0.0", "host_port": 9100, "vm_port": 9100}],
        "stopped": true, "no_tee": false,
    });
    for (name, value) in change.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

#[test]
fn a_vm_that_is_not_what_was_ordered_is_refused_by_what_differs() {
    let port = json!([{"protocol": "tcp", "host_address": "127.0.0.1", "host_port": 9101, "vm_port": 9100}]);
    for (change, code, words) in [
        (json!({"vcpu": 8}), 1, "vcpu is 8, and not 2"),
        (json!({"memory": 512}), 1, "memory is 512, and not 4096"),
        (json!({"disk_size": 21}), 1, "disk_size is 21, and not 20"),
        (json!({"ports": port}), 1, "ports is tcp:127.0.0.1:9101:9100, and not tcp:0.0.0.0:9100:9100"),
        (json!({"no_tee": true}), 10, "runs without TDX (no_tee)"),
    ] {
        let stage = Stage::empty();
        stage.create(&ordered(&change));
        deploy(&stage, &[]).run().expect(code).says(&[words]);
        assert_eq!((vms(&stage), stage.vm("kms").status.as_str()), (1, "stopped"));
    }
}

#[test]
fn a_vm_that_this_run_did_not_make_is_started_and_never_removed() {
    let stage = Stage::empty();
    stage.create(&ordered(&json!({})));
    let id = stage.vm("kms").id;
    deploy(&stage, &["--dry-run"]).run().expect(0).says(&["start VM"]);
    let refused = Trouble { method: Method::POST, path: "StartVm".to_owned(), after: 0, what: Mishap::Status(400) };
    stage.host().troubles().add(refused);
    let run = deploy(&stage, &[]).run().expect(1);
    run.says(&["never ran: see why it does not start, or remove it by hand"]);
    assert_eq!((vms(&stage), stage.vm("kms").id), (1, id.clone()));
    deploy(&stage, &[]).run().expect(0).says(&["waits for its keys"]);
    assert_eq!((vms(&stage), stage.vm("kms").id), (1, id));
}

#[test]
fn ports_of_vms_that_cannot_be_listed_are_not_called_free() {
    let stage = Stage::empty();
    let broken = Trouble { method: Method::POST, path: "Status".to_owned(), after: 0, what: Mishap::Status(400) };
    stage.host().troubles().add(broken);
    let words = ["dstack", "preflight", "--port", "tcp:0.0.0.0:9777:9100"];
    let run = stage.merotee(&words).env("MEROTEE_RETRIES", "0").run().expect(1);
    run.says(&["not checked: which ports its VMs have is not known"]);
    stage.host().mend();
    stage.merotee(&words).run().expect(0).says(&["where that is a tunnel, the host behind it was not probed"]);
}

#[test]
fn a_creation_whose_answer_is_lost_is_looked_for_and_not_made_again() {
    let stage = Stage::empty();
    let lost = Trouble { method: Method::POST, path: "CreateVm".to_owned(), after: 0, what: Mishap::AnswerLost };
    stage.host().troubles().add(lost);
    deploy(&stage, &[]).run().expect(0).says(&["waits for its keys"]);
    assert_eq!((vms(&stage), creations(&stage)), (1, 1));
}

#[test]
fn an_unknown_image_is_refused_before_anything_is_made() {
    let stage = Stage::empty();
    stage.place.write("app-compose.json", COMPOSE);
    let words = ["dstack", "deploy", "--compose", "app-compose.json", "--image", "dstack-9.9.9"];
    stage.merotee(&words).run().expect(1).says(&["no guest image `dstack-9.9.9`", "it has dstack-0.5.7"]);
    assert_eq!(creations(&stage), 0);
}

#[test]
fn a_guest_that_hangs_and_a_port_that_is_taken_end_with_the_reason_and_the_vm_stays() {
    let stage = Stage::of(&["dstack-boot-hangs"]);
    let run = deploy(&stage, &["--wait", "1"]).run().expect(1);
    run.says(&["did not wait for its keys in time", "waiting for the system time", "without secure_time"]);
    assert_eq!(stage.vm("kms").status, "running");
    let stage = Stage::of(&["dstack-port-taken"]);
    deploy(&stage, &[]).run().expect(1).says(&["is `exited`", "Could not set up host forwarding rule"]);
    assert_eq!(stage.vm("kms").status, "exited");
}

#[test]
fn a_file_that_is_not_an_app_compose_is_refused_and_an_odd_one_is_remarked_on() {
    let stage = Stage::empty();
    for (text, words) in [("{}", "`manifest_version` is missing"), ("services:", "not acceptable JSON")] {
        stage.place.write("bad.json", text);
        let words_of = ["dstack", "deploy", "--compose", "bad.json", "--image", IMAGE];
        stage.merotee(&words_of).run().expect(1).says(&[words]);
    }
    let odd = COMPOSE
        .replace("\"secure_time\": false", "\"secure_time\": true")
        .replace("\"no_instance_id\": true", "\"no_instance_id\": false");
    stage.place.write("odd.json", odd);
    let run =
        stage.merotee(&["dstack", "deploy", "--compose", "odd.json", "--image", IMAGE, "--dry-run"]).run().expect(0);
    run.says(&["reaches no time server", "another measurement"]);
}

#[test]
fn preflight_says_of_everything_whether_it_is_there_or_was_not_looked_at() {
    let stage = Stage::waiting();
    let host = stage.host();
    let run = stage.merotee(&["dstack", "preflight"]).run().expect(10);
    run.says(&["version 0.6.0", "VM kms has it", "not checked: name it with --kms-image", "within 1 second"]);
    let auth = host.auth_url().to_owned();
    let provider = auth.trim_start_matches("http://").to_owned();
    let words = ["dstack", "preflight", "--image", IMAGE, "--port", "tcp:0.0.0.0:9777:9100", "--domain", "localhost"];
    let all = stage.merotee(&words).args(["--auth-url", &auth, "--key-provider", &provider]);
    all.run().expect(0).says(&["free on", "something listens at", "answers", "localhost is"]);
    let bad = [
        "dstack",
        "preflight",
        "--image",
        "dstack-9",
        "--port",
        "tcp:0.0.0.0:9080:9100",
        "--key-provider",
        "127.0.0.1:1",
    ];
    let run = stage.merotee(&bad).run().expect(10);
    run.says(&["the host has no `dstack-9`", "something listens there", "nothing listens at 127.0.0.1:1"]);
    stage.spoil(Flaw::Locked);
    stage.merotee(&["dstack", "preflight"]).run().expect(10).says(&["(401)", "not checked: no VMM answers"]);
}
