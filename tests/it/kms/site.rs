//! Where a KMS runs: platform, guest agent, collateral service and clock; and the service itself, on a port of its own.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use merotee::{
    adapters::{
        http::HttpOptions,
        pccs::{CollateralCache, Pccs},
    },
    attestation::verdict::{Collateral, DcapVerifier},
    digest::Sha256,
    kms::{
        Clock, Kms, Parts,
        challenge::{ConsumedChallenges, PeerAttempts},
        client::KmsClient,
        collateral::{CollateralSource, CollateralStore},
        http,
        policy::{NodePolicy, Standing},
        server,
    },
    policy::acceptance::accept,
    sandbox::{
        boot::Boot,
        documents,
        dstack::{self, Machine},
        tdx::{self, Platform},
    },
    subject::{profile::Profile, tag::Tag},
};
use reqwest::Body;
use semver::Version;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};
use url::Url;

use super::node::{Attempt, Node};
use crate::dstack::Listening;

pub(super) const KMS: &str = "mero-kms-v1.2.0";
pub(super) const NODE: &str = "mero-tee-v1.2.0";
/// 2026-03-01T00:00:00Z.
pub(super) const NOW: u64 = 1_772_323_200;
/// How long a challenge lives.
pub(super) const TTL: u64 = 60;
/// Challenge secret of replicas, without the profile at its end.
pub(super) const CHALLENGE_KEY_PATH: &str = "mero-kms/challenge-key";
const SEED: u64 = 7;

/// A flawless platform at that time. Its keys are the same at any time.
pub(super) fn platform(now: u64) -> Platform {
    Platform::new(SEED, Timestamp::from_second(now.cast_signed()).unwrap()).unwrap()
}

pub(super) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// The machine of a KMS and what is around it.
pub(super) struct Site {
    pub(super) platform: Arc<Platform>,
    pub(super) profile: Profile,
    pub(super) pccs: CollateralService,
    pub(super) machine: Arc<Machine>,
    pub(super) agent: Listening,
    time: Arc<AtomicU64>,
}

impl Site {
    /// For the locked profile, on a flawless platform.
    pub(super) async fn new() -> Self {
        Self::of(platform(NOW), Profile::LockedReadOnly).await
    }

    pub(super) async fn of(platform: Platform, profile: Profile) -> Self {
        let platform = Arc::new(platform);
        let machine = Arc::new(Machine::new(Arc::clone(&platform), Boot::of_release(&tag(KMS), profile)));
        Self {
            pccs: CollateralService::start(Arc::clone(&platform)).await,
            agent: Listening::start(dstack::router(Arc::clone(&machine))),
            platform,
            profile,
            machine,
            time: Arc::new(AtomicU64::new(NOW)),
        }
    }

    /// A service of this site with its policy loaded.
    pub(super) async fn serve(&self) -> Service {
        Service::start(self.parts(), Some(self.policy())).await
    }

    /// The same with other parts.
    pub(super) async fn serve_with(&self, parts: Parts) -> Service {
        Service::start(parts, Some(self.policy())).await
    }

    pub(super) fn parts(&self) -> Parts {
        let time = Arc::clone(&self.time);
        Parts {
            version: Version::new(1, 2, 0),
            profile: self.profile,
            key_namespace: "merod/storage".to_owned(),
            challenge_ttl: TTL,
            agent: self.agent.agent(),
            verifier: Arc::new(DcapVerifier::new(self.platform.root_der()).unwrap()),
            collateral: self.collateral(None, Vec::new()),
            consumed: ConsumedChallenges::in_memory(),
            attempts: PeerAttempts::new(16, TTL),
            clock: Clock::new(move || time.load(Ordering::SeqCst)),
        }
    }

    pub(super) fn collateral(
        &self,
        cache: Option<CollateralCache>,
        preloaded: Vec<Collateral>,
    ) -> Arc<CollateralStore> {
        let pccs = Pccs::new(&self.pccs.url, once()).unwrap();
        let verifier = Arc::new(DcapVerifier::new(self.platform.root_der()).unwrap());
        Arc::new(CollateralStore::new(CollateralSource { pccs, cache, preloaded, verifier }))
    }

    /// What the auditor makes of the sample release's policy.
    pub(super) fn policy(&self) -> NodePolicy {
        let bytes = documents::policy(&tag(KMS), self.profile).to_string().into_bytes();
        let accepted = accept("policy.json", &bytes, self.profile, &tag(KMS)).unwrap();
        NodePolicy {
            allowed: accepted.node,
            standing: Standing::Enforced,
            digest: Sha256::of(&bytes),
            origin: "the test".to_owned(),
        }
    }

    /// The node that the policy is for.
    pub(super) fn node(&self) -> Node {
        Node::new(1, &self.platform, Boot::of_release(&tag(NODE), self.profile))
    }

    /// Where the service finds the storage key of a peer.
    pub(super) fn storage_key(&self, peer: &str) -> String {
        hex::encode(self.machine.key(&format!("merod/storage/{}/{peer}", self.profile)))
    }

    pub(super) fn now(&self) -> u64 {
        self.time.load(Ordering::SeqCst)
    }

    /// Lets time pass.
    pub(super) fn pass(&self, seconds: u64) {
        self.time.fetch_add(seconds, Ordering::SeqCst);
    }
}

/// A service that is asked over TCP. Ends when dropped.
pub(super) struct Service {
    pub(super) kms: Arc<Kms>,
    pub(super) client: KmsClient,
    url: String,
    raw: reqwest::Client,
    _serving: JoinSet<()>,
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) kept: bool,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Asserts that it is a key, and takes it.
    #[track_caller]
    pub(super) fn key(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["key"].as_str().unwrap().to_owned()
    }
}

impl Service {
    pub(super) async fn start(parts: Parts, policy: Option<NodePolicy>) -> Self {
        let kms = Arc::new(Kms::new(parts));
        policy.into_iter().for_each(|policy| kms.set_policy(policy).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(server::serve(listener, http::router(Arc::clone(&kms), &[]), pending()));
        let client = KmsClient::new(&Url::parse(&url).unwrap(), once()).unwrap();
        let raw = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { kms, client, url, raw, _serving: serving }
    }

    pub(super) async fn post(&self, endpoint: &str, body: impl Into<Body>) -> Answer {
        self.send(self.raw.post(self.address(endpoint)).body(body)).await
    }

    pub(super) async fn get(&self, endpoint: &str) -> Answer {
        self.send(self.raw.get(self.address(endpoint))).await
    }

    /// What a node gets that does everything right.
    pub(super) async fn key(&self, node: &Node) -> Answer {
        let attempt = self.attempt(node).await;
        self.post("/get-key", attempt.signed_by(node)).await
    }

    /// What a node is about to send, with a challenge of its own.
    pub(super) async fn attempt(&self, node: &Node) -> Attempt {
        match self.client.challenge(&node.peer()).await.unwrap() {
            Ok(challenge) => node.answers(&challenge),
            Err(refused) => panic!("{refused}"),
        }
    }

    fn address(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.url)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.header("content-type", "application/json").send().await.unwrap();
        let kept = response.headers().get("cache-control").is_none_or(|value| value != "no-store");
        Answer { status: response.status().as_u16(), kept, text: response.text().await.unwrap() }
    }
}

/// Every request once: what is tested is on loopback.
fn once() -> HttpOptions {
    HttpOptions { attempts: 1, request_timeout: Duration::from_secs(20), ..HttpOptions::default() }
}

/// A PCCS that counts what it is asked.
pub(super) struct CollateralService {
    pub(super) url: Url,
    asked: Arc<Mutex<Vec<String>>>,
    platform: Arc<Mutex<Arc<Platform>>>,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl CollateralService {
    pub(super) async fn start(platform: Arc<Platform>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let (asked, platform) = (Arc::<Mutex<Vec<String>>>::default(), Arc::new(Mutex::new(platform)));
        let (log, current) = (Arc::clone(&asked), Arc::clone(&platform));
        let router = Router::new().fallback(move |request: Request| {
            log.lock().unwrap().push(request.uri().path().to_owned());
            let router = tdx::router(Arc::clone(&current.lock().unwrap()));
            async move { TowerToHyperService::new(router).call(request).await }
        });
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server::serve(listener, router, async { drop(stopped.await) }));
        Self { url, asked, platform, running: Some((stop, serving)) }
    }

    /// Publishes that platform's collateral from now on.
    pub(super) fn publish(&self, platform: Platform) {
        *self.platform.lock().unwrap() = Arc::new(platform);
    }

    /// How often each document was asked for, in order of their paths.
    pub(super) fn asked(&self) -> Vec<usize> {
        let asked = self.asked.lock().unwrap();
        let count = |end: &str| asked.iter().filter(|path| path.ends_with(end)).count();
        ["/pckcrl", "/rootcacrl", "/tcb", "/qe/identity"].map(count).to_vec()
    }

    /// Is gone from now on: connections are closed, new ones refused.
    pub(super) async fn end(&mut self) {
        let (stop, serving) = self.running.take().unwrap();
        stop.send(()).unwrap();
        serving.await.unwrap();
    }
}
