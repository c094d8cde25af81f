//! `forbid-allowed-env` as its users run it: a corpus of files with what must be found in each, code scanning, a workflow's
//! step, waivers, and files that another reader of YAML understands and ours does not.
//!
//! In the corpus each file of `violations` has one violation, whose line and column stand in `expected.tsv`; those of
//! `clean` have none and come as close to one as they can.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::binary::{Place, findings, skip};

fn corpus(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/forbid_allowed_env/corpus").join(part)
}

/// Copies a folder into the place.
fn copied(place: &Place, part: &str) {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy(&entry.path(), &to)
            } else {
                fs::copy(entry.path(), to).map(drop).unwrap()
            }
        }
    }
    copy(&corpus(part), &place.path(part));
}

/// File, line and column that each file of the corpus must have one finding at.
fn expected() -> Vec<(String, u64, u64)> {
    let text = fs::read_to_string(corpus("expected.tsv")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        (format!("violations/{}", cells[2]), cells[0].parse().unwrap(), cells[1].parse().unwrap())
    };
    let mut rows: Vec<_> = text.lines().map(row).collect();
    rows.sort();
    rows
}

fn place_of(finding: &Value) -> (String, u64, u64) {
    let location = &finding["location"];
    let number = |name: &str| location[name].as_u64().unwrap_or_default();
    (location["file"].as_str().unwrap_or_default().to_owned(), number("line"), number("column"))
}

#[test]
fn every_violation_of_the_corpus_is_found_where_it_stands_and_nothing_else_is() {
    let place = Place::new();
    copied(&place, "violations");
    let run = place.merotee(["forbid-allowed-env", "violations", "--format", "json"]).run().expect(10);
    let report = run.report();
    let failed = findings(&report).into_iter().filter(|finding| finding["status"] == "fail");
    let mut found: Vec<_> = failed.map(place_of).collect();
    found.sort();
    let expected = expected();
    assert!(expected.len() >= 60, "{}", expected.len());
    assert_eq!(found, expected);
}

#[test]
fn the_near_misses_of_the_corpus_are_clean() {
    let place = Place::new();
    copied(&place, "clean");
    let files = place.program("find", ["clean", "-type", "f"]).run().expect(0).stdout.lines().count();
    assert!(files >= 30, "{files}");
    let run = place.merotee(["forbid-allowed-env", "clean"]).run().expect(0);
    run.says(&[&format!("none in {files} files"), &format!("{files} files read")]);
}

#[test]
fn code_scanning_gets_the_line_the_column_and_the_end_of_each() {
    let place = Place::new();
    copied(&place, "violations");
    let run = place.merotee(["forbid-allowed-env", "violations", "--format", "sarif"]).run().expect(10);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let mut found = Vec::new();
    for result in results {
        assert_eq!(result["ruleId"], "allowed-env");
        let physical = &result["locations"][0]["physicalLocation"];
        let region = &physical["region"];
        let number = |name: &str| region[name].as_u64().unwrap();
        found.push((
            physical["artifactLocation"]["uri"].as_str().unwrap().to_owned(),
            number("startLine"),
            number("startColumn"),
        ));
    }
    found.sort();
    assert_eq!(found, expected());
}

const WORKFLOW: &str = ".github/workflows/release.yaml";
const BAD: &str = "jobs:\n  a:\n    env:\n      ALLOWED_MRTD: abc\n    steps: []\n";

#[test]
fn without_paths_the_workflows_are_scanned_and_a_folder_with_nothing_to_look_at_gives_no_verdict() {
    let place = Place::new();
    place.write(".env", "ALLOWED_MRTD=x\n");
    place.merotee(["forbid-allowed-env"]).run().expect(1).says(&["cannot read .github", "name the files and folders"]);
    place.write(".github/README.md", "ALLOWED_MRTD=x\n");
    place.merotee(["forbid-allowed-env"]).run().expect(1).says(&["found no workflow"]);
    place.write(WORKFLOW, "jobs: {}\n");
    place.merotee(["forbid-allowed-env"]).run().expect(0).says(&["none in 1 file"]);
    place.merotee(["forbid-allowed-env", "."]).run().expect(10).says(&[".env", "the env file sets ALLOWED_MRTD"]);
    place.write(WORKFLOW, BAD);
    let run = place.merotee(["forbid-allowed-env"]).run().expect(10);
    run.says(&["the environment sets ALLOWED_MRTD", ".github/workflows/release.yaml:4:7"]);
    place.merotee(["forbid-allowed-env", "nowhere"]).run().expect(1).says(&["cannot read nowhere"]);
}

#[test]
fn a_file_that_is_named_counts_whatever_it_is_called() {
    let place = Place::new();
    place.write("values.txt", "a:\n  env:\n    ALLOWED_MRTD: x\n");
    place.merotee(["forbid-allowed-env", "values.txt"]).run().expect(10).says(&["values.txt:3:5"]);
    place.write("kms.vars", "A=1\nALLOWED_MRTD=x\n");
    place.merotee(["forbid-allowed-env", "kms.vars"]).run().expect(10).says(&["kms.vars:2:1"]);
    place.write("deploy.sh", "#!/bin/sh\nif true; then\n  export ALLOWED_MRTD=x\nfi\n");
    place.merotee(["forbid-allowed-env", "deploy.sh"]).run().expect(10).says(&["deploy.sh:3:10"]);
    place.write("guard.sh", "#!/bin/sh\n! grep -r 'ALLOWED_MRTD=' .github\n");
    place.merotee(["forbid-allowed-env", "guard.sh"]).run().expect(0).says(&["none in 1 file"]);
    place.merotee(["forbid-allowed-env", "."]).run().expect(1).says(&["found no workflow"]);
}

#[test]
fn waivers_of_the_configuration_hold_until_their_day_and_a_bad_configuration_is_refused() {
    let place = Place::new();
    place.write(WORKFLOW, BAD);
    let waiver = |path: &str, day: &str| {
        format!(
            "[[forbid-allowed-env.waiver]]\npath = \"{path}\"\nname = \"ALLOWED_MRTD\"\nreason = \"a test bench\"\nexpires = {day}\n"
        )
    };
    let run = || place.merotee(["forbid-allowed-env"]).run();
    place.write("merotee.toml", waiver(WORKFLOW, "2999-12-31"));
    run().expect(0).says(&["waived until 2999-12-31: a test bench", "1 waiver is needed"]);
    place.write("merotee.toml", waiver(WORKFLOW, "2020-12-31"));
    run().expect(10).says(&["its waiver expired after 2020-12-31"]);
    place.write("merotee.toml", waiver("other.yaml", "2999-12-31"));
    run().expect(10).says(&["nothing in other.yaml needs the waiver of ALLOWED_MRTD"]);
    place.write("merotee.toml", "[forbid-allowed-env]\nwaiver = 1\n");
    run().expect(2).says(&["merotee.toml, line 2, column 10"]);
    place
        .merotee(["forbid-allowed-env", "--config", "nothing.toml"])
        .run()
        .expect(1)
        .says(&["cannot read nothing.toml"]);
}

#[test]
fn the_environment_of_the_process_is_judged_by_names_and_its_values_are_told_nowhere() {
    let place = Place::new();
    place.write(WORKFLOW, "jobs: {}\n");
    let run = |asked: &[&str], name: &str, value: &str| {
        place.merotee(["forbid-allowed-env"].iter().chain(asked)).env(name, value).run()
    };
    run(&[], "ALLOWED_RTMR0", "s3cret").expect(0);
    for format in ["human", "json", "sarif", "markdown", "html"] {
        let run = run(&["--process-env", "-v", "--format", format], "ALLOWED_RTMR0", "s3cret").expect(10);
        assert!(run.stdout.contains("ALLOWED_RTMR0") && !run.shown().contains("s3cret"), "{}", run.shown());
    }
    run(&["--process-env"], "ENFORCE_MEASUREMENT_POLICY", "true").expect(0).says(&["allowed-env-process"]);
    run(&["--process-env"], "ENFORCE_MEASUREMENT_POLICY", "false").expect(10);
}

#[test]
fn a_step_of_a_workflow_gets_annotations_at_the_lines_a_summary_and_outputs() {
    let place = Place::new();
    place.write(WORKFLOW, BAD);
    let run = place
        .merotee(["forbid-allowed-env"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", place.path("summary.md"))
        .env("GITHUB_OUTPUT", place.path("output.txt"))
        .run()
        .expect(10);
    let annotation = run.stderr.lines().find(|line| line.starts_with("::")).unwrap();
    assert!(annotation.starts_with("::error file=.github/workflows/release.yaml,line=4,"), "{annotation}");
    assert!(annotation.contains("col=7") && annotation.contains("ALLOWED_MRTD"), "{annotation}");
    assert!(place.read("summary.md").contains("ALLOWED_MRTD"));
    assert!(place.read("output.txt").starts_with("verdict=failed\n"), "{}", place.read("output.txt"));
}

#[test]
#[cfg(unix)]
fn hostile_names_and_texts_start_no_workflow_command() {
    let place = Place::new();
    let hostile =
        ["::error::pwned", "##[error]pwned", "a\n::error::pwned", "a\r::stop-commands::x", "\u{1b}[2J", "\u{202e}x"];
    for name in hostile {
        place.write(&format!(".github/{name}.yml"), BAD);
        place.write(&format!(".github/{name}/broken.yml"), format!("a: [\n{name}\n# ALLOWED_MRTD\n"));
        let waiver = format!("# merotee: allow {name} until {name}: {name}\njobs: {{}}\n");
        place.write(&format!(".github/waiver-{name}.yml"), waiver);
    }
    place.write(".github/alias.yml", "a: *\u{1b}[2J\n");
    for format in ["human", "markdown", "json", "sarif", "html"] {
        let run = place
            .merotee(["forbid-allowed-env", "-v", "--format", format])
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_STEP_SUMMARY", place.path("summary.md"))
            .env("GITHUB_OUTPUT", place.path("output.txt"))
            .run()
            .expect(10);
        for (stream, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
            for line in text.split(['\n', '\r']) {
                let ours = stream == "stderr" && (line.starts_with("::error ") || line.starts_with("::warning "));
                assert!(ours || !line.trim_start().starts_with("::"), "{format} {stream}: {line:?}");
                assert!(!line.contains("##["), "{format} {stream}: {line:?}");
                assert!(!line.contains(['\u{1b}', '\u{202e}']), "{format} {stream}: {line:?}");
            }
        }
        for line in place.read("output.txt").lines() {
            let (name, _) = line.split_once('=').unwrap();
            assert!(["verdict", "passed", "failed", "missing", "skipped", "warnings"].contains(&name), "{line}");
        }
    }
}

#[test]
#[cfg(unix)]
fn a_link_is_not_followed_and_gives_no_verdict_and_a_large_file_fails() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    place.write(WORKFLOW, "jobs: {}\n");
    place.write("other/kms/action.yml", "runs: {}\n");
    let words = "a symbolic link, which is not followed";
    // What the walk reads under its own name is read.
    symlink(".", place.path(".github/loop")).unwrap();
    place.merotee(["forbid-allowed-env"]).run().expect(0);
    symlink("../other", place.path(".github/actions")).unwrap();
    place.merotee(["forbid-allowed-env"]).run().expect(1).says(&[words, ".github/actions"]);
    place.merotee(["forbid-allowed-env", "."]).run().expect(0).says(&["none in 2 files"]);
    fs::remove_file(place.path(".github/actions")).unwrap();
    place.write(".github/actions/README.md", "");
    symlink("../../other/kms/action.yml", place.path(".github/actions/action.yml")).unwrap();
    place.merotee(["forbid-allowed-env"]).run().expect(1).says(&[words, ".github/actions/action.yml"]);
    fs::remove_file(place.path(".github/actions/action.yml")).unwrap();
    symlink("/proc/self/environ", place.path(".github/a.env")).unwrap();
    place.merotee(["forbid-allowed-env"]).run().expect(1).says(&[words, ".github/a.env"]);
    place.write(".github/large.yml", "# x\n".repeat(2 << 20));
    place.merotee(["forbid-allowed-env"]).run().expect(10).says(&["larger than 4194304 bytes"]);
}

/// What PyYAML makes of each file of a folder: whether it reads it.
fn read_by_pyyaml(folder: &Path) -> Option<BTreeMap<String, bool>> {
    // As in compose_hash_oracles: a Python with PyYAML.
    let python = std::env::var_os("MEROTEE_LIBYAML").unwrap_or_else(|| "python3".into());
    let script = "import json, os, sys, yaml\nout = {}\nfor name in sorted(os.listdir(sys.argv[1])):\n    try:\n        \
                  list(yaml.safe_load_all(open(os.path.join(sys.argv[1], name), 'rb').read()))\n        out[name] = True\n    \
                  except Exception:\n        out[name] = False\nprint(json.dumps(out))\n";
    let output = Command::new(python).arg("-c").arg(script).arg(folder).output().ok()?;
    output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
}

/// Files around a setting, generated: some read by everybody, some by PyYAML alone, some by ours alone.
fn generated() -> Vec<String> {
    let heads = [
        "",
        "%YAML 1.1\n---\n",
        "%TAG !e! tag:e,2000:\n---\n",
        "%FOO bar\n---\n",
        "\u{feff}",
        "--- # x\n",
        "{\n",
        "a: !!binary x\n",
        "? [a, b]\n: c\n",
        "'a':b\n",
        "a: &x 1\nb: &x 2\n",
        "a: !<tag:yaml.org,2002:str> x\n",
        "a: \u{e9}\n",
        "\t\n",
        "a: 1 \t\n",
        "a: [!x ,b]\n",
        "a: @b\n",
        "a: `b\n",
        "a: b: c\n",
        "- a\n",
        "a: *x\n",
    ];
    let keys = [
        "ALLOWED_MRTD: x",
        "\"ALLOWED_MRTD\": x",
        "\"ALLOWED\\x5FMRTD\": x",
        "\"ALLOWED_\\u004DRTD\": x",
        "'ALLOWED_MRTD': x",
        "? ALLOWED_MRTD\n  : x",
        "!!str ALLOWED_MRTD: x",
        "\"ALLOWED_MRTD\"  : x",
        "&k ALLOWED_MRTD: x",
        "{ALLOWED_MRTD: x}",
        "ALLOWED_MRTD:\n    x",
        "\"\\u0041LLOWED_MRTD\":\tx",
        "ALLOWED_MRTD: [x,\n  y]",
        "ALLOWED_MRTD: |\n    x",
        "ALLOWED_MRTD: 'it''s",
    ];
    let tails = [
        "",
        "\n...\n",
        "\n---\nb: 1\n",
        "\nb: [1, 2,]\n",
        "\n}\n",
        "\nc: {d, e: }\n",
        "\n# \u{85}\n",
        "\nz: \"\\/\"\n",
    ];
    let mut files = Vec::new();
    for head in heads {
        for key in keys {
            files.extend(tails.iter().map(|tail| format!("{head}jobs: {{}}\nenv:\n  {key}{tail}")));
        }
    }
    files
}

#[test]
fn what_pyyaml_reads_and_we_do_not_is_still_caught() {
    let place = Place::new();
    let files = generated();
    for (number, text) in files.iter().enumerate() {
        place.write(&format!(".github/{number:04}.yml"), text);
    }
    let run = place.merotee(["forbid-allowed-env", "--format", "json"]).run().expect(10);
    let report = run.report();
    let mut caught: BTreeMap<String, [bool; 2]> = BTreeMap::new();
    for finding in findings(&report).into_iter().filter(|finding| finding["status"] == "fail") {
        let name = place_of(finding).0.trim_start_matches(".github/").to_owned();
        let found = caught.entry(name).or_default();
        found[usize::from(finding["check"] == "allowed-env-syntax")] = true;
    }
    let Some(read) = read_by_pyyaml(&place.path(".github")) else { return skip("PyYAML is not there") };
    let mut theirs_alone = 0;
    for (number, text) in files.iter().enumerate() {
        let name = format!("{number:04}.yml");
        let [named, unread] = caught.get(&name).copied().unwrap_or_default();
        // Whoever can read it: the name is in it, so it must be caught.
        assert!(named, "{text:?}");
        theirs_alone += usize::from(read[&name] && unread);
    }
    assert!(theirs_alone >= 10, "the files show no difference between the readers: {theirs_alone}");
}
