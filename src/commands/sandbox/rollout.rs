//! What the rehearsal of a rollout finds: a place for staging, production with the nodes that ask for keys there, and a soak that
//! is sampled less often than a real one.

use std::path::Path;

use crate::{
    context::RolloutEndpoints,
    error::{Error, Result},
    rollout::{
        inputs::{Access, Site, Target},
        soak::Limits,
        words::Remark,
    },
    sandbox::{
        boot::USUAL_INSTANCE,
        world::{
            World,
            production::{MACHINE, Production},
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

/// Where a rollout stages and deploys in this world.
pub(super) fn endpoints(world: &World, production: Option<&Production>) -> Result<RolloutEndpoints> {
    let Some(production) = production else { return Ok(RolloutEndpoints::default()) };
    let key = world.node_key();
    let node = access(&world.node_agent(), &key);
    let standing = Some(access(&production.standing_agent, &key));
    let staging = Site { target: machine(STAGING)?, url: None, node: node.clone(), standing: None };
    let production = Site { target: machine(MACHINE)?, url: None, node, standing };
    Ok(RolloutEndpoints {
        staging: Some(staging),
        production: Some(production),
        soak: Some(SOAK),
        ..RolloutEndpoints::default()
    })
}

/// What other programs need to know of it.
pub(super) fn exports(endpoints: &RolloutEndpoints) -> Vec<(&'static str, Option<String>)> {
    let Some(production) = &endpoints.production else { return Vec::new() };
    let standing = production.standing.as_ref().and_then(|standing| match standing {
        Access::Agent { socket, .. } => Some(socket.to_string()),
        Access::Command(_) => None,
    });
    vec![("MEROTEE_STANDING_NODE_DSTACK_SOCKET", standing), ("MEROTEE_SANDBOX_PACE", Some("compressed".to_owned()))]
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
