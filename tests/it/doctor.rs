//! `doctor` as people run it, with a network and without.

use serde_json::{Value, json};

use crate::binary::{
    Place, findings,
    loopback::{Answer, Server},
};

fn of<'r>(report: &'r Value, check: &str, subject: &str) -> &'r Value {
    let all = findings(report);
    let found = all.iter().find(|f| f["check"] == check && f["subject"] == subject);
    found.unwrap_or_else(|| panic!("no {check} {subject} in {all:?}"))
}

fn offline(place: &Place) -> crate::binary::Invocation<'_> {
    place.merotee(["doctor", "--offline", "--format", "json"])
}

#[test]
fn offline_it_says_what_it_could_not_look_at_and_every_line_what_to_do() {
    let place = Place::new();
    let report = offline(&place).run().expect(0).report();
    for finding in findings(&report) {
        let helped = finding["help"].is_string();
        let service_or_token =
            ["doctor-service", "doctor-token", "doctor-clock"].contains(&finding["check"].as_str().unwrap());
        assert!(finding["status"] == "pass" || helped || service_or_token, "{finding}");
    }
    assert_eq!(of(&report, "doctor-variable", "GCP_ZONE")["status"], "skipped");
    assert_eq!(of(&report, "doctor-clock", "clock")["status"], "skipped");
    assert_eq!(of(&report, "doctor-trust-root", "built in")["check"], "doctor-trust-root");
    assert_eq!(of(&report, "doctor-config", "merotee.toml")["status"], "pass");
    assert_eq!(of(&report, "doctor-tool", "git")["status"], "pass");
}

#[test]
fn what_is_set_here_is_looked_at_and_no_secret_is_shown() {
    let place = Place::new();
    let run = offline(&place)
        .env("MERO_KMS_VERSION", "mero-kms-v1.2.0")
        .env("GCP_ZONE", "us-central1-a")
        .env("ITA_API_KEY", "hunter2\n")
        .env("GHCR_TOKEN", "hunter2")
        .run()
        .expect(10);
    assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"), "{}", run.shown());
    let report = run.report();
    assert_eq!(of(&report, "doctor-variable", "MERO_KMS_VERSION")["status"], "fail");
    assert_eq!(of(&report, "doctor-variable", "GCP_ZONE")["status"], "pass");
    assert_eq!(of(&report, "doctor-secret", "ITA_API_KEY")["status"], "fail");
    assert_eq!(of(&report, "doctor-secret", "GHCR_TOKEN")["status"], "pass");
}

#[test]
fn a_configuration_that_does_not_parse_fails_with_its_place() {
    let place = Place::new();
    place.write("merotee.toml", "[version-sync]\nkms-manifestt = \"x\"\n");
    let report = offline(&place).run().expect(10).report();
    let finding = of(&report, "doctor-config", "merotee.toml");
    assert!(finding["message"].as_str().unwrap().starts_with("line 2, column 1: "), "{finding}");
    place.write("merotee.toml", "[version-sync]\nkms-manifest = \"kms/Cargo.toml\"\n");
    let report = offline(&place).run().expect(0).report();
    assert!(
        findings(&report).iter().any(|f| f["message"] == "it names kms/Cargo.toml, which is not there"),
        "{report}"
    );
}

#[test]
fn a_trust_root_that_is_none_fails() {
    let place = Place::new();
    place.write("root.json", "{}");
    let report = offline(&place).env("MEROTEE_TRUSTED_ROOT", place.path("root.json")).run().expect(10).report();
    assert_eq!(of(&report, "doctor-trust-root", "trust root")["status"], "fail");
}

/// A GitHub that knows this repository, with a clock and settings of its own.
fn github(date: &'static str, push: bool) -> Server {
    Server::start(move |path, _| {
        let variable = |name: &str, value: &str| json!({"name": name, "value": value});
        let body = if path.contains("/actions/variables") {
            json!({"total_count": 2, "variables": [variable("GCP_ZONE", "us-central1-a"), variable("GCP_PROJECT_ID", "X")]})
        } else if path.contains("/actions/secrets") {
            json!({"total_count": 1, "secrets": [{"name": "GHCR_TOKEN"}]})
        } else {
            json!({"full_name": "o/r", "permissions": {"push": push}})
        };
        let headers = format!("Date: {date}\r\nX-OAuth-Scopes: repo, workflow\r\n");
        Answer::Reply("200 OK", headers, body.to_string().into_bytes())
    })
}

fn asked(place: &Place, server: &Server) -> Value {
    let words = ["doctor", "--repo", "o/r", "--api-url", &server.url, "--rekor-url", &server.url, "--format", "json"];
    // Nothing beyond loopback is asked, whatever the machine could reach.
    let run = place.merotee(words).env("GH_TOKEN", "hunter2").env("HTTPS_PROXY", &server.url).run();
    assert!(!run.stdout.contains("hunter2") && !run.stderr.contains("hunter2"));
    run.report()
}

#[test]
fn the_repository_is_asked_for_its_variables_and_the_names_of_its_secrets() {
    let place = Place::new();
    let report = asked(&place, &github("Sun, 06 Nov 1994 08:49:37 GMT", false));
    assert_eq!(of(&report, "doctor-variable", "GCP_ZONE")["status"], "pass");
    assert_eq!(of(&report, "doctor-variable", "GCP_PROJECT_ID")["status"], "fail");
    assert_eq!(of(&report, "doctor-variable", "GHCR_REGISTRY")["status"], "missing");
    assert_eq!(of(&report, "doctor-secret", "GHCR_TOKEN")["status"], "pass");
    assert_eq!(of(&report, "doctor-secret", "GCP_SERVICE_ACCOUNT_KEY")["status"], "missing");
    let token = of(&report, "doctor-token", "GH_TOKEN");
    assert!(token["status"] == "warn" && token["message"].as_str().unwrap().contains("repo, workflow"), "{token}");
    let clock = of(&report, "doctor-clock", "clock");
    assert!(clock["status"] == "fail" && clock["message"].as_str().unwrap().contains("ahead of GitHub's"), "{clock}");
    assert_eq!(of(&report, "doctor-service", "github-api")["status"], "pass");
}

#[test]
fn a_token_that_would_be_sent_over_an_unencrypted_connection_is_warned_about() {
    let place = Place::new();
    let doctor = |api: &str| {
        let words = ["doctor", "--offline", "--format", "json", "--repo", "o/r", "--api-url", api];
        let run = place.merotee(words).env("GH_TOKEN", "a-token").run();
        run.stdout.contains("over http: anyone on the way can read it")
    };
    assert!(doctor("http://ghe.example/api/v3"));
    assert!(!doctor("https://ghe.example/api/v3") && !doctor("http://127.0.0.1:9/"));
}

#[test]
fn a_token_that_is_refused_fails_and_one_that_may_not_list_settings_leaves_them_open() {
    let place = Place::new();
    let refused = Server::start(|_, _| Answer::status("401 Unauthorized", "Bad credentials"));
    let report = asked(&place, &refused);
    assert_eq!(of(&report, "doctor-token", "GH_TOKEN")["status"], "fail");
    assert_eq!(of(&report, "doctor-variable", "GCP_ZONE")["status"], "skipped");
    let forbidding = Server::start(|path, _| match path.contains("/actions/") {
        true => Answer::status("403 Forbidden", "Resource not accessible by integration"),
        false => Answer::json(&json!({"permissions": {"push": true}})),
    });
    let report = asked(&place, &forbidding);
    assert_eq!(of(&report, "doctor-token", "GH_TOKEN")["status"], "pass");
    let variable = of(&report, "doctor-variable", "GCP_ZONE");
    assert!(variable["message"].as_str().unwrap().contains("may not list variables (403)"), "{variable}");
}

#[test]
fn a_server_that_does_not_answer_fails_where_it_is_needed() {
    let place = Place::new();
    let words = ["doctor", "--api-url", "http://127.0.0.1:9", "--rekor-url", "http://127.0.0.1:9", "--format", "json"];
    let report = place.merotee(words).env("HTTPS_PROXY", "http://127.0.0.1:9").run().expect(10).report();
    assert_eq!(of(&report, "doctor-service", "github-api")["status"], "fail");
    assert_eq!(of(&report, "doctor-service", "rekor")["status"], "fail");
    assert_eq!(of(&report, "doctor-service", "pccs")["status"], "warn");
}
