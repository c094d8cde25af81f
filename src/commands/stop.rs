//! When the process is told to end: by SIGINT (Ctrl-C) or SIGTERM.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::error::{Error, Result};

/// Whether a command ends in good order at a signal, so that none interrupts it. Signals are the process's, and so is this.
static SERVES: AtomicBool = AtomicBool::new(false);

/// Ends at the first signal that comes after this call, which interrupts nothing from here on: for commands that serve
/// until they are told to end, and are done then.
///
/// # Errors
/// Internal: the system does not tell of signals.
pub(super) fn signal() -> Result<impl Future<Output = ()>> {
    let mut signals = Signals::heard().map_err(|e| Error::internal("cannot wait for signals").because(e))?;
    SERVES.store(true, Ordering::SeqCst);
    Ok(async move { signals.next().await })
}

/// Signals that come after this call and interrupt nothing: for commands that put away what they made when they are told to
/// end, and end then.
pub(super) struct Orders(Signals);

impl Orders {
    /// Those that come from here on.
    ///
    /// # Errors
    /// Internal: the system does not tell of signals.
    pub(super) fn heard() -> Result<Self> {
        let signals = Signals::heard().map_err(|e| Error::internal("cannot wait for signals").because(e))?;
        SERVES.store(true, Ordering::SeqCst);
        Ok(Self(signals))
    }

    /// Until the next one.
    pub(super) async fn next(&mut self) {
        self.0.next().await;
    }
}

/// Signals that interrupt what is being done.
pub(crate) struct Interruptions(Option<Signals>);

impl Interruptions {
    /// Those that come after this call. Where the system does not tell of signals there are none, and its default action
    /// applies.
    pub(crate) fn heard() -> Self {
        Self(Signals::heard().ok())
    }

    /// Until the next one. Never ends while a command serves.
    pub(crate) async fn next(&mut self) {
        let Some(signals) = &mut self.0 else { return std::future::pending().await };
        loop {
            signals.next().await;
            if !SERVES.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn heard() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn heard() -> io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
