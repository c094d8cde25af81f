//! The compose files of a rollout's places, and that they are two.

use crate::{
    adapters::target::{Address, ComposeFile, Docker},
    context::Context,
    error::Result,
    rollout::inputs::{Inputs, Site, Target},
};

/// Whether what is done to staging leaves production alone, by the files as they are on disk now.
///
/// # Errors
/// Usage: it does not, or a file cannot be the place of a KMS. Input: there is no such file.
pub(in crate::commands::rollout) fn places_apart(inputs: &Inputs, context: &Context) -> Result<()> {
    let staging = compose_file(&inputs.staging, context).transpose()?;
    let production = compose_file(&inputs.production, context).transpose()?;
    match (staging, production) {
        (Some(staging), Some(production)) => staging.apart(&production),
        (None, _) | (_, None) => Ok(()),
    }
}

/// The compose file of a place that is one.
pub(super) fn compose_file(site: &Site, context: &Context) -> Option<Result<ComposeFile>> {
    let Target::Compose { file, service, unmeasured } = &site.target else { return None };
    let address = match (&site.url, unmeasured) {
        (None, _) => Address::Published,
        (Some(url), false) => Address::Held(url.clone()),
        (Some(url), true) => Address::Unchecked(url.clone()),
    };
    let docker = Docker::new(&context.endpoints.rollout.docker);
    Some(ComposeFile::new(docker, file.as_str().as_ref(), service.as_str(), address))
}
