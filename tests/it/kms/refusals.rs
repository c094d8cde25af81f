//! Nodes that get no key: each refusal with its status, its word, its reason, and its line in the log.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{
    attestation::measurement::{Measurement, TcbStatus},
    digest::Sha256,
    kms::{
        Parts,
        challenge::PeerAttempts,
        policy::{NodePolicy, Standing},
    },
    sandbox::{
        boot::Boot,
        tdx::{Fault, Platform},
    },
    subject::profile::Profile,
};
use serde_json::json;

use super::{
    log::Log,
    node::{Attempt, Node},
    site::{Answer, NODE, NOW, Service, Site, TTL, platform, tag},
};

/// Asserts an answer that is a refusal, and what the log says of it.
#[track_caller]
pub(super) fn refused(log: &Log, answer: &Answer, endpoint: &str, status: u16, code: &str, details: &[&str]) {
    assert_eq!((answer.status, answer.kept), (status, false), "{answer:?}");
    let body = answer.json();
    assert_eq!(body["error"], code, "{answer:?}");
    let said = body["details"].as_str().unwrap();
    let line = log.refusal(endpoint, status, code);
    for part in details {
        assert!(said.contains(part), "no {part:?} in {said:?}");
        assert!(line.contains(part), "no {part:?} in {line}");
    }
}

/// What is demanded of an answer of `/get-key`.
type Expected<'a> = (u16, &'a str, &'a [&'a str]);

const INVALID_CHALLENGE: &str = "invalid_challenge";
const MISMATCH: &str = "peer_identity_mismatch";
const FORGED: &str = "attestation_verification_failed";
const VIOLATION: &str = "policy_violation";

/// A service with its log, and a node that it gives a key.
struct Case {
    site: Site,
    service: Service,
    node: Node,
    log: Log,
    _heard: tracing::dispatcher::DefaultGuard,
}

impl Case {
    async fn new() -> Self {
        Self::on(platform(NOW)).await
    }

    async fn on(platform: Platform) -> Self {
        let (log, _heard) = Log::of_this_thread();
        let site = Site::of(platform, Profile::LockedReadOnly).await;
        let (service, node) = (site.serve().await, site.node());
        Self { site, service, node, log, _heard }
    }

    async fn attempt(&self) -> Attempt {
        self.service.attempt(&self.node).await
    }

    async fn send(&self, body: String, (status, code, details): Expected<'_>) {
        let answer = self.service.post("/get-key", body).await;
        refused(&self.log, &answer, "/get-key", status, code, details);
    }

    /// Sends what `node` signed.
    async fn signed(&self, attempt: &Attempt, node: &Node, expected: Expected<'_>) {
        self.send(attempt.signed_by(node), expected).await;
    }

    /// A machine that is not the one the policy lists.
    async fn machine(&self, boot: Boot, expected: Expected<'_>) {
        let node = Node::new(1, &self.site.platform, boot);
        let attempt = self.service.attempt(&node).await;
        self.signed(&attempt, &node, expected).await;
    }

    /// A quote that another platform made of the right machine.
    async fn quoted_by(&self, platform: Platform, expected: Expected<'_>) {
        let boot = Boot::of_release(&tag(NODE), Profile::LockedReadOnly);
        let elsewhere = Node::new(1, &Arc::new(platform), boot);
        let attempt = self.service.attempt(&elsewhere).await;
        self.signed(&attempt, &elsewhere, expected).await;
    }

    /// After all that, who does everything right still gets the key.
    async fn serves(&self) {
        assert_eq!(self.service.key(&self.node).await.key(), self.site.storage_key(&self.node.peer()));
        self.log.nothing_refused();
    }
}

#[tokio::test]
async fn a_machine_that_the_policy_does_not_list_is_told_each_register_that_differs() {
    let case = Case::new().await;
    let locked = || Boot::of_release(&tag(NODE), Profile::LockedReadOnly);
    let debug = Boot::of_release(&tag(NODE), Profile::Debug);
    case.machine(debug, (403, VIOLATION, &["RTMR2 is not allowed; RTMR3 is not allowed"])).await;
    let unknown = Boot { mrtd: Measurement::from_bytes([1; 48]), ..locked() };
    case.machine(unknown, (403, VIOLATION, &["MRTD is not allowed"])).await;
    let kms = Boot::of_release(&tag("mero-kms-v1.2.0"), Profile::LockedReadOnly);
    case.machine(kms, (403, VIOLATION, &["the quote is a KMS's, not a node's"])).await;
    let older = Boot::of_release(&tag("mero-kms-v1.1.0"), Profile::LockedReadOnly);
    case.machine(older, (403, VIOLATION, &["MRTD is", "RTMR0 is", "RTMR1 is", "RTMR2 is", "RTMR3 is"])).await;
    // What an application does after the boot counts as well.
    let node = case.site.node();
    node.machine.emit("mine", b"");
    let attempt = case.service.attempt(&node).await;
    case.signed(&attempt, &node, (403, VIOLATION, &["RTMR3 is not allowed"])).await;
    case.serves().await;
}

#[tokio::test]
async fn firmware_in_a_state_that_the_policy_does_not_tolerate_is_named() {
    for (status, says) in [
        (TcbStatus::OutOfDate, "TCB status outofdate is not allowed"),
        (TcbStatus::SwHardeningNeeded, "TCB status swhardeningneeded is not allowed"),
        (TcbStatus::Revoked, "the platform's TCB is revoked"),
    ] {
        let case = Case::on(platform(NOW).with_status(status, &["INTEL-SA-00001"]).unwrap()).await;
        let attempt = case.attempt().await;
        case.signed(&attempt, &case.node, (403, VIOLATION, &[says])).await;
    }
}

#[tokio::test]
async fn a_challenge_is_good_once_for_one_peer_and_until_it_expires() {
    let case = Case::new().await;
    let attempt = case.attempt().await;
    let body = attempt.signed_by(&case.node);
    case.service.post("/get-key", body.clone()).await.key();
    case.log.nothing_refused();
    case.send(body, (401, INVALID_CHALLENGE, &["the challenge has been used already"])).await;
    // A new quote does not make it new.
    let again = Attempt { quote: case.node.quote(&attempt.nonce, &attempt.peer), ..attempt };
    case.signed(&again, &case.node, (401, INVALID_CHALLENGE, &["used already"])).await;

    let (theirs, other) = (case.attempt().await, case.site.node().renamed(2));
    let stolen = Attempt {
        peer: other.peer(),
        public_key: other.identity.public_key_protobuf(),
        quote: other.quote(&theirs.nonce, &other.peer()),
        ..theirs.clone()
    };
    case.signed(&stolen, &other, (401, INVALID_CHALLENGE, &["not issued to this peer"])).await;
    // Nor did that use it up.
    case.service.post("/get-key", theirs.signed_by(&case.node)).await.key();
    case.log.nothing_refused();

    let (in_time, late) = (case.attempt().await, case.attempt().await);
    case.site.pass(TTL - 1);
    case.service.post("/get-key", in_time.signed_by(&case.node)).await.key();
    case.log.nothing_refused();
    case.site.pass(1);
    case.signed(&late, &case.node, (401, INVALID_CHALLENGE, &["the challenge has expired"])).await;
    case.serves().await;
}

#[tokio::test]
async fn an_id_that_was_never_issued_or_is_spelled_otherwise_is_no_challenge() {
    let case = Case::new().await;
    let issued = case.attempt().await;
    let letter = issued.id.find(|c: char| c.is_ascii_lowercase()).unwrap();
    let mut flipped = issued.id.clone();
    let last = flipped.pop().unwrap();
    flipped.push(if last == '0' { '1' } else { '0' });
    let upper = [&issued.id[..letter], &issued.id[letter..=letter].to_uppercase(), &issued.id[letter + 1..]].concat();
    for id in [
        upper,
        String::new(),
        "0".repeat(64),
        "0".repeat(80),
        issued.id[2..].to_owned(),
        format!("{}00", issued.id),
        flipped,
    ] {
        let attempt = Attempt { id, ..issued.clone() };
        case.signed(&attempt, &case.node, (401, INVALID_CHALLENGE, &[])).await;
    }
    case.service.post("/get-key", issued.signed_by(&case.node)).await.key();
}

#[tokio::test]
async fn a_challenge_that_another_replica_or_this_service_before_its_restart_issued_is_none_without_redis() {
    let case = Case::new().await;
    let before = case.attempt().await;
    let restarted = case.site.serve().await;
    case.log.nothing_refused();
    let answer = restarted.post("/get-key", before.signed_by(&case.node)).await;
    refused(&case.log, &answer, "/get-key", 401, INVALID_CHALLENGE, &["not issued to this peer"]);
}

#[tokio::test]
async fn a_signature_over_anything_else_or_by_anybody_else_is_none() {
    let case = Case::new().await;
    let other = case.site.node().renamed(2);
    let invalid: Expected<'_> = (401, "invalid_signature", &["does not cover this challenge, quote and peer id"]);
    let attempt = case.attempt().await;
    case.send(attempt.with_signature(&case.node.identity.sign(b"other bytes")), invalid).await;
    let attempt = case.attempt().await;
    case.signed(&attempt, &other, invalid).await;
    for signature in [&[][..], &[0; 64], &[1; 65]] {
        let attempt = case.attempt().await;
        case.send(attempt.with_signature(signature), invalid).await;
    }
    // The quote that was signed must be the one that is sent.
    let attempt = case.attempt().await;
    let signature = case.node.identity.sign(attempt.payload().as_bytes());
    let exchanged = Attempt { quote: case.node.quote(&[0; 32], &attempt.peer), ..attempt };
    case.send(exchanged.with_signature(&signature), invalid).await;

    let attempt = Attempt { public_key: other.identity.public_key_protobuf(), ..case.attempt().await };
    case.signed(&attempt, &other, (401, MISMATCH, &["the public key is not the one the peer id derives from"])).await;
    case.serves().await;
}

#[tokio::test]
async fn a_quote_of_another_time_peer_or_root_is_not_this_nodes() {
    let case = Case::new().await;
    let mut attempt = case.attempt().await;
    attempt.quote = case.node.quote(&[7; 32], &attempt.peer);
    case.signed(&attempt, &case.node, (401, INVALID_CHALLENGE, &["the quote answers another challenge"])).await;
    let mut attempt = case.attempt().await;
    attempt.quote = case.node.quote(&attempt.nonce, &case.site.node().renamed(2).peer());
    case.signed(&attempt, &case.node, (401, MISMATCH, &["the quote is another peer's"])).await;

    assert_eq!(case.site.pccs.asked(), [1; 4]);
    let at = jiff::Timestamp::from_second(NOW.cast_signed()).unwrap();
    let foreign: Expected<'_> = (401, FORGED, &["the PCK certificate chain leads to a root other than the trust root"]);
    case.quoted_by(Platform::new(8, at).unwrap(), foreign).await;
    case.quoted_by(platform(NOW).with_fault(Fault::WrongRoot).unwrap(), foreign).await;
    // Whoever sends these first cannot make the service ask anybody about a machine that does not exist.
    let fresh = Case::new().await;
    let foreign: Expected<'_> = (401, FORGED, &["certificates do not lead to the trust root"]);
    fresh.quoted_by(Platform::new(8, at).unwrap(), foreign).await;
    assert_eq!(fresh.site.pccs.asked(), [0; 4]);
    drop(fresh);
    case.serves().await;
}

#[tokio::test]
async fn a_quote_that_is_not_genuine_is_refused_with_what_is_wrong() {
    let case = Case::new().await;
    for (fault, says) in [
        (Fault::DebugAttribute, "the TD runs in debug mode"),
        (Fault::BadQuoteSignature, "the signature over the quote is not valid"),
        (Fault::BadQeReportSignature, "the signature over the quoting enclave's report is not valid"),
        (Fault::BadQeReportHash, "the signature over the attestation key is not valid"),
        (Fault::ExpiredPckCertificate, "the PCK certificate chain expired"),
    ] {
        case.quoted_by(platform(NOW).with_fault(fault).unwrap(), (401, FORGED, &[says])).await;
    }
    for (spoilt, says) in [(Vec::new(), "quoteB64: "), (vec![4; 700], "quoteB64: ")] {
        let attempt = Attempt { quote: spoilt, ..case.attempt().await };
        case.signed(&attempt, &case.node, (401, FORGED, &[says])).await;
    }
    let mut attempt = case.attempt().await;
    attempt.quote.truncate(attempt.quote.len() - 1);
    case.signed(&attempt, &case.node, (401, FORGED, &["quoteB64: "])).await;
    let case = Case::on(platform(NOW).with_fault(Fault::RevokedPck).unwrap()).await;
    let attempt = case.attempt().await;
    case.signed(&attempt, &case.node, (401, FORGED, &["is revoked"])).await;
}

#[tokio::test]
async fn where_any_machine_will_do_each_key_has_its_warning_and_a_quote_that_the_kms_made_for_anybody_gets_none() {
    let mut case = Case::new().await;
    for standing in [Standing::NotReady, Standing::NotEnforced] {
        let policy = NodePolicy { standing, ..case.site.policy() };
        case.service = Service::start(case.site.parts(), Some(policy)).await;
        let debug = Boot::of_release(&tag(NODE), Profile::Debug);
        let node = Node::new(3, &case.site.platform, debug);
        for _ in 0..2 {
            case.service.key(&node).await.key();
            let said = case.log.text();
            assert!(said.contains(" WARN ") && said.contains("any genuine machine gets a key"), "{said}");
            case.log.nothing_refused();
        }
        // Anybody may have the KMS's quote over what a node's must hold.
        let mut attempt = case.attempt().await;
        let binding = Sha256::of(attempt.peer.as_bytes());
        let (nonce, binding) = (STANDARD.encode(attempt.nonce), STANDARD.encode(binding.as_bytes()));
        let attested = json!({"nonceB64": nonce, "bindingB64": binding}).to_string();
        let attested = case.service.post("/attest", attested).await.json();
        attempt.quote = STANDARD.decode(attested["quoteB64"].as_str().unwrap()).unwrap();
        case.signed(&attempt, &case.node, (403, VIOLATION, &["the quote is a KMS's, not a node's"])).await;
    }
}

#[tokio::test]
async fn a_peer_that_tries_too_often_waits_and_no_other_peer_with_it() {
    let mut case = Case::new().await;
    let parts = Parts { attempts: PeerAttempts::new(3, TTL), ..case.site.parts() };
    case.service = case.site.serve_with(parts).await;
    for _ in 0..3 {
        case.service.key(&case.node).await.key();
    }
    let attempt = case.attempt().await;
    case.log.nothing_refused();
    case.signed(&attempt, &case.node, (429, "rate_limited", &["too many requests from this peer"])).await;
    // Who cannot sign for a peer cannot use up its attempts.
    let other = case.site.node().renamed(2);
    for _ in 0..5 {
        let attempt = case.service.attempt(&other).await;
        case.send(attempt.with_signature(&[0; 64]), (401, "invalid_signature", &[])).await;
    }
    case.service.key(&other).await.key();
    case.site.pass(TTL);
    case.serves().await;
}
