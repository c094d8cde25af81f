//! `release-notes generate` and `check`.

mod check;
mod documents;
mod generate;

use crate::{
    cli::release_notes::ReleaseNotesCommand,
    context::Context,
    error::{Error, Result},
    product::Product,
    release::contract::Contracts,
    subject::{
        repository::Repository,
        tag::{Family, Tag},
    },
};

/// What findings about notes are about.
const NOTES: &str = "release notes";

pub(super) async fn run(command: &ReleaseNotesCommand, context: &Context) -> Result<Product> {
    match command {
        ReleaseNotesCommand::Generate(args) => generate::run(args, context).await,
        ReleaseNotesCommand::Check(args) => check::run(args, context).await,
    }
}

fn contracts() -> Result<Contracts> {
    Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e))
}

/// The image that releases of a tag's family bring; `None` for a family without one.
fn image_of(contracts: &Contracts, tag: &Tag, repository: &Repository) -> Option<String> {
    match tag.family() {
        Family::Kms => contracts.first(Family::Kms).map(|contract| contract.image_of(repository)),
        Family::Node => None,
    }
}
