//! Connections: how many, how long, how much memory each, who goes first when places are short, and an orderly end.
//!
//! A connection costs others nothing until it has sent something: it waits with a file descriptor and no buffer. With
//! its first byte it asks for one of fewer places to be served on. Where either kind is short, `crowd` says who makes room.

mod crowd;
mod limits;
mod watched;

use std::{pin::pin, sync::Arc, time::Duration};

use axum::Router;
use futures_util::FutureExt as _;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};

pub use self::limits::{Limits, raise_file_limit};
use self::{
    crowd::{Crowd, Doing, Member, Origin},
    watched::{WatchedService, WatchedStream},
};

/// Memory for what a connection has sent and is still unread: far more than the headers of a request take.
const MAX_BUFFER_BYTES: usize = 16 << 10;
/// A connection on which no whole request header arrives within this time is closed; so is one that waits as long for a
/// place to be served on.
const HEADER_PATIENCE: Duration = Duration::from_secs(15);
/// A connection is asked to end after this time: one that is kept open but not read from would keep its place for ever.
const LIFETIME: Duration = Duration::from_secs(120);
/// After it was asked to end, or the service to stop, what is being answered gets this long. Longer than one request may
/// take.
const DRAIN: Duration = Duration::from_secs(35);
/// After a failure to accept, most likely for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(20);
/// Places that are kept free for who comes next: a newcomer need not wait until one that was sent away is gone.
const SPARE: usize = 32;
/// How often it is said at most that places are short.
const NOTICE: Duration = Duration::from_secs(60);

/// Serves `router` on `listener`, within what this process may have open, until `stop` ends; then accepts nothing more and
/// waits for what is being answered. No connection outlives the call.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    serve_within(Limits::of_this_process(), listener, router, stop).await;
}

/// As [`serve`], within other limits.
pub async fn serve_within(limits: Limits, listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let server = Arc::new(Server::new(limits, router));
    let places = Arc::new(Semaphore::new(limits.places));
    let (ending, _) = watch::channel(false);
    let mut connections = JoinSet::new();
    let (mut stop, mut noticed) = (pin!(stop), None);
    loop {
        let next = async {
            // A place first: a connection without a place is better kept waiting in the system's queue.
            let place = server.any_place(&places).await;
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        // Those that ended are forgotten.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, address)) => {
                let member = server.crowd.enter(Origin::of(address.ip()));
                if places.available_permits() < SPARE.min(limits.places / 4) && server.crowd.make_room() {
                    notice(&mut noticed);
                }
                let (server, ended) = (Arc::clone(&server), ending.subscribe());
                connections.spawn(async move {
                    server.connection(stream, member, ended).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                (0..SPARE).take_while(|_| server.crowd.make_room()).for_each(drop);
                sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    // There is no listener when no connection is open.
    let _ = ending.send(true);
    let drained = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        tracing::warn!("requests were still being answered {} s after the stop; they are cut off", DRAIN.as_secs());
        connections.shutdown().await;
    }
}

/// Says that connections are closed for want of places, now and then.
fn notice(noticed: &mut Option<Instant>) {
    if noticed.is_none_or(|at| at.elapsed() >= NOTICE) {
        tracing::warn!("connections are running short: those that send nothing, idle or send slowly are closed");
        *noticed = Some(Instant::now());
    }
}

/// What all connections share.
struct Server {
    crowd: Arc<Crowd>,
    /// Places to be served on: each may hold as much memory as a request takes.
    served: Arc<Semaphore>,
    router: Router,
}

impl Server {
    fn new(limits: Limits, router: Router) -> Self {
        Self { crowd: Crowd::new(limits), served: Arc::new(Semaphore::new(limits.served)), router }
    }

    /// A place for the next connection. None of those that hold one may have been fit to be sent away when it was looked at
    /// last, so it is looked again.
    async fn any_place(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        loop {
            match timeout(PAUSE, Arc::clone(places).acquire_owned()).await {
                Ok(place) => return place.ok(),
                Err(_) => drop(self.crowd.make_room()),
            }
        }
    }

    /// One connection, to its end.
    async fn connection(&self, stream: TcpStream, member: Member, mut ended: watch::Receiver<bool>) {
        let member = Arc::new(member);
        let until = Instant::now() + HEADER_PATIENCE;
        tokio::select! {
            () = member.sent_away() => tracing::debug!("a connection made room for another"),
            () = async {
                if !speaks(&stream, &member, until, &mut ended).await {
                    return;
                }
                member.does(Doing::Waiting);
                let Ok(Some(places)) = timeout_at(until, self.place(&member)).await else { return };
                // Whatever serving takes is there only from here on: most connections of a flood never get so far.
                Box::pin(self.answer(stream, &member, ended)).await;
                drop(places);
            } => {}
        }
    }

    /// A place to be served on: one of its origin's share, and one of all. Who finds none has one made, where it can be.
    async fn place(&self, member: &Member) -> Option<[OwnedSemaphorePermit; 2]> {
        let share = member.share();
        if share.available_permits() == 0 {
            member.make_room_in_share();
        }
        let own = share.acquire_owned().await.ok()?;
        if self.served.available_permits() == 0 {
            self.crowd.make_room_to_serve();
        }
        Some([own, Arc::clone(&self.served).acquire_owned().await.ok()?])
    }

    /// Answers what is asked on a connection.
    async fn answer(&self, stream: TcpStream, member: &Arc<Member>, mut ended: watch::Receiver<bool>) {
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        member.does(Doing::Receiving);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEADER_PATIENCE).max_buf_size(MAX_BUFFER_BYTES);
        let stream = TokioIo::new(WatchedStream::new(stream, Arc::clone(member)));
        let service = WatchedService::new(self.router.clone(), Arc::clone(member));
        let mut connection = pin!(http.serve_connection(stream, service));
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
                    Err(_) => return tracing::debug!("a connection that read no answer was closed"),
                }
            }
        };
        if let Err(error) = outcome {
            tracing::debug!("a connection ended early: {error}");
        }
    }
}

/// Waits for the first byte, and leaves it where it is; false when none comes.
async fn speaks(stream: &TcpStream, member: &Member, until: Instant, ended: &mut watch::Receiver<bool>) -> bool {
    let mut first = [0];
    if let Some(heard) = stream.peek(&mut first).now_or_never() {
        return matches!(heard, Ok(1));
    }
    member.does(Doing::Silent);
    tokio::select! {
        first = timeout_at(until, stream.peek(&mut first)) => matches!(first, Ok(Ok(1))),
        _ = ended.wait_for(|ended| *ended) => false,
    }
}
