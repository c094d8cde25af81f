//! What a rollout needs on this machine, looked at before anything is begun: a program, a compose file, a socket, a key or a
//! token that is missing or cannot be used is told by `rollout plan`.

use std::path::Path;

use super::{
    places::{compose_file, places_apart},
    policy::can_sign,
};
use crate::{
    adapters::target::Docker,
    cli::{SigningArgs, probe::SealArgs},
    commands::sign::seal,
    context::Context,
    error::{Error, Result, chain},
    kms::peer::NodeIdentity,
    report::Finding,
    rollout::{
        checks::PLAN,
        inputs::{Access, Inputs, Site, Target},
    },
    subject::profile::Profile,
};

/// [`PLAN`]: whether what targets, nodes and the pull request need is there.
pub(in crate::commands::rollout) async fn tools(
    inputs: &Inputs,
    signing: &SigningArgs,
    context: &Context,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let sites = [("staging", &inputs.staging), ("production", &inputs.production)];
    let needs_docker = sites.iter().any(|(_, site)| matches!(site.target, Target::Compose { .. }));
    let docker = if needs_docker { Some(Docker::new(&context.endpoints.rollout.docker).version().await) } else { None };
    for (place, site) in sites {
        match (&site.target, &docker) {
            (Target::Compose { unmeasured, .. }, Some(docker)) => {
                findings.push(match docker {
                    Ok(version) => PLAN.pass(place, format!("Docker Compose {version} is there")),
                    Err(error) => failed(place, error),
                });
                findings.push(file(place, site, inputs.profile, context));
                findings.push(measured(place, *unmeasured));
            }
            (Target::Phala { .. }, _) | (Target::Compose { .. }, None) => match context.phala() {
                Ok(phala) => findings.push(PLAN.pass(place, format!("there is a key for {}", phala.host()))),
                Err(error) => findings.push(failed(place, &error)),
            },
        }
    }
    findings.extend(places_apart(inputs, context).err().map(|error| failed("staging", &error)));
    findings.extend(nodes(inputs));
    findings.extend(promotion(signing, context));
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
        Err(error) => failed(place, &error),
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

fn failed(place: &str, error: &Error) -> Finding {
    let finding = PLAN.fail(place, chain(error));
    match error.advice() {
        Some(advice) => finding.help(advice),
        None => finding,
    }
}

/// Whether the nodes that are asked from here can ask. A command shows that by itself.
fn nodes(inputs: &Inputs) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (staging, production) = (&inputs.staging, &inputs.production);
    let all = [
        ("staging node", Some(&staging.node)),
        ("production node", Some(&production.node)),
        ("standing node", production.standing.as_ref()),
    ];
    for (name, access) in all {
        let Some(Access::Agent { socket, key }) = access else { continue };
        let there = Path::new(socket.as_str()).metadata();
        let agent = there.map_err(|e| Error::input(format!("there is no guest agent at {socket}")).because(e));
        let agent = agent.map_err(|error| error.help("start the agent, or name its socket"));
        match agent.and_then(|_| NodeIdentity::from_file(key.as_str().as_ref())) {
            Ok(_) => findings.push(PLAN.pass(name, format!("the guest agent {socket} and a key are there"))),
            Err(error) => findings.push(failed(name, &error)),
        }
    }
    findings
}

/// Whether D5 can open its pull request, sign what it proposes, and ask who is in the teams.
fn promotion(signing: &SigningArgs, context: &Context) -> Vec<Finding> {
    const PLACE: &str = "pull request";
    let endpoints = &context.endpoints;
    let mut findings = Vec::new();
    match (&endpoints.token, &endpoints.team_token) {
        (Some(_), Some(_)) => findings.push(PLAN.pass(PLACE, "there are tokens to open it and to read the teams")),
        (Some(_), None) => findings.push(
            PLAN.warn(PLACE, "who is in the teams is asked with the token that opens it")
                .help("give a token with `read:org` in MEROTEE_TEAM_TOKEN; a workflow's own token may not read teams"),
        ),
        (None, _) => findings.push(
            PLAN.fail(PLACE, "no token opens it")
                .help("give one with `contents: write` and `pull-requests: write` in GH_TOKEN"),
        ),
    }
    findings.push(match signs(signing, context) {
        Ok(true) => PLAN.pass(PLACE, "there is something to sign the candidates of staging with"),
        Ok(false) => PLAN
            .fail(PLACE, "nothing signs the candidates of staging, and unsigned ones are not promoted")
            .help("run the rollout in the workflow that probes (`permissions: id-token: write`)"),
        Err(error) => failed(PLACE, &error),
    });
    findings
}

fn signs(signing: &SigningArgs, context: &Context) -> Result<bool> {
    let args = SealArgs { sign: true, signing: signing.clone(), ..SealArgs::default() };
    Ok(seal::key(&args, context)?.is_some() || can_sign(signing, context))
}
