//! The wait for a node: asked for its health until it says that it is alive.

use std::time::Duration;

use url::Url;

use super::pace::Pace;
use crate::{
    adapters::{
        http::HttpOptions,
        node::{Health, Node},
    },
    context::Context,
    error::Result,
    progress::Phase,
};

/// How long one question about health may take.
const QUESTION: Duration = Duration::from_secs(8);

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

/// Whether a node still answers at `base`.
///
/// # Errors
/// Usage: a node cannot be asked there.
pub(in crate::commands) async fn answers(base: &Url, context: &Context) -> Result<bool> {
    let options = HttpOptions { attempts: 1, ..short(context) };
    Ok(matches!(Node::new(base.clone(), options)?.health().await, Ok(Health::Alive)))
}

fn short(context: &Context) -> HttpOptions {
    let HttpOptions { read_timeout, connect_timeout, .. } = context.http;
    HttpOptions {
        read_timeout: read_timeout.min(QUESTION),
        connect_timeout: connect_timeout.min(QUESTION),
        ..context.http.clone()
    }
}
