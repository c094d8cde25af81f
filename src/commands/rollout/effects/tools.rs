//! What the targets of a rollout need, looked at before anything is begun: a program that is missing, or a compose file that
//! cannot be rolled out, is told by `rollout plan`.

use crate::{
    adapters::target::{Address, ComposeFile, Docker},
    context::Context,
    error::{Error, Result, chain},
    report::Finding,
    rollout::{
        checks::PLAN,
        inputs::{Inputs, Site, Target},
    },
    subject::profile::Profile,
};

/// [`PLAN`]: whether what the targets need is there.
pub(in crate::commands::rollout) async fn tools(inputs: &Inputs, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sites = [("staging", &inputs.staging), ("production", &inputs.production)];
    let needs_docker = sites.iter().any(|(_, site)| matches!(site.target, Target::Compose { .. }));
    let docker = if needs_docker { Some(Docker::new(&context.endpoints.rollout.docker).version().await) } else { None };
    for (place, site) in sites {
        match (&site.target, &docker) {
            (Target::Compose { unmeasured, .. }, Some(docker)) => {
                findings.push(match docker {
                    Ok(version) => PLAN.pass(place, format!("Docker Compose {version} is there")),
                    Err(error) => fault(place, error),
                });
                findings.push(file(place, site, inputs.profile, context));
                findings.push(measured(place, *unmeasured));
            }
            (Target::Phala { .. }, _) | (Target::Compose { .. }, None) => match context.phala() {
                Ok(phala) => findings.push(PLAN.pass(place, format!("there is a key for {}", phala.host()))),
                Err(error) => findings.push(fault(place, &error)),
            },
        }
    }
    findings.extend(places_apart(inputs, context).err().map(|error| fault("staging", &error)));
    findings
}

/// Whether the compose file of a place can be brought to the release.
fn file(place: &str, site: &Site, profile: Profile, context: &Context) -> Finding {
    let fits = match compose_file(site, context) {
        Some(Ok(file)) => file.fits(profile),
        Some(Err(error)) => Err(error),
        None => Ok(()),
    };
    match fits {
        Ok(()) => PLAN.pass(place, format!("{} can be brought to another release", site.target.described())),
        Err(error) => fault(place, &error),
    }
}

/// What its measurements will say of a compose target.
fn measured(place: &str, unmeasured: bool) -> Finding {
    if unmeasured {
        return PLAN.warn(place, "taken unmeasured: nothing will prove what runs there");
    }
    PLAN.warn(place, "there is no verdict on it unless its event log states a compose hash of the signed policy")
        .help("on a host that does not measure what Docker runs, add --unmeasured, which every report says")
}

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

fn fault(place: &str, error: &Error) -> Finding {
    let finding = PLAN.fail(place, chain(error));
    match error.advice() {
        Some(advice) => finding.help(advice),
        None => finding,
    }
}
