//! Arguments of the commands that ask the VMM of a dstack host: `dstack preflight`, `dstack deploy` and `dstack logs`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use url::Url;

use crate::{
    cli::{NetworkArgs, choice},
    dstack::kms_deploy::{Domain, ImageReference},
    subject::vmm::{PortMapping, VmName, VmmAddress},
};

/// Where the VMM is. Its token is `$DSTACK_VMM_TOKEN`: an argument can be seen by everyone on the machine.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "VMM")]
pub struct VmmArgs {
    /// VMM, asked with $DSTACK_VMM_TOKEN, or $DSTACK_VMM_AUTH_USER and $DSTACK_VMM_AUTH_PASSWORD [default: http://127.0.0.1:9080]
    #[arg(long, value_name = "URL|unix:PATH", env = "DSTACK_VMM_URL", hide_env_values = true)]
    pub vmm: Option<VmmAddress>,
}

/// What a VM is made of.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Machine")]
pub struct MachineArgs {
    /// Guest image, by its name on the host
    #[arg(long, value_name = "IMAGE")]
    pub image: String,
    /// Virtual processors
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub vcpu: u32,
    /// Memory in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(256..=4_194_304))]
    pub memory: u32,
    /// Disk in GiB
    #[arg(long, value_name = "GIB", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub disk: u32,
    /// Port of the host that leads to one of the VM, such as tcp:0.0.0.0:9100:9100
    #[arg(long = "port", value_name = "PROTOCOL:ADDRESS:HOST_PORT:VM_PORT", default_value = "tcp:0.0.0.0:9100:9100")]
    pub ports: Vec<PortMapping>,
}

/// Arguments of `dstack deploy`.
#[derive(Debug, Args)]
#[command(after_help = crate::cli::examples::DSTACK_DEPLOY)]
pub struct DeployArgs {
    /// app-compose.json, as `dstack compose` writes it
    #[arg(long, value_name = "FILE|-")]
    pub compose: PathBuf,
    /// Name of the VM
    #[arg(long, value_name = "NAME", default_value = "kms")]
    pub name: VmName,
    /// What it is made of.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Where the KMS is reached [default: the VMM's host, at the host port that leads to port 9100 of the VM]
    #[arg(long, value_name = "URL")]
    pub kms_url: Option<Url>,
    /// Seconds until the KMS must wait for its keys
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u16).range(1..=7200))]
    pub wait: u16,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where the VMM is.
    #[command(flatten)]
    pub vmm: VmmArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `dstack logs`.
#[derive(Debug, Args)]
#[command(after_help = crate::cli::examples::DSTACK_LOGS)]
pub struct LogsArgs {
    /// Name or id of the VM
    #[arg(value_name = "VM", default_value = "kms")]
    pub vm: VmName,
    /// Which log
    #[arg(long, value_name = "LOG", default_value = "serial", value_parser = choice::named::<LogArg>())]
    pub log: LogArg,
    /// How many of its last lines
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub lines: u32,
    /// Where the VMM is.
    #[command(flatten)]
    pub vmm: VmmArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// A log of a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogArg {
    /// The guest's serial console
    Serial,
    /// Standard output of the program that runs the VM
    Stdout,
    /// Its standard error
    Stderr,
}

/// Arguments of `dstack preflight`.
#[derive(Debug, Args)]
#[command(after_help = crate::cli::examples::DSTACK_PREFLIGHT)]
pub struct PreflightArgs {
    /// Guest image that must be on the host
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Image of the KMS that the registry must hold
    #[arg(long, value_name = "NAME@sha256:HEX|NAME:TAG")]
    pub kms_image: Option<ImageReference>,
    /// Port of the host that must be free
    #[arg(long = "port", value_name = "PROTOCOL:ADDRESS:HOST_PORT:VM_PORT", default_value = "tcp:0.0.0.0:9100:9100")]
    pub ports: Vec<PortMapping>,
    /// Name of the KMS that must resolve
    #[arg(long, value_name = "DOMAIN")]
    pub domain: Option<Domain>,
    /// Auth API that must answer
    #[arg(long, value_name = "URL")]
    pub auth_url: Option<Url>,
    /// Key provider that must listen, such as 127.0.0.1:3443
    #[arg(long, value_name = "HOST:PORT")]
    pub key_provider: Option<String>,
    /// Where the VMM is.
    #[command(flatten)]
    pub vmm: VmmArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}
