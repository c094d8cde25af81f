//! Arguments of `rollout …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use url::Url;

use super::{
    GitHubArgs, LogArgs, NetworkArgs, RepositoryArgs, SigningArgs, TrustArgs, choice, examples, ita::ItaProbeArgs,
    phala::PhalaArgs, quote::QuotesArgs,
};
use crate::{
    probe::journal::Word,
    rollout::{
        inputs::{Access, Target},
        soak::{LENGTH, Limits},
        words::Remark,
    },
    subject::{profile::Profile, tag::Tag},
};

/// `rollout …`.
#[derive(Debug, Subcommand)]
pub enum RolloutCommand {
    /// Print every step of a rollout and what it would touch, and do nothing
    #[command(after_help = examples::ROLLOUT_PLAN)]
    Plan(Box<RolloutPlanArgs>),
    /// Take a release through the six gates into production
    #[command(after_help = examples::ROLLOUT_RUN)]
    Run(Box<RolloutRunArgs>),
    /// Show how far a rollout is, or its record for an auditor
    #[command(after_help = examples::ROLLOUT_STATUS)]
    Status(RolloutStatusArgs),
    /// Go on with a rollout that waits, was interrupted or was rolled back
    #[command(after_help = examples::ROLLOUT_RESUME)]
    Resume(Box<RolloutResumeArgs>),
    /// Undo what a rollout made, so that it can be tried again
    #[command(after_help = examples::ROLLOUT_ROLLBACK)]
    Rollback(Box<RolloutWorkArgs>),
    /// Undo what a rollout made, and close it for good
    #[command(after_help = examples::ROLLOUT_ABORT)]
    Abort(Box<RolloutWorkArgs>),
}

/// Arguments of `rollout plan`.
#[derive(Debug, Args)]
pub struct RolloutPlanArgs {
    /// What is rolled out, and where.
    #[command(flatten)]
    pub inputs: RolloutInputArgs,
    /// Where what runs a KMS is.
    #[command(flatten)]
    pub machines: MachineArgs,
    /// Who signs the candidates of staging.
    #[command(flatten)]
    pub signing: SigningArgs,
    /// Where the pull request is opened.
    #[command(flatten)]
    pub repository: RepositoryArgs,
}

/// Arguments of `rollout run`.
#[derive(Debug, Args)]
pub struct RolloutRunArgs {
    /// What is rolled out, and where.
    #[command(flatten)]
    pub inputs: RolloutInputArgs,
    /// The state, and who works on it.
    #[command(flatten)]
    pub work: RolloutWorkArgs,
    /// What going on needs.
    #[command(flatten)]
    pub forward: RolloutForwardArgs,
}

/// Arguments of `rollout resume`.
#[derive(Debug, Args)]
pub struct RolloutResumeArgs {
    /// The state, and who works on it.
    #[command(flatten)]
    pub work: RolloutWorkArgs,
    /// What going on needs.
    #[command(flatten)]
    pub forward: RolloutForwardArgs,
}

/// What a rollout needs that goes on, and one that is undone does not.
#[derive(Debug, Args, Default)]
pub struct RolloutForwardArgs {
    /// Who signs the candidates of staging.
    #[command(flatten)]
    pub signing: SigningArgs,
    /// The transparency log of what is verified.
    #[command(flatten)]
    pub log: LogArgs,
    /// Whether Intel Trust Authority judges too.
    #[command(flatten)]
    pub ita: ItaProbeArgs,
}

/// Arguments of `rollout status`.
#[derive(Debug, Args)]
pub struct RolloutStatusArgs {
    /// State file of the rollout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "State")]
    pub state: PathBuf,
}

/// Arguments of what works on a rollout.
#[derive(Debug, Args)]
pub struct RolloutWorkArgs {
    /// State file of the rollout; FILE.head, FILE.lock and FILE.evidence/ lie beside it
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "State")]
    pub state: PathBuf,
    /// Who works on it, for the record and for others whom the lock refuses [default: the user's id]
    #[arg(long = "as", value_name = "NAME", env = "MEROTEE_OPERATOR", hide_env_values = true, help_heading = "State")]
    pub operator: Option<String>,
    /// Show each step and sample on standard error: live on a terminal, as lines elsewhere
    #[arg(long, help_heading = "State")]
    pub watch: bool,
    /// Where what runs a KMS is.
    #[command(flatten)]
    pub machines: MachineArgs,
    /// By what quotes are judged.
    #[command(flatten)]
    pub quotes: QuotesArgs,
    /// Where the releases and the pull request are.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// What signatures are judged by.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Where what runs a KMS is.
#[derive(Debug, Args)]
pub struct MachineArgs {
    /// The cloud of a KMS.
    #[command(flatten)]
    pub phala: PhalaArgs,
    /// Program that runs containers, by its name or path [default: docker]
    #[arg(long, value_name = "PROGRAM", env = "MEROTEE_DOCKER", hide_env_values = true, help_heading = "Places")]
    pub docker: Option<PathBuf>,
}

/// What is rolled out, and where.
#[derive(Debug, Args)]
pub struct RolloutInputArgs {
    /// Release of the KMS that is rolled out
    #[arg(value_name = "TAG", hide_possible_values = true, value_parser = choice::tag(choice::kms_tag))]
    pub tag: Tag,
    /// Release of the node image that goes with it [default: the one of the same version]
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::tag(choice::node_tag))]
    pub node: Option<Tag>,
    /// Profile that is rolled out
    #[arg(long, value_name = "PROFILE", value_parser = choice::profile())]
    pub profile: Profile,
    /// The places.
    #[command(flatten)]
    pub places: PlaceArgs,
    /// How production is watched.
    #[command(flatten)]
    pub soak: SoakArgs,
}

/// Where staging and production are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Places")]
pub struct PlaceArgs {
    /// Where staging is made: phala:NAME, or compose:FILE#SERVICE
    #[arg(long, value_name = "TARGET", value_parser = target)]
    pub staging: Option<Target>,
    /// Where production runs: phala:NAME, or compose:FILE#SERVICE
    #[arg(long, value_name = "TARGET", value_parser = target)]
    pub production: Option<Target>,
    /// Where the staging KMS is reached [default: what the target says]
    #[arg(long, value_name = "URL")]
    pub staging_url: Option<Url>,
    /// Where the production KMS is reached [default: what the target says]
    #[arg(long, value_name = "URL")]
    pub production_url: Option<Url>,
    /// Node of staging: agent:SOCKET,KEYFILE, or the command by which it asks for its key
    #[arg(long, value_name = "NODE", value_parser = access)]
    pub staging_node: Option<Access>,
    /// Node of production: agent:SOCKET,KEYFILE, or the command by which it asks for its key
    #[arg(long, value_name = "NODE", value_parser = access)]
    pub production_node: Option<Access>,
    /// Node that production serves before the switch and after a rollback, written in the same ways [default: the node of
    /// production]
    #[arg(long, value_name = "NODE", value_parser = access)]
    pub standing_node: Option<Access>,
    /// Take a compose target that no measured compose hash vouches for, at whatever address is given; reports say so
    #[arg(long)]
    pub unmeasured: bool,
    /// Kind of machine on Phala Cloud
    #[arg(long, value_name = "TYPE", default_value = "tdx.small", value_parser = word)]
    pub instance_type: Word,
    /// Region on Phala Cloud [default: the service's choice]
    #[arg(long, value_name = "REGION", value_parser = word)]
    pub region: Option<Word>,
}

/// How production is watched after the switch.
#[derive(Debug, Args)]
#[command(next_help_heading = "Soak")]
pub struct SoakArgs {
    /// Minutes that production soaks [default: 30]
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(i64::from(LENGTH / 60)..=1_440))]
    pub soak: Option<u32>,
    /// Seconds between two samples [default: 15]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=600))]
    pub interval: Option<u32>,
    /// Key requests in a sample; a KMS answers 16 of one node within a minute [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub requests: Option<u32>,
    /// Latency that is a breach, in percent of what it was before the switch [default: 200]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(110..=1_000))]
    pub latency_limit: Option<u32>,
    /// Percentage of key requests that may fail on top of what failed before the switch [default: 2]
    #[arg(long, value_name = "PERCENT", value_parser = per_mille)]
    pub error_limit: Option<u32>,
    /// Failed health checks among ten samples that are a breach [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5))]
    pub health_limit: Option<u32>,
}

impl SoakArgs {
    /// The limits: what is said here, and for the rest `others`.
    pub fn limits(&self, others: Limits) -> Limits {
        Limits {
            length: self.soak.map_or(others.length, |minutes| minutes * 60),
            interval_ms: self.interval.map_or(others.interval_ms, |seconds| seconds * 1_000),
            requests: self.requests.unwrap_or(others.requests),
            latency_percent: self.latency_limit.unwrap_or(others.latency_percent),
            latency_floor_ms: others.latency_floor_ms,
            errors_per_mille: self.error_limit.unwrap_or(others.errors_per_mille),
            health_failures: self.health_limit.unwrap_or(others.health_failures),
        }
    }
}

/// `phala:NAME` or `compose:FILE#SERVICE`. Kind of machine and region are options of their own.
fn target(text: &str) -> Result<Target, String> {
    const EXPECTED: &str = "expected phala:NAME or compose:FILE#SERVICE";
    let machine = |name: &str| {
        let instance_type = word("tdx.small")?;
        Ok(Target::Phala { name: word(name)?, instance_type, region: None })
    };
    match text.split_once(':') {
        Some(("phala", name)) => machine(name),
        Some(("compose", rest)) => {
            let (file, service) = rest.rsplit_once('#').ok_or(EXPECTED)?;
            Ok(Target::Compose { file: remark(file)?, service: word(service)?, unmeasured: false })
        }
        Some(_) | None => Err(EXPECTED.to_owned()),
    }
}

/// `agent:SOCKET,KEYFILE`, or a command, split at spaces: no shell reads it.
fn access(text: &str) -> Result<Access, String> {
    if let Some(agent) = text.strip_prefix("agent:") {
        let (socket, key) = agent.split_once(',').ok_or("expected agent:SOCKET,KEYFILE")?;
        return Ok(Access::Agent { socket: remark(socket)?, key: remark(key)? });
    }
    let words = text.split_ascii_whitespace().map(remark).collect::<Result<Vec<_>, _>>()?;
    if words.is_empty() {
        Err("expected agent:SOCKET,KEYFILE or a command".to_owned())
    } else {
        Ok(Access::Command(words))
    }
}

/// A percentage with at most one decimal, in a thousand.
fn per_mille(text: &str) -> Result<u32, &'static str> {
    const EXPECTED: &str = "expected a percentage up to 10, with at most one decimal: 2, 0.5";
    let (whole, tenths) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str, most: usize| {
        let fits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.parse::<u32>().ok()).flatten().ok_or(EXPECTED)
    };
    let found = digits(whole, 2)? * 10 + digits(tenths, 1)?;
    if found <= 100 { Ok(found) } else { Err(EXPECTED) }
}

fn word(text: &str) -> Result<Word, String> {
    text.parse().map_err(|_| "expected letters, digits and `._:/@-`".to_owned())
}

fn remark(text: &str) -> Result<Remark, String> {
    Remark::try_from(text.to_owned()).map_err(|_| "expected text without control characters".to_owned())
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_machine_by_name_or_a_service_of_a_compose_file() {
        assert!(
            matches!(target("phala:mero-kms-prod"), Ok(Target::Phala { name, .. }) if name.as_str() == "mero-kms-prod")
        );
        let Ok(Target::Compose { file, service, .. }) = target("compose:/srv/kms#1/compose.yaml#kms") else {
            panic!("not a compose file")
        };
        assert_eq!((file.as_str(), service.as_str()), ("/srv/kms#1/compose.yaml", "kms"));
        for bad in ["", "phala", "phala:", "compose:x", "compose:#kms", "compose:x#", "other:x", "phala:a b"] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_node_is_an_agent_with_a_key_or_a_command_that_no_shell_splits() {
        assert!(matches!(access("agent:/run/dstack.sock,node.key"), Ok(Access::Agent { .. })));
        let Ok(Access::Command(words)) = access("ssh node-1 merotee get-key") else { panic!("not a command") };
        assert_eq!(words.len(), 4);
        for bad in ["", "  ", "agent:/run/dstack.sock"] {
            assert!(access(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_of_errors_is_a_percentage_with_at_most_one_decimal() {
        for (text, found) in [("2", 20), ("0.5", 5), ("10", 100), ("0", 0)] {
            assert_eq!(per_mille(text), Ok(found), "{text}");
        }
        for bad in ["", ".", "10.1", "-1", "0.55", "1e1", "2%"] {
            assert!(per_mille(bad).is_err(), "{bad}");
        }
    }
}
