//! Wire compatibility: what is signed, by the letter, and whole exchanges kept in `golden/`, byte for byte.
//!
//! Seed, clock, node and guest agent are fixed, and a service whose memory is shared derives its challenges from the agent.
//! So a request that was recorded once is answered the same by every build that keeps the format. A format that changes on
//! purpose is recorded anew: `cargo test --test it kms::wire::the_exchanges_are_recorded -- --ignored`.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::kms::{Parts, challenge::ConsumedChallenges};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use super::{
    node::{Attempt, Node},
    site::{Answer, NOW, Service, Site, TTL},
};
use crate::dstack::Listening;

/// A store of used challenges that other processes share, as far as it can tell: it says the same of itself at every start,
/// knows of no use, and agrees to each.
pub(super) async fn agreeable(servers: &mut JoinSet<()>) -> ConsumedChallenges {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    servers.spawn(async move {
        let mut streams = JoinSet::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            streams.spawn(async move {
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                    stream.write_all(agree(std::str::from_utf8(&bytes[..read]).unwrap()).as_bytes()).await.unwrap();
                }
            });
        }
    });
    ConsumedChallenges::in_redis(&SecretString::from(url)).unwrap()
}

/// Answers to whole commands, in order.
fn agree(commands: &str) -> String {
    let words: Vec<&str> = commands.split("\r\n").collect();
    let text = |text: &str| format!("${}\r\n{text}\r\n", text.len());
    let answers = words.iter().enumerate().filter_map(|(at, word)| match *word {
        "INFO" => Some(text("# Server\r\nrun_id:0123456789abcdef\r\n")),
        "GET" if words[at + 2] == "merotee:kms:store" => Some(text("the recorded memory")),
        "GET" => Some("$-1\r\n".to_owned()),
        "SET" => Some("+OK\r\n".to_owned()),
        _ => None,
    });
    answers.collect()
}

/// A service like the one that the exchanges were recorded with.
async fn recorded(site: &Site, servers: &mut JoinSet<()>) -> Service {
    site.serve_with(Parts { consumed: agreeable(servers).await, ..site.parts() }).await
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/kms/golden").join(name)
}

fn golden(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap_or_else(|e| panic!("{name}: {e}")).trim_end().to_owned()
}

#[tokio::test]
async fn recorded_requests_get_the_recorded_answers_byte_for_byte() {
    let (site, mut servers) = (Site::new().await, JoinSet::new());
    let service = recorded(&site, &mut servers).await;
    let health = service.get("/health").await;
    assert_eq!((health.status, health.text), (200, golden("health.response.json")));
    for exchange in ["attest", "get-key"] {
        let answer = service.post(&format!("/{exchange}"), golden(&format!("{exchange}.request.json"))).await;
        assert_eq!((answer.status, answer.text), (200, golden(&format!("{exchange}.response.json"))), "{exchange}");
    }
    assert!(golden("get-key.response.json").contains(&site.storage_key(&site.node().peer())));
}

#[tokio::test]
async fn a_recorded_request_for_a_challenge_gets_one_of_the_recorded_form() {
    let (site, mut servers) = (Site::new().await, JoinSet::new());
    let service = recorded(&site, &mut servers).await;
    let answer = service.post("/challenge", golden("challenge.request.json")).await;
    assert_eq!(without_chance(&answer.text), without_chance(&golden("challenge.response.json")));
    let issued = answer.json();
    assert_eq!(issued["expiresAt"], NOW + TTL);
    assert_eq!(STANDARD.decode(issued["nonceB64"].as_str().unwrap()).unwrap().len(), 32);
    // The expiry stands first in the id; what follows it is chance.
    assert!(issued["challengeId"].as_str().unwrap().starts_with(&format!("{:016x}", NOW + TTL)));
}

/// A challenge with `_` for every character that differs from one to the next.
fn without_chance(text: &str) -> String {
    let mut challenge: Value = serde_json::from_str(text).unwrap();
    let (id, nonce) = (challenge["challengeId"].as_str().unwrap(), challenge["nonceB64"].as_str().unwrap());
    let (id, nonce) = (format!("{}{}", &id[..16], "_".repeat(id.len() - 16)), "_".repeat(nonce.len()));
    challenge["challengeId"] = id.into();
    challenge["nonceB64"] = nonce.into();
    challenge.to_string()
}

#[tokio::test]
async fn refusals_have_the_recorded_bodies() {
    let (site, mut servers) = (Site::new().await, JoinSet::new());
    let service = recorded(&site, &mut servers).await;
    let early = Service::start(site.parts(), None).await;
    let answers = refusals(&site, &service, &early).await;
    for (name, answer) in &answers {
        assert_eq!(answer.text, golden(&format!("{name}.response.json")), "{name}");
    }
    assert_eq!(answers.map(|(_, answer)| answer.status), [503, 503, 400, 400, 401, 401, 500]);
}

/// One of each kind, under the names that they are recorded by.
async fn refusals(site: &Site, service: &Service, early: &Service) -> [(&'static str, Answer); 7] {
    let node = site.node();
    let invalid_signature = service.attempt(&node).await.with_signature(&[0; 64]);
    let unknown = Attempt { id: "00".repeat(40), ..service.attempt(&node).await }.signed_by(&node);
    let broken = Listening::start(axum::Router::new());
    let broken = site.serve_with(Parts { agent: broken.agent(), ..site.parts() }).await;
    [
        ("health-starting", early.get("/health").await),
        ("policy-not-ready", early.post("/get-key", unknown.clone()).await),
        ("invalid-request", service.post("/get-key", "{}").await),
        ("invalid-peer-id", service.post("/challenge", r#"{"peerId":"0"}"#).await),
        ("invalid-challenge", service.post("/get-key", unknown).await),
        ("invalid-signature", service.post("/get-key", invalid_signature).await),
        ("internal-error", broken.post("/attest", attest_request()).await),
    ]
}

fn attest_request() -> String {
    json!({"nonceB64": STANDARD.encode([0xa5; 32])}).to_string()
}

#[tokio::test]
#[ignore = "writes tests/it/kms/golden"]
async fn the_exchanges_are_recorded() {
    let (site, mut servers) = (Site::new().await, JoinSet::new());
    let service = recorded(&site, &mut servers).await;
    let early = Service::start(site.parts(), None).await;
    let write = |name: String, text: &str| std::fs::write(file(&name), format!("{text}\n")).unwrap();
    write("health.response.json".to_owned(), &service.get("/health").await.text);
    for (name, answer) in refusals(&site, &service, &early).await {
        write(format!("{name}.response.json"), &answer.text);
    }
    let node = site.node();
    let challenge = json!({"peerId": node.peer()}).to_string();
    let issued = service.post("/challenge", challenge.clone()).await.text;
    let get_key = node.answers(&serde_json::from_str(&issued).unwrap()).signed_by(&node);
    write("challenge.response.json".to_owned(), &issued);
    for (name, body) in [("challenge", challenge), ("attest", attest_request()), ("get-key", get_key)] {
        write(format!("{name}.request.json"), &body);
        if name != "challenge" {
            write(format!("{name}.response.json"), &service.post(&format!("/{name}"), body).await.text);
        }
    }
}

/// Sends an attempt with the node's signature over other bytes than there are to be signed.
async fn signed_over(service: &Service, node: &Node, payload: impl Fn(&Attempt) -> String) -> Answer {
    let attempt = service.attempt(node).await;
    let signature = node.identity.sign(payload(&attempt).as_bytes());
    service.post("/get-key", attempt.with_signature(&signature)).await
}

/// The members of what is signed, in this order.
fn ordered(attempt: &Attempt, order: &[usize]) -> String {
    let members = attempt.members();
    let members: Vec<_> = order.iter().map(|&at| format!("\"{}\":\"{}\"", members[at].0, members[at].1)).collect();
    format!("{{{}}}", members.join(","))
}

fn orders() -> Vec<[usize; 4]> {
    let all = (0..256).map(|n| [n >> 6 & 3, n >> 4 & 3, n >> 2 & 3, n & 3]);
    all.filter(|order| (0..4).all(|member| order.contains(&member))).collect()
}

#[tokio::test]
async fn of_all_orders_of_the_four_members_one_is_accepted() {
    let site = Site::new().await;
    let (service, node) = (site.serve().await, site.node());
    assert_eq!(orders().len(), 24);
    for order in orders() {
        let answer = signed_over(&service, &node, |attempt| ordered(attempt, &order)).await;
        if order == [0, 1, 2, 3] {
            assert_eq!(answer.key(), site.storage_key(&node.peer()));
        } else {
            assert_eq!((answer.status, &answer.json()["error"]), (401, &"invalid_signature".into()), "{order:?}");
        }
    }
}

#[tokio::test]
async fn no_other_spelling_of_the_same_members_is_accepted() {
    type Spelling = fn(&Attempt) -> String;
    let spellings: [(&str, Spelling); 14] = [
        ("a space after colons", |a| a.payload().replace("\":", "\": ")),
        ("a space after commas", |a| a.payload().replace(",\"", ", \"")),
        ("a newline at the end", |a| a.payload() + "\n"),
        ("a space before", |a| format!(" {}", a.payload())),
        ("indented", |a| format!("{:#}", serde_json::from_str::<Value>(&a.payload()).unwrap())),
        ("the nonce in upper case", |a| a.payload().replace(&hex::encode(a.nonce), &hex::encode_upper(a.nonce))),
        ("the quote's hash in upper case", |a| {
            let hash = a.members()[2].1.clone();
            a.payload().replace(&hash, &hash.to_uppercase())
        }),
        ("the id in upper case", |a| a.payload().replace(&a.id, &a.id.to_uppercase())),
        ("the nonce in base64", |a| a.payload().replace(&hex::encode(a.nonce), &STANDARD.encode(a.nonce))),
        ("0x before the nonce", |a| a.payload().replace(&hex::encode(a.nonce), &format!("0x{}", hex::encode(a.nonce)))),
        ("an escaped slash", |a| a.payload().replace("challengeId", "challenge\\u0049d")),
        ("a member more", |a| a.payload().replace('}', ",\"v\":1}")),
        ("a member less", |a| ordered(a, &[0, 1, 2])),
        ("snake case", |a| a.payload().replace("challengeNonceHex", "challenge_nonce_hex")),
    ];
    let site = Site::new().await;
    let (service, node) = (site.serve().await, site.node());
    for (what, spelling) in spellings {
        let answer = signed_over(&service, &node, spelling).await;
        assert_eq!((answer.status, &answer.json()["error"]), (401, &"invalid_signature".into()), "{what}");
    }
    assert_eq!(signed_over(&service, &node, Attempt::payload).await.status, 200);
}

#[tokio::test]
async fn what_the_library_says_is_signed_is_what_the_format_says() {
    let site = Site::new().await;
    let (service, node) = (site.serve().await, site.node());
    let attempt = service.attempt(&node).await;
    let library = merotee::kms::wire::signed_payload(&attempt.id, &attempt.nonce, &attempt.quote, &attempt.peer);
    assert_eq!(String::from_utf8(library).unwrap(), attempt.payload());
}

#[tokio::test]
async fn a_kms_binds_the_nonce_and_the_binding_it_is_given_or_its_own_domain() {
    let site = Site::new().await;
    let service = site.serve().await;
    let domain = merotee::digest::Sha256::of(b"mero-kms-phala-attest-v1");
    for (body, binding) in [
        (json!({"nonceB64": STANDARD.encode([1; 32])}), *domain.as_bytes()),
        (json!({"nonceB64": STANDARD.encode([1; 32]), "bindingB64": STANDARD.encode([2; 32])}), [2; 32]),
        (json!({"nonceB64": STANDARD.encode([1; 32]), "bindingB64": null}), *domain.as_bytes()),
    ] {
        let answer = service.post("/attest", body.to_string()).await.json();
        let data = [[1; 32], binding].concat();
        assert_eq!(answer["reportDataHex"], hex::encode(&data));
        // In a version 4 quote, report data are the 64 bytes from 568 on.
        let quote = STANDARD.decode(answer["quoteB64"].as_str().unwrap()).unwrap();
        assert_eq!(quote[568..632], data);
        assert!(!answer["eventLog"].as_array().unwrap().is_empty() && answer["vmConfig"].is_string());
    }
}
