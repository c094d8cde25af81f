//! `kms serve`: from settings to the policy, to the running service.

use super::settings::settled;
use crate::{
    cli::kms::KmsServeArgs,
    commands::stop,
    context::Context,
    error::Result,
    kms::{config::Settings, instance::Instance, policy, server},
    product::Product,
};

pub(super) async fn run(args: &KmsServeArgs, context: &Context) -> Result<Product> {
    let (settings, publisher) = settled(args, context)?;
    server::raise_file_limit();
    // From here on a signal ends the service in an orderly way.
    let stopped = stop::signal()?;
    let instance = Instance::bind(&settings).await?;
    announce(&instance, &settings)?;
    instance.run(policy::load(&settings, &publisher), stopped).await?;
    tracing::info!("the service has stopped");
    Ok(Product::default())
}

/// Says where the service is, for people and for the process that started it.
fn announce(instance: &Instance, settings: &Settings) -> Result<()> {
    let (address, release, profile) = (instance.address()?, &settings.release, settings.profile);
    tracing::info!("{release} for {profile} listens on {address}");
    if let Some(address) = instance.metrics_address()? {
        tracing::info!("metrics on {address}");
    }
    Ok(())
}
