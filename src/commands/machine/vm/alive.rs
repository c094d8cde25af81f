//! The wait for a node: asked for its health until it says that it is alive.

use std::{
    io::{self, ErrorKind},
    time::Duration,
};

use url::Url;

use super::pace::Pace;
use crate::{
    adapters::{
        http::HttpOptions,
        node::{Health, Node},
    },
    commands::machine::pauses::Pauses,
    context::Context,
    error::{self, Result},
    progress::Phase,
};

/// How long one question about health may take.
const QUESTION: Duration = Duration::from_secs(8);
/// How often an address is asked before it counts as silent.
const ASKED: u32 = 3;
/// Variables that put a proxy between this host and plain HTTP.
const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Asks the node at `base` until it is alive; what it said last, where it is not in time.
///
/// # Errors
/// Usage: a node cannot be asked there.
pub(in crate::commands) async fn until_alive(
    base: &Url,
    name: &str,
    patience: Duration,
    context: &Context,
) -> Result<Result<(), String>> {
    let node = Node::new(base.clone(), short(context))?;
    let _shown = Phase::waiting(format!("waiting for {name} to answer"));
    let mut pace = Pace::within(patience);
    loop {
        let last = match node.health().await {
            Ok(Health::Alive) => return Ok(Ok(())),
            Ok(Health::Not(words)) => words,
            Err(error) => error.to_string(),
        };
        if !pace.rest().await {
            return Ok(Err(last));
        }
    }
}

/// What an address says where a node was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum Voice {
    /// Nothing answers.
    Silent,
    /// Something does: what it says.
    Answers(String),
    /// It could not be asked: why.
    Unknown(String),
}

/// What the address of a node that was deleted says, asked several times: silence is silence every time.
pub(in crate::commands) async fn voice(base: &Url, context: &Context) -> Voice {
    let proxied = PROXIES.iter().any(|name| (context.variable)(name).is_some());
    let mut pauses = Pauses::new();
    for number in 1..=ASKED {
        let options = HttpOptions { attempts: 1, ..short(context) };
        let health = match Node::new(base.clone(), options) {
            Ok(node) => node.health().await,
            Err(error) => Err(error),
        };
        match heard(health, proxied) {
            Voice::Silent if number < ASKED => pauses.sleep().await,
            voice @ (Voice::Silent | Voice::Answers(_) | Voice::Unknown(_)) => return voice,
        }
    }
    Voice::Silent
}

/// What came of asking. A proxy that cannot be reached says nothing of the address behind it, and neither does a name that means
/// nothing or a network that is down.
fn heard(health: Result<Health>, proxied: bool) -> Voice {
    let error = match health {
        Ok(Health::Alive) => return Voice::Answers("alive".to_owned()),
        Ok(Health::Not(words)) => return Voice::Answers(words),
        Err(error) => error,
    };
    let chain = std::iter::successors(Some(&error as &(dyn std::error::Error + 'static)), |error| error.source());
    let kind = chain.filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind).next();
    match kind {
        Some(ErrorKind::ConnectionRefused | ErrorKind::TimedOut) if !proxied => Voice::Silent,
        // A connection that is closed without a word.
        Some(ErrorKind::ConnectionAborted) => Voice::Silent,
        Some(ErrorKind::InvalidData) => Voice::Answers(error::chain(&error)),
        Some(_) | None => Voice::Unknown(error::chain(&error)),
    }
}

fn short(context: &Context) -> HttpOptions {
    let HttpOptions { read_timeout, connect_timeout, .. } = context.http;
    HttpOptions {
        read_timeout: read_timeout.min(QUESTION),
        connect_timeout: connect_timeout.min(QUESTION),
        ..context.http.clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// What a node's client makes of whatever is at `base`.
    fn asked(base: &str, proxied: bool) -> Voice {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let options = HttpOptions { attempts: 1, connect_timeout: Duration::from_secs(2), ..HttpOptions::default() };
        let node = Node::new(base.parse().unwrap(), options).unwrap();
        heard(runtime.block_on(node.health()), proxied)
    }

    /// Something that answers each connection with these bytes.
    fn answering(answer: &'static str) -> String {
        use std::io::{Read as _, Write as _};
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        base
    }

    #[test]
    fn whatever_speaks_http_answers_and_only_a_closed_port_or_a_connection_without_a_word_is_silence() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{\"data\":{\"status\":\"alive\"}}\n",
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        ] {
            assert!(matches!(asked(&answering(answer), false), Voice::Answers(_)), "{answer}");
        }
        assert_eq!(asked(&answering(""), false), Voice::Silent);
        let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        assert_eq!(asked(&format!("http://{closed}/"), false), Voice::Silent);
        assert!(matches!(asked(&format!("http://{closed}/"), true), Voice::Unknown(_)), "the proxy is closed");
        assert!(matches!(asked("http://nowhere.invalid/", false), Voice::Unknown(_)));
    }
}
