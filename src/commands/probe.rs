//! `probe …`: a machine is made of an image, measured and taken down again.

mod cleanup;
mod combine;
mod course;
mod deliver;
mod kms;
mod node;
mod place;

#[cfg(feature = "sandbox")]
use crate::cli::Command;
use crate::{
    cli::probe::{ProbeCommand, ProbeRunArgs},
    context::Context,
    error::{Error, Result},
    product::Product,
    subject::tag::Family,
};

pub(super) async fn run(command: &ProbeCommand, context: &Context) -> Result<Product> {
    match command {
        ProbeCommand::Run(args) => Box::pin(probe(args, context)).await,
        ProbeCommand::Combine(args) => combine::run(args, context).await,
        ProbeCommand::Cleanup(args) => cleanup::run(args, context).await,
    }
}

/// The family whose probe workflow signs what the command makes; `None` of one that makes nothing to sign.
#[cfg(feature = "sandbox")]
pub(super) fn family(command: &Command) -> Option<Family> {
    let Command::Probe(command) = command else { return None };
    match command {
        ProbeCommand::Run(args) => Some(args.family),
        ProbeCommand::Combine(args) => combine::family(args),
        ProbeCommand::Cleanup(_) => None,
    }
}

async fn probe(args: &ProbeRunArgs, context: &Context) -> Result<Product> {
    if let Some(tag) = args.tag.as_ref().filter(|tag| tag.family() != args.family) {
        let family = tag.family().role();
        return Err(Error::usage(format!("{tag} is a {family} release")).help(format!("use --family {family}")));
    }
    match args.family {
        Family::Kms => kms::run(args, context).await,
        Family::Node => node::run(args, context).await,
    }
}
