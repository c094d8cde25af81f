//! `sandbox`: a world on loopback, and a command run against it.

use std::{ffi::OsString, fmt::Write as _};

use clap::Parser as _;
use secrecy::SecretString;

use crate::{
    cli::{Cli, Command, Environment, SandboxArgs},
    error::{Error, Result},
    logging,
    product::{self, Product},
    release::tag::{Selector, Tag},
    sandbox::{
        documents::REPOSITORY,
        tamper::Tamper,
        world::{Plan, World},
    },
};

/// The token the sandbox's GitHub gets. A real one never leaves the machine, not even to loopback.
const TOKEN: &str = "sandbox";

pub(super) async fn run(outer: &Cli, args: &SandboxArgs, environment: &Environment) -> Result<Product> {
    if args.tamper.iter().any(|t| t == "list") {
        return Ok(Product::Bytes(tamper_list().into_bytes()));
    }
    let tampers = args.tamper.iter().map(|name| Tamper::parse(name)).collect::<Result<Vec<_>>>()?;
    let serves = args.command.iter().map(OsString::as_os_str).eq(["serve"]);
    let targets = if serves { Vec::new() } else { tags_in(&args.command) };
    let plan = Plan { seed: args.seed, tampers, targets };
    if serves {
        return serve(outer, &plan).await;
    }
    if args.command.is_empty() {
        return Err(Error::usage("nothing to run in the sandbox")
            .help("merotee sandbox -- verify-release-assets mero-kms-v1.2.0, or merotee sandbox serve"));
    }
    // Bad words are told before anything is built.
    parse(&[], &args.command)?;
    let world = World::start(&plan).await?;
    let inner = parse(&flags(&world), &args.command)?;
    if matches!(inner.command, Command::Sandbox(_)) {
        return Err(Error::usage("a sandbox in a sandbox is not supported"));
    }
    if inner.output.verbosity() != logging::Verbosity::default() {
        logging::set(inner.output.verbosity());
    }
    let environment = Environment { token: Some(SecretString::from(TOKEN)), ..environment.clone() };
    let exit = Box::pin(crate::execute(&inner, &environment)).await?;
    Ok(Product::Done(exit))
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

/// Releases the command names: those are spoilt, and no others.
fn tags_in(command: &[OsString]) -> Vec<Tag> {
    command
        .iter()
        .filter_map(|word| word.to_str()?.parse::<Selector>().ok())
        .flat_map(|selector| selector.tags())
        .collect()
}

/// Flags that point a command at the world. They stand before the subcommand, so the user's own, behind it, win.
fn flags(world: &World) -> Vec<OsString> {
    [
        "--repo".into(),
        REPOSITORY.into(),
        "--api-url".into(),
        world.api_url().into(),
        "--server-url".into(),
        "https://github.com".into(),
        "--rekor-url".into(),
        world.sigstore_url().into(),
        "--trusted-root".into(),
        world.trusted_root().into_os_string(),
    ]
    .to_vec()
}

fn parse(flags: &[OsString], command: &[OsString]) -> Result<Cli> {
    let words = [OsString::from("merotee")].into_iter().chain(flags.iter().cloned()).chain(command.iter().cloned());
    Cli::try_parse_from(words).map_err(|error| {
        use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
        if matches!(error.kind(), DisplayHelp | DisplayVersion) {
            // Not an error at all: clap prints it and ends the process, as it does outside the sandbox.
            error.exit();
        }
        Error::usage(error.to_string().trim_start_matches("error: ").trim_end().to_owned())
    })
}

/// Keeps the world up until it is told to stop.
async fn serve(outer: &Cli, plan: &Plan) -> Result<Product> {
    let world = World::start(plan).await?;
    let exports = format!(
        "export GITHUB_API_URL={api}\n\
         export GITHUB_SERVER_URL=https://github.com\n\
         export GITHUB_REPOSITORY={REPOSITORY}\n\
         export GH_TOKEN={TOKEN}\n\
         export MEROTEE_REKOR_URL={sigstore}\n\
         export MEROTEE_TRUSTED_ROOT={root}\n\
         # gh: GH_HOST=github.localhost HTTP_PROXY={api} gh release view mero-kms-v1.2.0 --repo {REPOSITORY}\n\
         # sigstore-python: sigstore --trust-config {config} verify identity …\n",
        api = world.api_url(),
        sigstore = world.sigstore_url(),
        root = world.trusted_root().display(),
        config = world.trust_config().display(),
    );
    product::print(exports.as_bytes(), &outer.output)?;
    tracing::info!("the sandbox is up; stop it with Ctrl-C");
    wait_for_signal().await?;
    Ok(Product::Done(crate::exit::Exit::Success))
}

async fn wait_for_signal() -> Result<()> {
    let cannot = |e: std::io::Error| Error::internal("cannot wait for signals").because(e);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result.map_err(cannot),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(cannot)
}
