//! `kms …`: the service, and what a node or a probe asks of one.

mod attest;
mod check;
mod get_key;
mod health;
mod serve;
mod settings;

use url::Url;

use crate::{
    cli::{Cli, Environment, kms::KmsCommand, kms_client::KmsUrlArgs},
    error::{Error, Result},
    kms::client::KmsClient,
    product::Product,
};

/// Where a KMS listens on its own machine.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

pub(super) async fn run(cli: &Cli, command: &KmsCommand, environment: &Environment) -> Result<Product> {
    match command {
        KmsCommand::Serve(args) => serve::run(cli, args, environment).await,
        KmsCommand::Health(args) => health::run(cli, args).await,
        KmsCommand::Attest(args) => attest::run(cli, args).await,
        KmsCommand::GetKey(args) => get_key::run(cli, args).await,
    }
}

/// A client of the service that the arguments name.
fn client(cli: &Cli, args: &KmsUrlArgs) -> Result<KmsClient> {
    let own = Url::parse(DEFAULT_URL).map_err(|e| Error::internal("the default address of a KMS").because(e))?;
    KmsClient::new(args.url.as_ref().unwrap_or(&own), super::bounds(&cli.network))
}
