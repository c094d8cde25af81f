//! Arguments of `policy review`.

use std::path::PathBuf;

use clap::Args;

use super::{GitHubArgs, NetworkArgs, TrustArgs, catalog::label, examples, promote::ProbeSignerArgs};
use crate::{
    change::Branch,
    policy::{promotion::LABEL, review::team::Team},
};

/// Approvals that are needed.
const APPROVALS: u8 = 2;

/// Arguments of `policy review`.
#[derive(Debug, Args)]
#[command(after_help = examples::POLICY_REVIEW)]
pub struct PolicyReviewArgs {
    /// Number of the pull request [default: that of the workflow run's event]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub pr: Option<u64>,
    /// Event that started the workflow run
    #[arg(long, value_name = "PATH", env = "GITHUB_EVENT_PATH", hide_env_values = true)]
    pub event: Option<PathBuf>,
    /// Pass a pull request that neither has the label nor touches a policy: there is nothing to judge
    #[arg(long)]
    pub if_promotion: bool,
    /// Team that approves promotions [default: `security` of the repository's owner]
    #[arg(long, value_name = "ORG/TEAM")]
    pub team: Option<Team>,
    /// Team that must approve, as well, of a change of structure [default: `architecture` of the repository's owner]
    #[arg(long, value_name = "ORG/TEAM")]
    pub architecture_team: Option<Team>,
    /// Approvals that are needed
    #[arg(long, value_name = "N", default_value_t = APPROVALS, value_parser = clap::value_parser!(u8).range(1..=20))]
    pub approvals: u8,
    /// Branch that promotions go to [default: the repository's default branch]
    #[arg(long, value_name = "BRANCH")]
    pub base: Option<Branch>,
    /// Label that marks a promotion
    #[arg(long, value_name = "NAME", default_value = LABEL, value_parser = label)]
    pub label: String,
    /// How the review is made known.
    #[command(flatten)]
    pub comment: CommentArgs,
    /// What vouches for measurements.
    #[command(flatten)]
    pub evidence: EvidenceArgs,
    /// Where the pull request is.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl PolicyReviewArgs {
    /// What is demanded where nothing else is said.
    pub fn usual() -> Self {
        Self {
            pr: None,
            event: None,
            if_promotion: false,
            team: None,
            architecture_team: None,
            approvals: APPROVALS,
            base: None,
            label: LABEL.to_owned(),
            comment: CommentArgs::default(),
            evidence: EvidenceArgs::default(),
            github: GitHubArgs::default(),
            network: NetworkArgs::default(),
        }
    }
}

/// How a review is made known.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Comment")]
pub struct CommentArgs {
    /// Say it in one comment on the pull request, which later runs bring up to date
    #[arg(long)]
    pub comment: bool,
    /// Account that the comment is written by [default: the token's; github-actions[bot] for a workflow's token]
    #[arg(long, value_name = "LOGIN", requires = "comment", value_parser = login)]
    pub comment_as: Option<String>,
}

/// What vouches for measurements.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Evidence")]
pub struct EvidenceArgs {
    /// Folder of signed candidates to take along with those in the pull request
    #[arg(long, value_name = "DIR")]
    pub candidates: Option<PathBuf>,
    /// Public key (PEM) that signs candidates, instead of a workflow
    #[arg(long, value_name = "FILE|-")]
    pub key: Option<PathBuf>,
    /// Which workflow must have signed.
    #[command(flatten)]
    pub signer: ProbeSignerArgs,
    /// What signatures are judged by.
    #[command(flatten)]
    pub trust: TrustArgs,
}

fn login(text: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '[' | ']');
    match !text.is_empty() && text.len() <= 100 && text.chars().all(known) {
        true => Ok(text.to_owned()),
        false => Err("not the name of an account".to_owned()),
    }
}
