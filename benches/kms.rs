//! A load client for `kms serve`: `cargo bench --bench kms`.
//!
//! Sandbox, server and client are three processes on loopback. 32 connections make round trips (a challenge, then a key)
//! one after the other; what is printed is round trips a second, the median and the 99th percentile of their time, and
//! the server's processor time for each, as the system accounts it. Beside it stands what the server's own histogram says
//! of quote verification, which is time by the clock; and a second run has its requests refused at the quote, so that
//! neither verification nor the derivation of a key is in it.
//!
//! Machines are noisy, and the client makes each quote itself, so nothing here fails on a time.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark stops at the first surprise, and its product is what it prints"
)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{
    adapters::http::HttpOptions,
    attestation::{
        measurement::{Measurement, Registers},
        report_data::report_data,
    },
    kms::{client::KmsClient, peer::NodeIdentity, wire::peer_binding},
    sandbox::{
        boot::Boot,
        tdx::{Platform, QuoteRequest},
    },
    subject::profile::Profile,
};
use url::Url;

const MEROTEE: &str = env!("CARGO_BIN_EXE_merotee");
const CONNECTIONS: usize = 32;
const ROUND_TRIPS: usize = 100;
/// Clock ticks a second in which Linux accounts processor time to user space.
const TICKS: f64 = 100.0;

fn main() {
    // `cargo test --benches` runs this binary too: there is nothing to test.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let sandbox = Process::sandbox();
    let server = Process::server(&sandbox);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let load = Load::new(&server);
        load.wait().await;
        println!(
            "| requests | connections | round trips/s | p50 | p99 | server CPU each | verification, by the clock |"
        );
        println!("|---|---|---|---|---|---|---|");
        // The first run warms: collateral is fetched, connections are made.
        load.run(&server, Quotes::Genuine, 5).await;
        for quotes in [Quotes::Genuine, Quotes::Cut] {
            println!("{}", load.run(&server, quotes, ROUND_TRIPS).await);
        }
    });
}

/// What the client sends.
#[derive(Clone, Copy, PartialEq)]
enum Quotes {
    /// Quotes that get a key.
    Genuine,
    /// Quotes cut short, which are refused before anything is verified.
    Cut,
}

/// A process that ends with this one.
struct Process {
    child: Child,
    /// What it printed as `name=value`.
    said: BTreeMap<String, String>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It is gone already, or goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    fn sandbox() -> Self {
        let mut child = command(&["sandbox", "serve"]).stdout(Stdio::piped()).spawn().expect("a sandbox");
        let mut said = BTreeMap::new();
        for line in BufReader::new(child.stdout.take().expect("its output")).lines() {
            let line = line.expect("text");
            if let Some((name, value)) = line.strip_prefix("export ").and_then(|e| e.split_once('=')) {
                said.insert(name.to_owned(), value.to_owned());
            }
            if line.starts_with("# sigstore-python") {
                break;
            }
        }
        Self { child, said }
    }

    fn server(sandbox: &Self) -> Self {
        let arguments =
            ["kms", "serve", "--rehearsal", "--listen-addr", "127.0.0.1:0", "--metrics-listen-addr", "127.0.0.1:0"];
        let mut child = command(&arguments)
            .envs(&sandbox.said)
            .env("MERO_KMS_VERSION", "1.2.0")
            .env("MERO_KMS_PROFILE", "locked-read-only")
            .env("MAX_PENDING_CHALLENGES", "1000000")
            .stderr(Stdio::piped())
            .spawn()
            .expect("a server");
        let mut lines = BufReader::new(child.stderr.take().expect("its messages")).lines();
        let mut said = BTreeMap::new();
        while said.len() < 2 {
            let line = lines.next().expect("it goes on").expect("text");
            for (name, before) in [("address", " listens on "), ("metrics", "metrics on ")] {
                if let Some((_, address)) = line.split_once(before) {
                    said.insert(name.to_owned(), address.to_owned());
                }
            }
        }
        // Its further messages are read and thrown away: a full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, said }
    }

    /// Processor time used so far, user and system.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("Linux's /proc");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in brackets");
        let ticks: f64 = fields.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().expect("ticks")).sum();
        Duration::from_secs_f64(ticks / TICKS)
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(MEROTEE);
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
}

/// Nodes that ask for keys.
struct Load {
    client: Arc<KmsClient>,
    metrics: String,
    platform: Arc<Platform>,
    registers: Registers<Measurement>,
}

/// What one run came to.
struct Outcome {
    quotes: Quotes,
    times: Vec<Duration>,
    took: Duration,
    cpu: Duration,
    verification: Duration,
}

impl Load {
    fn new(server: &Process) -> Self {
        let said = |name: &str| server.said.get(name).expect("an address").clone();
        let base = Url::parse(&format!("http://{}", said("address"))).expect("a URL");
        let options = HttpOptions { attempts: 1, ..HttpOptions::default() };
        let release = "mero-tee-v1.2.0".parse().expect("a tag");
        Self {
            client: Arc::new(KmsClient::new(&base, options).expect("a client")),
            metrics: format!("http://{}/metrics", said("metrics")),
            platform: Arc::new(Platform::new(0, jiff::Timestamp::now()).expect("a platform")),
            registers: Boot::of_release(&release, Profile::LockedReadOnly).registers(),
        }
    }

    async fn wait(&self) {
        let end = Instant::now() + Duration::from_secs(30);
        while !self.client.health().await.expect("an answer").is_ok_and(|health| health.policy_loaded) {
            assert!(Instant::now() < end, "the server is not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn run(&self, server: &Process, quotes: Quotes, round_trips: usize) -> Outcome {
        let (cpu, verification, began) = (server.cpu(), self.verification().await, Instant::now());
        let nodes = (0..CONNECTIONS).map(|_| {
            let node = Node {
                client: Arc::clone(&self.client),
                platform: Arc::clone(&self.platform),
                registers: self.registers,
                identity: NodeIdentity::generate().expect("a key"),
            };
            tokio::spawn(async move {
                let mut times = Vec::with_capacity(round_trips);
                for _ in 0..round_trips {
                    times.push(node.round_trip(quotes).await);
                }
                times
            })
        });
        let mut times = Vec::new();
        for node in nodes.collect::<Vec<_>>() {
            times.extend(node.await.expect("no error"));
        }
        times.sort_unstable();
        let took = began.elapsed();
        let verification = self.verification().await - verification;
        Outcome { quotes, times, took, cpu: server.cpu() - cpu, verification }
    }

    /// Time that the server has spent on verifying quotes, by its own account.
    async fn verification(&self) -> Duration {
        let text = reqwest::get(&self.metrics).await.expect("metrics").text().await.expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix("merotee_kms_quote_verification_seconds_sum "));
        Duration::from_secs_f64(line.map_or(0.0, |value| value.parse().expect("seconds")))
    }
}

/// One node with its connection.
struct Node {
    client: Arc<KmsClient>,
    platform: Arc<Platform>,
    registers: Registers<Measurement>,
    identity: NodeIdentity,
}

impl Node {
    /// The time that two requests took, the making of the quote between them left out.
    async fn round_trip(&self, quotes: Quotes) -> Duration {
        let peer = self.identity.peer_id();
        let began = Instant::now();
        let challenge = self.client.challenge(&peer).await.expect("an answer").expect("a challenge");
        let mut took = began.elapsed();
        let nonce = STANDARD.decode(&challenge.nonce_b64).expect("base64").try_into().expect("32 bytes");
        let data = report_data(&nonce, &peer_binding(&peer));
        let mut quote = self.platform.quote(&QuoteRequest::new(self.registers, data));
        if quotes == Quotes::Cut {
            quote.truncate(quote.len() - 1);
        }
        let request = self.identity.request_key(challenge.challenge_id, &nonce, &quote);
        let began = Instant::now();
        let answer = self.client.get_key(&request).await.expect("an answer");
        took += began.elapsed();
        match (quotes, answer) {
            (Quotes::Genuine, Ok(_)) => {}
            (Quotes::Cut, Err(refused)) => assert_eq!(refused.status, 401, "{refused}"),
            (Quotes::Genuine, Err(refused)) => panic!("no key: {refused}"),
            (Quotes::Cut, Ok(_)) => panic!("a key for half a quote"),
        }
        took
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.times.len();
        let millis = |time: Duration| time.as_secs_f64() * 1000.0;
        let each = |time: Duration| millis(time) / count as f64;
        let at = |percent: usize| millis(*self.times.get((count - 1) * percent / 100).expect("a time"));
        let what = match self.quotes {
            Quotes::Genuine => "challenge and key",
            Quotes::Cut => "challenge, refused at the quote",
        };
        write!(
            f,
            "| {what} | {CONNECTIONS} | {:.0} | {:.2} ms | {:.2} ms | {:.3} ms | {:.3} ms |",
            count as f64 / self.took.as_secs_f64(),
            at(50),
            at(99),
            each(self.cpu),
            each(self.verification),
        )
    }
}
