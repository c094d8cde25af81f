//! `compose-hash` through the binary.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::corpus::corpus;

const COMPOSE: &str = "services: {kms: {image: x, mode: 0440}} # comment\n";
const HASH: &str = "sha256:5cadd7b0769e500ab6e3503909ba47aa496c1e2c19138442720121d5c9c19589\n";
const OTHER: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_merotee"));
    command.env_clear().current_dir(dir).arg("compose-hash").stdin(Stdio::null());
    command
}

fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    finished(command(dir).args(args).output().unwrap())
}

fn finished(output: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn the_hash_stands_alone_on_standard_output_and_the_kind_on_standard_error() {
    let dir = folder(&[("docker-compose.yml", COMPOSE), ("app-compose.json", "{\"runner\":\"docker-compose\"}")]);
    let (code, stdout, stderr) = run(dir.path(), &["docker-compose.yml"]);
    assert_eq!((code, stdout.as_str()), (0, HASH));
    assert_eq!(stderr, "[INFO] docker-compose.yml: hashed as release, the normalised docker-compose file\n");
    let (code, stdout, stderr) = run(dir.path(), &["app-compose.json"]);
    let digest = merotee::digest::Sha256::of(b"{\"runner\":\"docker-compose\"}");
    assert_eq!((code, stdout), (0, format!("sha256:{digest}\n")));
    assert_eq!(stderr, "[INFO] app-compose.json: hashed as dstack, the bytes as they are\n");
    let (_, _, stderr) = run(dir.path(), &["docker-compose.yml", "--kind", "dstack"]);
    assert!(stderr.contains("[WARN] docker-compose.yml does not look like a dstack app-compose.json"), "{stderr}");
}

#[test]
fn standard_input_is_hashed_when_the_kind_is_given() {
    let dir = folder(&[]);
    let mut child = command(dir.path())
        .args(["-", "--kind", "release"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(COMPOSE.as_bytes()).unwrap();
    let (code, stdout, _) = finished(child.wait_with_output().unwrap());
    assert_eq!((code, stdout.as_str()), (0, HASH));
    let (code, stdout, stderr) = run(dir.path(), &["-"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("→ give --kind dstack for an app-compose.json"), "{stderr}");
}

#[test]
fn an_expected_hash_decides_the_exit_code_and_leaves_the_hash_alone() {
    let dir = folder(&[("compose.yaml", COMPOSE)]);
    for expected in [HASH.trim(), HASH.trim().trim_start_matches("sha256:")] {
        let (code, stdout, stderr) = run(dir.path(), &["compose.yaml", "--expect", expected, "--quiet"]);
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, HASH, ""));
    }
    let (code, stdout, stderr) = run(dir.path(), &["compose.yaml", "--expect", OTHER, "--quiet"]);
    assert_eq!((code, stdout.as_str()), (10, HASH));
    let first =
        format!("[ERROR] compose.yaml: the compose file has a different hash: expected {OTHER}, got {HASH}[ERROR] → ");
    assert!(stderr.starts_with(&first), "{stderr}");
    let (code, stdout, _) = run(dir.path(), &["compose.yaml", "--expect", OTHER, "--format", "json"]);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, report["verdict"].as_str()), (10, Some("failed")), "{stdout}");
    assert_eq!(run(dir.path(), &["compose.yaml", "--expect", "sha256:12"]).0, 2);
}

#[test]
fn a_failure_in_a_workflow_is_annotated() {
    let dir = folder(&[("compose.yaml", COMPOSE)]);
    let mut command = command(dir.path());
    let output = command.env("GITHUB_ACTIONS", "true").args(["compose.yaml", "--expect", OTHER]).output();
    let (code, stdout, stderr) = finished(output.unwrap());
    assert_eq!((code, stdout.as_str()), (10, HASH));
    assert!(stderr.contains("::error "), "{stderr}");
}

/// In a step, with a file for its outputs and one for its summary: code, standard error, outputs, summary.
fn step(dir: &Path, args: &[&str]) -> (i32, String, String, String) {
    let mut command = command(dir);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", "out").env("GITHUB_STEP_SUMMARY", "summary");
    let (code, _, stderr) = finished(command.args(args).output().unwrap());
    let read = |name| fs::read_to_string(dir.join(name)).unwrap_or_default();
    (code, stderr, read("out"), read("summary"))
}

#[test]
fn the_hash_is_an_output_of_the_step_and_a_comparison_says_its_verdict_there() {
    let dir = folder(&[("compose.yaml", COMPOSE), ("app.json", "{\"runner\":\"x\"}")]);
    let (code, _, outputs, summary) = step(dir.path(), &["compose.yaml"]);
    assert_eq!((code, outputs, summary.as_str()), (0, format!("hash={HASH}"), ""));
    let dir = folder(&[("compose.yaml", COMPOSE)]);
    let (code, _, outputs, summary) = step(dir.path(), &["compose.yaml", "--expect", HASH.trim()]);
    assert_eq!(code, 0);
    assert!(outputs.starts_with(&format!("hash={HASH}verdict=passed\n")), "{outputs}");
    assert!(summary.contains("PASSED"), "{summary}");
    let dir = folder(&[("compose.yaml", COMPOSE)]);
    let (code, stderr, outputs, summary) = step(dir.path(), &["compose.yaml", "--expect", OTHER]);
    assert_eq!(code, 10);
    assert!(outputs.starts_with(&format!("hash={HASH}verdict=failed\n")), "{outputs}");
    assert!(stderr.contains("::error file=compose.yaml,title=compose-hash%3A compose.yaml::"), "{stderr}");
    assert!(summary.contains("FAILED"), "{summary}");
}

#[test]
fn a_file_without_one_reading_is_annotated_at_its_line_and_column() {
    let dir = folder(&[("a.yml", "a: 1\nb:\n  c: 2024-01-01\n")]);
    let (code, stderr, outputs, _) = step(dir.path(), &["a.yml"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("::error file=a.yml,line=3,col=6,title=compose-hash%3A a.yml::`2024-01-01` is a date"),
        "{stderr}"
    );
    assert!(!outputs.contains("hash="), "{outputs}");
}

#[test]
fn what_compose_tells_apart_is_told_apart_and_what_it_reads_is_read() {
    let service = |value: &str| format!("services:\n  web:\n    image: x\n    environment:\n      K: {value}\n");
    let hash = |text: String| {
        let dir = folder(&[("a.yml", &text)]);
        let (code, stdout, stderr) = run(dir.path(), &["a.yml"]);
        assert!(matches!((code, stdout.is_empty()), (0, false) | (2, true)), "{text}: {code} {stdout} {stderr}");
        (code == 0).then_some(stdout)
    };
    for (value, quoted) in
        [("-0", "0"), ("-0", "\"-0\""), ("010", "\"010\""), ("~", "\"~\""), ("1e3", "\"1e3\""), ("true", "\"true\"")]
    {
        let (a, b) = (hash(service(value)), hash(service(quoted)));
        assert!(a.is_some() && b.is_some() && a != b, "{value}");
    }
    for refused in [
        "2024-01-01",
        "2024-01-01 00:00:00",
        ".inf",
        "-.INF",
        ".nan",
        "<<",
        "1_000",
        "0b11",
        "0899",
        "!t x",
        "99999999999999999999",
    ] {
        assert_eq!(hash(service(refused)), None, "{refused}");
        assert!(hash(service(&format!("\"{refused}\""))).is_some(), "{refused}");
    }
    let listed = |list: &str| format!("services:\n  web:\n    image: x\n    command: {list}\n");
    let plain = hash(listed("[serve, a b]"));
    for list in [
        "[\n      serve,\n      a b\n    ]",
        "[serve, \"a\n    b\"]",
        "[\n\tserve,\n\t\"a b\"\n\t]",
        "\n    - serve\n    - 'a\n    b'",
    ] {
        assert_eq!(hash(listed(list)), plain, "{list}");
    }
    assert_eq!(hash(listed("[serve, a b]").replace(": ", ":\t")), plain);
}

#[test]
fn a_file_without_one_reading_is_a_usage_error_that_names_the_place() {
    let dir = folder(&[("a.yml", "a: 1\nb: 1_000\n"), ("b.yml", "a: [\n"), ("c.yml", "")]);
    let (code, stdout, stderr) = run(dir.path(), &["a.yml"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("a.yml is not a compose file with one reading: line 2, column 4: `1_000`"), "{stderr}");
    for name in ["b.yml", "c.yml"] {
        assert_eq!(run(dir.path(), &[name]).0, 2, "{name}");
    }
    assert_eq!(run(dir.path(), &["missing.yml"]).0, 1);
}

fn corpus_file(name: &str) -> Option<PathBuf> {
    Some(corpus("tdx")?.join(name))
}

/// What a KMS on the near/mpc machine would have answered.
fn attest_response() -> Option<Value> {
    let quote = fs::read(corpus_file("quotes/near_mpc.bin")?).unwrap();
    let info: Value =
        serde_json::from_slice(&fs::read(corpus_file("eventlogs/near-mpc.tcb_info.json")?).unwrap()).unwrap();
    Some(json!({"quoteB64": STANDARD.encode(quote), "eventLog": info["event_log"], "vmConfig": "{}"}))
}

fn against(response: &Value, file: &Path) -> (i32, String, String) {
    let dir = folder(&[("attest.json", &response.to_string())]);
    run(dir.path(), &[file.to_str().unwrap(), "--kind", "dstack", "--attest-response", "attest.json", "-v"])
}

#[test]
fn an_attest_response_of_the_same_app_compose_passes() {
    let (Some(response), Some(file)) = (attest_response(), corpus_file("eventlogs/near-mpc.app_compose.json")) else {
        return;
    };
    let (code, stdout, _) = against(&response, &file);
    assert_eq!(code, 0, "{stdout}");
    assert_eq!(stdout.matches("[PASS] event-log-replay").count(), 4, "{stdout}");
    for check in ["[PASS] event-log ", "[PASS] event-log-identity", "[PASS] event-log-compose-hash"] {
        assert!(stdout.contains(check), "{check}: {stdout}");
    }
}

#[test]
fn another_file_an_altered_log_and_another_quote_fail() {
    let (Some(response), Some(file)) = (attest_response(), corpus_file("eventlogs/near-mpc.app_compose.json")) else {
        return;
    };
    let dir = folder(&[("other.json", &format!("{}\n", fs::read_to_string(&file).unwrap()))]);
    let (code, stdout, _) = against(&response, &dir.path().join("other.json"));
    assert_eq!(code, 10);
    assert!(stdout.contains("[FAIL] event-log-compose-hash"), "{stdout}");

    let mut altered = response.clone();
    altered["eventLog"][22]["event_payload"] = json!("00".repeat(32));
    let (code, stdout, _) = against(&altered, &file);
    assert_eq!(code, 10);
    assert!(stdout.contains("[FAIL] event-log ") && stdout.contains("entry 22, field `digest`"), "{stdout}");

    let mut other = response.clone();
    let quote = fs::read(corpus_file("quotes/dcapqvl_tdx_quote.bin").unwrap()).unwrap();
    other["quoteB64"] = json!(STANDARD.encode(quote));
    let (code, stdout, _) = against(&other, &file);
    assert_eq!((code, stdout.matches("[FAIL] event-log-replay").count()), (10, 4), "{stdout}");
}

#[test]
fn a_second_compose_hash_added_to_a_real_log_is_reported_and_the_quote_does_not_vouch_for_it() {
    let (Some(mut response), Some(file)) = (attest_response(), corpus_file("eventlogs/near-mpc.app_compose.json"))
    else {
        return;
    };
    let mut entries: Vec<Value> = match response["eventLog"].as_str() {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => response["eventLog"].as_array().unwrap().clone(),
    };
    entries.push(json!({"imr": 3, "event_type": 0x0800_0001u32, "digest": "", "event": "compose-hash",
                        "event_payload": "ee".repeat(32)}));
    response["eventLog"] = json!(entries);
    let (code, stdout, _) = against(&response, &file);
    assert_eq!(code, 10, "{stdout}");
    assert!(stdout.contains("[PASS] event-log-compose-hash"), "the first still counts: {stdout}");
    assert!(stdout.contains("a `compose-hash` event after system-ready was ignored"), "{stdout}");
    assert_eq!(stdout.matches("[FAIL]").count(), 1, "{stdout}");
    assert!(stdout.contains("RTMR3 of the quote differs from the replay of the event log"), "{stdout}");
}

#[test]
fn a_log_without_a_quote_gives_no_verdict() {
    let (Some(mut response), Some(file)) = (attest_response(), corpus_file("eventlogs/near-mpc.app_compose.json"))
    else {
        return;
    };
    response.as_object_mut().unwrap().remove("quoteB64");
    let (code, stdout, _) = against(&response, &file);
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("nothing vouches for its event log"), "{stdout}");
    response["quoteB64"] = json!("AAAA");
    assert_eq!(against(&response, &file).0, 10);
}

#[test]
fn a_dstack_quote_report_is_read_like_an_attest_response() {
    let (Some(report), Some(file)) =
        (corpus_file("eventlogs/dstack-quote-report.json"), corpus_file("eventlogs/near-mpc.app_compose.json"))
    else {
        return;
    };
    let args = [file.to_str().unwrap(), "--attest-response", report.to_str().unwrap(), "-v"];
    let (code, stdout, _) = run(Path::new("."), &args);
    assert_eq!((code, stdout.matches("[PASS] event-log-replay").count()), (10, 4), "{stdout}");
    assert!(stdout.contains("[FAIL] event-log-compose-hash"), "another application's file: {stdout}");
}

#[test]
fn an_attest_response_is_refused_for_the_hash_it_cannot_hold() {
    let dir = folder(&[("compose.yml", COMPOSE), ("attest.json", "{}"), ("app.json", "{\"runner\":\"x\"}")]);
    let (code, _, stderr) = run(dir.path(), &["compose.yml", "--attest-response", "attest.json"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("a machine measures its app-compose.json"), "{stderr}");
    let (code, stdout, _) = run(dir.path(), &["app.json", "--attest-response", "attest.json"]);
    assert_eq!(code, 10, "evidence without a log proves nothing");
    assert!(stdout.contains("no event log found"), "{stdout}");
}
