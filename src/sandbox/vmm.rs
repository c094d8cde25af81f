//! A dstack host on loopback: a VMM, the VMs that it runs, a dstack KMS on each, and the auth webhook that they ask.
//!
//! A VM is a task in this process. It measures what it is made from on the software TDX platform, and serves what a real KMS
//! serves: plain HTTP until it is finished, then TLS on the same port with a certificate of its own authority. Shapes,
//! statuses and words follow the recorded traffic of dstack 0.6.0; version 0.5.7 is spoken where a flaw asks for it. The host
//! has an address of its own within 127.0.0.0/8 where the system has one, so that ports are what they are said to be.

mod answers;
mod attested;
mod auth;
mod flaw;
mod keys;
mod kms;
mod machine;
mod methods;
mod refusal;
mod routes;
mod shapes;
mod tls;

use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

pub use self::{flaw::Flaw, machine::SeenVm};
use super::{
    dstack::Sockets,
    key::Seed,
    tdx::Platform,
    trouble::{Record, Troubles},
};
use crate::error::{Error, Result};

/// The VMM's token. Long enough to be recognised where somebody repeats it.
pub const TOKEN: &str = "vmm_sandbox_the_token_of_a_host_on_loopback";
/// The guest image on the host.
pub const IMAGE: &str = "dstack-0.5.7";
/// The port that a KMS listens on in its VM, and usually on the host.
pub const KMS_PORT: u16 = 9100;
/// The port of the VMM.
const VMM_PORT: u16 = 9080;
/// The name of the VM that stands before anything is asked.
pub const STANDING: &str = "kms";
/// How often an address within 127.0.0.0/8 is tried that no other host has.
const TRIES: u64 = 64;

/// A dstack host.
pub struct Host {
    platform: Arc<Platform>,
    seed: Seed,
    address: Ipv4Addr,
    port: u16,
    /// The file that the webhook reads.
    allow_list: PathBuf,
    auth_url: String,
    state: Mutex<machine::State>,
    flaws: Mutex<Vec<Flaw>>,
    /// Keys made so far: none is made twice.
    keys: AtomicU64,
    troubles: Troubles,
    record: Record,
}

type Shared = Arc<Host>;

/// A host, and what it needs to listen.
pub(super) struct Started {
    pub(super) host: Shared,
    pub(super) socket: PathBuf,
}

/// Where a host keeps its files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    /// The allow-list.
    folder: &'a Path,
    /// The socket: a path that is short enough for one.
    sockets: &'a Path,
}

impl<'a> Site<'a> {
    /// In a world's folder, with the socket beside those of its guest agents.
    pub(super) fn of(folder: &'a TempDir, sockets: &'a Sockets) -> Self {
        Self { folder: folder.path(), sockets: sockets.folder() }
    }
}

/// Starts a host. Needs a runtime.
///
/// # Errors
/// Input: no port can be had, or a file cannot be written.
pub(super) async fn start(
    servers: &mut JoinSet<()>,
    platform: &Arc<Platform>,
    seed: u64,
    flaws: Vec<Flaw>,
    site: Site<'_>,
) -> Result<Started> {
    let cannot = |e: std::io::Error| Error::input("cannot listen on loopback").because(e);
    let (listener, address) = listen(seed).await.map_err(cannot)?;
    let port = listener.local_addr().map_err(cannot)?.port();
    let auth_listener = TcpListener::bind((address, 0)).await.map_err(cannot)?;
    let auth_url = format!("http://{}", auth_listener.local_addr().map_err(cannot)?);
    let allow_list = site.folder.join("auth-config.json");
    let host = Arc::new(Host {
        platform: Arc::clone(platform),
        seed: Seed::new("dstack", seed),
        address,
        port,
        allow_list,
        auth_url,
        state: Mutex::default(),
        flaws: Mutex::new(flaws),
        keys: AtomicU64::new(0),
        troubles: Troubles::default(),
        record: Record::default(),
    });
    host.allow(&[])?;
    serve(servers, listener, routes::vmm(Arc::clone(&host)));
    serve(servers, auth_listener, auth::router(Arc::clone(&host)));
    let socket = site.sockets.join("vmm.sock");
    #[cfg(unix)]
    {
        let listener = tokio::net::UnixListener::bind(&socket).map_err(cannot)?;
        serve(servers, listener, routes::vmm(Arc::clone(&host)));
    }
    Ok(Started { host, socket })
}

fn serve<L: axum::serve::Listener>(servers: &mut JoinSet<()>, listener: L, router: axum::Router)
where
    L::Addr: std::fmt::Debug,
{
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!("a sandbox server stopped: {error}");
        }
    });
}

/// A VMM's port on an address that this host has alone; on any port of 127.0.0.1 where the system has no other.
async fn listen(seed: u64) -> std::io::Result<(TcpListener, Ipv4Addr)> {
    for _ in 0..TRIES {
        let mut bytes = [0; 3];
        if aws_lc_rs::rand::fill(&mut bytes).is_err() {
            break;
        }
        let [a, b, c] = bytes;
        // 127.0.0.x is others'.
        let address = Ipv4Addr::new(127, a.max(1), b, c.clamp(1, 254));
        match TcpListener::bind((address, VMM_PORT)).await {
            Ok(listener) => return Ok((listener, address)),
            Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(_) => break,
        }
    }
    tracing::debug!("the sandbox's dstack host (seed {seed}) has no address of its own");
    Ok((TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, Ipv4Addr::LOCALHOST))
}

impl Host {
    /// Where the VMM listens.
    pub fn vmm_url(&self) -> String {
        format!("http://{}:{}", self.address, self.port)
    }

    /// Where a KMS is reached whose port is forwarded as usual.
    pub fn kms_url(&self) -> String {
        format!("http://{}:{KMS_PORT}", self.address)
    }

    /// Where a second KMS is reached, on the port after.
    pub fn replica_url(&self) -> String {
        format!("http://{}:{}", self.address, KMS_PORT + 1)
    }

    /// Where the auth webhook listens.
    pub fn auth_url(&self) -> &str {
        &self.auth_url
    }

    /// The file that the webhook reads.
    pub fn allow_list(&self) -> &Path {
        &self.allow_list
    }

    /// Writes the allow-list anew, with these measurements of KMSs.
    ///
    /// # Errors
    /// Input: it cannot be written.
    pub fn allow(&self, measurements: &[String]) -> Result<()> {
        let text = auth::file(measurements);
        std::fs::write(&self.allow_list, text)
            .map_err(|e| Error::input("cannot write the sandbox's allow-list").because(e))
    }

    /// Runs a VM before anything is asked, whose KMS is allowed to boot, and returns when it waits.
    ///
    /// # Errors
    /// Internal: the sandbox is broken.
    pub async fn stand(self: &Arc<Self>, name: &str) -> Result<()> {
        machine::stand(self, name, KMS_PORT).await
    }

    /// Runs another VM beside it on the next port, as a replica is, and returns when it waits.
    ///
    /// # Errors
    /// As [`Self::stand`].
    pub async fn stand_replica(self: &Arc<Self>, name: &str) -> Result<()> {
        machine::stand(self, name, KMS_PORT + 1).await
    }

    /// Has the KMS of a VM make its keys and serve, as if somebody had asked for it.
    ///
    /// # Errors
    /// Internal: the sandbox is broken.
    pub async fn bootstrapped(self: &Arc<Self>, name: &str, domain: &str) -> Result<Vec<u8>> {
        let kms = self.lock().kms(name).ok_or_else(|| Error::internal("the sandbox's VM is gone"))?;
        let answer = methods::bootstrap(&kms, domain).await;
        let body =
            answer.map_err(|refused| Error::internal(format!("the sandbox's KMS refuses: {}", refused.words())))?;
        methods::finish(&kms);
        Ok(body.into_bytes())
    }

    /// Takes the VMs of this name away, and their disks.
    pub fn remove(&self, name: &str) {
        let mut state = self.lock();
        for vm in state.vms.iter_mut().filter(|vm| vm.order.name == name) {
            vm.stop(machine::Status::Stopped);
        }
        state.vms.retain(|vm| vm.order.name != name);
    }

    /// The VMs that exist, oldest first.
    pub fn vms(&self) -> Vec<SeenVm> {
        self.lock().seen()
    }

    /// What was measured of a VM's KMS, as an allow-list has it; `None` where it has none that runs.
    pub fn measured(&self, name: &str) -> Option<String> {
        self.lock().kms(name).map(|kms| kms.measured().aggregated())
    }

    /// Makes something wrong from now on, beside what is.
    pub fn spoil(&self, flaw: Flaw) {
        self.flaws.lock().unwrap_or_else(PoisonError::into_inner).push(flaw);
    }

    /// Makes everything right from now on.
    pub fn mend(&self) {
        self.flaws.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What goes wrong at chosen requests, to the VMM and to every KMS.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// What was asked, of the VMM and of every KMS.
    pub fn record(&self) -> &Record {
        &self.record
    }

    fn has(&self, flaw: Flaw) -> bool {
        self.flaws.lock().unwrap_or_else(PoisonError::into_inner).contains(&flaw)
    }

    fn next_keys(&self) -> u64 {
        self.keys.fetch_add(1, Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, machine::State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("address", &self.address).field("vms", &self.vms()).finish_non_exhaustive()
    }
}
