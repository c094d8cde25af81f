//! `catalog add --pr` and `catalog rebuild --pr` as their users run them.

use serde_json::{Value, json};

use crate::binary::{Place, Run, findings, serve::Serve, statuses};

const ADD: [&str; 6] = ["catalog", "add", "1.2.0", "1.1.0", "--untested", "--pr"];

fn actions(run: &Run) -> Vec<String> {
    let report = run.report();
    let all = report["sections"][0]["actions"].as_array().unwrap();
    all.iter().map(|one| format!("{} {}", one["what"].as_str().unwrap(), one["state"].as_str().unwrap())).collect()
}

#[test]
fn a_pair_is_proposed_in_the_sandbox_and_no_file_here_is_touched() {
    let place = Place::new();
    let run = place.sandbox(ADD).run().expect(0);
    run.says(&["pull request #", "PASSED"]);
    assert_eq!(place.names("."), [""; 0]);
    let dry = place.sandbox(ADD).args(["--dry-run", "--format", "json"]).run().expect(0);
    assert_eq!(actions(&dry), ["create branch planned", "open pull request planned", "add label planned"]);
    let done = place.sandbox(ADD).args(["--draft", "--format", "json"]).run().expect(0);
    assert_eq!(actions(&done), ["create branch done", "open draft pull request done", "add label done"]);
}

#[test]
fn a_pair_is_proposed_with_its_evidence_and_a_second_run_lands_in_the_same_pull_request() {
    let (place, world) = (Place::new(), Serve::start());
    let run = |words: &[&str]| place.merotee(words).args(["--format", "json"]).envs(world.exports()).run();
    run(&["verify-release-assets", "1.1.0", "--output", "report.json"]).expect(0);
    // Its entry says tested already; what it says more is the evidence.
    let add = ["catalog", "add", "1.1.0", "1.1.0", "--evidence", "report.json", "--pr", "--label", "my label"];
    let first = run(&add).expect(0);
    assert_eq!(actions(&first), ["create branch done", "open pull request done", "add label done"]);
    let branch = first.report()["sections"][0]["facts"]["branch"].as_str().unwrap().to_owned();
    assert!(branch.starts_with("merotee/catalog-add/1.1.0-1.1.0-"), "{branch}");
    let second = run(&add).expect(0).says(&["proposes this already"]);
    assert_eq!(actions(&second), [""; 0]);
    run(&["verify-release-assets", "1.1.0", "-v", "--output", "report.json", "--keep", "kept"]).expect(0);
    let outputs = place.path("outputs");
    std::fs::write(&outputs, "").unwrap();
    let step = place.merotee(add).envs(world.exports()).env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs);
    step.run().expect(0);
    let told = place.read("outputs");
    assert!(told.contains("pull-request-number") && told.contains("pull-request-operation"), "{told}");
}

#[test]
fn two_processes_at_once_open_one_pull_request() {
    let world = Serve::start();
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let runs = [(); 2].map(|()| {
            scope.spawn(|| {
                let place = Place::new();
                place.merotee(ADD).args(["--format", "json"]).envs(world.exports()).run().expect(0)
            })
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let number = |run: &Run| {
        let report = run.report();
        let said = findings(&report).into_iter().find(|one| one["check"] == "pull-request").unwrap()["message"].clone();
        said.as_str().unwrap().split(' ').find(|word| word.starts_with('#')).unwrap().to_owned()
    };
    assert_eq!(number(&runs[0]), number(&runs[1]));
    let place = Place::new();
    let third = place.merotee(ADD).args(["--format", "json"]).envs(world.exports()).run().expect(0);
    assert_eq!((actions(&third), number(&third)), (Vec::new(), number(&runs[0])));
}

#[test]
fn a_rebuild_proposes_what_the_releases_say_and_a_second_one_nothing_more() {
    let (place, world) = (Place::new(), Serve::start());
    let rebuild = |words: &[&str]| {
        place.merotee(["catalog", "rebuild", "--pr", "--format", "json"]).args(words).envs(world.exports()).run()
    };
    // The sandbox's catalog lists two pairs whose releases are yet to come.
    let first = rebuild(&[]).expect(0);
    assert_eq!(actions(&first), ["create branch done", "open pull request done", "add label done"]);
    let report = first.report();
    assert_eq!(statuses(&report, "catalog-edit"), ["pass"; 2]);
    assert_eq!(statuses(&report, "pull-request"), ["pass"]);
    let second = rebuild(&[]).expect(0);
    assert_eq!((actions(&second).len(), statuses(&second.report(), "pull-request").len()), (0, 1));
    rebuild(&["--path", "none.json"]).expect(11).says(&["has no such file on master", "--path"]);
    assert_eq!(place.names("."), [""; 0]);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_asked_or_written() {
    let (place, world) = (Place::new(), Serve::start());
    let add = |words: &[&str]| place.merotee(ADD).args(words).envs(world.exports());
    for (words, why) in [
        (&["--catalog", "x.json"][..], "--catalog"),
        (&["--check"], "--check"),
        (&["--branch", "a..b"], "`a..b` is not the name of a branch"),
        (&["--base", "refs/heads/master"], "is not the name of a branch"),
        (&["--label", " "], "a label has 1 to 50 characters"),
        (&["--branch", "master"], "cannot be proposed to itself"),
        (&["--base", "nowhere"], "has no branch `nowhere`"),
        (&["--path", "../x.json"], "not a path from the top of the repository"),
    ] {
        add(words).run().expect(2).says(&[why]).without_product();
    }
    add(&[]).env("GH_TOKEN", "").run().expect(2).says(&["needs a token", "GH_TOKEN"]).without_product();
    add(&["--dry-run"]).env("GH_TOKEN", "").run().expect(0);
    for option in [["--branch", "x"], ["--base", "x"], ["--label", "x"]] {
        let words = ["catalog", "add", "1.2.0", "1.1.0", "--untested"];
        place.merotee(words).args(option).run().expect(2).says(&["--pr"]).without_product();
    }
}

#[test]
fn the_variable_for_the_path_means_the_same_to_every_command() {
    let (place, variable) = (Place::new(), "COMPATIBILITY_CATALOG_PATH");
    let text = "{\n  \"schema_version\": \"1\",\n  \"entries\": []\n}\n".to_owned();
    std::fs::create_dir(place.path("conf")).unwrap();
    place.write("conf/catalog.json", &text);
    let add = ["catalog", "add", "1.2.0", "1.1.0", "--untested"];
    let absolute = place.path("conf/catalog.json").display().to_string();
    for command in [&["catalog", "show"][..], &["catalog", "check", "1.2.0", "1.2.0"], &add, &["catalog", "rebuild"]] {
        for wrong in [absolute.as_str(), "../catalog.json", "conf//catalog.json"] {
            let run = place.merotee(command).env(variable, wrong).run();
            run.expect(2).says(&["not a path from the top of the repository", "--catalog"]).without_product();
        }
    }
    // Without a pull request it is that path of a checkout, in the current folder.
    place.merotee(add).env(variable, "conf/catalog.json").run().expect(0);
    let after = place.read("conf/catalog.json");
    assert_ne!(after, text);
    place.write("conf/catalog.json", &text);
    // A file is named as ever, also where the variable says something else.
    place.merotee(add).args(["--catalog", &absolute]).env(variable, "conf/other.json").run().expect(0);
    assert_eq!(place.read("conf/catalog.json"), after);
    let missing = place.merotee(add).env(variable, "conf/other.json").run();
    missing.expect(1).says(&["there is no catalog at conf/other.json"]).without_product();
    let shown: Value = json!(place.names("."));
    assert_eq!(shown, json!(["conf"]));
}
