//! The inputs of a rollout: what the arguments say, and for what they leave open what the endpoints say.

use std::path::{Path, PathBuf};

use url::Url;

use crate::{
    adapters::{
        file,
        http::{host, is_loopback},
    },
    cli::rollout::RolloutInputArgs,
    commands::repository::resolve,
    context::Context,
    error::{Error, Result},
    rollout::{
        inputs::{Access, Inputs, Site, Target},
        record::Reach,
        soak::{LENGTH, Limits},
        words::Remark,
    },
    subject::tag::{Family, Tag},
    text::{counted, shell_word},
};

/// The inputs, which make sense together.
///
/// # Errors
/// Usage: something is missing, or makes no sense.
pub(super) fn inputs(args: &RolloutInputArgs, context: &Context) -> Result<Inputs> {
    let places = &args.places;
    let own = &context.endpoints.rollout;
    let soak = own.soak.unwrap_or_default();
    let sized = |target: &Target| sized(target, args);
    let own_of = |site: &Option<Site>| site.as_ref().map(|site| Site { target: sized(&site.target), ..site.clone() });
    let [own_staging, own_production] = [own_of(&own.staging), own_of(&own.production)];
    let given = |target: &Option<Target>, url: &Option<Url>, node: &Option<Access>| Part {
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
        staging: staging.site("staging", own_staging.as_ref())?,
        production: production.site("production", own_production.as_ref())?,
        soak: args.soak.limits(soak),
    };
    let is_compose = |site: &Site| matches!(site.target, Target::Compose { .. });
    if places.unmeasured && !is_compose(&inputs.staging) && !is_compose(&inputs.production) {
        return Err(Error::usage("--unmeasured is for a compose target: a machine on Phala Cloud is always measured"));
    }
    judged(&inputs, context)?;
    Ok(inputs)
}

/// Whether a rollout may go on with these inputs here: what was begun in a sandbox, with a soak of a minute, may not.
///
/// # Errors
/// Usage: they make no sense.
pub(super) fn judged(inputs: &Inputs, context: &Context) -> Result<()> {
    let shortest = if context.endpoints.rollout.soak.is_some() && context.is_near(inputs) { 1 } else { LENGTH };
    inputs.judge(shortest).map_err(|e| Error::usage(format!("invalid rollout: {e}")))?;
    for (name, site) in [("staging", &inputs.staging), ("production", &inputs.production)] {
        if let Some(url) = &site.url
            && url.scheme() != "https"
            && !is_loopback(url)
        {
            let what = format!("the keys of {name} would travel to {} in the clear", host(url));
            return Err(Error::usage(what).help(format!("give an https address with --{name}-url")));
        }
    }
    Ok(())
}

/// Whether `inputs` are those that a rollout was begun with.
///
/// # Errors
/// Usage: they differ, in what, and how.
pub(super) fn same(inputs: &Inputs, begun: &Inputs, state: &Path) -> Result<()> {
    let place = |site: &Site| format!("{}, {}", site.target.described(), site.node.described());
    let all = [
        ("the repository", begun.repository.to_string(), inputs.repository.to_string()),
        ("the KMS release", begun.kms.to_string(), inputs.kms.to_string()),
        ("the node release", begun.node.to_string(), inputs.node.to_string()),
        ("the profile", begun.profile.to_string(), inputs.profile.to_string()),
        ("staging", place(&begun.staging), place(&inputs.staging)),
        ("production", place(&begun.production), place(&inputs.production)),
        ("the soak", watched(&begun.soak), watched(&inputs.soak)),
    ];
    let differs = all.into_iter().find(|(_, was, is)| was != is);
    let (what, was, is) = match differs {
        Some(differs) => differs,
        None if inputs == begun => return Ok(()),
        None => ("where something is reached", "other addresses".to_owned(), "these".to_owned()),
    };
    let message =
        format!("{} is the state of another rollout: {what}: begun with {was}, and now {is}", state.display());
    Err(Error::usage(message).help(format!(
        "go on with it: `merotee rollout resume --state {}`; or name another file with --state",
        shell_word(&state.display().to_string())
    )))
}

/// The services and roots of this run.
///
/// # Errors
/// Input: a root cannot be read. Usage: an address is not one.
pub(super) fn reach(context: &Context) -> Result<Reach> {
    let endpoints = &context.endpoints;
    let root = |path: &Option<PathBuf>| -> Result<Remark> {
        let digest = path.as_deref().map(file::digest).transpose()?;
        Ok(Remark::new(&digest.map_or_else(|| "embedded".to_owned(), |(digest, _)| format!("sha256:{digest}"))))
    };
    let phala = Url::parse(&endpoints.phala.url).map_or_else(|_| endpoints.phala.url.clone(), |url| host(&url));
    Ok(Reach {
        github: Remark::new(&host(&endpoints.api_url)),
        phala: Remark::new(&phala),
        trust_root: root(&endpoints.trusted_root)?,
        quote_root: root(&endpoints.tdx_root)?,
        compressed: context.pace.is_compressed(),
    })
}

/// Whether a rollout may be worked on from here: by the services and roots that it was begun with.
///
/// # Errors
/// Usage: something differs, and what.
pub(super) fn same_reach(begun: &Reach, state: &Path, context: &Context) -> Result<()> {
    let Some((what, was, is)) = begun.differs(&reach(context)?) else { return Ok(()) };
    let message = format!("{} was begun with {what} {was}, and here it is {is}", state.display());
    Err(Error::usage(message).help(if begun.compressed {
        "it belongs to a sandbox, which may have ended: rehearse with `merotee sandbox serve --production`, or name another file with --state"
    } else {
        "work on it with the options and variables that it was begun with"
    }))
}

/// What the arguments say of a place.
struct Part {
    target: Option<Target>,
    url: Option<Url>,
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

/// How strictly production is watched, for people.
pub(super) fn watched(limits: &Limits) -> String {
    let Limits { length, interval_ms, requests, latency_percent, latency_floor_ms, errors_per_mille, health_failures } =
        limits;
    let span = |ms: u64| match (ms % 60_000, ms % 1_000) {
        (0, _) => counted(usize::try_from(ms / 60_000).unwrap_or(usize::MAX), "minute", "minutes"),
        (_, 0) => counted(usize::try_from(ms / 1_000).unwrap_or(usize::MAX), "second", "seconds"),
        (_, _) => format!("{ms} ms"),
    };
    let requests = counted(usize::try_from(*requests).unwrap_or(usize::MAX), "key request", "key requests");
    let failures =
        counted(usize::try_from(*health_failures).unwrap_or(usize::MAX), "health failure", "health failures");
    format!(
        "{}, a sample every {} with {requests}; a breach is a latency of {latency_percent} % of the baseline (of {latency_floor_ms} ms \
         at least), {}.{} % more errors, or {failures} among 10 samples",
        span(u64::from(*length) * 1_000),
        span(u64::from(*interval_ms)),
        errors_per_mille / 10,
        errors_per_mille % 10,
    )
}
