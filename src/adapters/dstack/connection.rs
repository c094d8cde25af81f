//! Connections to the guest agent's socket: opened when there is none, and kept between calls. Who waits for an answer
//! drives the connection as well, so that a call wakes no other task.
//!
//! A request that may have reached the agent is never sent again: that a kept connection has ended is found out before.

use std::{
    future::poll_fn,
    io,
    path::Path,
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::Poll,
};

use futures_util::FutureExt as _;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, Connection, SendRequest},
    header,
};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// Connections that are kept while nothing is asked.
const KEPT: usize = 64;
/// More than an answer takes that holds a key, with the signatures that come along.
const SMALL_ANSWER_BYTES: usize = 4096;

/// Connections that are not in use.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Vec<Wire>>);

/// A connection, and what sends requests over it.
#[derive(Debug)]
struct Wire {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<TokioIo<UnixStream>, Full<Bytes>>,
}

/// A call to make.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    /// The method, as the agent names it.
    pub(super) method: &'a str,
    /// Its arguments, JSON.
    pub(super) body: Bytes,
    /// Most bytes of an answer.
    pub(super) most: usize,
}

/// An answer, whatever it says. It may hold a key: it is wiped once it was read.
pub(super) type Answered = (StatusCode, Zeroizing<Vec<u8>>);

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The socket is not there, or no agent listens.
    Unreachable(io::Error),
    /// The connection or what came over it.
    Exchange(hyper::Error),
    /// The answer is larger than allowed.
    TooLarge,
}

impl Connections {
    /// Makes a call over a connection that is kept, or a new one.
    ///
    /// # Errors
    /// Why there is no whole answer.
    pub(super) async fn post(&self, socket: &Path, call: &Call<'_>) -> Result<Answered, Broken> {
        let mut wire = match self.kept() {
            Some(wire) => wire,
            None => Wire::open(socket).await?,
        };
        let answered = match wire.exchange(call).await {
            // It ended at this very moment, and nothing was sent.
            Err(Broken::Exchange(error)) if error.is_canceled() => {
                wire = Wire::open(socket).await?;
                wire.exchange(call).await?
            }
            answered => answered?,
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(wire);
        }
        Ok(answered)
    }

    /// The connection that was used last, unless it has ended.
    fn kept(&self) -> Option<Wire> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut wire) = kept.pop() {
            if (&mut wire.connection).now_or_never().is_none() {
                return Some(wire);
            }
        }
        None
    }
}

impl Wire {
    async fn open(socket: &Path) -> Result<Self, Broken> {
        let stream = UnixStream::connect(socket).await.map_err(Broken::Unreachable)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Broken::Exchange)?;
        Ok(Self { sender, connection })
    }

    async fn exchange(&mut self, call: &Call<'_>) -> Result<Answered, Broken> {
        let Self { sender, connection } = self;
        let mut work = pin!(answer(sender, call));
        let mut over = false;
        poll_fn(|context| {
            loop {
                if let Poll::Ready(answered) = work.as_mut().poll(context) {
                    return Poll::Ready(answered);
                }
                if over {
                    return Poll::Pending;
                }
                // What came in is looked at once more before this waits: the next round finds nothing new to drive.
                over = Pin::new(&mut *connection).poll(context).is_ready();
                if !over {
                    return work.as_mut().poll(context);
                }
            }
        })
        .await
    }
}

/// Sends a request and reads the answer, as far as the connection is driven.
async fn answer(sender: &mut SendRequest<Full<Bytes>>, call: &Call<'_>) -> Result<Answered, Broken> {
    sender.ready().await.map_err(Broken::Exchange)?;
    let mut request = Request::new(Full::new(call.body.clone()));
    *request.method_mut() = hyper::Method::POST;
    *request.uri_mut() = format!("/{}", call.method).parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(header::HOST, header::HeaderValue::from_static("localhost"));
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    let response = sender.send_request(request).await.map_err(Broken::Exchange)?;
    let status = response.status();
    let mut body = response.into_body();
    // Bytes are counted as they come: `Content-Length` proves nothing. There is room from the start: what grows leaves a
    // copy behind.
    let mut read = Zeroizing::new(Vec::with_capacity(SMALL_ANSWER_BYTES));
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(Broken::Exchange)?.into_data() else { continue };
        if read.len() + piece.len() > call.most {
            return Err(Broken::TooLarge);
        }
        read.extend_from_slice(&piece);
    }
    Ok((status, read))
}
