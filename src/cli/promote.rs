//! Arguments of `policy promote`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use url::Url;

use super::{IdentityArgs, ReleasesArgs, catalog::label, choice};
use crate::{
    change::Branch,
    policy::promotion::LABEL,
    subject::{profile::Profile, tag::Tag},
};

/// Arguments of `policy promote`.
#[derive(Debug, Args)]
#[command(after_help = super::examples::POLICY_PROMOTE)]
pub struct PolicyPromoteArgs {
    /// Signed candidates of a probe, or its folder; repeat for more probes, profiles and roles, all in one pull request
    #[arg(long, value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub candidates: Vec<PathBuf>,
    /// Their signatures, in the same order [default: FILE.bundle.json or FILE.sigstore.json; with --key also FILE.sig]
    #[arg(long, value_name = "BUNDLE", value_hint = ValueHint::FilePath)]
    pub bundle: Vec<PathBuf>,
    /// Promote this profile alone, and refuse candidates that have nothing for it
    #[arg(long, value_name = "PROFILE", value_parser = choice::profile())]
    pub profile: Option<Profile>,
    /// KMS release that the policies are to be for [default: the one they are for already]
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::tag(choice::kms_tag))]
    pub tag: Option<Tag>,
    /// Commit of that release
    #[arg(long, value_name = "SHA", requires = "tag", value_parser = commit)]
    pub commit: Option<String>,
    /// Page of the probe's run, for the reviewers [default: what the candidates say]
    #[arg(long, value_name = "URL")]
    pub run_url: Option<Url>,
    /// Say what would be proposed, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Where the pull request goes.
    #[command(flatten)]
    pub pull: PromotionPullArgs,
    /// Which workflow must have signed.
    #[command(flatten)]
    pub probe: ProbeSignerArgs,
    /// Who must have signed instead.
    #[command(flatten)]
    pub identity: IdentityArgs,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}

/// Where the pull request of a promotion goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Pull request")]
pub struct PromotionPullArgs {
    /// Branch that it goes to [default: the repository's default branch]
    #[arg(long, value_name = "BRANCH")]
    pub base: Option<Branch>,
    /// Branch that it lies on [default: one named by roles, profiles and release]
    #[arg(long, value_name = "BRANCH")]
    pub branch: Option<Branch>,
    /// Label that it gets, made where there is none
    #[arg(long, value_name = "NAME", default_value = LABEL, value_parser = label)]
    pub label: String,
    /// Open it as a draft
    #[arg(long)]
    pub draft: bool,
}

/// Which workflow must have signed candidates.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Signer")]
pub struct ProbeSignerArgs {
    /// Workflow that must have signed the candidates, of both roles [default: the staging probe of each role]
    #[arg(long, value_name = "PATH", conflicts_with = "key", value_parser = workflow)]
    pub probe_workflow: Option<String>,
    /// Ref that it must have run at; repeat for more [default: the branch the pull request goes to]
    #[arg(long, value_name = "REF", conflicts_with = "key", value_parser = full_ref)]
    pub probe_ref: Vec<String>,
}

/// A workflow by its file's name or its path.
fn workflow(text: &str) -> Result<String, String> {
    let path = if text.contains('/') { text.to_owned() } else { format!(".github/workflows/{text}") };
    let sound = path.strip_prefix(".github/workflows/").is_some_and(|name| {
        let ends = name.ends_with(".yaml") || name.ends_with(".yml");
        ends && !name.contains(['/', '@']) && !name.contains(char::is_control)
    });
    if sound { Ok(path) } else { Err("a workflow is a .yaml file in .github/workflows".to_owned()) }
}

fn full_ref(text: &str) -> Result<String, String> {
    let named = text.strip_prefix("refs/heads/").or_else(|| text.strip_prefix("refs/tags/"));
    match named.is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic())) {
        true => Ok(text.to_owned()),
        false => Err("expected a full ref: refs/heads/BRANCH or refs/tags/TAG".to_owned()),
    }
}

fn commit(text: &str) -> Result<String, String> {
    let is_commit = text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_commit { Ok(text.to_owned()) } else { Err("expected 40 lowercase hex digits".to_owned()) }
}
