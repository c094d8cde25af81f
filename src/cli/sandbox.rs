//! Arguments of `sandbox`: a world on loopback, and what is done in it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use url::Url;

use super::{Command, choice, examples};

/// Arguments of `sandbox`.
#[derive(Debug, Args)]
#[command(after_help = examples::SANDBOX)]
pub struct SandboxArgs {
    /// The world.
    #[command(flatten)]
    pub world: WorldArgs,
    /// Instead of a command inside it.
    #[command(subcommand)]
    pub serve: Option<SandboxCommand>,
    /// Any merotee command, after `--`
    #[arg(value_name = "-- COMMAND", trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<std::ffi::OsString>,
    /// The command that the words are. They are read without the environment, which must not reach into the sandbox.
    #[arg(skip)]
    pub command: Option<Box<Command>>,
}

/// How a world is made.
#[derive(Debug, Args)]
pub struct WorldArgs {
    /// Spoil a release in this way before the command sees it; `list` shows every kind
    #[arg(long, value_name = "KIND", hide_possible_values = true, value_parser = choice::suggesting(tamper_kinds(), clap::builder::StringValueParser::new()))]
    pub tamper: Vec<String>,
    /// Keys, log and releases are derived from this number: the same seed gives the same bytes [default: 0]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Set up what a rollout finds: a KMS in production, a node that it serves, and people who decide about policies
    #[arg(long, value_name = "KIND", num_args = 0..=1, require_equals = true, default_missing_value = "phala", value_parser = choice::named::<ProductionKind>())]
    pub production: Option<ProductionKind>,
}

/// What runs the KMS in production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProductionKind {
    /// A machine on Phala Cloud.
    Phala,
    /// A service of a compose file.
    Compose,
}

/// Arguments of `sandbox serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The world.
    #[command(flatten)]
    pub world: WorldArgs,
}

/// Commands of `sandbox` itself.
#[derive(Debug, Subcommand)]
pub enum SandboxCommand {
    /// Keep the world up until it is told to stop, and print the environment to export
    #[command(after_help = examples::SANDBOX_SERVE)]
    Serve(ServeArgs),
    /// Write what the build of an unreleased tag hands over, to rehearse a release with
    #[command(after_help = examples::SANDBOX_ARTIFACTS)]
    Artifacts(ArtifactsArgs),
    /// Tell the Docker of a sandbox what `docker` would be told
    #[command(after_help = examples::SANDBOX_DOCKER)]
    Docker(DockerArgs),
}

/// Arguments of `sandbox docker`.
#[derive(Debug, Args)]
pub struct DockerArgs {
    /// Where it listens, on this machine
    #[arg(value_name = "URL")]
    pub url: Url,
    /// The words behind `docker`
    #[arg(value_name = "WORD", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// Arguments of `sandbox artifacts`.
#[derive(Debug, Args)]
pub struct ArtifactsArgs {
    /// A tag of the sandbox's repository that is not released yet
    #[arg(value_name = "TAG", hide_possible_values = true, value_parser = choice::any_tag())]
    pub tag: crate::subject::tag::Tag,
    /// Folder to write them into, which must not be there yet
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

impl SandboxArgs {
    /// Whether the kinds of tampering are asked for.
    pub fn lists_tampers(&self) -> bool {
        self.tampers().any(|kind| kind == "list")
    }

    /// Every kind of tampering, wherever it was said.
    pub fn tampers(&self) -> impl Iterator<Item = &str> {
        let below = self.served().into_iter().flat_map(|world| &world.tamper);
        self.world.tamper.iter().chain(below).map(String::as_str)
    }

    /// What was said of the world behind `serve`.
    fn served(&self) -> Option<&WorldArgs> {
        match &self.serve {
            Some(SandboxCommand::Serve(args)) => Some(&args.world),
            Some(SandboxCommand::Artifacts(_) | SandboxCommand::Docker(_)) | None => None,
        }
    }

    /// What runs the KMS in production, where one is asked for.
    pub fn production(&self) -> Option<ProductionKind> {
        self.served().and_then(|world| world.production).or(self.world.production)
    }

    /// The seed said last, else 0.
    pub fn seed(&self) -> u64 {
        let below = self.served().and_then(|world| world.seed);
        below.or(self.world.seed).unwrap_or_default()
    }
}

/// Every kind of tampering, and the word that lists them.
fn tamper_kinds() -> impl Iterator<Item = &'static str> {
    crate::sandbox::tamper::Tamper::all().map(|tamper| tamper.name()).chain(["list"])
}
