//! The whole world on loopback: builds the sample releases and evidence, starts the servers, and says where they are.

mod authority;
mod dstack;
mod files;
mod own;
pub mod production;
mod roots;
mod stage;
mod tokens;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::Router;
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinSet};

use super::{
    boot::Boot,
    boundary::Boundaries,
    docker::Docker,
    documents,
    dstack::{Machine, Sockets},
    gcp::{self, Cloud as Gcp},
    github::{self, Hub},
    key::Seed,
    kms::Surroundings,
    node, people,
    phala::{self, Cloud},
    plan::made_at,
    sigstore::{self, Attester, Instance, Log},
    tdx::{self, Platform},
    vmm::Site,
};
use crate::{
    attestation::{
        measurement::TcbStatus,
        report_data::{default_binding, report_data},
    },
    error::{Error, Result},
    subject::{profile::Profile, tag::Tag},
};

use self::roots::{GITHUB_ROOT, TRUSTED_ROOT};
pub use self::stage::Stage;
pub use super::plan::{Ordered, Plan};

/// The challenge that the sample quote answers.
pub const NONCE: [u8; 32] = *b"merotee sandbox: a sample nonce!";

/// Release of the KMS that the sample quote comes from and whose guest agent runs.
pub const KMS: &str = "mero-kms-v1.2.0";
/// Release of the node whose guest agent runs.
const NODE: &str = "mero-tee-v1.2.0";
/// The policy of the sample KMS, as its release publishes it.
const KMS_POLICY: &str = "kms_policy.json";
/// The node's libp2p key: 32 bytes of an Ed25519 secret, in hex.
const NODE_KEY: &str = "node_key";
/// Per log, the files that say whom to trust and who signs.
const LOGS: [(Log, &str, &str); 2] = [
    (Log::Rekor1, "trust_config.json", "signing_config.json"),
    (Log::Rekor2, "trust_config_rekor2.json", "signing_config_rekor2.json"),
];
const TDX_ROOT: &str = "tdx_root.der";
const TDX_QUOTE: &str = "tdx_quote.bin";
const TDX_COLLATERAL: &str = "tdx_collateral.json";

/// A running world. Dropping it stops the servers and removes its files.
pub struct World {
    api: String,
    github: Arc<Hub>,
    sigstore: String,
    pccs: String,
    platform: Arc<Platform>,
    ita: authority::Authority,
    dstack: super::vmm::Started,
    kms: Agent,
    node: Agent,
    gcp: Arc<Gcp>,
    gcp_url: String,
    network: String,
    sockets: Arc<Sockets>,
    around: Surroundings,
    phala_url: String,
    phala: Arc<Cloud>,
    docker: Arc<Docker>,
    docker_url: String,
    boundaries: Arc<Boundaries>,
    people: Option<people::Fault>,
    folder: TempDir,
    _servers: JoinSet<()>,
}

/// A machine whose guest agent listens.
#[derive(Clone)]
pub struct Agent {
    /// The machine: what it measured, and how it fails on request.
    pub machine: Arc<Machine>,
    /// Where its agent listens.
    pub socket: PathBuf,
}

/// The services' address in the trusted root, where it is only a hint: no host has this name. The real one changes with
/// every run, and the root of a seed shall have one digest.
const NOWHERE: &str = "https://sigstore.sandbox.invalid";

impl World {
    /// Builds everything and starts listening.
    ///
    /// # Errors
    /// Usage for a plan that spoils nothing; input when no port or temporary folder can be had.
    pub async fn start(plan: &Plan) -> Result<Self> {
        plan.check()?;
        let mut instance = Instance::new(plan.seed, made_at()?)?;
        let mut attester = Attester::new(plan.seed)?;
        let releases = plan.releases(&mut instance, &mut attester)?;
        let mut servers = JoinSet::new();
        let (sigstore_listener, sigstore) = listen().await?;
        let (storage_listener, storage) = listen().await?;
        let (api_listener, api) = listen().await?;
        let (pccs_listener, pccs) = listen().await?;
        let (gcp_listener, gcp_url) = listen().await?;
        let (network_listener, network) = listen().await?;
        // Collateral is worth something for a month: it bears the time of the run, unlike everything else here.
        let flaw = plan.tampers.iter().find_map(|tamper| tamper.of_phala());
        let platform = Platform::new(plan.seed, jiff::Timestamp::now())?;
        let outdated = flaw == Some(phala::Flaw::OutdatedTcb) || plan.of_google() == Some(gcp::Flaw::OutdatedTcb);
        let advisories: &[&str] = &["INTEL-SA-00960"];
        let platform =
            Arc::new(if outdated { platform.with_status(TcbStatus::OutOfDate, advisories)? } else { platform });
        let folder = TempDir::with_prefix("merotee-sandbox-")
            .map_err(|e| Error::input("cannot make a temporary folder").because(e))?;
        write(folder.path(), TRUSTED_ROOT, instance.trusted_root_json(NOWHERE))?;
        for (log, trust, signing) in LOGS {
            write(folder.path(), trust, instance.client_trust_config_of(&sigstore, log))?;
            write(folder.path(), signing, instance.signing_config_json(&sigstore, log))?;
        }
        write(folder.path(), GITHUB_ROOT, attester.trusted_root_json()?)?;
        let hub = Arc::new(Hub::new(releases, &plan.catalog(), storage, attester));
        people::arrive(&hub);
        let boundaries = Arc::<Boundaries>::default();
        let instance = Arc::new(Mutex::new(instance));
        let own = own::serve_own(&mut servers, &hub, &instance, &platform).await?;
        let around = |service, router| boundaries.around(service, router);
        serve(&mut servers, sigstore_listener, around("sigstore", sigstore::router(instance)));
        serve(&mut servers, storage_listener, around("storage", github::storage(Arc::clone(&hub))));
        serve(&mut servers, api_listener, around("github", github::api(Arc::clone(&hub))));
        serve(&mut servers, pccs_listener, around("pccs", tdx::router(Arc::clone(&platform))));
        let ita = authority::start(&mut servers, &platform, plan.seed, folder.path()).await?;
        plan.tampers.iter().filter_map(|tamper| tamper.of_authority()).for_each(|fault| ita.fail(fault));
        let sockets = Arc::new(Sockets::new(folder.path())?);
        let dstack = dstack::start(&mut servers, &platform, plan, Site::of(&folder, &sockets)).await?;
        let gcp = Arc::new(Gcp::new(plan.seed, &platform, plan.of_google(), Arc::clone(&sockets))?);
        serve(&mut servers, gcp_listener, gcp::router(Arc::clone(&gcp)));
        serve(&mut servers, network_listener, node::network(Arc::clone(&gcp)));
        let start = |tag| agent(&sockets, machine(&platform, &sample(tag)?, Profile::LockedReadOnly));
        let (kms, node) = (start(KMS)?, start(NODE)?);
        write_evidence(folder.path(), &platform, &kms.machine)?;
        let policy = documents::policy(&sample(KMS)?, Profile::LockedReadOnly);
        write(folder.path(), KMS_POLICY, format!("{policy:#}\n"))?;
        let node_key = Seed::new("node", plan.seed).bytes::<32>("libp2p", 0);
        write(folder.path(), NODE_KEY, hex::encode(node_key))?;
        let around = Surroundings {
            api_url: own.api,
            sigstore_url: own.sigstore,
            pccs_url: own.pccs,
            trusted_root: folder.path().join(TRUSTED_ROOT),
            tdx_root: folder.path().join(TDX_ROOT),
        };
        let (phala_listener, phala_url) = listen().await?;
        let (logs_listener, logs) = listen().await?;
        let host =
            phala::Host { platform: Arc::clone(&platform), sockets: Arc::clone(&sockets), around: around.clone() };
        let host = Arc::new(host);
        let phala = Arc::new(Cloud::new(Arc::clone(&host), logs, flaw));
        serve(&mut servers, phala_listener, boundaries.around("phala", phala::api(Arc::clone(&phala))));
        let flaws = (flaw, plan.tampers.iter().find_map(|tamper| tamper.of_docker()));
        let docker = Arc::new(Docker::new(host, flaws, Arc::clone(&boundaries))?);
        let (docker_listener, docker_url) = listen().await?;
        serve(&mut servers, docker_listener, docker.router());
        serve(&mut servers, logs_listener, phala::logs(Arc::clone(&phala)));
        let phala_url = format!("{phala_url}{}", phala::PREFIX);
        Ok(Self {
            api,
            github: hub,
            sigstore,
            pccs,
            platform,
            ita,
            dstack,
            kms,
            node,
            gcp,
            gcp_url,
            network,
            sockets,
            around,
            phala_url,
            phala,
            docker,
            docker_url,
            boundaries,
            people: plan.tampers.iter().find_map(|tamper| tamper.of_people()),
            folder,
            _servers: servers,
        })
    }

    /// What a KMS in this world finds around it.
    pub fn surroundings(&self) -> &Surroundings {
        &self.around
    }

    /// Base URL of Phala Cloud's API.
    pub fn phala_url(&self) -> &str {
        &self.phala_url
    }

    /// The Phala Cloud: what stands in its account, what it was asked, and how it is to fail.
    pub fn phala(&self) -> &Arc<Cloud> {
        &self.phala
    }

    /// The Docker of a host: what runs there, and what it was told.
    pub fn docker(&self) -> &Arc<Docker> {
        &self.docker
    }

    /// Where a request of a client may be held.
    pub fn boundaries(&self) -> &Arc<Boundaries> {
        &self.boundaries
    }

    /// Base URL of GitHub's REST API.
    pub fn api_url(&self) -> &str {
        &self.api
    }

    /// The GitHub: what it was asked, and how it is to fail.
    pub fn github(&self) -> &Arc<Hub> {
        &self.github
    }

    /// Base URL of Rekor, Fulcio and the timestamp authority.
    pub fn sigstore_url(&self) -> &str {
        &self.sigstore
    }

    /// Base URL of the TDX platform's collateral service.
    pub fn pccs_url(&self) -> &str {
        &self.pccs
    }

    /// The TDX platform.
    pub fn platform(&self) -> &Arc<Platform> {
        &self.platform
    }

    /// Google Cloud: what is in its account, and how it is to fail.
    pub fn gcp(&self) -> &Arc<Gcp> {
        &self.gcp
    }

    /// Base URL of Google Cloud's services.
    pub fn gcp_url(&self) -> &str {
        &self.gcp_url
    }

    /// The network that Google Cloud's machines are on, as an HTTP proxy.
    pub fn network_url(&self) -> &str {
        &self.network
    }

    /// Socket of the guest agent of the sample KMS, `mero-kms-v1.2.0` in profile locked-read-only.
    pub fn kms_agent(&self) -> PathBuf {
        self.kms.socket.clone()
    }

    /// Socket of the guest agent of a node, `mero-tee-v1.2.0` in profile locked-read-only.
    pub fn node_agent(&self) -> PathBuf {
        self.node.socket.clone()
    }

    /// Where the guest agent of a node on Google Cloud listens while that runs: `{address}` stands for its address.
    pub fn node_agents(&self) -> PathBuf {
        self.sockets.named("{address}")
    }

    /// Starts one more guest agent, of a new machine of this release and profile, and says where it listens. Machines
    /// of one family and profile have the same keys, like replicas. It runs as long as the world. Needs a runtime.
    ///
    /// # Errors
    /// Input: the socket cannot be made.
    pub fn agent(&self, release: &Tag, profile: Profile) -> Result<PathBuf> {
        Ok(self.start_agent(machine(&self.platform, release, profile))?.socket)
    }

    /// Starts the guest agent of any machine. See [`World::agent`].
    ///
    /// # Errors
    /// As [`World::agent`].
    pub fn start_agent(&self, machine: Machine) -> Result<Agent> {
        agent(&self.sockets, machine)
    }

    /// The machine of the sample KMS, whose agent can be told to fail.
    pub fn kms_machine(&self) -> &Arc<Machine> {
        &self.kms.machine
    }

    /// The machine of the node.
    pub fn node_machine(&self) -> &Arc<Machine> {
        &self.node.machine
    }
}

async fn listen() -> Result<(TcpListener, String)> {
    let cannot = |e: std::io::Error| Error::input("cannot listen on loopback").because(e);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, format!("http://{address}")))
}

fn serve(servers: &mut JoinSet<()>, listener: TcpListener, router: Router) {
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!("a sandbox server stopped: {error}");
        }
    });
}

fn url(text: &str) -> Result<url::Url> {
    url::Url::parse(text).map_err(|e| Error::internal(format!("{text} is not an address")).because(e))
}

fn sample(tag: &str) -> Result<Tag> {
    tag.parse().map_err(|e| Error::internal("a sample tag does not parse").because(e))
}

fn machine(platform: &Arc<Platform>, release: &Tag, profile: Profile) -> Machine {
    Machine::new(Arc::clone(platform), Boot::of_release(release, profile))
}

fn agent(sockets: &Sockets, machine: Machine) -> Result<Agent> {
    let machine = Arc::new(machine);
    Ok(Agent { socket: sockets.serve(Arc::clone(&machine))?, machine })
}

/// Root, collateral and a quote, for a look at evidence without asking a machine for it.
fn write_evidence(folder: &Path, platform: &Platform, kms: &Machine) -> Result<()> {
    write(folder, TDX_ROOT, platform.root_der())?;
    write(folder, TDX_COLLATERAL, platform.collateral_json()?)?;
    write(folder, TDX_QUOTE, kms.evidence(report_data(&NONCE, default_binding().as_bytes())).quote)
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
    std::fs::write(folder.join(name), content).map_err(|e| Error::input(format!("cannot write {name}")).because(e))
}
