//! What `kms serve` starts with: from words to settings and the publisher whose policies count. Nothing is started.

use crate::{
    adapters::sigstore::TrustRootSource,
    attestation::measurement::{Register, Registers},
    cli::{
        Cli, Environment,
        kms::{KmsServeArgs, ListArgs},
    },
    commands::repository,
    error::Result,
    kms::{
        config::{self, Given, GivenLists, Settings},
        policy::Publisher,
    },
};

/// What a service starts with, judged but for its policy.
pub(super) fn settled(cli: &Cli, args: &KmsServeArgs, environment: &Environment) -> Result<(Settings, Publisher)> {
    let settings = Settings::new(given(args))?;
    let publisher = publisher(cli, environment)?;
    caveats(cli, &settings, &publisher)?;
    Ok((settings, publisher))
}

/// The settings as they were written.
fn given(args: &KmsServeArgs) -> Given {
    let KmsServeArgs { check: _, rehearsal, release, policy, lists, service, keys, evidence } = args;
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
        listen: service.listen_addr,
        metrics_listen: service.metrics_listen_addr,
        dstack_socket: service.dstack_socket_path.clone(),
        cors_allowed_origins: service.cors_allowed_origins.clone(),
        challenge_ttl_secs: keys.challenge_ttl_secs,
        max_pending_challenges: keys.max_pending_challenges,
        redis_url: keys.redis_url.clone(),
        key_namespace_prefix: keys.key_namespace_prefix.clone(),
        pccs_url: evidence.pccs.clone(),
        rehearsal: *rehearsal,
        collateral: evidence.collateral.clone(),
        collateral_cache: evidence.collateral_cache.clone(),
        tdx_root: evidence.tdx_root.clone(),
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
fn publisher(cli: &Cli, environment: &Environment) -> Result<Publisher> {
    Ok(Publisher {
        repository: repository::stated(&cli.github)?,
        api_url: cli.github.api_url.clone(),
        server_url: cli.github.server_url.clone(),
        token: environment.token.clone(),
        rekor_url: cli.sigstore.rekor_url.clone(),
        trust_root: crate::commands::trust_root(&cli.sigstore)?,
        http: crate::commands::bounds(&cli.network),
    })
}

/// Says whatever makes this service trust somebody else than the default does, and refuses it in production.
fn caveats(cli: &Cli, settings: &Settings, publisher: &Publisher) -> Result<()> {
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
    if cli.github.server_url.as_str() != crate::commands::DEFAULT_SERVER {
        let server = &cli.github.server_url;
        let caveat = format!("the policy must be signed by a workflow on {server}, not on github.com");
        say(&format!("the server {server}"), &caveat)?;
    }
    if let Some(path) = &settings.tdx_root {
        let path = path.display();
        tracing::warn!("quotes are judged by the root in {path}, not by Intel's: nothing proves real hardware");
    }
    Ok(())
}
