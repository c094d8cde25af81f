//! Unix sockets on which guest agents listen, in a folder whose path is short enough for them.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tempfile::TempDir;
use tokio::task::{AbortHandle, JoinSet};

use super::Machine;
use crate::error::{Error, Result};

/// Longest path of a socket, in bytes: macOS takes 103, Linux 107.
const MAX_PATH_BYTES: usize = 103;
/// Longest name of a socket in the folder, with the separator before it.
const MAX_NAME_BYTES: usize = 20;
/// Where sockets lie when the world's own folder has too long a path.
const SHORT: &str = "/tmp";

/// Agents that listen until this is dropped.
pub(in crate::sandbox) struct Sockets {
    folder: PathBuf,
    /// Removed with this when the sockets do not lie in the world's folder.
    _own: Option<TempDir>,
    started: AtomicUsize,
    servers: Mutex<JoinSet<()>>,
}

impl Sockets {
    /// Sockets in `folder`, or in one of their own when its path is too long.
    ///
    /// # Errors
    /// Input: no folder has a path that is short enough.
    pub(in crate::sandbox) fn new(folder: &Path) -> Result<Self> {
        let own = if fits(folder) { None } else { Some(short()?) };
        let folder = own.as_ref().map_or(folder, TempDir::path).to_owned();
        Ok(Self { folder, _own: own, started: AtomicUsize::new(0), servers: Mutex::new(JoinSet::new()) })
    }

    /// Where they lie.
    pub(in crate::sandbox) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts an agent and says where. Needs a runtime.
    ///
    /// # Errors
    /// Input: the socket cannot be made.
    pub(in crate::sandbox) fn serve(&self, machine: Arc<Machine>) -> Result<PathBuf> {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let socket = self.folder.join(format!("agent-{number}.sock"));
        self.listen(&socket, machine)?;
        Ok(socket)
    }

    /// Where the agent of this name listens, when there is one.
    pub(in crate::sandbox) fn named(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.sock"))
    }

    /// Starts an agent of this name, for as long as the handle is not aborted. Needs a runtime.
    ///
    /// # Errors
    /// As [`Self::serve`].
    pub(in crate::sandbox) fn serve_as(&self, name: &str, machine: Arc<Machine>) -> Result<Option<AbortHandle>> {
        self.listen(&self.named(name), machine)
    }

    #[cfg(unix)]
    fn listen(&self, socket: &Path, machine: Arc<Machine>) -> Result<Option<AbortHandle>> {
        let listener = tokio::net::UnixListener::bind(socket)
            .map_err(|e| Error::input(format!("cannot listen on {}", socket.display())).because(e))?;
        Ok(Some(self.servers.lock().unwrap_or_else(PoisonError::into_inner).spawn(async move {
            if let Err(error) = axum::serve(listener, super::router(machine)).await {
                tracing::error!("a sandbox guest agent stopped: {error}");
            }
        })))
    }

    /// Without unix sockets there are no agents, and a command that asks for one finds nothing.
    #[cfg(not(unix))]
    fn listen(&self, socket: &Path, _machine: Arc<Machine>) -> Result<Option<AbortHandle>> {
        tracing::debug!("no guest agent at {}: this system has no unix sockets", socket.display());
        Ok(None)
    }
}

fn fits(folder: &Path) -> bool {
    folder.as_os_str().len() + MAX_NAME_BYTES <= MAX_PATH_BYTES
}

fn short() -> Result<TempDir> {
    TempDir::with_prefix_in("merotee-", SHORT).map_err(|e| {
        Error::input(format!("the temporary folder's path is too long for unix sockets, and {SHORT} cannot be used"))
            .because(e)
            .help("set TMPDIR to a folder with a short path")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn sockets_lie_elsewhere_when_the_folder_s_path_is_too_long_and_only_then() {
        let short = Path::new("/tmp/merotee-sandbox-abcdef");
        assert_eq!(Sockets::new(short).unwrap().folder, short);
        let long = Path::new("/").join("x".repeat(MAX_PATH_BYTES - MAX_NAME_BYTES));
        let sockets = Sockets::new(&long).unwrap();
        assert!(sockets.folder.starts_with(SHORT) && fits(&sockets.folder), "{}", sockets.folder.display());
        let folder = sockets.folder.clone();
        drop(sockets);
        assert!(!folder.exists());
    }
}
