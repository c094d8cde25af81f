//! One file a subcommand: arguments → adapters → checks → product.

mod completions;
mod compose_hash;
mod documents;
mod gen_policy;
mod kms;
mod located;
mod merod_config;
mod mrtds;
mod policy;
mod quote;
mod repository;
mod signer_rule;
mod snapshot;
pub(crate) mod stop;
mod verify_blob;
mod verify_release;

#[cfg(feature = "sandbox")]
mod sandbox;

use std::time::Duration;

use crate::{
    adapters::{
        http::HttpOptions,
        sigstore::{TrustRoot, TrustRootSource},
    },
    cli::{Cli, Command, Environment, NetworkArgs, SigstoreArgs, SourceArgs},
    error::Result,
    product::Product,
    release::signer::NamedSource,
};

/// `GITHUB_SERVER_URL` when nothing is said.
const DEFAULT_SERVER: &str = "https://github.com/";

/// Runs the subcommand.
pub(crate) async fn dispatch(cli: &Cli, environment: &Environment) -> Result<Product> {
    let mut product = run(cli, environment).await?;
    if let Product::Report(report) = &mut product
        && judges_paths(&cli.command)
    {
        located::by_path(report, &environment.folder);
    }
    Ok(product)
}

/// Whether the subjects of a command's findings are paths. Those of `gen-policy` are files yet to be written.
fn judges_paths(command: &Command) -> bool {
    match command {
        Command::VerifyBlob(_)
        | Command::ComposeHash(_)
        | Command::Quote(_)
        | Command::Policy(_)
        | Command::Mrtds(_)
        | Command::MerodConfig(_) => true,
        Command::VerifyReleaseAssets(_)
        | Command::GenPolicy(_)
        | Command::Kms(_)
        | Command::Completions { .. }
        | Command::Man { .. } => false,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(_) => false,
    }
}

async fn run(cli: &Cli, environment: &Environment) -> Result<Product> {
    match &cli.command {
        Command::VerifyReleaseAssets(args) => verify_release::run(cli, args, environment).await,
        Command::VerifyBlob(args) => verify_blob::run(cli, args).await,
        Command::ComposeHash(args) => compose_hash::run(cli, args, environment),
        Command::Quote(command) => quote::run(cli, command).await,
        Command::GenPolicy(args) => gen_policy::run(cli, args),
        Command::Policy(command) => policy::run(cli, command, environment),
        Command::Mrtds(command) => mrtds::run(cli, command, environment),
        Command::MerodConfig(command) => merod_config::run(cli, command, environment),
        Command::Kms(command) => kms::run(cli, command, environment).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => sandbox::run(cli, args, environment).await,
        Command::Completions { shell } => Ok(completions::script(*shell)),
        Command::Man { of } => completions::manual(of.as_deref()),
    }
}

/// The root that signatures are judged by: the one given, or Sigstore's own.
fn trust_root(args: &SigstoreArgs) -> Result<TrustRoot> {
    TrustRoot::load(match &args.trusted_root {
        Some(path) if !path.as_os_str().is_empty() => TrustRootSource::File(path.clone()),
        Some(_) | None => TrustRootSource::Embedded,
    })
}

/// The source that the user names for the signing workflow; an empty variable, as an unset one in a workflow, names none.
fn named_source(args: &SourceArgs) -> NamedSource {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    NamedSource { repository: given(&args.certificate_source_repository), git_ref: given(&args.certificate_source_ref) }
}

/// The sentence every report must carry when the workflow may have run for another source than its own.
fn source_caveat(args: &SourceArgs) -> Option<String> {
    let NamedSource { repository, git_ref } = named_source(args);
    let named = match (repository, git_ref) {
        (None, None) => return None,
        (Some(repository), None) => format!("repository {repository}"),
        (None, Some(git_ref)) => format!("ref {git_ref}"),
        (Some(repository), Some(git_ref)) => format!("repository {repository} at {git_ref}"),
    };
    Some(format!("the workflow must have run for the {named}, not for its own"))
}

/// The bounds of every request.
fn bounds(args: &NetworkArgs) -> HttpOptions {
    let bounds = HttpOptions::default();
    let silence = Duration::from_secs(args.timeout.into());
    HttpOptions {
        attempts: usize::from(args.retries) + 1,
        connect_timeout: bounds.connect_timeout.min(silence),
        read_timeout: silence,
        // An answer that trickles in is never silent: the call as a whole gets twice the time.
        request_timeout: silence * 2,
        ..bounds
    }
}
