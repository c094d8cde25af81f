//! `sandbox`: a world on loopback, and a command run against it. The command is the same as ever; only its context has
//! the world's endpoints where its arguments leave them open.

mod kms;

use std::{borrow::Cow, fmt::Write as _};

use secrecy::SecretString;

use self::kms::Running;
use super::stop;
use crate::{
    cli::{Command, SandboxArgs},
    context::{Context, DEFAULT_SERVER, Endpoints, KmsEndpoints, url},
    error::{self, Error, Result},
    product::Product,
    sandbox::{
        documents::REPOSITORY,
        tamper::Tamper,
        world::{NONCE, Plan, World},
    },
};

/// The token the sandbox's GitHub gets. A real one never leaves the machine, not even to loopback.
const TOKEN: &str = "sandbox";

pub(super) async fn run(args: &SandboxArgs, context: &Context) -> Result<Product> {
    if args.lists_tampers() {
        return Ok(Product::bytes(tamper_list()));
    }
    let (seed, tampers) = (args.seed(), args.tampers().map(Tamper::parse).collect::<Result<Vec<_>>>()?);
    match &args.command {
        None => serve(&Plan { seed, tampers, targets: Vec::new() }).await,
        Some(command) => inside(command, context, &Plan { seed, tampers, targets: command.releases() }).await,
    }
}

/// Runs a command in a world of its own.
async fn inside(command: &Command, context: &Context, plan: &Plan) -> Result<Product> {
    let world = World::start(plan).await?;
    // A command that asks a KMS finds one, up for as long as the question takes.
    let kms = match command.asked_kms() {
        Some(None) => Some(kms::start(&world).await?),
        Some(Some(_)) | None => None,
    };
    let mut endpoints = endpoints(&world, kms.as_ref())?;
    // A service runs on a machine of the release and profile it says it is.
    if let Some((release, profile)) = command.machine() {
        endpoints.kms.agent = Some(world.agent(&release, profile)?);
    }
    let context = context.at(endpoints, command)?;
    Box::pin(super::dispatch(command, &context)).await
}

/// Where everything is in this world.
fn endpoints(world: &World, kms: Option<&Running>) -> Result<Endpoints> {
    let real = Endpoints::real(Some(SecretString::from(TOKEN)))?;
    Ok(Endpoints {
        repository: Some(repository()?),
        api_url: url(world.api_url())?,
        server_url: url(DEFAULT_SERVER)?,
        trusted_root: Some(world.trusted_root()),
        rekor_url: url(world.sigstore_url())?,
        pccs_url: url(world.pccs_url())?,
        tdx_root: Some(world.tdx_root()),
        kms: KmsEndpoints {
            url: kms.map_or(real.kms.url, |kms| kms.url().clone()),
            policy: Some(world.kms_policy()),
            // What is rehearsed here is of no interest to others, and the usual port may be taken.
            listen: Some(([127, 0, 0, 1], 0).into()),
            agent: Some(world.kms_agent()),
            rehearsal: true,
            node_key: Some(world.node_key()),
            node_agent: Some(world.node_agent()),
        },
        token: real.token,
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
async fn serve(plan: &Plan) -> Result<Product> {
    // From here on a signal ends the world in an orderly way, its files included.
    let stopped = stop::signal()?;
    let world = World::start(plan).await?;
    let kms = match kms::start(&world).await {
        Ok(kms) => Some(kms),
        Err(error) => {
            tracing::warn!(
                "the sandbox has no KMS, since the policy of its release is spoilt: {}",
                error::chain(&error)
            );
            None
        }
    };
    Ok(Product::bytes(exports(&world, kms.as_ref())).then(async move {
        tracing::info!("the sandbox is up; stop it with Ctrl-C");
        stopped.await;
        tracing::info!("the sandbox stops");
        drop((world, kms));
    }))
}

/// What other programs need to know, as lines for a POSIX shell.
fn exports(world: &World, kms: Option<&Running>) -> String {
    let word = |path: std::path::PathBuf| quoted(&path.to_string_lossy()).into_owned();
    format!(
        "export GITHUB_API_URL={api}\n\
         export GITHUB_SERVER_URL=https://github.com\n\
         export GITHUB_REPOSITORY={REPOSITORY}\n\
         export GH_TOKEN={TOKEN}\n\
         export MEROTEE_REKOR_URL={sigstore}\n\
         export MEROTEE_TRUSTED_ROOT={root}\n\
         export PCCS_URL={pccs}\n\
         export MEROTEE_TDX_ROOT={tdx_root}\n\
         export MEROTEE_TDX_QUOTE={tdx_quote}\n\
         export MEROTEE_TDX_COLLATERAL={tdx_collateral}\n\
         export MEROTEE_TDX_NONCE={nonce}\n\
         export DSTACK_SOCKET_PATH={kms_agent}\n\
         {kms_url}\
         export MEROTEE_KMS_POLICY={kms_policy}\n\
         export MEROTEE_NODE_DSTACK_SOCKET={node_agent}\n\
         export MEROTEE_NODE_KEY={node_key}\n\
         # merotee kms get-key --root $MEROTEE_TDX_ROOT --expect-policy $MEROTEE_KMS_POLICY\n\
         # merotee quote verify $MEROTEE_TDX_QUOTE --pccs $PCCS_URL --root $MEROTEE_TDX_ROOT --nonce $MEROTEE_TDX_NONCE\n\
         # gh: GH_HOST=github.localhost HTTP_PROXY={api} gh release view mero-kms-v1.2.0 --repo {REPOSITORY}\n\
         # sigstore-python: sigstore --trust-config {config} verify identity …\n",
        api = world.api_url(),
        sigstore = world.sigstore_url(),
        root = word(world.trusted_root()),
        pccs = world.pccs_url(),
        tdx_root = word(world.tdx_root()),
        tdx_quote = word(world.tdx_quote()),
        tdx_collateral = word(world.tdx_collateral()),
        nonce = hex::encode(NONCE),
        kms_agent = word(world.kms_agent()),
        kms_url = kms
            .map(|kms| format!("export MERO_KMS_URL={}\n", kms.url().as_str().trim_end_matches('/')))
            .unwrap_or_default(),
        kms_policy = word(world.kms_policy()),
        node_agent = word(world.node_agent()),
        node_key = word(world.node_key()),
        config = word(world.trust_config()),
    )
}

/// A word as a POSIX shell reads it back.
fn quoted(word: &str) -> Cow<'_, str> {
    if word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c)) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_blank_or_a_quote_is_one_word_to_a_shell() {
        assert_eq!(quoted("/tmp/merotee-sandbox-x/trusted_root.json"), "/tmp/merotee-sandbox-x/trusted_root.json");
        assert_eq!(quoted("/a b/$c"), "'/a b/$c'");
        assert_eq!(quoted("/it's"), r"'/it'\''s'");
    }
}
