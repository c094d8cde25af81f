//! Nothing that is secret gets into a log, however much of everything is asked for.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{
    kms::{Parts, challenge::ConsumedChallenges},
    sandbox::{boot::Boot, dstack::Fault, tdx},
    subject::profile::Profile,
};
use secrecy::SecretString;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    log::Log,
    node::{Attempt, Node},
    process::Process,
    site::{CHALLENGE_KEY_PATH, NODE, NOW, Service, Site, platform, tag},
    wire::agreeable,
};
use crate::binary::Place;

/// What must not be said, with its name. Quotes may be in parts too short to be one.
#[derive(Default)]
struct Secrets {
    secrets: Vec<(&'static str, Vec<u8>)>,
    quotes: Vec<Vec<u8>>,
}

/// Characters in a row by which a quote is told.
const RUN: usize = 200;

impl Secrets {
    fn hex(&mut self, name: &'static str, digits: &str) {
        self.secrets.push((name, hex::decode(digits).unwrap()));
    }

    #[track_caller]
    fn are_not_in(&self, said: &str) {
        let lower = said.to_lowercase();
        for (name, secret) in &self.secrets {
            let text = hex::encode(secret);
            assert!(!lower.contains(&text), "{name} in hex");
            assert!(!said.contains(STANDARD.encode(secret).trim_end_matches('=')), "{name} in base64");
            // As `Debug` has bytes.
            let listed = secret.iter().take(8).map(u8::to_string).collect::<Vec<_>>().join(", ");
            assert!(!said.contains(&listed), "{name} in numbers");
        }
        for quote in &self.quotes {
            assert!(!has_run_of(said, &STANDARD.encode(quote)), "a quote in base64");
            assert!(!has_run_of(&lower, &hex::encode(quote)), "a quote in hex");
        }
    }
}

/// Whether any [`RUN`] characters of `text` are in `said`.
fn has_run_of(said: &str, text: &str) -> bool {
    // Whatever run there is holds one of these whole.
    let half = RUN / 2;
    let suspicious = (0..text.len() / half).map(|at| at * half).filter(|at| said.contains(&text[*at..at + half]));
    let mut runs = suspicious.flat_map(|at| at.saturating_sub(half)..=at).filter(|at| at + RUN <= text.len());
    runs.any(|at| said.contains(&text[at..at + RUN]))
}

#[test]
fn a_run_is_found_wherever_it_begins_and_a_shorter_one_is_none() {
    let text: String = (0..2_000).map(|n: u32| char::from(b'a' + (n * n / 7 % 26) as u8)).collect();
    for at in [0, 1, 99, 100, 101, 777, text.len() - RUN] {
        assert!(has_run_of(&format!("x{}y", &text[at..at + RUN]), &text), "{at}");
        assert!(!has_run_of(&format!("-{}-", &text[at..at + RUN - 1]), &text), "{at}");
    }
}

/// Makes one request, whatever becomes of it, and remembers its quote.
async fn ask(service: &Service, secrets: &mut Secrets, attempt: &Attempt, body: String) -> u16 {
    secrets.quotes.push(attempt.quote.clone());
    service.post("/get-key", body).await.status
}

/// Everything that can be asked of a service, good and bad.
async fn traffic(site: &Site, service: &Service, secrets: &mut Secrets) {
    let node = site.node();
    assert_eq!(service.get("/health").await.status, 200);
    let attested = service.post("/attest", json!({"nonceB64": STANDARD.encode([1; 32])}).to_string()).await;
    secrets.quotes.push(STANDARD.decode(attested.json()["quoteB64"].as_str().unwrap()).unwrap());
    secrets.hex("a key that was released", &service.key(&node).await.key());

    let attempt = service.attempt(&node).await;
    let body = attempt.signed_by(&node);
    assert_eq!(ask(service, secrets, &attempt, body.clone()).await, 200);
    assert_eq!(ask(service, secrets, &attempt, body).await, 401);
    let attempt = service.attempt(&node).await;
    assert_eq!(ask(service, secrets, &attempt, attempt.with_signature(&[0; 64])).await, 401);
    let forger = platform(NOW).with_fault(tdx::Fault::BadQuoteSignature).unwrap();
    for quoting in [
        Node::new(1, &site.platform, Boot::of_release(&tag(NODE), Profile::Debug)),
        Node::new(1, &Arc::new(forger), Boot::of_release(&tag(NODE), Profile::LockedReadOnly)),
    ] {
        let attempt = service.attempt(&quoting).await;
        assert!(ask(service, secrets, &attempt, attempt.signed_by(&quoting)).await > 400);
    }
    // A quote where something else belongs, and one cut short.
    let mut attempt = service.attempt(&node).await;
    let quote = STANDARD.encode(&attempt.quote);
    for (field, status) in [("peerId", 400), ("challengeId", 401), ("signatureB64", 401), ("peerPublicKeyB64", 400)] {
        let mut body: serde_json::Value = serde_json::from_str(&attempt.signed_by(&node)).unwrap();
        body[field] = quote.clone().into();
        assert_eq!(ask(service, secrets, &attempt, body.to_string()).await, status, "{field}");
    }
    assert_eq!(ask(service, secrets, &attempt, format!("[{quote:?}]")).await, 400);
    assert_eq!(service.post("/challenge", json!({"peerId": quote}).to_string()).await.status, 400);
    attempt = service.attempt(&node).await;
    attempt.quote.pop();
    assert_eq!(ask(service, secrets, &attempt, attempt.signed_by(&node)).await, 401);
    for fault in [Fault::Garbage, Fault::Status(500), Fault::Hang, Fault::OtherReportData] {
        let attempt = service.attempt(&node).await;
        site.machine.fail(Some(fault));
        ask(service, secrets, &attempt, attempt.signed_by(&node)).await;
        service.post("/attest", json!({"nonceB64": STANDARD.encode([1; 32])}).to_string()).await;
        site.machine.fail(None);
    }
}

async fn everything(secrets: &mut Secrets) {
    let (site, mut servers) = (Site::new().await, JoinSet::new());
    let agent = || site.agent.agent().with_timeout(Duration::from_millis(200));
    let away = "redis://:8b1a9953c4611296a827abf8c47804d7@127.0.0.1:1/";
    secrets.hex("a node's secret key", &Node::secret(1));
    secrets.hex("the password of Redis", "8b1a9953c4611296a827abf8c47804d7");
    // Where replicas' challenges come from, and what they are made with.
    let secret = site.machine.key(&format!("{CHALLENGE_KEY_PATH}/locked-read-only"));
    secrets.hex("the challenges' secret", &hex::encode(secret));
    for label in ["merotee/kms/challenge/v2/tag", "merotee/kms/challenge/v2/nonce"] {
        let subkey = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), label.as_bytes());
        secrets.hex("a key of challenges", &hex::encode(subkey));
    }
    let alone = site.serve_with(Parts { agent: agent(), ..site.parts() }).await;
    traffic(&site, &alone, secrets).await;
    let parts = Parts { consumed: agreeable(&mut servers).await, agent: agent(), ..site.parts() };
    let replica = site.serve_with(parts).await;
    secrets.hex("a replica's key", &replica.key(&site.node()).await.key());
    let consumed = ConsumedChallenges::in_redis(&SecretString::from(away)).unwrap();
    let orphan = site.serve_with(Parts { consumed, agent: agent(), ..site.parts() }).await;
    let peer = site.node().peer();
    assert_eq!(orphan.post("/challenge", json!({ "peerId": peer }).to_string()).await.status, 503);
}

#[test]
fn at_the_finest_level_of_every_target_no_secret_and_no_quote_is_said() {
    let (log, mut secrets) = (Log::default(), Secrets::default());
    let (heard, dispatch) = (log.dispatch(), log.dispatch());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        // For as long as the thread lives.
        .on_thread_start(move || std::mem::forget(tracing::dispatcher::set_default(&heard)))
        .build()
        .unwrap();
    tracing::dispatcher::with_default(&dispatch, || runtime.block_on(everything(&mut secrets)));
    drop(runtime);
    let said = log.text();
    // It did listen: to us and to the libraries, down to the last detail.
    for words in ["INFO merotee::kms::http: key released", ": refused ", "TRACE "] {
        assert!(said.contains(words), "no {words:?} in {} bytes", said.len());
    }
    assert!(said.lines().any(|line| !line.contains(" merotee::")), "no library was heard");
    assert!(secrets.secrets.len() > 6 && secrets.quotes.len() > 10);
    secrets.are_not_in(&said);
}

#[test]
fn nor_by_the_processes_of_a_service_and_a_node_that_are_asked_to_say_everything() {
    const TOKEN: &str = "ghp_0123456789abcdefghijklmnopqrstuvwxyz";
    let process = Process::start(&["-vv"], &[("GH_TOKEN", TOKEN), ("GITHUB_TOKEN", TOKEN)]);
    let place = Place::new();
    place.write("node", Node::secret(0xb7));
    let url = format!("http://{}", process.address);
    let policy = process.sandbox.export("MEROTEE_KMS_POLICY");
    let run = place
        .merotee(["kms", "get-key", "-vv", "--url", &url, "--node-key", "node", "--key-out", "key"])
        .args(["--root", process.sandbox.export("MEROTEE_TDX_ROOT"), "--expect-policy", policy])
        .envs(process.sandbox.exports())
        .run()
        .expect(0);
    let mut secrets = Secrets::default();
    secrets.hex("the key", &place.read("key"));
    secrets.hex("the node's secret key", &Node::secret(0xb7));
    let said = process.stop();
    assert!(said.contains("key released") && said.contains("\"level\":\"DEBUG\""), "{said}");
    for said in [&said, &run.stdout, &run.stderr] {
        secrets.are_not_in(said);
        assert!(!said.contains(TOKEN), "the token");
        assert!(!said.split(|c: char| !c.is_ascii_alphanumeric() && c != '+' && c != '/').any(|w| w.len() > RUN));
    }
}
