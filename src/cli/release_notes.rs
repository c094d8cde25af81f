//! Arguments of `release-notes`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{GitHubArgs, NetworkArgs, ReleasesArgs, choice};
use crate::subject::tag::{Class, Selector, Tag};

/// Commands of `release-notes`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum ReleaseNotesCommand {
    /// Make the notes of a release, with a marked gap where a person has to write
    Generate(Box<NotesGenerateArgs>),
    /// Say whether notes have every section their class demands, no gap, and the image pinned
    Check(Box<NotesCheckArgs>),
}

/// Arguments of `release-notes generate`.
#[derive(Debug, Args)]
#[command(after_help = "The history is that of the clone around --repo-dir. A stable release is compared
with the stable one before it, a release candidate with the one before it or the
last stable release, a hotfix with the release it patches. Gaps that are left
are said on standard error; `release-notes check` refuses them. The same clone
and documents give the same bytes.

Examples:
  merotee sandbox -- verify-release-assets 1.2.0 --keep kept
  merotee release-notes generate mero-kms-v1.2.0 --head HEAD --offline \\
    --dir kept/mero-kms-v1.2.0 -o notes.md")]
pub struct NotesGenerateArgs {
    /// Tag of the release: mero-kms-vX.Y.Z[-rc.N] or mero-tee-vX.Y.Z[-rc.N]
    #[arg(value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag())]
    pub tag: Tag,
    /// Class of the release [default: rc for -rc.N, else stable]
    #[arg(long, value_name = "CLASS", value_parser = choice::class())]
    pub class: Option<Class>,
    /// Release to compare with, by its tag [default: the one before it in its history]
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag())]
    pub from: Option<Tag>,
    /// Revision that is released, where it is not tagged yet [default: the tag]
    #[arg(long, value_name = "REVISION")]
    pub head: Option<String>,
    /// Clone whose history is read [default: the working folder]
    #[arg(long, value_name = "DIR")]
    pub repo_dir: Option<PathBuf>,
    /// Folder of the release's files: measurements, policies and images are read from it
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Folder of the previous release's files [default: its release on GitHub, verified]
    #[arg(long, value_name = "DIR")]
    pub previous_dir: Option<PathBuf>,
    /// The image to deploy, where no document in --dir states it
    #[arg(long, value_name = "IMAGE@sha256:HEX")]
    pub image: Option<String>,
    /// Sections that people wrote, each below its heading, to fill gaps
    #[arg(long, value_name = "FILE|-")]
    pub sections: Option<PathBuf>,
    /// Compatibility catalog [default: the one in the repository, at the commit that is released]
    #[arg(long, value_name = "FILE|-")]
    pub catalog: Option<PathBuf>,
    /// Configuration [default: merotee.toml at the top of the clone, where there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Make no network call at all: the previous release is read from --previous-dir alone
    #[arg(long)]
    pub offline: bool,
    /// Where the releases are, and what their signatures are judged by.
    #[command(flatten)]
    pub releases: ReleasesArgs,
}

/// Arguments of `release-notes check`.
#[derive(Debug, Args)]
#[command(after_help = "What reads as a tag or a version is one; write ./NAME for a file that is called
so.

Examples:
  merotee sandbox -- release-notes check mero-kms-v1.2.0
  merotee sandbox -- verify-release-assets 1.2.0 --keep kept
  merotee release-notes check kept/mero-kms-v1.2.0/release-notes.md --tag mero-kms-v1.2.0")]
pub struct NotesCheckArgs {
    /// File of notes, or the tag or version of a release on GitHub
    #[arg(value_name = "TAG|FILE|-")]
    pub source: String,
    /// Release that the file is about: its class follows, and whether an image must be pinned
    #[arg(long, value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag())]
    pub tag: Option<Tag>,
    /// Hold the notes to this class [default: rc for -rc.N, else stable]
    #[arg(long, value_name = "CLASS", value_parser = choice::class())]
    pub class: Option<Class>,
    /// Where the release is.
    #[command(flatten)]
    pub github: GitHubArgs,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: NetworkArgs,
}

impl NotesCheckArgs {
    /// The releases that are named; `None` where a file is.
    pub fn releases(&self) -> Option<Vec<Tag>> {
        self.source.parse::<Selector>().ok().map(|selector| selector.tags())
    }
}

impl ReleaseNotesCommand {
    /// Releases that are read.
    pub(super) fn releases(&self) -> Vec<Tag> {
        match self {
            Self::Generate(args) if args.offline || args.dir.is_none() || args.previous_dir.is_some() => Vec::new(),
            Self::Generate(args) => args.from.iter().cloned().collect(),
            Self::Check(args) => args.releases().unwrap_or_default(),
        }
    }
}
