//! What the rehearsal of a rollout finds: a place for staging, production with the nodes that ask for keys there, and a soak that
//! is sampled less often than a real one.

use std::path::Path;

use crate::{
    cli::{Command, ProductionKind},
    context::RolloutEndpoints,
    error::{Error, Result},
    rollout::{
        inputs::{Access, Site, Target},
        soak::Limits,
        words::Remark,
    },
    sandbox::{
        boot::USUAL_INSTANCE,
        tamper::{Service, Tamper},
        world::{
            World,
            production::{Composed, MACHINE, Production, SERVICE},
        },
    },
};

/// What the names of staging's machines begin with.
const STAGING: &str = "mero-kms-staging";
/// Half an hour, sampled every three minutes with a request each: waits are cut short here and requests are not, and a KMS takes
/// only so many of one node within a minute.
const SOAK: Limits = Limits {
    length: 1_800,
    interval_ms: 180_000,
    requests: 1,
    latency_percent: 400,
    latency_floor_ms: 150,
    errors_per_mille: 20,
    health_failures: 2,
};

/// A production that was set up.
pub(super) enum Standing {
    Machine(Production),
    Composed(Composed),
}

/// What runs the KMS in production that the command finds.
///
/// # Errors
/// Usage: one is asked for, and the command rolls nothing out.
pub(super) fn kind(command: &Command, asked: Option<ProductionKind>) -> Result<Option<ProductionKind>> {
    match (command.rolls_out(), asked) {
        (true, asked) => Ok(Some(asked.unwrap_or(ProductionKind::Phala))),
        (false, None) => Ok(None),
        (false, Some(_)) => Err(Error::usage("--production is for a rollout, and this command rolls nothing out")
            .help("leave --production out, or run `rollout run`")),
    }
}

/// Refuses to spoil what runs no KMS here: a rehearsal that spoils nothing must never read as a pass.
///
/// # Errors
/// Usage: which kind, and what it spoils.
pub(super) fn refuse_other_places(production: Option<ProductionKind>, tampers: &[Tamper]) -> Result<()> {
    let spares = |tamper: &&Tamper| match (production, tamper.service()) {
        (Some(ProductionKind::Phala), Some(Service::Docker)) => true,
        (Some(ProductionKind::Compose), Some(Service::PhalaCloud)) => true,
        (Some(ProductionKind::Compose), Some(Service::Production)) => tamper.is_of_phala_alone(),
        (Some(_) | None, _) => false,
    };
    let Some(tamper) = tampers.iter().find(spares) else { return Ok(()) };
    let (what, other) = match production {
        Some(ProductionKind::Compose) => ("Phala Cloud", "phala"),
        Some(ProductionKind::Phala) | None => ("Docker", "compose"),
    };
    let message = format!("--tamper {} spoils {what}, which this command asks nothing of", tamper.name());
    Err(Error::usage(message).help(format!("set production up there, with --production={other}")))
}

/// Sets production up.
pub(super) async fn set_up(world: &World, kind: Option<ProductionKind>) -> Result<Option<Standing>> {
    Ok(match kind {
        None => None,
        Some(ProductionKind::Phala) => Some(Standing::Machine(world.production().await?)),
        Some(ProductionKind::Compose) => Some(Standing::Composed(world.composed_production().await?)),
    })
}

/// Where a rollout stages and deploys in this world. Docker is the world's own, whatever is deployed: the real one is left alone.
pub(super) fn endpoints(world: &World, production: Option<&Standing>) -> Result<RolloutEndpoints> {
    let Some(production) = production else { return Ok(RolloutEndpoints::default()) };
    let merotee =
        std::env::current_exe().map_err(|e| Error::input("it is not known where this program is").because(e))?;
    let (staging, target, standing) = match production {
        Standing::Machine(production) => (machine(STAGING)?, machine(MACHINE)?, &production.standing_agent),
        Standing::Composed(composed) => {
            (service(&composed.staging)?, service(&composed.production)?, &composed.standing_agent)
        }
    };
    let key = world.node_key();
    let node = access(&world.node_agent(), &key);
    let standing = Some(access(standing, &key));
    let staging = Site { target: staging, url: None, node: node.clone(), standing: None };
    let production = Site { target, url: None, node, standing };
    Ok(RolloutEndpoints {
        staging: Some(staging),
        production: Some(production),
        soak: Some(SOAK),
        docker: world.docker_program(&merotee)?,
    })
}

/// What other programs need to know of it.
pub(super) fn exports(endpoints: &RolloutEndpoints) -> Vec<(&'static str, Option<String>)> {
    let Some(production) = &endpoints.production else { return Vec::new() };
    let standing = production.standing.as_ref().and_then(|standing| match standing {
        Access::Agent { socket, .. } => Some(socket.to_string()),
        Access::Command(_) => None,
    });
    let file = |site: Option<&Site>| match &site?.target {
        Target::Compose { file, .. } => Some(file.to_string()),
        Target::Phala { .. } => None,
    };
    vec![
        ("MEROTEE_STANDING_NODE_DSTACK_SOCKET", standing),
        ("MEROTEE_DOCKER", Some(endpoints.docker.to_string_lossy().into_owned())),
        ("MEROTEE_STAGING_COMPOSE", file(endpoints.staging.as_ref())),
        ("MEROTEE_PRODUCTION_COMPOSE", file(Some(production))),
        ("MEROTEE_SANDBOX_PACE", Some("compressed".to_owned())),
    ]
}

/// The service of a compose file.
fn service(file: &Path) -> Result<Target> {
    let service = SERVICE.parse().map_err(|e| Error::internal("a name of the sandbox's").because(e))?;
    Ok(Target::Compose { file: Remark::new(&file.to_string_lossy()), service, unmeasured: false })
}

fn machine(name: &str) -> Result<Target> {
    let odd = |e| Error::internal("a name of the sandbox's").because(e);
    Ok(Target::Phala {
        name: name.parse().map_err(odd)?,
        instance_type: USUAL_INSTANCE.parse().map_err(odd)?,
        region: None,
    })
}

fn access(socket: &Path, key: &Path) -> Access {
    let path = |path: &Path| Remark::new(&path.to_string_lossy());
    Access::Agent { socket: path(socket), key: path(key) }
}
