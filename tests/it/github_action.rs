//! The action and the workflows: each step is a command that exists, none of it is shell, and what the action passes on
//! arrives as it was given.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use clap::Parser as _;
use merotee::cli::Cli;

use crate::binary::{BINARY, Invocation, Place};

/// Lines of shell in all of them: four of the older action, four of the review's, one of this one, three of CI, one of the
/// KMS release, and sixteen for Google Cloud, of which twelve are one JSON document.
const SHELL_LINES: usize = 29;
/// A release whose signed manifest states the digests of its images.
const UPSTREAM: &str = "mero-kms-v1.0.0";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Actions, workflows and examples, with what they are called.
fn files() -> Vec<(String, String)> {
    let actions = ["verify-release", "policy-review", "google-cloud"]
        .map(|name| format!(".github/actions/{name}/action.yml").into());
    let mut paths = vec![PathBuf::from("action.yml")];
    paths.extend(actions);
    for folder in [".github/workflows", "docs/examples"] {
        let entries = fs::read_dir(root().join(folder)).unwrap();
        paths.extend(entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name())));
    }
    paths.sort();
    let read = |path: &PathBuf| fs::read_to_string(root().join(path)).unwrap();
    paths.iter().map(|path| (path.display().to_string(), read(path))).collect()
}

/// The value of `key` on a line or in the block below it, for each time it stands there.
fn values(text: &str, key: &str) -> Vec<(usize, Vec<String>)> {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(value) = line.trim_start_matches([' ', '-']).strip_prefix(key).map(str::trim) else { continue };
        let block = || lines[at + 1..].iter().take_while(|next| indent(next) > indent(line));
        let value = match value {
            "|" | ">-" => block().map(|line| line.trim().to_owned()).collect(),
            value => vec![value.trim_matches('\'').trim_matches('"').to_owned()],
        };
        found.push((at, value));
    }
    found
}

#[test]
fn every_step_that_runs_merotee_is_one_command_that_the_program_takes() {
    let mut steps = 0;
    for (file, text) in files().into_iter().filter(|(file, _)| file != "action.yml") {
        let arguments = values(&text, "arguments:");
        let commands = values(&text, "command:");
        for (index, (at, command)) in commands.iter().enumerate() {
            let next = commands.get(index + 1).map_or(usize::MAX, |(at, _)| *at);
            let of_step = arguments.iter().filter(|(line, _)| (*at..next).contains(line)).flat_map(|(_, words)| words);
            // An expression stands for a value that is known in a run alone.
            let words = of_step.map(|word| match word.as_str() {
                word if !word.contains("${{") => word.to_owned(),
                // An option that is there when its value is.
                word if word.contains("&& '--") => {
                    let (_, rest) = word.split_once("&& '").unwrap();
                    rest.split_once('\'').unwrap().0.to_owned()
                }
                word if word.contains("E2E_CLOUD_NODES") => "--node=debug=ssh {machine} merotee".to_owned(),
                word if word.contains("E2E_RUNNING") => "--kms-url=debug=https://kms.example".to_owned(),
                word if word.contains("inputs.label ") => "ci-1".to_owned(),
                word if word.contains("inputs.version ") => "1.2.0".to_owned(),
                word if word.contains("inputs.zone ") || word.contains("_ZONE ") => "europe-west4-a".to_owned(),
                word if word.contains("_PROJECT ") => "images-of-mero".to_owned(),
                word if word.contains("inputs.image ||") && file.contains("node") => "mero-tee-debug-1-2-0".to_owned(),
                word if word.contains("inputs.image ||") => format!("ghcr.io/o/n@sha256:{}", "a".repeat(64)),
                word if word.contains("CLASS") || word.contains("'hotfix'") => "stable".to_owned(),
                word if word.contains("TEE") => word.replace("${{ vars.MERO_TEE_VERSION }}", "1.2.0"),
                word if word.contains("profile") => "debug".to_owned(),
                word if word.contains("node") => "mero-tee-v1.2.0".to_owned(),
                word if word.contains("url") => "https://kms.example".to_owned(),
                word if word.contains("policy") || word.contains("sha") => "x".to_owned(),
                _ => "mero-kms-v1.2.0".to_owned(),
            });
            let line: Vec<String> =
                ["merotee"].into_iter().chain(command[0].split(' ')).map(str::to_owned).chain(words).collect();
            Cli::try_parse_from(&line).unwrap_or_else(|e| panic!("{file}: {line:?}: {e}"));
            steps += 1;
        }
    }
    assert!(steps >= 15, "{steps}");
}

#[test]
fn there_is_hardly_any_shell_and_no_expression_in_it() {
    let mut lines = 0;
    for (file, text) in files() {
        for (_, script) in values(&text, "run:") {
            lines += script.len();
            assert!(!script.iter().any(|line| line.contains("${{")), "{file}: an expression in a script: {script:?}");
        }
    }
    // The example of a deployment ends with the reader's own command.
    assert_eq!(lines, SHELL_LINES + 1);
}

#[test]
fn other_peoples_actions_are_few_and_pinned_by_a_commit() {
    let mut used = std::collections::BTreeSet::new();
    for (file, text) in files() {
        for (_, value) in values(&text, "uses:") {
            let (action, version) = value[0].split_once(" # ").unwrap_or((&value[0], ""));
            if action.starts_with("./") || action == "calimero-network/merotee@<commit>" {
                continue;
            }
            let (name, commit) = action.split_once('@').unwrap();
            let pinned =
                commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()) && version.starts_with('v');
            assert!(pinned, "{file}: {value:?}");
            used.insert(name.to_owned());
        }
    }
    let known = [
        "actions/cache/restore",
        "actions/cache/save",
        "actions/checkout",
        "actions/download-artifact",
        "actions/upload-artifact",
        "github/codeql-action/upload-sarif",
    ];
    assert_eq!(used.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

/// The action's script as the runner starts it, with a compiler that has the binary at hand.
fn action<'a>(place: &'a Place, command: &str, arguments: &str) -> Invocation<'a> {
    let cargo = place.write("bin/cargo", "#!/bin/sh\nexit 0\n");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(place.path("runner/merotee/release")).unwrap();
    symlink(BINARY, place.path("runner/merotee/release/merotee")).unwrap();
    let path = format!("{}:{}", place.path("bin").display(), std::env::var("PATH").unwrap());
    place
        .program(root().join(".github/run-action").to_str().unwrap(), [""; 0])
        .env("PATH", path)
        .env("RUNNER_TEMP", place.path("runner"))
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", place.path("summary.md"))
        .env("GITHUB_OUTPUT", place.path("output.txt"))
        .env("COMMAND", command)
        .env("ARGUMENTS", arguments)
}

#[test]
fn the_action_passes_each_line_on_as_one_argument_and_nothing_else() {
    let place = Place::new();
    let arguments = "\n  $(touch pwned)\r\n\n\"; touch pwned; * ~\n";
    let run = action(&place, "policy validate", arguments).run().expect(1);
    run.says(&["::group::Build merotee\n::endgroup::\n", "cannot read $(touch pwned)"]);
    assert!(!place.path("pwned").exists());
    assert_eq!(place.read("output.txt"), "verdict=no_verdict\n");
    let place = Place::new();
    let run = action(&place, "policy validate", "$HOME\n").env("FORMAT", "json").env("REPORT", "a b.json");
    run.run().expect(1).says(&["cannot read $HOME"]);
}

#[test]
fn the_action_writes_the_report_to_the_file_asked_for_and_fails_with_the_commands_code() {
    let place = Place::new();
    place.write("policies/attestation-policy-debug.json", "{\"policy\": {}}");
    let run = action(&place, "policy validate", "policies").env("FORMAT", "sarif").env("REPORT", "a b.sarif");
    run.run().expect(10);
    assert!(place.read("a b.sarif").contains("\"version\": \"2.1.0\""));
    assert!(place.read("output.txt").starts_with("verdict=failed\n"));
}

#[test]
fn the_action_takes_no_option_or_script_for_a_command() {
    for command in
        ["--version", "policy; touch pwned", "policy\nvalidate", "$(touch pwned)", "policy  validate", "/bin/sh"]
    {
        let place = Place::new();
        action(&place, command, "").run().expect(2).says(&["::error title=merotee::the input command is not the name"]);
        assert!(!place.path("pwned").exists());
    }
    action(&Place::new(), "", "").run().expect(1).says(&["the input command is empty"]);
    action(&Place::new(), "nonsense", "").run().expect(2).says(&["unrecognized subcommand"]);
}

#[test]
fn the_image_of_a_kms_release_that_passed_is_an_output_and_of_no_other() {
    let output = |arguments: &[&str]| {
        let place = Place::new();
        let run = place.merotee(arguments).env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", place.path("output.txt"));
        run.run();
        let text = place.read("output.txt");
        text.lines().find_map(|line| line.strip_prefix("image=")).map(str::to_owned)
    };
    let verify = ["sandbox", "--", "verify-release-assets", UPSTREAM];
    let image = output(&verify).unwrap();
    let (name, digest) = image.split_once("@sha256:").unwrap();
    assert!(name.starts_with("ghcr.io/") && digest.len() == 64, "{image}");
    assert_eq!(output(&[&verify[..], &["--quick"]].concat()), None);
    // Notes alone do not make an image one that was verified: whoever may edit them needs no signature.
    assert_eq!(output(&["sandbox", "--", "verify-release-assets", "mero-kms-v1.2.0"]), None);
    assert_eq!(output(&["sandbox", "--", "verify-release-assets", "mero-tee-v1.2.0"]), None);
    for kind in ["payload-byte", "notes-unpinned"] {
        let words = ["sandbox", "--tamper", kind, "--", "verify-release-assets", UPSTREAM];
        assert_eq!(output(&words), None, "{kind}");
    }
}

#[test]
fn a_pass_that_could_not_be_printed_is_told_to_no_later_step() {
    let place = Place::new();
    let line = format!("'{BINARY}' sandbox -- verify-release-assets {UPSTREAM} > /dev/full");
    let run = place.program("sh", ["-c", line.as_str()]).env("GITHUB_ACTIONS", "true");
    run.env("GITHUB_OUTPUT", place.path("output.txt")).run().expect(1);
    let output = place.read("output.txt");
    assert!(output.contains("verdict=no_verdict"), "{output}");
    assert!(!output.contains("verdict=passed") && !output.contains("image="), "{output}");
}
