//! When a command that serves is told to end.

use crate::error::{Error, Result};

/// Ends at the first SIGINT or SIGTERM that comes after this call.
pub(super) fn signal() -> Result<impl Future<Output = ()>> {
    let cannot = |e: std::io::Error| Error::internal("cannot wait for signals").because(e);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(windows)]
    {
        let mut interrupt = tokio::signal::windows::ctrl_c().map_err(cannot)?;
        Ok(async move {
            interrupt.recv().await;
        })
    }
}
