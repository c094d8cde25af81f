//! Arguments of `probe …`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use semver::Version;
use url::Url;

use super::{
    NetworkArgs, ReleasesArgs, SigningArgs, TrustArgs, choice, examples,
    gcp::{GcpArgs, GcpMachineArgs},
    ita::ItaProbeArgs,
    phala::{CvmArgs, PhalaArgs},
    quote::{JudgementArgs, QuotesArgs},
};
use crate::{
    probe::label::Label,
    subject::{
        gcp::Name,
        profile::Profile,
        tag::{Family, Tag},
    },
};

/// `probe …`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum ProbeCommand {
    /// Make a machine of an image, measure it, and take it down again
    #[command(after_help = examples::PROBE_RUN)]
    Run(Box<ProbeRunArgs>),
    /// Put several probes of one image and profile into one set of candidates
    #[command(after_help = examples::PROBE_COMBINE)]
    Combine(Box<ProbeCombineArgs>),
    /// Delete what a crashed probe left behind
    #[command(after_help = examples::PROBE_CLEANUP)]
    Cleanup(Box<ProbeCleanupArgs>),
}

/// Arguments of `probe run`.
#[derive(Debug, Args)]
pub struct ProbeRunArgs {
    /// Release whose image is probed: it is verified first, and its signed documents say which image it is
    #[arg(value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag(),
        conflicts_with_all = ["image", "kms_url"])]
    pub tag: Option<Tag>,
    /// What is probed: kms on Phala Cloud, or node on Compute Engine
    #[arg(long, value_name = "FAMILY", value_parser = choice::family())]
    pub family: Family,
    /// Profile to deploy
    #[arg(long, value_name = "PROFILE", value_parser = choice::profile())]
    pub profile: Profile,
    /// Folder for what the probe finds, and for the journal of what it makes
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    pub out: Option<PathBuf>,
    /// Label in the name of everything the probe makes [default: one that no other probe has]
    #[arg(long, value_name = "LABEL")]
    pub label: Option<Label>,
    /// Image of the KMS, pinned: NAME@sha256:DIGEST
    #[arg(long, value_name = "REF@sha256:DIGEST")]
    pub image: Option<String>,
    /// Probe the KMS that runs there; nothing is made or deleted
    #[arg(long, value_name = "URL", conflicts_with = "image")]
    pub kms_url: Option<Url>,
    /// Version that the KMS must be of; with --image it is also told so [default: that of TAG]
    #[arg(long, value_name = "X.Y.Z", value_parser = choice::version)]
    pub expect_version: Option<Version>,
    /// The machine of a KMS.
    #[command(flatten)]
    pub cvm: CvmArgs,
    /// Seconds until the machine must answer [default: 1200, and 30 with --kms-url]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=7200))]
    pub wait: Option<u32>,
    /// Image that a node boots, where no release names it
    #[arg(long, value_name = "NAME", help_heading = "Google Cloud")]
    pub image_name: Option<Name>,
    /// Print what would be made and deleted, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Whether and how the files are signed.
    #[command(flatten)]
    pub sign: SealArgs,
    /// By what the quote is judged.
    #[command(flatten)]
    pub by: QuoteArgs,
    /// The cloud of a KMS.
    #[command(flatten)]
    pub phala: PhalaArgs,
    /// The cloud of a node.
    #[command(flatten)]
    pub gcp: GcpArgs,
    /// The machine of a node.
    #[command(flatten)]
    pub machine: GcpMachineArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}

impl ProbeRunArgs {
    /// How long the machine may take. One that runs already need not boot first.
    pub fn patience(&self) -> Duration {
        let usual = if self.kms_url.is_some() { 30 } else { 1_200 };
        Duration::from_secs(self.wait.unwrap_or(usual).into())
    }
}

/// Whether and how the files of a probe are signed.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Signing")]
pub struct SealArgs {
    /// Sign each file: X.bundle.json by Sigstore, or X.sig where a key is given
    #[arg(long)]
    pub sign: bool,
    /// Private key, PEM, instead of a certificate [default: $COSIGN_KEY, which holds the key itself]; one that cosign
    /// encrypted needs COSIGN_PASSWORD
    #[arg(long, value_name = "FILE|-", requires = "sign", conflicts_with = "identity_token")]
    pub key: Option<PathBuf>,
    /// Who signs, and as whom.
    #[command(flatten)]
    pub signing: SigningArgs,
}

/// By what the quote of a probe is judged.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Judgement")]
pub struct QuoteArgs {
    /// Collateral and root.
    #[command(flatten)]
    pub quotes: QuotesArgs,
    /// Compare registers and TCB status with this policy
    #[arg(long, value_name = "POLICY|-")]
    pub expect_policy: Option<PathBuf>,
    /// Whether Intel Trust Authority judges too.
    #[command(flatten)]
    pub ita: ItaProbeArgs,
}

impl QuoteArgs {
    /// The same, as every quote is judged; `has_ita_key`: Intel Trust Authority can be asked.
    pub fn judgement(&self, profile: Profile, has_ita_key: bool) -> JudgementArgs {
        JudgementArgs {
            expect_policy: self.expect_policy.clone(),
            ita: self.ita.judgement(has_ita_key),
            ..self.quotes.judgement(profile)
        }
    }
}

/// Arguments of `probe combine`.
#[derive(Debug, Args)]
pub struct ProbeCombineArgs {
    /// Folders of probes, or their candidates
    #[arg(value_name = "PATH", required = true, num_args = 2..)]
    pub probes: Vec<PathBuf>,
    /// Folder for the candidates of all of them
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Fail where a register differs between the probes
    #[arg(long)]
    pub strict: bool,
    /// Whether and how the files are signed.
    #[command(flatten)]
    pub sign: SealArgs,
    /// What signatures are judged by, those that were just made too.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Arguments of `probe cleanup`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["out", "label", "older_than"]))]
pub struct ProbeCleanupArgs {
    /// Folder of a probe: remove what its journal says may still be there
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Remove what bears this label, whether there is a journal or not
    #[arg(long, value_name = "LABEL")]
    pub label: Option<Label>,
    /// Remove what any probe made longer ago than this, such as 2h or 90min
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub older_than: Option<Duration>,
    /// Look in this family's cloud alone: kms is Phala Cloud, node is Compute Engine
    #[arg(long, value_name = "FAMILY", conflicts_with = "out", value_parser = choice::family())]
    pub family: Option<Family>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The cloud of a KMS.
    #[command(flatten)]
    pub phala: PhalaArgs,
    /// The cloud of a node.
    #[command(flatten)]
    pub gcp: GcpArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// A time such as `90min`, `2h` or `1d`, of a minute at least: what is younger may be somebody's probe that runs.
fn age(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "expected a whole number with s, min, h or d behind it, of a minute at least: 90min, 2h, 1d";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(EXPECTED),
    };
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    let total = number.checked_mul(seconds).filter(|total| (60..=31_536_000).contains(total)).ok_or(EXPECTED)?;
    Ok(Duration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_with_a_unit_and_never_less_than_a_minute() {
        for (text, seconds) in [("60s", 60), ("90min", 5_400), ("2m", 120), ("2h", 7_200), ("1d", 86_400)] {
            assert_eq!(age(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "2", "h", "59s", "-1h", "2 h", "1w", "99999999999999999999h", "400d"] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }
}
