//! Arguments of `e2e`.

use std::{path::PathBuf, str::FromStr, time::Duration};

use clap::Args;
use url::Url;

use super::{
    ReleasesArgs, choice, examples,
    gcp::{GcpArgs, GcpMachineArgs},
    phala::{CvmArgs, PhalaArgs},
    quote::QuotesArgs,
    words::Words,
};
use crate::{
    probe::label::Label,
    subject::{
        profile::Profile,
        tag::{Selector, Tag},
    },
};

/// Something of one profile, as it is written: `PROFILE=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfProfile<T> {
    /// The profile.
    pub profile: Profile,
    /// What is its.
    pub value: T,
}

/// Arguments of `e2e`.
#[derive(Debug, Args)]
#[command(after_help = examples::E2E)]
pub struct E2eArgs {
    /// mero-kms-vX.Y.Z, mero-tee-vX.Y.Z, or a bare [v]X.Y.Z for both families
    #[arg(value_name = "TAG", hide_possible_values = true, value_parser = choice::selector())]
    pub tag: Selector,
    /// Try what the releases state and nothing that runs; the report then shows no pair at work
    #[arg(long, conflicts_with_all = ["kms_url", "stale_kms_url", "node", "node_socket", "node_url"])]
    pub documents_only: bool,
    /// Read releases from DIR/<tag> each instead of downloading them
    #[arg(long, value_name = "DIR", requires = "catalog")]
    pub dir: Option<PathBuf>,
    /// Compatibility catalog [default: compatibility-catalog.json of the repository's default branch]
    #[arg(long, value_name = "FILE|-")]
    pub catalog: Option<PathBuf>,
    /// Make no network call at all (needs --dir, --catalog and --documents-only)
    #[arg(long, requires_all = ["dir", "documents_only"])]
    pub offline: bool,
    /// KMS release whose policy is stale for the node image [default: the newest older one that is not listed with it]
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::tag(choice::kms_tag))]
    pub stale: Option<Tag>,
    /// What runs.
    #[command(flatten)]
    pub running: RunningArgs,
    /// What is made on the clouds.
    #[command(flatten)]
    pub clouds: CloudsArgs,
    /// By what quotes are judged.
    #[command(flatten)]
    pub quotes: QuotesArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}

impl E2eArgs {
    /// Whether it is left open what runs and where the releases lie, so that a context can offer both.
    #[cfg(feature = "sandbox")]
    pub fn is_open(&self) -> bool {
        let RunningArgs { kms_url, stale_kms_url, node, node_socket, node_url, .. } = &self.running;
        let names_none = kms_url.is_empty() && stale_kms_url.is_empty() && node_url.is_empty();
        let names_no_node = node.is_empty() && node_socket.is_empty();
        !self.documents_only && !self.clouds.cloud && self.dir.is_none() && names_none && names_no_node
    }
}

/// Machines that the run makes, and deletes again.
#[derive(Debug, Args)]
#[command(next_help_heading = "Machines on the clouds")]
pub struct CloudsArgs {
    /// Boot the release's KMS on Phala Cloud and its node images on Compute Engine, try them, and delete them again
    #[arg(long, conflicts_with_all = ["documents_only", "offline", "dir", "kms_url", "stale_kms_url", "node_url"])]
    pub cloud: bool,
    /// Folder for the journal of what is made; after a crash `probe cleanup --out DIR` removes that
    #[arg(long, value_name = "DIR", requires = "cloud")]
    pub out: Option<PathBuf>,
    /// Boot the KMS of this profile; may be repeated. Nodes of all three are booted [default: each that the pair is listed in]
    #[arg(long, value_name = "PROFILE", requires = "cloud", value_parser = choice::profile())]
    pub profile: Vec<Profile>,
    /// Label in the names of all machines [default: one that no other run has]
    #[arg(long, value_name = "LABEL", requires = "cloud")]
    pub label: Option<Label>,
    /// Seconds until a machine must answer [default: 1200]
    #[arg(long, value_name = "SECONDS", requires = "cloud", value_parser = clap::value_parser!(u32).range(1..=7200))]
    pub wait: Option<u32>,
    /// Print what would be made and deleted, and do nothing
    #[arg(long, requires = "cloud")]
    pub dry_run: bool,
    /// The machine of a KMS.
    #[command(flatten)]
    pub cvm: CvmArgs,
    /// The cloud of a KMS.
    #[command(flatten)]
    pub phala: PhalaArgs,
    /// The cloud of a node.
    #[command(flatten)]
    pub gcp: GcpArgs,
    /// The machine of a node.
    #[command(flatten)]
    pub machine: GcpMachineArgs,
}

impl CloudsArgs {
    /// How long a machine may take to answer.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.wait.unwrap_or(1_200).into())
    }
}

/// Services and nodes that run, each of a profile.
#[derive(Debug, Args)]
#[command(next_help_heading = "What runs")]
pub struct RunningArgs {
    /// The KMS of a profile; once a profile
    #[arg(long, value_name = "PROFILE=URL", value_parser = of_profile::<Url>)]
    pub kms_url: Vec<OfProfile<Url>>,
    /// A KMS of the release before, which must refuse the new node image
    #[arg(long, value_name = "PROFILE=URL", value_parser = of_profile::<Url>)]
    pub stale_kms_url: Vec<OfProfile<Url>>,
    /// Command that runs `merotee kms get-key` on the node of a profile, such as 'debug=ssh node-1 merotee kms get-key';
    /// no shell reads it, and the KMS's address and policy are added. With --cloud {machine}, {zone}, {project} and {address}
    /// stand for those of the node that was made
    #[arg(long, value_name = "PROFILE=COMMAND", value_parser = of_profile::<Words>)]
    pub node: Vec<OfProfile<Words>>,
    /// Guest agent that makes the quotes of the node of a profile; with --cloud as in --node
    #[arg(long, value_name = "PROFILE=PATH", value_parser = of_profile::<PathBuf>)]
    pub node_socket: Vec<OfProfile<PathBuf>>,
    /// libp2p key of the nodes behind --node-socket [default: a new one for this run]
    #[arg(long, value_name = "FILE|-", env = "MEROTEE_NODE_KEY", hide_env_values = true)]
    pub node_key: Option<PathBuf>,
    /// Admin API of the node of a profile: its health, its quote, and what its verifier makes of fakes
    #[arg(long, value_name = "PROFILE=URL", value_parser = of_profile::<Url>)]
    pub node_url: Vec<OfProfile<Url>>,
    /// Take keys over plain http from another machine: anyone on the way can read them
    #[arg(long)]
    pub allow_http: bool,
}

/// Reads `PROFILE=…`.
fn of_profile<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<OfProfile<T>, String> {
    let (profile, value) = text.split_once('=').ok_or("expected PROFILE=…, such as locked-read-only=…")?;
    let profile = profile.parse().map_err(|e: crate::subject::profile::InvalidProfile| e.to_string())?;
    Ok(OfProfile { profile, value: value.parse().map_err(|e: T::Err| e.to_string())? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_a_profile_names_it_first() {
        let url = of_profile::<Url>("debug=https://kms.example/a=b").unwrap();
        assert_eq!((url.profile, url.value.as_str()), (Profile::Debug, "https://kms.example/a=b"));
        for bad in ["https://kms.example", "open=https://kms.example", "debug=", "debug=kms.example", "=https://a"] {
            assert!(of_profile::<Url>(bad).is_err(), "{bad}");
        }
    }
}
