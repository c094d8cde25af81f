//! Consumed challenges in Redis, for replicas that share them.
//!
//! One command a challenge, `SET merotee:kms:consumed:ID 1 NX EX SECONDS`: Redis runs commands one after the other, so one
//! of them sets the key. Whatever is not a clear answer is an error, and an error lets nothing pass.
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
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo as _, RedisError, Value,
    aio::MultiplexedConnection,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};

use super::{ConsumeError, Opened};
use crate::error::{Error, Result};

/// How long Redis has for a challenge, connecting included.
const LIMIT: Duration = Duration::from_secs(2);

/// How much longer than its challenge a key lives, in seconds: as much may the clocks of two replicas differ.
const SKEW_SECS: u64 = 60;

/// What stands before the id in a key.
const PREFIX: &str = "merotee:kms:consumed:";

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
}

/// Why there is no answer.
enum Failure {
    Late,
    Failed(RedisError),
}

impl Redis {
    /// Reads the URL. Connects to nothing.
    pub(super) fn new(url: &SecretString) -> Result<Self> {
        let info = url.expose_secret().into_connection_info().map_err(|_| malformed())?;
        if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
            return Err(Error::usage("the URL of Redis asks for TLS without verification, which protects nothing"));
        }
        // Nothing but SET is sent, so that a user who may do nothing else is enough.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let client = Client::open(info.set_redis_settings(settings)).map_err(|_| malformed())?;
        Ok(Self { client, line: Mutex::default(), connecting: tokio::sync::Mutex::default() })
    }

    /// Uses a challenge that has `remaining` seconds to live.
    pub(super) async fn consume(&self, opened: &Opened, remaining: u64) -> Result<(), ConsumeError> {
        let mut set = ::redis::cmd("SET");
        set.arg(format!("{PREFIX}{}", opened.id)).arg(1).arg("NX");
        set.arg("EX").arg(remaining.saturating_add(SKEW_SECS));
        let until = Instant::now() + LIMIT;
        let answer = match self.ask(&set, until).await {
            // A connection that broke while it was idle says so only now. If the question did arrive, the second answer
            // is that the challenge was used: that refuses too much and never too little.
            Err(Failure::Failed(error)) if error.is_connection_dropped() => self.ask(&set, until).await,
            answer => answer,
        };
        match answer {
            Ok(Value::Okay) => Ok(()),
            Ok(Value::Nil) => Err(ConsumeError::AlreadyUsed),
            Ok(_) => Err(self.unavailable("gave an answer that is none to SET")),
            Err(Failure::Late) => Err(self.unavailable(&format!("did not answer within {} s", LIMIT.as_secs()))),
            Err(Failure::Failed(error)) => Err(self.unavailable(&reason(&error))),
        }
    }

    async fn ask(&self, question: &Cmd, until: Instant) -> Result<Value, Failure> {
        let mut line = timeout_at(until, self.line()).await.map_err(|_| Failure::Late)?.map_err(Failure::Failed)?;
        let answer = timeout_at(until, question.query_async(&mut line.connection)).await;
        let answer = answer.map_err(|_| Failure::Late).and_then(|answer| answer.map_err(Failure::Failed));
        if answer.is_err() {
            self.hang_up(line.number);
        }
        answer
    }

    /// The connection, made if there is none.
    async fn line(&self) -> Result<Line, RedisError> {
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
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *number += 1;
        let line = Line { connection, number: *number };
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

    fn unavailable(&self, what: &str) -> ConsumeError {
        ConsumeError::Unavailable(Error::remote(format!("redis at {} {what}", self.address())))
    }

    fn address(&self) -> String {
        self.client.get_connection_info().addr().to_string()
    }
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
        (ErrorKind::Io, _) => format!("is out of reach: {error}"),
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
