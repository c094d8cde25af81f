//! `kms …`: the service, and what a node or a probe asks of one.

pub(super) mod attest;
mod check;
pub(super) mod get_key;
pub(super) mod health;
mod serve;
mod settings;

use crate::{
    cli::{kms::KmsCommand, kms_client::KmsUrlArgs},
    context::Context,
    error::Result,
    kms::client::KmsClient,
    product::Product,
};

pub(super) async fn run(command: &KmsCommand, context: &Context) -> Result<Product> {
    match command {
        KmsCommand::Serve(args) if args.check => check::run(args, context).await,
        KmsCommand::Serve(args) => serve::run(args, context).await,
        KmsCommand::Health(args) => health::run(args, context).await,
        KmsCommand::Attest(args) => attest::run(args, context).await,
        KmsCommand::GetKey(args) => get_key::run(args, context).await,
    }
}

/// A client of the service that the arguments name.
fn client(args: &KmsUrlArgs, context: &Context) -> Result<KmsClient> {
    KmsClient::new(args.url.as_ref().unwrap_or(&context.endpoints.kms.url), context.http.clone())
}
