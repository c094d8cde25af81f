//! What a VMM answers, as far as it is read. Texts are remote: who shows them cuts them.

use serde::Deserialize;

/// Of what version a VMM is.
#[derive(Debug, Clone, Deserialize)]
pub struct Version {
    /// Such as `0.6.0`.
    pub version: String,
}

/// A guest image.
#[derive(Debug, Clone, Deserialize)]
pub struct Image {
    /// Its name on the host.
    pub name: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Whether it lets its host in.
    #[serde(default)]
    pub is_dev: bool,
}

/// A VM.
#[derive(Debug, Clone, Deserialize)]
pub struct Vm {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `running`, `stopped`, `exited` and the like.
    pub status: String,
    /// How long it has been up; `never` for one that never ran.
    #[serde(default)]
    pub uptime: Option<String>,
    /// The application, hex.
    #[serde(default)]
    pub app_id: Option<String>,
    /// What it was made from.
    #[serde(default)]
    pub configuration: Option<Configuration>,
    /// When it ended; `never` for one that did not.
    #[serde(default)]
    pub exited_at: Option<String>,
    /// How far its guest says it is.
    #[serde(default)]
    pub boot_progress: Option<String>,
    /// What its guest says is wrong.
    #[serde(default)]
    pub boot_error: Option<String>,
}

/// What a VM was made from.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Configuration {
    /// The guest image.
    #[serde(default)]
    pub image: String,
    /// `app-compose.json`; empty in the list of VMs.
    #[serde(default)]
    pub compose_file: String,
    /// Ports that are forwarded.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Virtual processors.
    #[serde(default)]
    pub vcpu: Option<u64>,
    /// Memory in MiB.
    #[serde(default)]
    pub memory: Option<u64>,
    /// Disk in GiB.
    #[serde(default)]
    pub disk_size: Option<u64>,
    /// The application, hex.
    #[serde(default)]
    pub app_id: Option<String>,
    /// Whether it runs without TDX.
    #[serde(default)]
    pub no_tee: Option<bool>,
    /// Whether its memory is in huge pages.
    #[serde(default)]
    pub hugepages: Option<bool>,
    /// Whether it is pinned to a node of the host's memory.
    #[serde(default)]
    pub pin_numa: Option<bool>,
}

/// A port that is forwarded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Port {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The port on the host.
    pub host_port: u32,
    /// The port in the VM.
    pub vm_port: u32,
    /// The address on the host.
    #[serde(default)]
    pub host_address: String,
}

impl Port {
    /// As an option of `dstack deploy` spells it.
    pub fn spelled(&self) -> String {
        let Self { protocol, host_port, vm_port, host_address } = self;
        format!("{protocol}:{host_address}:{host_port}:{vm_port}")
    }
}

impl Vm {
    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// Whether it has ended, or was never started.
    pub fn is_down(&self) -> bool {
        matches!(self.status.as_str(), "stopped" | "exited")
    }

    /// Whether it never ran: nothing can be on its disk.
    pub fn never_ran(&self) -> bool {
        let never = |text: &Option<String>| text.as_deref() == Some("never");
        self.is_down() && never(&self.uptime) && never(&self.exited_at)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Images {
    pub(super) images: Vec<Image>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) vms: Vec<Vm>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Info {
    pub(super) found: bool,
    pub(super) info: Option<Vm>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Created {
    pub(super) id: String,
}
