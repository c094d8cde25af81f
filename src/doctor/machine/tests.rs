//! Machines in order and machines that lack something.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::report::Status;

#[test]
fn a_token_is_judged_by_what_github_says_of_it() {
    let accepted = |scopes: Option<&str>, may_push| {
        token(&Asked::Yes(Token::Accepted { scopes: scopes.map(str::to_owned), may_push }))
    };
    assert_eq!(accepted(Some("repo, workflow"), Some(true)).status, Status::Pass);
    assert!(accepted(Some("repo, workflow"), Some(true)).message.contains("scopes repo, workflow"));
    assert_eq!(accepted(None, Some(false)).status, Status::Warn);
    assert_eq!(accepted(None, None).status, Status::Pass);
    assert_eq!(token(&Asked::Yes(Token::Unset)).status, Status::Warn);
    assert_eq!(token(&Asked::Yes(Token::Refused)).status, Status::Fail);
    assert_eq!(token(&Asked::No("--offline".into())).status, Status::Skipped);
}

#[test]
fn a_clock_is_judged_by_its_distance_in_both_directions() {
    for sign in [1, -1] {
        let at = |seconds: i64| clock(&Asked::Yes(SignedDuration::from_secs(sign * seconds)));
        assert_eq!(at(0).status, Status::Pass);
        assert_eq!(at(29).status, Status::Pass);
        assert_eq!(at(30).status, Status::Warn);
        assert_eq!(at(299).status, Status::Warn);
        assert_eq!(at(300).status, Status::Fail);
        assert!(at(300).message.contains(if sign > 0 { "ahead of" } else { "behind" }));
    }
    assert_eq!(clock(&Asked::No("--offline".into())).status, Status::Skipped);
}

#[test]
fn a_trust_root_is_judged_by_its_newest_key() {
    let now: Timestamp = "2026-11-29T00:00:00Z".parse().unwrap();
    let root = |newest: Option<&str>| {
        let newest = newest.map(|time| time.parse().unwrap());
        trust_root(&Ok(TrustRoot { name: "built in".into(), newest }), now).status
    };
    assert_eq!(root(Some("2026-01-01T00:00:00Z")), Status::Pass);
    assert_eq!(root(Some("2027-01-01T00:00:00Z")), Status::Pass);
    assert_eq!(root(Some("2025-01-01T00:00:00Z")), Status::Warn);
    assert_eq!(root(None), Status::Fail);
    assert_eq!(trust_root(&Err("not JSON".into()), now).status, Status::Fail);
}

#[test]
fn any_answer_shows_that_a_service_is_reached_and_only_needed_ones_fail() {
    let of = |needed, answer| {
        let github = Service { name: "GitHub", host: "api.github.com".into(), used_for: "read releases", needed };
        service(&github, &answer).status
    };
    assert_eq!(of(true, Asked::Yes(Ok(200))), Status::Pass);
    assert_eq!(of(true, Asked::Yes(Ok(404))), Status::Pass);
    assert_eq!(of(true, Asked::Yes(Ok(503))), Status::Warn);
    assert_eq!(of(true, Asked::Yes(Err("connection refused".into()))), Status::Fail);
    assert_eq!(of(false, Asked::Yes(Err("connection refused".into()))), Status::Warn);
    assert_eq!(of(true, Asked::No("--offline".into())), Status::Skipped);
}

#[test]
fn only_what_merotee_runs_itself_is_missing_when_it_is_not_installed() {
    for candidate in &TOOLS {
        let absent = tool(candidate, &Ran::Absent);
        assert_eq!(absent.status, if candidate.needed { Status::Missing } else { Status::Skipped });
        assert!(absent.help.unwrap().contains(candidate.used_for));
        assert_eq!(tool(candidate, &Ran::Said("x 1.0".into())).status, Status::Pass);
        assert_eq!(tool(candidate, &Ran::Failed("timed out".into())).status, Status::Warn);
    }
}

#[test]
fn a_configuration_is_optional_and_must_be_right_when_it_is_there() {
    let status = |file: ConfigFile| config("merotee.toml", &file).iter().map(|f| f.status).collect::<Vec<_>>();
    assert_eq!(status(ConfigFile::Absent), [Status::Pass]);
    assert_eq!(status(ConfigFile::Read(vec![])), [Status::Pass]);
    assert_eq!(status(ConfigFile::Read(vec!["a".into(), "b".into()])), [Status::Warn; 2]);
    assert_eq!(status(ConfigFile::Unusable("line 3: unknown key".into())), [Status::Fail]);
}
