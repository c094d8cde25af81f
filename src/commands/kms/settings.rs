//! What `kms serve` starts with: from words to settings and the publisher whose policies count. Nothing is started.

use crate::{
    adapters::sigstore::TrustRootSource,
    attestation::measurement::{Register, Registers},
    cli::kms::{KmsServeArgs, ListArgs},
    commands::repository,
    context::{Context, DEFAULT_SERVER},
    error::Result,
    kms::{
        config::{self, Given, GivenLists, Settings},
        policy::Publisher,
    },
};

/// What a service starts with, judged but for its policy.
pub(super) fn settled(args: &KmsServeArgs, context: &Context) -> Result<(Settings, Publisher)> {
    let settings = Settings::new(given(args, context))?;
    let publisher = publisher(context)?;
    caveats(&settings, &publisher)?;
    Ok((settings, publisher))
}

/// The settings as they were written, with what the context says where nothing was.
fn given(args: &KmsServeArgs, context: &Context) -> Given {
    let KmsServeArgs { rehearsal, release, policy, lists, service, keys, evidence, .. } = args;
    let endpoints = &context.endpoints;
    Given {
        version: release.kms_version.clone(),
        profile: release.profile.clone(),
        image_profile_file: release.image_profile_file.clone(),
        policy_url: policy.policy_url.clone(),
        policy_file: policy.policy_file.clone(),
        policy_sha256: policy.policy_sha256.clone(),
        enforce_measurement_policy: policy.enforce_measurement_policy,
        use_env_policy: lists.use_env_policy,
        lists: given_lists(lists),
        listen: service.listen_addr.or(endpoints.kms.listen),
        metrics_listen: service.metrics_listen_addr,
        dstack_socket: service.dstack_socket_path.clone().or_else(|| endpoints.kms.agent.clone()),
        cors_allowed_origins: service.cors_allowed_origins.clone(),
        challenge_ttl_secs: keys.challenge_ttl_secs,
        max_pending_challenges: keys.max_pending_challenges,
        redis_url: keys.redis_url.clone(),
        key_namespace_prefix: keys.key_namespace_prefix.clone(),
        pccs_url: Some(endpoints.pccs_url.clone()),
        rehearsal: *rehearsal || endpoints.kms.rehearsal,
        collateral: evidence.collateral.clone(),
        collateral_cache: evidence.collateral_cache.clone(),
        tdx_root: endpoints.tdx_root.clone(),
    }
}

fn given_lists(args: &ListArgs) -> GivenLists {
    let registers = Registers::from_fn(|register| match register {
        Register::Mrtd => args.allowed_mrtd.clone(),
        Register::Rtmr0 => args.allowed_rtmr0.clone(),
        Register::Rtmr1 => args.allowed_rtmr1.clone(),
        Register::Rtmr2 => args.allowed_rtmr2.clone(),
        Register::Rtmr3 => args.allowed_rtmr3.clone(),
    });
    GivenLists { tcb_statuses: args.allowed_tcb_statuses.clone(), registers }
}

/// Who publishes the KMS. The folder a service happens to be started in says nothing about that, so no git remote counts.
fn publisher(context: &Context) -> Result<Publisher> {
    let endpoints = &context.endpoints;
    Ok(Publisher {
        repository: repository::stated(endpoints)?,
        api_url: endpoints.api_url.clone(),
        server_url: endpoints.server_url.clone(),
        token: endpoints.token.clone(),
        rekor_url: endpoints.rekor_url.clone(),
        trust_root: context.trust_root()?,
        http: context.http.clone(),
    })
}

/// Says whatever makes this service trust others than the default does, and refuses it in production.
fn caveats(settings: &Settings, publisher: &Publisher) -> Result<()> {
    let say = |what: &str, caveat: &str| {
        config::refuse_in_production(settings.profile, settings.rehearsal, what)?;
        tracing::warn!("{caveat}");
        Ok(())
    };
    if *publisher.trust_root.source() != TrustRootSource::Embedded
        && let Some(caveat) = publisher.trust_root.caveat()
    {
        say("a Sigstore root other than the public one", &caveat)?;
    }
    if !repository::is_default(&publisher.repository) {
        let repository = &publisher.repository;
        let caveat = format!("the policy must be signed by a workflow of {repository}");
        say(&format!("the repository {repository}"), &caveat)?;
    }
    if publisher.server_url.as_str() != DEFAULT_SERVER {
        let server = &publisher.server_url;
        let caveat = format!("the policy must be signed by a workflow on {server}, not on github.com");
        say(&format!("the server {server}"), &caveat)?;
    }
    if let Some(path) = &settings.tdx_root {
        let path = path.display();
        tracing::warn!("using custom TDX root {path}, not Intel's: nothing proves real hardware");
    }
    Ok(())
}
