//! One file a subcommand: arguments → adapters → checks → product.

mod audit;
mod catalog;
mod checksums;
mod completions;
mod compose_hash;
mod counterparts;
mod dependency_guard;
mod doc_guard;
mod doctor;
mod documents;
mod dstack;
mod e2e;
mod explain;
mod forbid_allowed_env;
mod gen_policy;
mod guarded;
mod kms;
mod located;
mod machine;
mod merod_config;
mod mrtds;
mod node_access;
mod policy;
mod probe;
mod proposed;
mod publish;
mod quote;
mod release_notes;
mod repository;
mod rollout;
mod sign;
mod signer_rule;
mod snapshot;
pub(crate) mod stop;
mod verify_attestation;
mod verify_blob;
mod verify_release;
mod version_sync;

#[cfg(feature = "sandbox")]
mod sandbox;

use crate::{
    cli::{
        Command, SourceArgs,
        policy::{MrtdsCommand, PolicyCommand},
    },
    context::Context,
    error::Result,
    product::Product,
    release::signer::NamedSource,
};

/// Runs a subcommand.
pub(crate) async fn dispatch(command: &Command, context: &Context) -> Result<Product> {
    let mut product = run(command, context).await?;
    if let Some(report) = &mut product.report
        && judges_paths(command)
    {
        located::by_path(report, &context.folder);
    }
    Ok(product)
}

/// Whether the subjects of a command's findings are paths. Those of `gen-policy` are files yet to be written.
fn judges_paths(command: &Command) -> bool {
    match command {
        Command::VerifyBlob(_)
        | Command::Sign(_)
        | Command::ComposeHash(_)
        | Command::Quote(_)
        | Command::Policy(PolicyCommand::Validate(_) | PolicyCommand::Diff(_))
        | Command::Mrtds(MrtdsCommand::Assemble(_) | MrtdsCommand::VerifyRuntime(_) | MrtdsCommand::CompareMdma(_))
        | Command::MerodConfig(_) => true,
        Command::VerifyReleaseAssets(_)
        | Command::VerifyAttestation(_)
        | Command::Audit(_)
        | Command::E2e(_)
        | Command::Checksums(_)
        | Command::Catalog(_)
        | Command::DependencyGuard(_)
        | Command::ReleaseNotes(_)
        | Command::Doctor(_)
        | Command::Publish(_)
        | Command::Policy(PolicyCommand::Promote(_) | PolicyCommand::Review(_))
        | Command::Mrtds(MrtdsCommand::Publish(_))
        | Command::GenPolicy(_)
        | Command::ForbidAllowedEnv(_)
        | Command::VersionSync(_)
        | Command::DocGuard(_)
        | Command::Kms(_)
        | Command::Dstack(_)
        | Command::Probe(_)
        | Command::Rollout(_)
        | Command::Explain { .. }
        | Command::Completions { .. }
        | Command::Man { .. } => false,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(_) => false,
    }
}

async fn run(command: &Command, context: &Context) -> Result<Product> {
    match command {
        Command::VerifyReleaseAssets(args) => verify_release::run(args, context).await,
        Command::Audit(args) => audit::run(args, context).await,
        Command::VerifyAttestation(args) => verify_attestation::run(args, context).await,
        Command::VerifyBlob(args) => verify_blob::run(args, context).await,
        Command::Checksums(command) => checksums::run(command, context).await,
        Command::Sign(args) => sign::run(args, context).await,
        Command::ComposeHash(args) => compose_hash::run(args, context),
        Command::Quote(command) => quote::run(command, context).await,
        Command::GenPolicy(args) => gen_policy::run(args, context),
        Command::Policy(command) => policy::run(command, context).await,
        Command::Publish(args) => publish::run(args, context).await,
        Command::Mrtds(command) => mrtds::run(command, context).await,
        Command::MerodConfig(command) => merod_config::run(command, context),
        Command::ForbidAllowedEnv(args) => forbid_allowed_env::run(args, context),
        Command::VersionSync(args) => version_sync::run(args, context).await,
        Command::DocGuard(args) => doc_guard::run(args, context),
        Command::Catalog(command) => catalog::run(command, context).await,
        Command::Doctor(args) => doctor::run(args, context).await,
        Command::ReleaseNotes(command) => release_notes::run(command, context).await,
        Command::DependencyGuard(args) => dependency_guard::run(args, context).await,
        Command::Kms(command) => kms::run(command, context).await,
        Command::Dstack(command) => dstack::run(command, context).await,
        Command::Probe(command) => probe::run(command, context).await,
        Command::Rollout(command) => rollout::run(command, context).await,
        Command::E2e(args) => Box::pin(e2e::run(args, context)).await,
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => sandbox::run(args, context).await,
        Command::Explain { check } => explain::run(check.as_deref()),
        Command::Completions { shell } => Ok(completions::script(*shell)),
        Command::Man { of } => completions::manual(of),
    }
}

/// The source that the user names for the signing workflow.
fn named_source(args: &SourceArgs) -> NamedSource {
    NamedSource { repository: args.certificate_source_repository.clone(), git_ref: args.certificate_source_ref.clone() }
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
