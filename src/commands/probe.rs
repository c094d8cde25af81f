//! `probe …`: a machine is made of an image, measured and taken down again.

mod cleanup;
mod combine;
mod deliver;
mod kms;
mod place;
mod removal;

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

async fn probe(args: &ProbeRunArgs, context: &Context) -> Result<Product> {
    if let Some(tag) = args.tag.as_ref().filter(|tag| tag.family() != args.family) {
        let message = format!("{tag} is a release of the {} family, not {}", tag.family().role(), args.family.role());
        return Err(Error::usage(message).help("give --family of the release"));
    }
    match args.family {
        Family::Kms => kms::run(args, context).await,
        Family::Node => Err(Error::usage("`probe run --family node` is not part of this build")),
    }
}
