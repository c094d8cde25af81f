//! The VMs of a host: what they were made from, how far they are, and what they wrote.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::{net::TcpListener, task::AbortHandle};

use super::{
    Flaw, Host, IMAGE, KMS_PORT, Shared, answers,
    attested::Measured,
    kms::{Disk, Kms, Phase},
    tls::Port,
};
use crate::{
    digest::Sha256,
    error::{Error, Result},
};

/// Between two steps of a boot.
const STEP: Duration = Duration::from_millis(20);
/// How often a port is asked for.
const BINDS: u32 = 25;
/// How long a VM that stands may take to boot.
const PATIENCE: Duration = Duration::from_secs(30);

/// A VM.
pub(super) struct Vm {
    pub(super) id: String,
    /// What `CreateVm` was given.
    pub(super) order: Order,
    pub(super) state: Status,
    pub(super) started: Option<Instant>,
    /// Whether it ever ran and ended.
    pub(super) exited: bool,
    pub(super) serial: String,
    pub(super) stderr: String,
    /// 20 bytes, in hex; empty with `no_instance_id`.
    instance_id: String,
    disk: Arc<Mutex<Disk>>,
    kms: Option<Arc<Kms>>,
    task: Option<AbortHandle>,
}

/// What a VM is made from.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) name: String,
    pub(super) image: String,
    /// `app-compose.json`, as it is.
    pub(super) compose_file: String,
    pub(super) vcpu: u64,
    pub(super) memory: u64,
    pub(super) disk_size: u64,
    /// As they were given.
    pub(super) ports: Vec<Value>,
    /// Whether it runs without TDX.
    pub(super) no_tee: bool,
}

/// How far a VM is, in the VMM's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Running,
    Stopped,
    Exited,
}

/// A VM as the host has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenVm {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How far it is, in the VMM's word.
    pub status: String,
    /// The application on it.
    pub app_id: String,
    /// Whether its KMS serves.
    pub serves: bool,
    /// Whether its KMS has keys.
    pub has_keys: bool,
    /// `bootstrap-info.json` of its KMS.
    pub bootstrap_info: Option<String>,
}

/// All VMs of a host.
#[derive(Default)]
pub(super) struct State {
    pub(super) vms: Vec<Vm>,
}

impl Status {
    /// The VMM's word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Exited => "exited",
        }
    }
}

impl Order {
    /// The application: the first 20 bytes of the compose hash, hex.
    pub(super) fn app_id(&self) -> String {
        Sha256::of(self.compose_file.as_bytes()).to_string().chars().take(40).collect()
    }

    fn says(&self, field: &str) -> bool {
        let document: Value = serde_json::from_str(&self.compose_file).unwrap_or_default();
        document.get(field) == Some(&json!(true))
    }

    /// The port on the host that leads to the KMS.
    fn kms_port(&self) -> Option<u16> {
        let to_kms = |port: &&Value| {
            port.get("vm_port") == Some(&json!(KMS_PORT)) && port.get("protocol") == Some(&json!("tcp"))
        };
        let port = self.ports.iter().find(to_kms)?.get("host_port")?.as_u64()?;
        u16::try_from(port).ok()
    }
}

impl State {
    /// A VM by its id.
    pub(super) fn find(&self, id: &str) -> Option<&Vm> {
        self.vms.iter().find(|vm| vm.id == id)
    }

    pub(super) fn find_mut(&mut self, id: &str) -> Option<&mut Vm> {
        self.vms.iter_mut().find(|vm| vm.id == id)
    }

    /// The KMS of a VM of this name.
    pub(super) fn kms(&self, name: &str) -> Option<Arc<Kms>> {
        self.vms.iter().find(|vm| vm.order.name == name)?.kms.clone()
    }

    /// The KMS that serves at a URL.
    pub(super) fn serving_at(&self, url: &str) -> Option<Arc<Kms>> {
        let url = url::Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
        let port = url.port_or_known_default()?;
        let vm = self.vms.iter().find(|vm| vm.state == Status::Running && vm.order.kms_port() == Some(port))?;
        vm.kms.clone().filter(|kms| kms.phase() == Phase::Serves)
    }

    pub(super) fn seen(&self) -> Vec<SeenVm> {
        let seen = |vm: &Vm| {
            let disk = vm.disk.lock().unwrap_or_else(PoisonError::into_inner);
            SeenVm {
                id: vm.id.clone(),
                name: vm.order.name.clone(),
                status: vm.state.word().to_owned(),
                app_id: vm.order.app_id(),
                serves: vm.kms.as_ref().is_some_and(|kms| kms.phase() == Phase::Serves),
                has_keys: disk.keys.is_some(),
                bootstrap_info: disk.bootstrap_info.clone(),
            }
        };
        self.vms.iter().map(seen).collect()
    }
}

impl Vm {
    /// A VM that is stopped and never ran.
    ///
    /// # Errors
    /// Internal: the system gives no random bytes.
    pub(super) fn new(order: Order) -> Result<Self> {
        let instance = if order.says("no_instance_id") { String::new() } else { hex::encode(random::<20>()?) };
        Ok(Self {
            id: uuid(random()?),
            order,
            state: Status::Stopped,
            started: None,
            exited: false,
            serial: String::new(),
            stderr: String::new(),
            instance_id: instance,
            disk: Arc::default(),
            kms: None,
            task: None,
        })
    }

    /// Ends what runs.
    pub(super) fn stop(&mut self, state: Status) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.kms = None;
        self.exited |= self.started.take().is_some();
        self.state = state;
    }
}

/// Starts a VM of the host. Needs a runtime.
pub(super) fn start(host: &Shared, id: &str) {
    let task = tokio::spawn(boot(Arc::clone(host), id.to_owned()));
    if let Some(vm) = host.lock().find_mut(id) {
        (vm.state, vm.started) = (Status::Running, Some(Instant::now()));
        vm.task = Some(task.abort_handle());
    }
}

/// Runs a VM from its first line on the console to the end of its KMS.
async fn boot(host: Shared, id: String) {
    let write = |line: &str| {
        if let Some(vm) = host.lock().find_mut(&id) {
            vm.serial.push_str(line);
            vm.serial.push('\n');
        }
    };
    let Some(order) = host.lock().find(&id).map(|vm| vm.order.clone()) else { return };
    let Some(port) = order.kms_port() else { return std::future::pending().await };
    let address = SocketAddr::from((host.address, port));
    let listener = if host.has(Flaw::PortTaken) { None } else { bound(address).await };
    let Some(listener) = listener else { return not_forwarded(&host, &id, port) };
    write("[    0.000000] Linux version 6.9.0-dstack");
    tokio::time::sleep(STEP).await;
    if host.has(Flaw::BootHangs) || order.says("secure_time") {
        write("[    1.000000] dstack-prepare: waiting for the system time to be synchronized");
        return std::future::pending().await;
    }
    write("[    1.000000] KMS CVM booting...");
    write("[    2.000000] Docker container starting...");
    tokio::time::sleep(STEP).await;
    let kms = {
        let mut state = host.lock();
        let Some(vm) = state.find_mut(&id) else { return };
        let instance = hex::decode(&vm.instance_id).unwrap_or_default();
        let measured = Measured::new(&order.image, order.vcpu, order.memory, &order.compose_file, &instance);
        let kms = Arc::new(Kms::new(Arc::clone(&host), measured, Arc::clone(&vm.disk)));
        vm.kms = Some(Arc::clone(&kms));
        kms
    };
    write("[    3.000000] KMS initializing...");
    write(if kms.phase() == Phase::Serves { "[    3.100000] Serving" } else { "[    3.100000] Onboarding" });
    let router = answers::router(Arc::clone(&kms));
    let port = Port { listener, kms, config: None };
    if let Err(error) = axum::serve(port, router).await {
        tracing::error!("a KMS of the sandbox stopped: {error}");
    }
}

/// A port that a VM which was just stopped may still have for a moment.
async fn bound(address: SocketAddr) -> Option<TcpListener> {
    for _ in 0..BINDS {
        if let Ok(listener) = TcpListener::bind(address).await {
            return Some(listener);
        }
        tokio::time::sleep(STEP).await;
    }
    None
}

/// QEMU ends where a port of the host is taken.
fn not_forwarded(host: &Host, id: &str, port: u16) {
    let words = format!(
        "qemu-system-x86_64: -netdev user,id=net0: Could not set up host forwarding rule 'tcp:0.0.0.0:{port}-:{KMS_PORT}'\n"
    );
    if let Some(vm) = host.lock().find_mut(id) {
        vm.stderr.push_str(&words);
        (vm.state, vm.exited, vm.started, vm.task) = (Status::Exited, true, None, None);
    }
}

/// Runs a VM as a person would, and waits until its KMS answers. Its measurement is allowed, unless a flaw wants otherwise.
pub(super) async fn stand(host: &Shared, name: &str, port: u16) -> Result<()> {
    let compose_file = json!({
        "manifest_version": 2,
        "name": name,
        "runner": "docker-compose",
        "docker_compose_file": "services:\n  kms:\n    image: registry.example.com/dstack-kms:fixed\n",
        "kms_enabled": false,
        "gateway_enabled": false,
        "local_key_provider_enabled": true,
        "key_provider_id": "",
        "public_logs": false,
        "public_sysinfo": false,
        "allowed_envs": [],
        "no_instance_id": true,
        "secure_time": false,
    });
    let ports = vec![json!({"protocol": "tcp", "host_port": port, "vm_port": KMS_PORT, "host_address": "0.0.0.0"})];
    let order = Order {
        name: name.to_owned(),
        image: IMAGE.to_owned(),
        compose_file: format!("{compose_file:#}"),
        vcpu: 2,
        memory: 4096,
        disk_size: 20,
        ports,
        no_tee: false,
    };
    let vm = Vm::new(order)?;
    let id = vm.id.clone();
    host.lock().vms.push(vm);
    start(host, &id);
    let up = async {
        while host.measured(name).is_none() {
            tokio::time::sleep(STEP).await;
        }
    };
    let late = |_| Error::internal("the sandbox's VM does not come up");
    if host.has(Flaw::BootHangs) || host.has(Flaw::PortTaken) {
        return Ok(());
    }
    tokio::time::timeout(PATIENCE, up).await.map_err(late)?;
    let allowed: Vec<String> =
        host.lock().vms.iter().filter_map(|vm| vm.kms.as_ref()).map(|kms| kms.measured().aggregated()).collect();
    if host.has(Flaw::NotAllowed) { Ok(()) } else { host.allow(&allowed) }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Ok(bytes)
}

/// 8-4-4-4-12, of version 4.
fn uuid(bytes: [u8; 16]) -> String {
    let [a, b, c, d, e, f, version, g, variant, rest @ ..] = bytes;
    let (version, variant) = ((version & 0x0f) | 0x40, (variant & 0x3f) | 0x80);
    let [h, ..] = rest;
    let groups =
        [vec![a, b, c, d], vec![e, f], vec![version, g], vec![variant, h], rest.iter().copied().skip(1).collect()];
    groups.map(hex::encode).join("-")
}
