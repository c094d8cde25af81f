//! Consumed challenges in a real Redis: one use across replicas, and what happens while it is away.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use merotee::{
    error::{Error, chain},
    kms::{
        challenge::{ChallengeKey, ConsumeError, ConsumedChallenges, Opened, StoreId},
        peer::PeerId,
    },
};
use secrecy::SecretString;
use tempfile::TempDir;

use crate::binary::usable;

const NOW: u64 = 1_700_000_000;
const TTL: u64 = 60;
/// Redis has two seconds. A busy machine gets some more.
const SOON: Duration = Duration::from_secs(20);

/// A Redis without persistence in a folder of its own, on a unix socket unless told otherwise. Ends when dropped.
pub(crate) struct Server {
    folder: TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// `None`, said aloud, where there is no Redis. It is not up yet.
    fn prepare(arguments: &[&str]) -> Option<Self> {
        let folder = TempDir::with_prefix("merotee-redis-").unwrap();
        let arguments = arguments.iter().map(|word| (*word).to_owned()).collect();
        usable("redis-server", &["--version"]).then_some(Self { folder, arguments, child: None })
    }

    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        let mut server = Self::prepare(arguments)?;
        server.up();
        Some(server)
    }

    fn socket(&self) -> String {
        self.folder.path().join("redis.sock").display().to_string()
    }

    pub(crate) fn up(&mut self) {
        assert!(self.try_up(&["--port", "0", "--unixsocket", &self.socket()]), "redis-server ended");
    }

    /// Whether it came up and serves.
    fn try_up(&mut self, listen: &[&str]) -> bool {
        let mut child = Command::new("redis-server")
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(self.folder.path())
            .args(listen)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let serves = lines.any(|line| line.unwrap().to_lowercase().contains("ready to accept connections"));
        // It goes on writing, and must not find its reader gone.
        std::thread::spawn(move || lines.for_each(drop));
        self.child = Some(child);
        serves
    }

    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Starts it anew without anything that it knew.
    pub(crate) fn forget(&mut self) {
        self.kill();
        self.up();
    }

    /// Holds it still, or lets it go on.
    fn signal(&self, signal: &str) {
        let kill = format!("kill -s {signal} {}", self.child.as_ref().unwrap().id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// A store that reaches it, with these parameters in the URL.
    pub(crate) fn store(&self, parameters: &str) -> ConsumedChallenges {
        in_redis(&format!("unix://{}{parameters}", self.socket()))
    }

    /// Asks it something directly.
    pub(crate) fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(format!("unix://{}", self.socket())).unwrap();
        let mut connection = client.get_connection().unwrap();
        redis::cmd(command[0]).arg(&command[1..]).query(&mut connection).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}

fn in_redis(url: &str) -> ConsumedChallenges {
    ConsumedChallenges::in_redis(&SecretString::from(url)).unwrap()
}

/// A challenge that was issued for this memory and nobody has used, back from its peer.
fn issued_for(store: StoreId) -> Opened {
    let peer = PeerId::parse("12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq").unwrap();
    let key = ChallengeKey::random().unwrap();
    key.open(&key.issue(&peer, store, NOW, TTL).unwrap().id, &peer, NOW).unwrap()
}

/// The same, issued for the memory that this store has now.
async fn challenge(store: &ConsumedChallenges) -> Opened {
    issued_for(store.id().await.unwrap())
}

/// The same, where no store can be asked.
fn unasked() -> Opened {
    issued_for(*STORE)
}

/// The memory of a process: any will do.
static STORE: LazyLock<StoreId> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    std::thread::spawn(move || runtime.block_on(ConsumedChallenges::in_memory().id()).unwrap()).join().unwrap()
});

fn used(outcome: &Result<(), ConsumeError>) -> bool {
    matches!(outcome, Err(ConsumeError::AlreadyUsed))
}

#[track_caller]
fn unavailable(outcome: Result<(), ConsumeError>) -> Error {
    match outcome {
        Err(ConsumeError::Unavailable(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_concurrent_uses_by_two_replicas_exactly_one_succeeds() {
    let Some(server) = Server::start(&[]) else { return };
    let replicas = [server.store(""), server.store("")];
    for _ in 0..8 {
        let challenge = challenge(&replicas[0]).await;
        assert!(replicas[1].look(&challenge, NOW).await.is_ok());
        let uses = (0..64).map(|turn| replicas[turn % 2].consume(&challenge, NOW));
        let outcomes = futures_util::future::join_all(uses).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(outcomes.into_iter().filter(used).count(), 63);
        for replica in &replicas {
            assert!(used(&replica.look(&challenge, NOW).await));
        }
    }
    // One connection each: those who came while it was made waited for it.
    let clients: String = server.ask(&["CLIENT", "LIST", "TYPE", "NORMAL"]);
    assert_eq!(clients.lines().count(), replicas.len() + 1, "{clients}");
}

#[tokio::test]
async fn what_is_stored_is_a_key_that_outlives_its_challenge_by_a_minute() {
    let Some(server) = Server::start(&[]) else { return };
    let store = server.store("");
    let challenge = challenge(&store).await;
    store.look(&challenge, NOW).await.unwrap();
    assert_eq!(server.ask::<Vec<String>>(&["KEYS", "*"]), ["merotee:kms:store"], "to look is not to use");
    store.consume(&challenge, NOW + 20).await.unwrap();
    let mut keys: Vec<String> = server.ask(&["KEYS", "*"]);
    keys.sort();
    assert_eq!(keys, [format!("merotee:kms:consumed:{}", challenge.id), "merotee:kms:store".to_owned()]);
    let (value, seconds): (String, u64) = (server.ask(&["GET", &keys[0]]), server.ask(&["TTL", &keys[0]]));
    assert_eq!(value, "1");
    assert!((90..=100).contains(&seconds), "{seconds}");
    // The name of the memory lasts as long as the memory.
    assert_eq!(server.ask::<i64>(&["TTL", &keys[1]]), -1);
    // Without a second left it is not even asked for.
    let late = self::challenge(&store).await;
    for outcome in [store.look(&late, NOW + TTL).await, store.consume(&late, NOW + TTL).await] {
        assert!(matches!(outcome, Err(ConsumeError::Expired)), "{outcome:?}");
    }
    assert_eq!(server.ask::<u64>(&["DBSIZE"]), 2);
}

#[tokio::test]
async fn a_redis_killed_mid_run_refuses_at_once_and_serves_the_same_store_when_it_is_back() {
    let Some(mut server) = Server::start(&[]) else { return };
    let store = server.store("");
    store.consume(&challenge(&store).await, NOW).await.unwrap();
    let last = challenge(&store).await;
    server.kill();
    let begun = Instant::now();
    for _ in 0..3 {
        let outcomes = [store.look(&last, NOW).await, store.consume(&last, NOW).await, store.id().await.map(drop)];
        for outcome in outcomes {
            let words = chain(&unavailable(outcome));
            assert!(words.contains(&server.socket()) && words.contains("unreachable"), "{words}");
        }
    }
    assert!(begun.elapsed() < SOON);
    server.up();
    // It remembers nothing: what was issued before is void, used or not.
    for outcome in [store.look(&last, NOW).await, store.consume(&last, NOW).await] {
        assert!(matches!(outcome, Err(ConsumeError::Forgotten)), "{outcome:?}");
    }
    let next = challenge(&store).await;
    store.consume(&next, NOW).await.unwrap();
    assert!(used(&store.consume(&next, NOW).await));
}

#[tokio::test]
async fn whatever_makes_a_redis_forget_makes_its_challenges_void_even_for_who_uses_one_at_that_very_time() {
    let Some(mut server) = Server::start(&[]) else { return };
    // Two replicas, one of which has forgotten nothing itself, and one that begins only then.
    let stores = [server.store(""), server.store("")];
    let forgotten = |outcome: Result<(), ConsumeError>| matches!(outcome, Err(ConsumeError::Forgotten));
    for loss in 0..6 {
        let (used_up, unused) = (challenge(&stores[0]).await, challenge(&stores[1]).await);
        stores[0].consume(&used_up, NOW).await.unwrap();
        match loss {
            0 => server.forget(),
            1 => server.ask(&["FLUSHALL"]),
            2 => server.ask(&["FLUSHDB"]),
            3 => server.ask(&["DEL", "merotee:kms:store"]),
            // Another memory, as after a failover to a server that was asked before.
            4 => server.ask(&["SET", "merotee:kms:store", "another"]),
            // The name is put back, and the server is another one all the same.
            _ => {
                let name: String = server.ask(&["GET", "merotee:kms:store"]);
                server.forget();
                server.ask(&["SET", "merotee:kms:store", &name])
            }
        }
        // Whether or not the memory has a new name by then.
        if loss % 2 == 0 {
            stores[1].id().await.unwrap();
        }
        for store in [&stores[0], &stores[1], &server.store("")] {
            assert!(forgotten(store.consume(&unused, NOW).await), "{loss}");
            assert!(forgotten(store.look(&unused, NOW).await), "{loss}");
        }
        for store in [&stores[1], &server.store("")] {
            assert!(forgotten(store.consume(&used_up, NOW).await), "{loss}");
            assert!(forgotten(store.look(&used_up, NOW).await), "{loss}");
        }
        stores[1].consume(&challenge(&stores[0]).await, NOW).await.unwrap();
    }
    // Nor does one mind that is none of ours.
    server.ask::<()>(&["DEL", "merotee:kms:store"]);
    server.ask::<()>(&["LPUSH", "merotee:kms:store", "1"]);
    unavailable(stores[0].id().await.map(drop));
    unavailable(stores[0].consume(&unasked(), NOW).await);
}

#[tokio::test]
async fn a_redis_that_restarts_unnoticed_costs_no_request() {
    let Some(mut server) = Server::start(&[]) else { return };
    let store = server.store("");
    store.consume(&challenge(&store).await, NOW).await.unwrap();
    server.kill();
    server.up();
    store.consume(&challenge(&store).await, NOW).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_is_down_at_the_start_is_tried_again() {
    let Some(mut server) = Server::prepare(&[]) else { return };
    let store = server.store("");
    unavailable(store.id().await.map(drop));
    unavailable(store.consume(&unasked(), NOW).await);
    server.up();
    store.consume(&challenge(&store).await, NOW).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_refuses_everybody_within_one_time_limit() {
    let Some(server) = Server::start(&[]) else { return };
    let (connected, fresh) = (server.store(""), server.store(""));
    connected.consume(&challenge(&connected).await, NOW).await.unwrap();
    let last = challenge(&connected).await;
    server.signal("STOP");
    let begun = Instant::now();
    for store in [&connected, &fresh] {
        for outcome in futures_util::future::join_all((0..8).map(|_| store.consume(&last, NOW))).await {
            let words = chain(&unavailable(outcome));
            assert!(words.contains("did not answer within 2 s"), "{words}");
        }
    }
    // Two limits, one a store, and not one for each of the sixteen.
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    server.signal("CONT");
    // What it was sent while it was still may count as a use, now or in a moment: only a new challenge must pass.
    connected.consume(&challenge(&connected).await, NOW).await.unwrap();
    fresh.consume(&challenge(&connected).await, NOW).await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_being_told_and_recovers_when_it_becomes_right() {
    // The second server does not know the command, and says what it was sent with it.
    for arguments in [&["--requirepass", "right"][..], &["--rename-command", "AUTH", ""]] {
        let Some(server) = Server::start(arguments) else { return };
        let store = server.store("?pass=hunter2");
        let error = unavailable(store.consume(&unasked(), NOW).await);
        let shown = format!("{} {error:?} {store:?}", chain(&error));
        assert!(shown.contains(&server.socket()) && !shown.contains("hunter2"), "{shown}");
    }
    let Some(server) = Server::start(&[]) else { return };
    let store = server.store("?user=kms&pass=hunter2");
    unavailable(store.consume(&unasked(), NOW).await);
    // A user who may do what is needed and nothing else, as docs/kms-challenges.md has it.
    let rules = ["ACL", "SETUSER", "kms", "on", ">hunter2", "~merotee:kms:*", "+info", "+get", "+set"];
    server.ask::<()>(&rules);
    store.consume(&challenge(&store).await, NOW).await.unwrap();
    for command in ["set", "get"] {
        let last = challenge(&store).await;
        server.ask::<()>(&["ACL", "SETUSER", "kms", &format!("-{command}")]);
        let words = unavailable(store.consume(&last, NOW).await).to_string();
        assert!(words.ends_with("refuses: NOPERM"), "{words}");
        server.ask::<()>(&["ACL", "SETUSER", "kms", &format!("+{command}")]);
    }
    // Who may not ask which server it is gets no answer from a new connection.
    server.ask::<()>(&["ACL", "SETUSER", "kms", "-info"]);
    let words = unavailable(server.store("?user=kms&pass=hunter2").id().await.map(drop)).to_string();
    assert!(words.ends_with("refuses: NOPERM"), "{words}");
}

#[tokio::test]
async fn a_redis_without_room_refuses() {
    let Some(server) = Server::start(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]) else { return };
    let words = unavailable(server.store("").id().await.map(drop)).to_string();
    assert!(words.ends_with("refuses: OOM"), "{words}");
    let words = unavailable(server.store("").consume(&unasked(), NOW).await).to_string();
    assert!(words.ends_with("refuses: OOM"), "{words}");
}

/// A Redis that speaks TLS, with a certificate of its own, and its URL.
fn over_tls() -> Option<(Server, String)> {
    const REQUEST: &str = "[req]\ndistinguished_name=name\nx509_extensions=server\nprompt=no\n[name]\nCN=redis\n\
                           [server]\nsubjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n";
    // It looks for them in `--dir`.
    let files = ["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "cert.pem"];
    let mut server = Server::prepare(&[&files[..], &["--tls-auth-clients", "no"]].concat())?;
    if !usable("openssl", &["version"]) {
        return None;
    }
    std::fs::write(server.folder.path().join("request"), REQUEST).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-config", "request", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(server.folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // Redis can't say which port it was given, so a free one is looked for, and may be gone by the time it is used.
    for _ in 0..5 {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        if server.try_up(&["--port", "0", "--tls-port", &free, "--bind", "127.0.0.1"]) {
            let url = format!("rediss://127.0.0.1:{free}");
            return Some((server, url));
        }
    }
    panic!("redis-server does not serve TLS");
}

/// What tells the test below, in a process of its own, where Redis is.
const URL_VARIABLE: &str = "MEROTEE_TEST_REDIS_URL";

#[tokio::test]
async fn tls_trusts_the_systems_authorities_and_nobody_else() {
    let Some((server, url)) = over_tls() else { return };
    let words = chain(&unavailable(in_redis(&url).consume(&unasked(), NOW).await));
    assert!(words.contains("invalid peer certificate"), "{words}");
    let plain = in_redis(&url.replacen("rediss", "redis", 1));
    unavailable(plain.consume(&unasked(), NOW).await);

    // Which authorities the system has is said in the environment, which belongs to the whole process.
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["redis::with_a_trusted_authority_it_consumes_over_tls", "--exact", "--ignored"])
        .env("SSL_CERT_FILE", server.folder.path().join("cert.pem"))
        .env(URL_VARIABLE, url)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && shown.contains("1 passed"), "{shown}");
}

#[tokio::test]
#[ignore = "needs a process of its own: the test above starts it"]
async fn with_a_trusted_authority_it_consumes_over_tls() {
    let Ok(url) = std::env::var(URL_VARIABLE) else { return };
    let store = in_redis(&url);
    let challenge = challenge(&store).await;
    store.consume(&challenge, NOW).await.unwrap();
    assert!(used(&in_redis(&url).consume(&challenge, NOW).await));
}
