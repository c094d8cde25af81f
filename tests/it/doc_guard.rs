//! `doc-guard` on real repositories, at a terminal and in a simulated workflow run.

use crate::{
    binary::statuses,
    guarded::{Guarded, annotations},
};

const POLICY: &str = "policies/kms-phala-attestation-policy.debug.json";

fn between(guarded: &Guarded) -> crate::binary::Run {
    guarded.place.merotee(["doc-guard", "--base", "base", "--format", "json"]).run()
}

#[test]
fn a_watched_file_needs_a_page_that_says_something_new() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.place.write("src/main.rs", "fn main() {}\n");
    guarded.commit("Something else");
    between(&guarded).expect(0).says(&["needs no documentation"]);
    guarded.place.write(POLICY, "{}");
    guarded.commit("A policy");
    between(&guarded).expect(10).says(&["no documentation changes with it", "`docs/**`, `README.md`, `CHANGELOG.md`"]);
    guarded.git(&["mv", "docs/page.md", "docs/other.md"]);
    guarded.commit("Move a page");
    between(&guarded).expect(10);
    guarded.git(&["rm", "-q", "docs/other.md"]);
    guarded.commit("Delete a page");
    between(&guarded).expect(10);
    guarded.place.write("README.md", "the debug policy is new\n");
    guarded.commit("Say so");
    let report = between(&guarded).expect(0).says(&["documented in README.md"]).report();
    assert_eq!(statuses(&report, "documented"), ["pass"]);
}

#[test]
fn a_watched_file_counts_under_its_old_name_and_when_it_is_gone() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.place.write(POLICY, "{\"a\": \"long enough to be recognised\"}\n".repeat(20));
    guarded.commit("A policy");
    guarded.git(&["tag", "-f", "base"]);
    guarded.git(&["mv", POLICY, "hidden.json"]);
    guarded.commit("Move it out of sight");
    between(&guarded).expect(10).says(&["hidden.json"]);
    guarded.git(&["rm", "-q", "hidden.json"]);
    guarded.commit("Delete it");
    between(&guarded).expect(10).says(&["is deleted"]);
}

#[test]
fn a_watched_file_that_is_moved_among_the_pages_needs_a_page_of_its_own() {
    let Some(guarded) = Guarded::new() else { return };
    let lines = "{\"a\": \"long enough to be recognised\"}\n".repeat(20);
    guarded.place.write(POLICY, &lines);
    guarded.commit("A policy");
    guarded.git(&["tag", "-f", "base"]);
    guarded.git(&["mv", POLICY, "docs/policy.json"]);
    guarded.commit("Move it among the pages");
    between(&guarded).expect(10).says(&["docs/policy.json", "is moved"]);
    guarded.place.write("docs/policy.json", format!("{lines}{{}}\n"));
    guarded.commit("And change it");
    between(&guarded).expect(10).says(&["docs/policy.json", "no documentation changes with it"]);
    guarded.place.write("docs/page.md", "the policy is among the pages now\n");
    guarded.commit("Say so");
    between(&guarded).expect(0).says(&["documented in docs/page.md"]);
}

#[test]
fn patterns_are_the_repositorys_own_and_a_change_of_them_is_pointed_out() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.place.write("merotee.toml", "[doc-guard]\nwatched = [\"src/**\"]\ndocumentation = [\"*.adoc\"]\n");
    guarded.place.write("src/main.rs", "fn main() {}\n");
    guarded.place.write(POLICY, "{}");
    guarded.place.write("docs/page.md", "more\n");
    guarded.commit("Watch the sources");
    let report = between(&guarded).expect(10).says(&["src/main.rs"]).report();
    assert_eq!(statuses(&report, "documented"), ["fail"]);
    assert_eq!(statuses(&report, "guard-config"), ["warn"]);
    guarded.place.write("a/page.adoc", "x");
    guarded.commit("Document it");
    between(&guarded).expect(0);
}

#[test]
fn a_change_without_a_file_is_no_verdict_and_no_change_at_all_a_usage_error() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.commit("Nothing");
    between(&guarded).expect(1).says(&["touches no file"]);
    guarded.place.merotee(["doc-guard"]).run().expect(2).says(&["there is no change to look at", "--base"]);
    guarded.step(&["doc-guard"]).env("GITHUB_REF", "refs/heads/main").run().expect(2);
}

#[test]
fn hostile_file_names_start_no_workflow_command_and_each_is_reported() {
    let Some(guarded) = Guarded::new() else { return };
    let names = [
        "a\n::error::pwned",
        "::set-output name=verdict::passed",
        "##[error]x",
        "\u{1b}[2J\u{202e}x",
        "--x",
        "a,b:c%0A",
    ];
    for name in names {
        guarded.place.write(&format!("policies/{name}"), "{}");
    }
    let head = guarded.commit("Names");
    let event = guarded.event(&guarded.git(&["rev-parse", "base"]), &head, &[]);
    for format in ["human", "json", "sarif", "markdown", "html"] {
        let run = guarded.pull_step(&["doc-guard", "--format", format], &event, "http://127.0.0.1:9").expect(10);
        for line in run.stdout.split(['\n', '\r']) {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line:?}");
        }
        assert_eq!(annotations(&run).len(), names.len(), "{}", run.stderr);
        assert!(annotations(&run).iter().all(|line| line.starts_with("::error file=policies/")), "{}", run.stderr);
        assert!(!run.stderr.contains(['\u{1b}', '\u{202e}']) && !run.stderr.contains("##["), "{}", run.stderr);
        let (summary, output) = (guarded.place.read("summary.md"), guarded.place.read("output.txt"));
        assert!(!summary.lines().any(|line| line.trim_start().starts_with("::")), "{summary}");
        assert_eq!(output.lines().filter(|line| line.starts_with("verdict=")).collect::<Vec<_>>(), ["verdict=failed"]);
    }
}

#[test]
fn the_summary_of_a_run_for_a_pull_request() {
    let Some(guarded) = Guarded::new() else { return };
    guarded.place.write(POLICY, "{}");
    let head = guarded.commit("A policy");
    let event = guarded.event(&guarded.git(&["rev-parse", "base"]), &head, &[]);
    let run = guarded.pull_step(&["doc-guard"], &event, "http://127.0.0.1:9").expect(10);
    let ids = regex::Regex::new("[0-9a-f]{12}").unwrap();
    let told = format!(
        "{}--- summary\n{}--- output\n{}",
        run.shown(),
        guarded.place.read("summary.md"),
        guarded.place.read("output.txt")
    );
    insta::assert_snapshot!(ids.replace_all(&told, "[commit]"));
}
