//! The inputs of a rollout: what the arguments say, and for what they leave open what the endpoints say.

use crate::{
    cli::rollout::RolloutInputArgs,
    commands::repository::resolve,
    context::Context,
    error::{Error, Result},
    rollout::{
        inputs::{Access, Inputs, Site, Target},
        soak::{LENGTH, Limits},
        words::Remark,
    },
    subject::tag::{Family, Tag},
};

/// The inputs, which make sense together.
///
/// # Errors
/// Usage: something is missing, or makes no sense.
pub(super) fn inputs(args: &RolloutInputArgs, context: &Context) -> Result<Inputs> {
    let places = &args.places;
    let is_compose = |target: &Option<Target>| matches!(target, Some(Target::Compose { .. }));
    if places.unmeasured && !is_compose(&places.staging) && !is_compose(&places.production) {
        return Err(Error::usage("--unmeasured is for a compose target: a machine on Phala Cloud is always measured"));
    }
    let own = &context.endpoints.rollout;
    let sized = |target: &Target| sized(target, args);
    let given = |target: &Option<Target>, url: &Option<url::Url>, node: &Option<Access>| Part {
        target: target.as_ref().map(sized),
        url: url.clone(),
        node: node.clone(),
        standing: None,
    };
    let staging = given(&places.staging, &places.staging_url, &places.staging_node);
    let production = given(&places.production, &places.production_url, &places.production_node);
    let production = Part { standing: places.standing_node.clone(), ..production };
    let inputs = Inputs {
        repository: resolve(&context.endpoints)?,
        kms: args.tag.clone(),
        node: args.node.clone().unwrap_or_else(|| Tag::new(Family::Node, args.tag.version().clone())),
        profile: args.profile,
        staging: staging.site("staging", own.staging.as_ref())?,
        production: production.site("production", own.production.as_ref())?,
        soak: args.soak.limits(own.soak.unwrap_or_default()),
    };
    judged(&inputs, context)?;
    Ok(inputs)
}

/// Whether a rollout may go on with these inputs here: what was begun in a sandbox, with a soak of a minute, may not.
///
/// # Errors
/// Usage: they make no sense.
pub(super) fn judged(inputs: &Inputs, context: &Context) -> Result<()> {
    let shortest = if context.endpoints.rollout.soak.is_some() { 1 } else { LENGTH };
    inputs.judge(shortest).map_err(|e| Error::usage(format!("a rollout cannot be made of that: {e}")))
}

/// Whether `inputs` are those of a rollout that may have begun with another pace of sampling in mind: all of them are the same.
///
/// # Errors
/// Usage: they differ, and in what.
pub(super) fn same(inputs: &Inputs, begun: &Inputs, state: &std::path::Path) -> Result<()> {
    let differs = [
        ("the repository", inputs.repository != begun.repository),
        ("the KMS release", inputs.kms != begun.kms),
        ("the node release", inputs.node != begun.node),
        ("the profile", inputs.profile != begun.profile),
        ("staging", inputs.staging != begun.staging),
        ("production", inputs.production != begun.production),
        ("the soak", inputs.soak != begun.soak),
    ];
    match differs.into_iter().find(|(_, differs)| *differs) {
        None => Ok(()),
        Some((what, _)) => {
            let message = format!("{} is the state of another rollout: {what} differs", state.display());
            Err(Error::usage(message)
                .help("go on with it by `merotee rollout resume`, or name another file with --state"))
        }
    }
}

/// What the arguments say of a place.
struct Part {
    target: Option<Target>,
    url: Option<url::Url>,
    node: Option<Access>,
    standing: Option<Access>,
}

impl Part {
    fn site(self, name: &str, own: Option<&Site>) -> Result<Site> {
        let missing = |option: &str, help: &str| Error::usage(format!("--{name}{option} is missing")).help(help);
        let target = self.target.or_else(|| own.map(|own| own.target.clone()));
        let target = target.ok_or_else(|| missing("", "say where it is: phala:NAME, or compose:FILE#SERVICE"))?;
        // Where the arguments name a node, what stands in for another one says nothing of it.
        let standing = match &self.node {
            Some(_) => self.standing,
            None => self.standing.or_else(|| own.and_then(|own| own.standing.clone())),
        };
        let node = self.node.or_else(|| own.map(|own| own.node.clone()));
        let node = node.ok_or_else(|| {
            missing("-node", "say how a node there asks for its key: agent:SOCKET,KEYFILE or a command")
        })?;
        Ok(Site { target, url: self.url.or_else(|| own.and_then(|own| own.url.clone())), node, standing })
    }
}

/// The path of a file from the root, so that it is the same one wherever the rollout is gone on with. One that is not there is
/// told later.
fn whole(file: &Remark) -> Remark {
    let path = std::fs::canonicalize(file.as_str()).ok().and_then(|path| path.to_str().map(str::to_owned));
    path.and_then(|path| Remark::try_from(path).ok()).unwrap_or_else(|| file.clone())
}

/// The target, with what the arguments say of all of its kind.
fn sized(target: &Target, args: &RolloutInputArgs) -> Target {
    match target {
        Target::Phala { name, .. } => Target::Phala {
            name: name.clone(),
            instance_type: args.places.instance_type.clone(),
            region: args.places.region.clone(),
        },
        Target::Compose { file, service, .. } => {
            Target::Compose { file: whole(file), service: service.clone(), unmeasured: args.places.unmeasured }
        }
    }
}

/// So that a reader of the plan sees how strictly production is watched.
pub(super) fn watched(limits: &Limits) -> String {
    let Limits { length, interval_ms, requests, latency_percent, latency_floor_ms, errors_per_mille, health_failures } =
        limits;
    format!(
        "{length} s, a sample every {interval_ms} ms of {requests} key requests; a breach is a latency of {latency_percent} % \
         of the baseline (at least {latency_floor_ms} ms), {}.{} % more errors, or {health_failures} failed health checks of 10",
        errors_per_mille / 10,
        errors_per_mille % 10,
    )
}
