//! Guest agents that are missing or ill: the caller learns nothing of it, the log everything, and the service goes on.

use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{adapters::dstack::GuestAgent, kms::Parts, sandbox::dstack::Fault};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    log::Log,
    site::{Answer, Service, Site},
    wire::agreeable,
};
use crate::binary::Place;

/// How long an agent has here. Long for one that answers, short for one that never does.
const PATIENCE: Duration = Duration::from_millis(300);

async fn attest(service: &Service) -> Answer {
    service.post("/attest", json!({"nonceB64": STANDARD.encode([3; 32])}).to_string()).await
}

/// Asserts an answer that says nothing, and what the log says instead.
#[track_caller]
fn silent(log: &Log, answer: &Answer, endpoint: &str, cause: &str) {
    assert_eq!((answer.status, answer.text.as_str()), (500, r#"{"error":"internal_error"}"#));
    assert!(!answer.kept);
    let line = log.refusal(endpoint, 500, "internal_error");
    assert!(line.contains(cause), "no {cause:?} in {line}");
}

#[tokio::test]
async fn whatever_ails_the_agent_is_an_internal_error_without_a_word_and_over_when_it_is_over() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let service = site.serve_with(Parts { agent: site.agent.agent().with_timeout(PATIENCE), ..site.parts() }).await;
    let node = site.node();
    // What the machine measures as is asked for once.
    service.key(&node).await.key();
    // What an ill agent does to a quote of the KMS, and to a key.
    for (fault, quote, key) in [
        (Fault::Hang, Some("GetQuote: no answer within"), Some("GetKey: no answer within")),
        (Fault::Garbage, Some("GetQuote: the answer is not JSON"), Some("GetKey: the answer is not JSON")),
        (
            Fault::Status(500),
            Some("GetQuote: answered 500: the sandbox was told to fail"),
            Some("GetKey: answered 500"),
        ),
        (Fault::Status(400), Some("GetQuote: answered 400"), Some("GetKey: answered 400")),
        (Fault::EmptyQuote, Some("`quote` is empty"), None),
        (Fault::OtherReportData, Some("`report_data` is not what was asked for"), None),
    ] {
        let attempt = service.attempt(&node).await;
        site.machine.fail(Some(fault));
        let (begun, answer) = (Instant::now(), attest(&service).await);
        quote.into_iter().for_each(|cause| silent(&log, &answer, "/attest", cause));
        assert!(begun.elapsed() < Duration::from_secs(20), "{fault:?}: the agent's own limit holds");
        let answer = service.post("/get-key", attempt.signed_by(&node)).await;
        match key {
            Some(cause) => silent(&log, &answer, "/get-key", cause),
            None => assert_eq!(answer.key(), site.storage_key(&node.peer()), "{fault:?}"),
        }
        site.machine.fail(None);
        assert_eq!(attest(&service).await.status, 200, "{fault:?}");
        assert_eq!(service.key(&node).await.key(), site.storage_key(&node.peer()), "{fault:?}");
        log.nothing_refused();
    }
}

#[tokio::test]
async fn an_agent_that_is_not_there_yet_costs_nothing_but_what_needs_it() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let folder = tempfile::TempDir::with_prefix("merotee-it-").unwrap();
    let socket = folder.path().join("dstack.sock");
    let service = site.serve_with(Parts { agent: GuestAgent::new(&socket), ..site.parts() }).await;
    let node = site.node();
    silent(&log, &attest(&service).await, "/attest", "dstack.sock, GetQuote: cannot connect");
    silent(&log, &service.key(&node).await, "/get-key", "dstack.sock, GetQuote: cannot connect");
    assert_eq!(service.get("/health").await.status, 200);
    // It comes up, and the service did not have to.
    std::os::unix::fs::symlink(&site.agent.socket, &socket).unwrap();
    assert_eq!(attest(&service).await.status, 200);
    assert_eq!(service.key(&node).await.key(), site.storage_key(&node.peer()));
}

#[tokio::test]
async fn a_replica_whose_agent_is_ill_when_the_first_node_comes_gets_its_challenge_key_later() {
    let (log, _heard) = Log::of_this_thread();
    let (site, mut servers) = (Site::new().await, JoinSet::new());
    let (agent, consumed) = (site.agent.agent().with_timeout(PATIENCE), agreeable(&mut servers).await);
    let service = site.serve_with(Parts { agent, consumed, ..site.parts() }).await;
    let node = site.node();
    let challenge = json!({"peerId": node.peer()}).to_string();
    for (fault, cause) in [
        (Fault::Hang, "GetKey: no answer within"),
        (Fault::Garbage, "GetKey: the answer is not JSON"),
        (Fault::Status(500), "GetKey: answered 500"),
    ] {
        site.machine.fail(Some(fault));
        silent(&log, &service.post("/challenge", challenge.clone()).await, "/challenge", cause);
    }
    site.machine.fail(None);
    assert_eq!(service.key(&node).await.key(), site.storage_key(&node.peer()));
}

#[test]
fn a_service_whose_policy_host_cannot_be_reached_ends_with_code_1_and_says_so() {
    // A port that was just free: nobody listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = Place::new();
    let serve = ["kms", "serve", "--kms-version", "1.2.0", "--profile", "locked-read-only", "--retries", "0"];
    let run = place.sandbox(serve).args(["--api-url", &format!("http://{gone}")]).run().expect(1).without_product();
    let run = run.says(&["[ERROR] cannot get release `mero-kms-v1.2.0`", &format!("could not reach {gone}: ")]);
    assert!(!run.stderr.contains("policy loaded"), "{}", run.stderr);
    let url = format!("http://{gone}/policy.json");
    let run = place.sandbox(serve).args(["--policy-url", &url]).run().expect(1).without_product();
    run.says(&["[ERROR] ", &format!("could not reach {gone}: ")]);
}
