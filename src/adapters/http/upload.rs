//! A streamed body on its way: counted against what was announced, and watched, so that a source that fails and a server
//! that takes nothing are told apart.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::sync::OnceCell;

use super::request::Content;
use crate::error::{self, Result};

/// What is known of a body while it is sent.
#[derive(Debug, Default)]
pub(super) struct Watch {
    taken: AtomicU64,
    fault: OnceCell<String>,
}

impl Watch {
    /// Why the body could not be produced, if that is what went wrong.
    pub(super) fn fault(&self) -> Option<String> {
        self.fault.get().cloned()
    }

    /// Ends when nothing of the body was taken for this long: the server, or the way to it, is stuck. After the last byte
    /// it is the answer that is waited for.
    pub(super) async fn stalled(&self, patience: Duration) {
        let mut before = self.taken.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(patience).await;
            let now = self.taken.load(Ordering::Relaxed);
            if now == before {
                return;
            }
            before = now;
        }
    }

    fn fails(&self, why: String) -> io::Error {
        // The first is the cause of the others.
        let _ = self.fault.set(why.clone());
        io::Error::other(why)
    }
}

/// Opens a body for one attempt.
///
/// # Errors
/// Those of its source.
pub(super) async fn open(content: &Content) -> Result<(reqwest::Body, Arc<Watch>)> {
    let watch = Arc::new(Watch::default());
    let pieces = (content.source)().await?;
    let body = Checked { pieces, held: None, length: content.length, watch: Arc::clone(&watch) };
    let body = stream::try_unfold(body, async |mut body: Checked| {
        Ok::<_, io::Error>(body.next().await?.map(|piece| (piece, body)))
    });
    Ok((reqwest::Body::wrap_stream(body), watch))
}

/// A source whose last piece is held back until it is known to be the last: once a transport has as many bytes as were
/// announced it does not look for more.
struct Checked {
    pieces: BoxStream<'static, io::Result<Vec<u8>>>,
    held: Option<Vec<u8>>,
    length: u64,
    watch: Arc<Watch>,
}

impl Checked {
    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Self { length, watch, .. } = self;
        while let Some(piece) = self.pieces.next().await {
            let piece = piece.map_err(|e| watch.fails(error::chain(&e)))?;
            let size = piece.len() as u64;
            let taken = watch.taken.fetch_add(size, Ordering::Relaxed).saturating_add(size);
            if taken > *length {
                return Err(watch.fails(format!("it has more than the {length} bytes announced")));
            }
            if let Some(earlier) = self.held.replace(piece) {
                return Ok(Some(earlier));
            }
        }
        let taken = watch.taken.load(Ordering::Relaxed);
        if taken < *length {
            return Err(watch.fails(format!("it ended after {taken} of the {length} bytes announced")));
        }
        Ok(self.held.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_is_stuck_when_a_whole_wait_passes_without_progress_and_not_before() {
        let watch = Watch::default();
        let patience = Duration::from_secs(30);
        let started = tokio::time::Instant::now();
        let progress = async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                watch.taken.fetch_add(1, Ordering::Relaxed);
            }
        };
        tokio::join!(progress, watch.stalled(patience));
        let waited = started.elapsed();
        assert!(waited > Duration::from_secs(200) + patience / 2 && waited <= Duration::from_secs(200) + 2 * patience);
    }
}
