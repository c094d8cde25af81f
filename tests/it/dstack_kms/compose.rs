//! `dstack compose`: the bytes that are measured, and what is refused before anything is written.

use std::fs;

use super::Recorded;
use crate::binary::Place;

/// Options of a whole KMS.
const KMS: [&str; 8] = [
    "dstack",
    "compose",
    "--image",
    "registry.example.com/dstack-kms@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "--domain",
    "kms.example.com",
    "--contract",
    "0x0000000000000000000000000000000000000001",
];
const RPC: [&str; 2] = ["--rpc-url", "https://rpc.example.com"];

#[test]
fn the_recorded_file_is_written_again_byte_for_byte() {
    let Some(recorded) = Recorded::load() else { return };
    let place = Place::new();
    let source = recorded.file("kms-deploy.yaml");
    let run = place.merotee(["dstack", "compose", "--docker-compose", &source]).run().expect(0);
    run.says(&["app id ae98b019435cb0c5b5bb60355bd786d4530b24ab", "[WARN] dstack-compose-image"]);
    let written = fs::read(place.path("app-compose.json")).unwrap();
    assert_eq!(written, fs::read(recorded.folder.join("app-compose.json")).unwrap());
    assert!(!place.path("docker-compose.yaml").exists());
    let hash = place.merotee(["compose-hash", "app-compose.json"]).run().expect(0);
    let outputs = place.merotee(["dstack", "compose", "--docker-compose", &source, "--format", "json"]).run().expect(0);
    assert!(outputs.stdout.contains(hash.stdout.trim().trim_start_matches("sha256:")), "{}", outputs.stdout);
}

#[test]
fn what_was_sent_to_the_vmm_is_the_same_file() {
    let Some(recorded) = Recorded::load() else { return };
    let log = fs::read_to_string(recorded.folder.join("vmm.log")).unwrap();
    let sent = log.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let composes: Vec<String> = sent.filter_map(|body| Some(body.get("compose_file")?.as_str()?.to_owned())).collect();
    let ours = fs::read_to_string(recorded.folder.join("app-compose.json")).unwrap();
    assert!(composes.contains(&ours));
}

#[test]
fn options_make_both_files_and_the_second_run_changes_nothing() {
    let place = Place::new();
    let run = place.merotee(KMS).args(RPC).args(["--no-instance-id", "-v"]).run().expect(0);
    run.says(&["[PASS] dstack-compose-image", "[PASS] dstack-compose-public", "compose hash"]);
    let compose = place.read("docker-compose.yaml");
    for line in [
        "      - KMS_DOMAIN=kms.example.com\n",
        "      - ETH_RPC_URL=https://rpc.example.com\n",
        "auto_bootstrap_domain = \"\"\n",
    ] {
        assert!(compose.contains(line), "{compose}");
    }
    let app: serde_json::Value = serde_json::from_str(&place.read("app-compose.json")).unwrap();
    assert_eq!(app["docker_compose_file"], compose);
    assert_eq!(
        (&app["no_instance_id"], &app["secure_time"], &app["local_key_provider_enabled"]),
        (&true.into(), &false.into(), &true.into())
    );
    place.merotee(KMS).args(RPC).args(["--no-instance-id"]).run().expect(0);
    let run = place.merotee(KMS).args(RPC).run().expect(2);
    run.says(&["app-compose.json is there and says something else", "--replace"]).without_product();
    place.merotee(KMS).args(RPC).args(["--replace"]).run().expect(0);
}

#[test]
fn a_rehearsal_shows_the_files_and_writes_none() {
    let place = Place::new();
    let run = place.merotee(KMS).args(RPC).args(["--dry-run", "--out", "none"]).run().expect(0);
    run.says(&["[rpc.tls.mutual]", "\"manifest_version\": 2"]);
    assert_eq!(place.names("."), [""; 0]);
}

#[test]
fn what_cannot_be_deployed_is_refused_before_anything_is_written() {
    let place = Place::new();
    place.merotee(KMS).args(RPC).args(["--port", "9200"]).run().expect(2).says(&["--port 9200 is the auth API's"]);
    place.write("empty.yaml", "services: {}\n");
    let run = place.merotee(["dstack", "compose", "--docker-compose", "empty.yaml", "--out", "out"]).run().expect(2);
    run.says(&["empty.yaml has no service with an image"]);
    let run = place.merotee(KMS).args(RPC).args(["--out", "empty.yaml"]).run().expect(2);
    run.says(&["--out empty.yaml is a file: name a folder"]);
    assert_eq!(place.names("."), ["empty.yaml"]);
}

#[test]
fn a_key_in_an_address_is_warned_about_whichever_way_the_file_comes() {
    let place = Place::new();
    let url = "https://rpc.example.com/v3/0123456789abcdef0123456789abcdef";
    let run = place.merotee(KMS).args(["--rpc-url", url]).run().expect(0);
    run.says(&["[WARN] dstack-compose-public", "given with --rpc-url has a part that looks like a key"]);
    let words = ["dstack", "compose", "--docker-compose", "docker-compose.yaml", "--out", "own"];
    let run = place.merotee(words).run().expect(0);
    run.says(&["the address in ETH_RPC_URL has a part that looks like a key"]);
    place.merotee(words).run().expect(0).says(&["is there already"]);
}

#[test]
fn secure_time_is_refused_with_the_reason() {
    let place = Place::new();
    let run = place.merotee(KMS).args(RPC).args(["--secure-time"]).run().expect(2);
    run.says(&["--secure-time is refused: the machine waits for a time source while it boots, and hangs"])
        .without_product();
}

#[test]
fn values_that_could_end_their_place_are_refused_by_the_option() {
    let place = Place::new();
    for (option, value) in [
        ("--domain", "kms.example.com\n      - X=1"),
        ("--domain", "kms_1.example.com"),
        ("--contract", "0x1"),
        ("--rpc-url", "https://rpc.example.com/$KEY"),
        ("--rpc-url", "ftp://rpc.example.com"),
        ("--kms-pccs-url", "https://pccs.example.com/\""),
        ("--os-image-url", "https://images.example.com/image.tar.gz"),
        ("--chain", "goerli"),
        ("--port", "0"),
    ] {
        let mut words: Vec<&str> = KMS.iter().chain(&RPC).copied().collect();
        match words.iter().position(|word| *word == option) {
            Some(at) => words[at + 1] = value,
            None => words.extend([option, value]),
        }
        place.merotee(words).run().expect(2).says(&[option]).without_product();
    }
    let mut words: Vec<&str> = KMS.iter().chain(&RPC).copied().collect();
    words[3] = "dstack-kms:latest";
    place.merotee(&words).run().expect(2).says(&["--image `dstack-kms:latest`: expected an image"]);
    words.extend(["--registry", "registry.example.com:5000"]);
    place.merotee(&words).run().expect(0).says(&["names a tag"]);
    place.merotee(KMS).run().expect(2).says(&["--image needs --rpc-url, or --chain sepolia"]);
    place.merotee(KMS).args(["--chain", "sepolia", "--replace"]).run().expect(0);
    assert!(place.read("docker-compose.yaml").contains("ETH_CHAIN_ID=11155111"));
    place.merotee(["dstack", "compose"]).run().expect(2).says(&["--image", "--docker-compose"]);
}
