//! Connections: how many, how long, how much memory each, and an orderly end.

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

/// Connections open at the same time. Further ones wait in the system's queue.
const MAX_CONNECTIONS: usize = 1024;
/// Memory for what a connection has sent and nobody has read: far more than the headers of a request take.
const MAX_BUFFER_BYTES: usize = 16 << 10;
/// A connection on which no whole request header arrives within this time is closed.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);
/// A connection is asked to end after this time: one that is kept open but not read from would keep its place for ever.
const LIFETIME: Duration = Duration::from_secs(120);
/// After it was asked to end, or the service to stop, what is being answered gets this long. Longer than one request may
/// take.
const DRAIN: Duration = Duration::from_secs(35);
/// After a failure to accept, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` on `listener` until `stop` ends; then accepts nothing more and waits for what is being answered. No
/// connection outlives the call.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (ending, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        // A place first: a connection that nobody can serve yet is better kept waiting in the system's queue.
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        // Those that ended are forgotten.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let (router, ended) = (router.clone(), ending.subscribe());
                connections.spawn(async move {
                    connection(stream, router, ended).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    // Nobody listens when no connection is open.
    let _ = ending.send(true);
    let drained = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!("requests were still being answered {} s after the stop; they are cut", DRAIN.as_secs());
        connections.shutdown().await;
    }
}

/// One connection, to its end.
async fn connection(stream: TcpStream, router: Router, mut ended: watch::Receiver<bool>) {
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE).max_buf_size(MAX_BUFFER_BYTES);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    let outcome = tokio::select! {
        outcome = connection.as_mut() => Some(outcome),
        () = sleep(LIFETIME) => None,
        _ = ended.wait_for(|ended| *ended) => None,
    };
    let outcome = match outcome {
        Some(outcome) => outcome,
        None => {
            connection.as_mut().graceful_shutdown();
            match timeout(DRAIN, connection).await {
                Ok(outcome) => outcome,
                Err(_) => return tracing::debug!("a connection that took no answer was cut"),
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!("a connection ended early: {error}");
    }
}
