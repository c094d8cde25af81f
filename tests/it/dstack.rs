//! The guest agent's client against the sandbox's agent, and against agents of other versions and of bad will.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, serve::Listener};
use jiff::Timestamp;
use merotee::{
    adapters::dstack::{AgentQuote, GuestAgent},
    attestation::{
        event_log::{EventLog, Field, checks},
        measurement::{Measurement, Register},
        quote::Quote,
        verdict::{Collateral, DcapVerifier},
    },
    sandbox::{
        boot::Boot,
        documents,
        dstack::{Machine, router},
        tdx::Platform,
    },
    subject::{profile::Profile, tag::Tag},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::UnixListener, task::JoinSet};

mod failures;
mod versions;
mod world;

const KMS: &str = "mero-kms-v1.2.0";
const NODE: &str = "mero-tee-v1.2.0";
/// 2026-03-01T00:00:00Z.
const NOW: i64 = 1_772_323_200;
const REPORT_DATA: [u8; 64] = [0x5a; 64];

/// Something that listens on a socket, until dropped.
pub(crate) struct Listening {
    pub(crate) socket: PathBuf,
    _folder: TempDir,
    _server: JoinSet<()>,
}

impl Listening {
    pub(crate) fn start(router: Router) -> Self {
        Self::on(router, |listener| listener)
    }

    fn on<L: Listener<Addr: std::fmt::Debug>>(router: Router, how: impl FnOnce(UnixListener) -> L) -> Self {
        let folder = TempDir::with_prefix("merotee-it-").unwrap();
        let socket = folder.path().join("dstack.sock");
        let listener = how(UnixListener::bind(&socket).unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { socket, _folder: folder, _server: server }
    }

    pub(crate) fn agent(&self) -> GuestAgent {
        GuestAgent::new(&self.socket)
    }
}

fn platform() -> Arc<Platform> {
    Arc::new(Platform::new(7, Timestamp::from_second(NOW).unwrap()).unwrap())
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn machine(release: &str, profile: Profile) -> Arc<Machine> {
    Arc::new(Machine::new(platform(), Boot::of_release(&tag(release), profile)))
}

fn listening(release: &str, profile: Profile) -> Listening {
    Listening::start(router(machine(release, profile)))
}

fn shown(key: &SecretString) -> String {
    key.expose_secret().to_owned()
}

/// The quote, after our verifier has found it genuine under the platform's root and the log to explain it.
fn proven(answer: &AgentQuote) -> Quote {
    let quote = Quote::parse(&answer.quote).unwrap();
    let platform = platform();
    let collateral = Collateral::from_json(platform.collateral_json().unwrap().as_bytes()).unwrap();
    let verifier = DcapVerifier::new(platform.root_der()).unwrap();
    verifier.verify(&quote, &collateral, u64::try_from(NOW).unwrap()).unwrap();
    assert_eq!(quote.report.report_data, REPORT_DATA);
    let findings = checks::replayed("log", &log_of(answer), &quote.report.registers);
    assert_eq!(findings.len(), 4);
    assert!(findings.iter().all(|f| f.status == merotee::report::Status::Pass), "{findings:?}");
    quote
}

fn log_of(answer: &AgentQuote) -> EventLog {
    EventLog::from_json(&answer.event_log).unwrap()
}

fn rtmr3(quote: &Quote) -> Measurement {
    *quote.report.registers.get(Register::Rtmr3)
}

#[tokio::test]
async fn replicas_have_the_same_keys_and_every_other_path_profile_and_role_another() {
    let kms = listening(KMS, Profile::LockedReadOnly);
    let agent = kms.agent();
    let key = shown(&agent.get_key("merod/storage/a", "storage").await.unwrap());
    assert_eq!(key.len(), 64);
    assert!(key.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c)), "{key}");
    assert_eq!(key, shown(&agent.get_key("merod/storage/a", "storage").await.unwrap()));
    // As in dstack: whoever relies on the purpose to tell keys apart must notice.
    assert_eq!(key, shown(&agent.get_key("merod/storage/a", "another").await.unwrap()));
    assert_ne!(key, shown(&agent.get_key("merod/storage/b", "storage").await.unwrap()));

    for (release, profile, same) in [
        (KMS, Profile::LockedReadOnly, true),
        ("mero-kms-v1.3.0", Profile::LockedReadOnly, true),
        (KMS, Profile::Debug, false),
        (NODE, Profile::LockedReadOnly, false),
    ] {
        let other = listening(release, profile);
        let other = shown(&other.agent().get_key("merod/storage/a", "storage").await.unwrap());
        assert_eq!(key == other, same, "{release} {profile}");
    }
}

#[tokio::test]
async fn quotes_are_genuine_and_the_log_leads_to_registers_that_the_sample_policy_allows() {
    for profile in Profile::ALL {
        let policy = documents::policy(&tag(KMS), profile);
        for (release, role) in [(KMS, "kms"), (NODE, "node")] {
            let answer = listening(release, profile).agent().get_quote(&REPORT_DATA).await.unwrap();
            let quote = proven(&answer);
            for register in Register::ALL {
                let allowed = &policy["policy"][format!("{role}_allowed_{}", register.as_str())];
                assert_eq!(*allowed, json!([quote.report.registers.get(register)]), "{release} {profile} {register}");
            }
            assert!(serde_json::from_str::<Value>(&answer.vm_config).unwrap()["os_image_hash"].is_string());
        }
    }
}

#[tokio::test]
async fn the_log_of_a_kms_names_the_compose_hash_that_the_policy_and_the_agent_state() {
    let kms = listening(KMS, Profile::Debug);
    let log = log_of(&kms.agent().get_quote(&REPORT_DATA).await.unwrap());
    let hash = log.identity().unwrap().compose_hash().unwrap().to_string();
    let policy = documents::policy(&tag(KMS), Profile::Debug);
    assert_eq!(policy["policy"]["kms_allowed_event_payload"], json!([hash]));

    let info = kms.agent().info().await.unwrap();
    assert_eq!(info.compose_hash, hash);
    assert_eq!(info.app_name, "mero-kms-phala");
    assert_eq!(info.app_id, hex::encode(log.identity().unwrap().get(Field::AppId).unwrap()));
    assert_eq!((info.instance_id.as_str(), info.device_id.len()), ("", 64));
    let compose = info.tcb_info["app_compose"].as_str().unwrap();
    assert_eq!(merotee::digest::Sha256::of(compose.as_bytes()).to_string(), hash);
    let compose = serde_json::from_str::<Value>(compose).unwrap();
    assert!(compose["docker_compose_file"].as_str().unwrap().contains("@sha256:"), "{compose}");
    assert_eq!(info.tcb_info["rtmr3"], json!(log.replay().get(Register::Rtmr3)));
}

#[tokio::test]
async fn an_event_that_an_application_emits_is_in_the_next_quote_and_its_log() {
    let kms = listening(KMS, Profile::LockedReadOnly);
    let agent = kms.agent();
    let before = agent.get_quote(&REPORT_DATA).await.unwrap();
    agent.emit_event("compose-hash", b"a lie").await.unwrap();
    let after = agent.get_quote(&REPORT_DATA).await.unwrap();

    let (old, new) = (proven(&before), proven(&after));
    assert_ne!(rtmr3(&old), rtmr3(&new));
    for register in Register::ALL.into_iter().filter(|r| *r != Register::Rtmr3) {
        assert_eq!(old.report.registers.get(register), new.report.registers.get(register), "{register}");
    }
    let (old, new) = (log_of(&before), log_of(&after));
    assert_eq!(new.events().len(), old.events().len() + 1);
    let last = new.events().last().unwrap();
    assert_eq!((last.name(), last.payload(), last.is_bound()), ("compose-hash", &b"a lie"[..], true));
    // Who the application is was settled before it ran.
    assert_eq!(old.identity().unwrap().compose_hash(), new.identity().unwrap().compose_hash());
    assert!(new.identity().unwrap().repeated.iter().all(|again| again.by_application));
    assert_eq!(new.identity().unwrap().repeated.len(), 1);
}
