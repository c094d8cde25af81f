//! `sandbox`: a world on loopback, and a command run against it. The command is the same as ever; only its context has
//! the world's endpoints where its arguments leave them open.

mod artifacts;
mod docker;
mod dstack;
mod gcp;
mod rollout;

use std::{fmt::Write as _, path::PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::stop;
use crate::{
    adapters::sigstore::IdentitySource,
    cli::{Command, ProductionKind, Reads, SandboxArgs, SandboxCommand},
    context::{
        Context, DEFAULT_SERVER, Endpoints, ItaEndpoints, KmsEndpoints, PhalaEndpoints, RunningEndpoints,
        SigningEndpoints, url,
    },
    error::{self, Error, Result},
    product::Product,
    sandbox::{
        TOKEN,
        documents::REPOSITORY,
        ita,
        kms::{Running, start},
        phala::API_KEY,
        release::Sample,
        sigstore::{JOB_TOKEN, Log},
        tamper::Tamper,
        world::{KMS, NONCE, Plan, Stage, World},
    },
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
    text::shell_word,
};

/// The release that is probed where none is named: its signed documents say which images it is of, as those of upstream's
/// releases do.
const PROBED: &str = "mero-kms-v1.0.0";

pub(super) async fn run(args: &SandboxArgs, context: &Context) -> Result<Product> {
    if args.lists_tampers() {
        return Ok(Product::bytes(tamper_list()));
    }
    if let Some(SandboxCommand::Artifacts(artifacts)) = &args.serve {
        refuse_a_world(args, "sandbox artifacts")?;
        return artifacts::run(artifacts);
    }
    if let Some(SandboxCommand::Docker(words)) = &args.serve {
        refuse_a_world(args, "sandbox docker")?;
        return docker::run(words, context).await;
    }
    let (seed, tampers) = (args.seed(), args.tampers().map(Tamper::parse).collect::<Result<Vec<_>>>()?);
    match &args.command {
        None => serve(&Plan { seed, tampers, ..Plan::default() }, args.production()).await,
        Some(command) => {
            let (of_services, of_releases): (Vec<Tamper>, Vec<Tamper>) =
                tampers.iter().partition(|tamper| tamper.service().is_some());
            let production = rollout::kind(command, args.production())?;
            refuse_what_is_not_asked(command, &of_services)?;
            rollout::refuse_other_places(production, &of_services)?;
            let targets = targets(command, !of_releases.is_empty())?;
            inside(command, context, &Plan { seed, tampers, targets, ..Plan::default() }, production).await
        }
    }
}

/// Refuses what is said of a world to a command that starts none.
fn refuse_a_world(args: &SandboxArgs, command: &str) -> Result<()> {
    if args.tampers().next().is_none() && args.world.seed.is_none() && args.production().is_none() {
        return Ok(());
    }
    let message = format!("--tamper, --seed and --production are about a world, and `{command}` starts none");
    Err(Error::usage(message).help("give them to `merotee sandbox serve`"))
}

/// Refuses to spoil a service that the command asks nothing of: a rehearsal that spoils nothing must never read as a pass.
fn refuse_what_is_not_asked(command: &Command, tampers: &[Tamper]) -> Result<()> {
    let asked = command.turns_to();
    let idle = tampers.iter().find_map(|tamper| Some((tamper, tamper.service().filter(|one| !asked.contains(one))?)));
    let Some((tamper, service)) = idle else { return Ok(()) };
    let message = format!("--tamper {} spoils {}, which this command asks nothing of", tamper.name(), service.noun());
    Err(Error::usage(message).help("leave --tamper out, or spoil what the command asks"))
}

/// The releases to spoil: of those the command reads. Empty means every one.
fn targets(command: &Command, tampered: bool) -> Result<Vec<Tag>> {
    match command.reads() {
        // A rehearsal that spoils nothing must never read as a pass.
        Reads::Nothing if tampered => {
            let message = "--tamper spoils releases of the sandbox's GitHub, and this command reads none from there";
            Err(Error::usage(message).help("leave --tamper out, or name no file that is read in a release's place"))
        }
        Reads::Nothing | Reads::Any => Ok(Vec::new()),
        Reads::AnyOf(family) => {
            Ok(Sample::all()?.into_iter().map(|sample| sample.tag).filter(|tag| tag.family() == family).collect())
        }
        Reads::These(tags) => Ok(tags),
    }
}

/// Runs a command in a world of its own.
async fn inside(
    command: &Command,
    context: &Context,
    plan: &Plan,
    production: Option<ProductionKind>,
) -> Result<Product> {
    let world = World::start(plan).await?;
    // A command that asks a KMS finds one, up for as long as the question takes.
    let kms = match command.asked_kms() {
        Some(None) => Some(kms(&world).await?),
        Some(Some(_)) | None => None,
    };
    // A rollout finds production as it was before.
    let production = rollout::set_up(&world, production).await?;
    let mut endpoints = endpoints(&world, kms.as_ref(), command.signs())?;
    endpoints.rollout = rollout::endpoints(&world, production.as_ref())?;
    // What a probe measured, the workflow that probes signs, and not the one that releases.
    let proposes = production.as_ref().map(|_| Family::Kms);
    if let Some(family) = super::probe::family(command).or(proposes) {
        let url = world.probe_token_url(family);
        endpoints.signing.identity = Some(IdentitySource::GitHub { url, token: JOB_TOKEN.into() });
    }
    // A service runs on a machine of the release and profile it says it is.
    if let Some((release, profile)) = command.machine() {
        endpoints.kms.agent = Some(world.agent(&release, profile)?);
    }
    let stage = match command.tries() {
        Some((tags, stale)) => world.stage(plan, &tags, stale).await?,
        None => Stage::default(),
    };
    let made = command.makes_nodes().then(|| Profile::ALL.map(|profile| (profile, world.node_agents())));
    endpoints.running = RunningEndpoints {
        kms: stage.kms.clone(),
        stale_kms: stage.stale_kms.clone(),
        node_sockets: made.map_or_else(|| stage.node_sockets.clone(), |made| made.to_vec()),
        node_urls: stage.node_urls.clone(),
    };
    if let Command::Dstack(command) = command {
        dstack::stage(&world, command, &mut endpoints.dstack).await?;
    }
    let context = context.at(endpoints, command)?;
    let context = if production.is_some() { context.compressed() } else { context };
    Box::pin(super::dispatch(command, &context)).await
}

/// The sandbox's own KMS, on the world's machine; its policy is loaded when this returns.
async fn kms(world: &World) -> Result<Running> {
    let release = KMS.parse().map_err(|e| Error::internal("a sample tag does not parse").because(e))?;
    start(world.surroundings(), &release, Profile::LockedReadOnly, world.kms_agent()).await
}

/// Where everything is in this world. What is signed, the release workflow signs at the tag that the command names.
fn endpoints(world: &World, kms: Option<&Running>, signed: Option<&Tag>) -> Result<Endpoints> {
    let real = Endpoints::real(Some(SecretString::from(TOKEN)))?;
    Ok(Endpoints {
        gcp: gcp::endpoints(world)?,
        repository: Some(repository()?),
        api_url: url(world.api_url())?,
        server_url: url(DEFAULT_SERVER)?,
        trusted_root: Some(world.trusted_root()),
        github_root: Some(world.github_root()),
        rekor_url: url(world.sigstore_url())?,
        pccs_url: url(world.pccs_url())?,
        tdx_root: Some(world.tdx_root()),
        kms: KmsEndpoints {
            url: kms.map_or(real.kms.url, |kms| kms.url().clone()),
            policy: Some(world.kms_policy()),
            release: Some(PROBED.parse().map_err(|e| Error::internal("a sample tag does not parse").because(e))?),
            // What is rehearsed here is of no interest to others, and the usual port may be taken.
            listen: Some(([127, 0, 0, 1], 0).into()),
            agent: Some(world.kms_agent()),
            rehearsal: true,
            node_key: Some(world.node_key()),
            node_agent: Some(world.node_agent()),
        },
        token: real.token,
        rollout: real.rollout,
        team_token: None,
        phala: PhalaEndpoints { url: world.phala_url().to_owned(), key: Some(SecretString::from(API_KEY)) },
        ita: ItaEndpoints {
            api_url: url(world.ita_api_url())?,
            portal_url: Some(url(world.ita_portal_url())?),
            root: Some(world.ita_root()),
            key: Some(SecretString::from(ita::API_KEY)),
        },
        dstack: dstack::endpoints(world)?,
        running: RunningEndpoints::default(),
        signing: SigningEndpoints {
            config: Some(world.signing_config(Log::Rekor1)),
            identity: Some(IdentitySource::GitHub { url: world.token_url(signed), token: JOB_TOKEN.into() }),
            password: None,
            key: None,
        },
    })
}

/// The repository of the world's releases.
fn repository() -> Result<crate::subject::repository::Repository> {
    REPOSITORY.parse().map_err(|e| Error::internal("the name of the sandbox's repository").because(e))
}

/// `KIND  what it does`, one a line.
fn tamper_list() -> String {
    let width = Tamper::all().map(|t| t.name().len()).max().unwrap_or_default();
    Tamper::all().fold(String::new(), |mut text, tamper| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:width$}  {}", tamper.name(), tamper.description());
        text
    })
}

/// Keeps the world up until it is told to stop.
async fn serve(plan: &Plan, production: Option<ProductionKind>) -> Result<Product> {
    // From here on a signal ends the world in an orderly way, its files included.
    let stopped = stop::signal()?;
    let world = World::start(plan).await?;
    let kms = match kms(&world).await {
        Ok(kms) => Some(kms),
        Err(error) => {
            tracing::warn!(
                "the sandbox has no KMS, since the policy of its release is spoilt: {}",
                error::chain(&error)
            );
            None
        }
    };
    let production = rollout::set_up(&world, production).await?;
    let mut endpoints = endpoints(&world, kms.as_ref(), None)?;
    endpoints.rollout = rollout::endpoints(&world, production.as_ref())?;
    let exports = exports(&world, &endpoints, kms.as_ref());
    Ok(Product::bytes(exports).then(async move {
        tracing::info!("the sandbox is up; stop it with Ctrl-C");
        stopped.await;
        tracing::info!("the sandbox stops");
        drop((production, world, kms));
    }))
}

/// What other programs need to know, as lines for a POSIX shell: where everything is, by the variables that this program
/// reads, and what is in no command's context.
fn exports(world: &World, endpoints: &Endpoints, running: Option<&Running>) -> String {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
    let address = |url: &Url| Some(url.as_str().trim_end_matches('/').to_owned());
    let Endpoints { kms, .. } = endpoints;
    let variables = [
        ("GITHUB_API_URL", address(&endpoints.api_url)),
        ("GITHUB_SERVER_URL", address(&endpoints.server_url)),
        ("GITHUB_REPOSITORY", endpoints.repository.as_ref().map(ToString::to_string)),
        ("GH_TOKEN", endpoints.token.as_ref().map(|token| token.expose_secret().to_owned())),
        ("MEROTEE_REKOR_URL", address(&endpoints.rekor_url)),
        ("MEROTEE_TRUSTED_ROOT", path(&endpoints.trusted_root)),
        ("MEROTEE_GITHUB_ROOT", path(&endpoints.github_root)),
        ("MEROTEE_SIGNING_CONFIG", path(&endpoints.signing.config)),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", Some(world.token_url(None))),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", Some(JOB_TOKEN.to_owned())),
        ("MEROTEE_KMS_PROBE_TOKEN_URL", Some(world.probe_token_url(Family::Kms))),
        ("MEROTEE_NODE_PROBE_TOKEN_URL", Some(world.probe_token_url(Family::Node))),
        ("PCCS_URL", address(&endpoints.pccs_url)),
        ("MEROTEE_TDX_ROOT", path(&endpoints.tdx_root)),
        ("MEROTEE_TDX_QUOTE", path(&Some(world.tdx_quote()))),
        ("MEROTEE_TDX_COLLATERAL", path(&Some(world.tdx_collateral()))),
        ("ITA_API_URL", address(&endpoints.ita.api_url)),
        ("ITA_PORTAL_URL", endpoints.ita.portal_url.as_ref().and_then(address)),
        ("MEROTEE_ITA_ROOT", path(&endpoints.ita.root)),
        ("ITA_API_KEY", endpoints.ita.key.as_ref().map(|key| key.expose_secret().to_owned())),
        ("MEROTEE_TDX_NONCE", Some(hex::encode(NONCE))),
        ("DSTACK_SOCKET_PATH", path(&kms.agent)),
        ("MERO_KMS_URL", running.and_then(|_| address(&kms.url))),
        ("MEROTEE_KMS_POLICY", path(&kms.policy)),
        ("MEROTEE_NODE_DSTACK_SOCKET", path(&kms.node_agent)),
        ("MEROTEE_NODE_SOCKETS", path(&Some(world.node_agents()))),
        ("MEROTEE_NODE_KEY", path(&kms.node_key)),
        ("PHALA_API_BASE_URL", Some(endpoints.phala.url.clone())),
        ("PHALA_CLOUD_API_KEY", endpoints.phala.key.as_ref().map(|key| key.expose_secret().to_owned())),
    ];
    let mut text = String::new();
    let others = gcp::exports(world, &endpoints.gcp).into_iter().chain(rollout::exports(&endpoints.rollout));
    let others = others.chain(dstack::exports(world, &endpoints.dstack));
    for (name, value) in variables.into_iter().chain(others) {
        if let Some(value) = value {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "export {name}={}", shell_word(&value));
        }
    }
    let _ = write!(
        text,
        "# merotee kms get-key --root $MEROTEE_TDX_ROOT --expect-policy $MEROTEE_KMS_POLICY\n\
         # merotee quote verify $MEROTEE_TDX_QUOTE --pccs $PCCS_URL --root $MEROTEE_TDX_ROOT --nonce $MEROTEE_TDX_NONCE\n\
         # gh: GH_HOST=github.localhost HTTP_PROXY={api} gh release view mero-kms-v1.2.0 --repo {REPOSITORY}\n\
         # to sign with Rekor v2: MEROTEE_SIGNING_CONFIG={rekor2}\n\
         # sigstore-python: sigstore --trust-config {config} verify identity …\n",
        api = world.api_url(),
        rekor2 = shell_word(&world.signing_config(Log::Rekor2).to_string_lossy()),
        config = shell_word(&world.trust_config(Log::Rekor1).to_string_lossy()),
    );
    text
}
