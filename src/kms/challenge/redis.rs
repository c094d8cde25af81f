//! Consumed challenges in Redis, for replicas that share them.
//!
//! One command uses a challenge, `SET merotee:kms:consumed:ID 1 NX EX SECONDS`: Redis runs commands one after the other, so
//! one of them sets the key. Whatever is not a clear answer is an error, and an error lets nothing pass.
//!
//! # Lost memory
//! A Redis that forgets would let a challenge be used twice. So a challenge names the memory it was issued for: the server's
//! `run_id`, which every start and every other server has of its own, and a random name in `merotee:kms:store`, which
//! FLUSHALL takes along. The name is read after the challenge was marked as used, on the same connection and so from the
//! same server: had the mark of an earlier use been lost before, the name would be another one by then.
//!
//! # Connection
//! One, for all requests; made when the first needs it, and anew after any failure. A connection manager that only
//! reconnects when a connection breaks would keep a refused password, or a server with too many clients, for ever.
//!
//! # Secrets
//! The password is in the URL, which is never shown. Neither is what a server says in an error: it may repeat what it was
//! sent. Only the kind of an error is told, and a word in capitals.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisError, Value,
    aio::MultiplexedConnection,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};

use super::{ConsumeError, Opened, StoreId, random_bytes};
use crate::error::{Error, Result};

/// How long Redis has for a challenge, connecting included.
const LIMIT: Duration = Duration::from_secs(2);

/// How much longer than its challenge a key lives, in seconds: as much may the clocks of two replicas differ.
const SKEW_SECS: u64 = 60;

/// What stands before the id in a key.
const PREFIX: &str = "merotee:kms:consumed:";
/// Where the name of the memory stands, for as long as the memory lasts.
const STORE: &str = "merotee:kms:store";
/// Longest name that is accepted, in bytes. Ours have 32.
const MAX_NAME_BYTES: usize = 128;

/// Consumed challenges of all replicas.
pub(super) struct Redis {
    client: Client,
    line: Mutex<Option<Line>>,
    /// Held by who connects, so that only one does. How many connections there have been.
    connecting: tokio::sync::Mutex<u64>,
}

/// A connection, and which one it is.
#[derive(Clone)]
struct Line {
    connection: MultiplexedConnection,
    number: u64,
    /// The server at its other end, of this very start.
    run_id: Arc<str>,
}

/// Answers to the commands of one question, in order, and who gave them.
struct Answers<const N: usize> {
    values: [Value; N],
    run_id: Arc<str>,
}

/// Why there is no answer.
enum Failure {
    Late,
    Failed(RedisError),
    /// It answers, and with something other than was asked for.
    Strange,
}

impl Redis {
    /// Reads the URL. Connects to nothing.
    pub(super) fn new(url: &SecretString) -> Result<Self> {
        let info = url.expose_secret().into_connection_info().map_err(|_| malformed())?;
        if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
            return Err(Error::usage("the URL of Redis asks for TLS without verification, which protects nothing"));
        }
        if let ConnectionAddr::Tcp(host, port) = info.addr()
            && !is_this_machine(host)
        {
            tracing::warn!(
                "redis at {host}:{port} is asked without TLS: anyone who can forge its answers can use a challenge twice"
            );
        }
        // Nothing but INFO, GET and SET is sent, so that a user who may do nothing else is enough.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(settings)).map_err(|_| malformed())?;
        Ok(Self { client, line: Mutex::default(), connecting: tokio::sync::Mutex::default() })
    }

    /// Which memory there is now. One that has no name yet gets one: of several who give it, one is first.
    pub(super) async fn id(&self) -> Result<StoreId, ConsumeError> {
        let until = Instant::now() + LIMIT;
        let mut question = commands();
        question.cmd("GET").arg(STORE);
        let Answers { values: [name], run_id } = self.answers(&question, until).await?;
        if let Some(id) = self.store(&run_id, &name)? {
            return Ok(id);
        }
        let name = hex::encode(random_bytes::<16>().map_err(ConsumeError::Unavailable)?);
        let mut question = commands();
        question.cmd("SET").arg(STORE).arg(name).arg("NX").cmd("GET").arg(STORE);
        let Answers { values: [_, name], run_id } = self.answers(&question, until).await?;
        self.store(&run_id, &name)?.ok_or_else(|| self.unavailable(&Failure::Strange))
    }

    /// Whether a challenge was used, or issued for a memory that was lost.
    pub(super) async fn look(&self, opened: &Opened) -> Result<(), ConsumeError> {
        let mut question = commands();
        question.cmd("GET").arg(STORE).cmd("GET").arg(key(opened));
        let Answers { values: [name, used], run_id } = self.answers(&question, Instant::now() + LIMIT).await?;
        match (self.store(&run_id, &name)?, used) {
            (Some(store), Value::Nil) if store == opened.store => Ok(()),
            (Some(store), Value::BulkString(_)) if store == opened.store => Err(ConsumeError::AlreadyUsed),
            (Some(store), _) if store == opened.store => Err(self.unavailable(&Failure::Strange)),
            (Some(_) | None, _) => Err(ConsumeError::Forgotten),
        }
    }

    /// Uses a challenge that has `remaining` seconds to live.
    pub(super) async fn consume(&self, opened: &Opened, remaining: u64) -> Result<(), ConsumeError> {
        let mut question = commands();
        question.cmd("SET").arg(key(opened)).arg(1).arg("NX").arg("EX").arg(remaining.saturating_add(SKEW_SECS));
        question.cmd("GET").arg(STORE);
        let Answers { values: [set, name], run_id } = self.answers(&question, Instant::now() + LIMIT).await?;
        if self.store(&run_id, &name)? != Some(opened.store) {
            return Err(ConsumeError::Forgotten);
        }
        if set == Value::Okay {
            return Ok(());
        }
        Err(if set == Value::Nil { ConsumeError::AlreadyUsed } else { self.unavailable(&Failure::Strange) })
    }

    /// The memory of this name at this server; none where it has no name.
    fn store(&self, run_id: &str, name: &Value) -> Result<Option<StoreId>, ConsumeError> {
        if *name == Value::Nil {
            return Ok(None);
        }
        if let Value::BulkString(name) = name
            && (1..=MAX_NAME_BYTES).contains(&name.len())
        {
            return Ok(Some(StoreId::of(&[run_id, &hex::encode(name)])));
        }
        Err(self.unavailable(&Failure::Strange))
    }

    async fn answers<const N: usize>(&self, question: &Pipeline, until: Instant) -> Result<Answers<N>, ConsumeError> {
        let answers = match self.ask(question, until).await {
            // A connection that broke while it was idle says so only now. If the question did arrive, the second answer
            // is that the challenge was used: that refuses too much and never too little.
            Err(Failure::Failed(error)) if error.is_connection_dropped() => self.ask(question, until).await,
            answers => answers,
        };
        answers.map_err(|failure| self.unavailable(&failure))
    }

    async fn ask<const N: usize>(&self, question: &Pipeline, until: Instant) -> Result<Answers<N>, Failure> {
        let mut line = timeout_at(until, self.line()).await.map_err(|_| Failure::Late)??;
        let values = timeout_at(until, question.query_async::<Vec<Value>>(&mut line.connection)).await;
        let values = values.map_err(|_| Failure::Late).and_then(|values| values.map_err(Failure::Failed));
        let values = values.and_then(|values| {
            // A refusal of any command is one of the question.
            let values: Result<Vec<_>, _> = values.into_iter().map(Value::extract_error).collect();
            values.map_err(Failure::Failed)?.try_into().map_err(|_| Failure::Strange)
        });
        if values.is_err() {
            self.hang_up(line.number);
        }
        Ok(Answers { values: values?, run_id: line.run_id })
    }

    /// The connection, made if there is none.
    async fn line(&self) -> Result<Line, Failure> {
        if let Some(line) = self.current().clone() {
            return Ok(line);
        }
        let mut number = self.connecting.lock().await;
        // Somebody else may have made it meanwhile.
        if let Some(line) = self.current().clone() {
            return Ok(line);
        }
        // The caller holds the one limit; the client's own are for an attempt each.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connection.map_err(Failure::Failed)?;
        let info: String = ::redis::cmd("INFO").query_async(&mut connection).await.map_err(Failure::Failed)?;
        let run_id = said(&info, "run_id").filter(|id| !id.is_empty()).ok_or(Failure::Strange)?.into();
        if may_evict(&info) {
            let address = self.address();
            tracing::warn!("redis at {address} may forget used challenges: set maxmemory-policy noeviction");
        }
        *number += 1;
        let line = Line { connection, number: *number, run_id };
        *self.current() = Some(line.clone());
        Ok(line)
    }

    /// Forgets a connection, unless another has taken its place.
    fn hang_up(&self, number: u64) {
        self.current().take_if(|line| line.number == number);
    }

    fn current(&self) -> MutexGuard<'_, Option<Line>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unavailable(&self, failure: &Failure) -> ConsumeError {
        let what = match failure {
            Failure::Late => format!("did not answer within {} s", LIMIT.as_secs()),
            Failure::Failed(error) => reason(error),
            Failure::Strange => "gave an answer that is not Redis's".to_owned(),
        };
        ConsumeError::Unavailable(Error::remote(format!("redis at {} {what}", self.address())))
    }

    fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }
}

/// A question. What a server refuses is looked at command by command: all together have no word for why.
fn commands() -> Pipeline {
    let mut commands = Pipeline::new();
    commands.ignore_errors();
    commands
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Where the use of a challenge is marked.
fn key(opened: &Opened) -> String {
    format!("{PREFIX}{}", opened.id)
}

/// A field of what `INFO` says.
fn said<'i>(info: &'i str, field: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim)
}

/// Whether the server drops keys when its memory is full. Without a bound it never is.
fn may_evict(info: &str) -> bool {
    let bounded = said(info, "maxmemory").is_some_and(|bytes| bytes != "0");
    bounded && said(info, "maxmemory_policy").is_some_and(|policy| policy != "noeviction")
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("address", &self.address()).finish_non_exhaustive()
    }
}

fn malformed() -> Error {
    Error::usage("the URL of Redis is malformed").help(
        "write redis://[user:password@]host[:port][/db], rediss://… for TLS, or unix:///path; encode odd characters",
    )
}

/// The kind of an error. What the system or TLS says is told in full, what the server says is not.
fn reason(error: &RedisError) -> String {
    let word = error.code().filter(|word| word.len() <= 16 && word.bytes().all(|b| b.is_ascii_uppercase()));
    match (error.kind(), word) {
        (ErrorKind::Io, _) => format!("is unreachable: {error}"),
        (_, Some(word)) => format!("refuses: {word}"),
        (_, None) => format!("refuses: {}", error.category()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::error::{Class, chain};

    fn refused(url: &str) -> Error {
        Redis::new(&SecretString::from(url)).unwrap_err()
    }

    #[test]
    fn a_malformed_url_is_a_usage_error_that_shows_nothing_of_it() {
        for url in [
            "",
            "hunter2",
            "http://:hunter2@host",
            "redis://:hunter2@host/hunter2",
            "redis://:hunter2@host:hunter2",
            "redis://:hunter2@0.0.0.0",
            "redis://:hunter2@host?protocol=hunter2",
            "rediss://:hunter2@host/#hunter2",
            "rediss://:hunter2@host/#insecure",
            "unix:///socket?db=hunter2",
        ] {
            let error = refused(url);
            assert_eq!(error.class(), Class::Usage, "{url}");
            let shown = format!("{} {error:?} {:?}", chain(&error), error.advice());
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        assert!(refused("rediss://host/#insecure").to_string().contains("without verification"));
    }

    #[test]
    fn of_what_a_server_says_of_itself_its_start_and_its_bounds_are_read() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:af01\r\n\r\n# Memory\r\nmaxmemory:MAX\r\nmaxmemory_human:1M\r\n\
                    maxmemory_policy:POLICY\r\n";
        assert_eq!((said(info, "run_id"), said(info, "run"), said("", "run_id")), (Some("af01"), None, None));
        for (max, policy, evicts) in [
            ("0", "noeviction", false),
            ("0", "allkeys-lru", false),
            ("1048576", "noeviction", false),
            ("1048576", "volatile-ttl", true),
        ] {
            assert_eq!(may_evict(&info.replace("MAX", max).replace("POLICY", policy)), evicts, "{max} {policy}");
        }
        assert!(!may_evict(""));
    }

    #[test]
    fn a_store_shows_its_address_and_no_credentials() {
        for (url, address) in [
            ("redis://user:hunter2@127.0.0.1:7000/3", "127.0.0.1:7000"),
            ("rediss://:hunter2@redis.internal", "redis.internal:6379"),
            ("unix:///run/redis.sock?user=user&pass=hunter2", "/run/redis.sock"),
        ] {
            let redis = Redis::new(&SecretString::from(url)).unwrap();
            assert_eq!(format!("{redis:?}"), format!("Redis {{ address: {address:?}, .. }}"));
        }
    }

    #[test]
    fn a_server_that_repeats_what_it_was_sent_is_not_repeated() {
        for line in
            ["-ERR unknown command 'AUTH', with args 'hunter2'\r\n", "-hunter2 x\r\n", "-HUNTER2HUNTER2HUNTER2\r\n"]
        {
            let error = ::redis::parse_redis_value(line.as_bytes()).and_then(Value::extract_error).unwrap_err();
            let reason = reason(&error);
            assert!(!reason.to_lowercase().contains("hunter2"), "{reason}");
        }
        let error = ::redis::parse_redis_value(b"-OOM command not allowed\r\n").and_then(Value::extract_error);
        assert_eq!(reason(&error.unwrap_err()), "refuses: OOM");
    }
}
