//! `sandbox`: a world on loopback, and a command run against it.

mod kms;
mod point;

use std::{borrow::Cow, ffi::OsString, fmt::Write as _};

use secrecy::SecretString;

use self::kms::Running;
use super::stop;
use crate::{
    cli::{Cli, Command, Environment, NoCommand, SandboxArgs, kms::KmsCommand},
    error::{self, Error, Result},
    logging,
    product::{self, Product},
    sandbox::{
        documents::REPOSITORY,
        tamper::Tamper,
        world::{NONCE, Plan, World},
    },
    subject::tag::{Family, Selector, Tag},
};

/// The token the sandbox's GitHub gets. A real one never leaves the machine, not even to loopback.
const TOKEN: &str = "sandbox";

pub(super) async fn run(outer: &Cli, args: &SandboxArgs, environment: &Environment) -> Result<Product> {
    if args.lists_tampers() {
        return Ok(Product::Bytes(tamper_list().into_bytes()));
    }
    let (seed, tampers) = (args.seed(), args.tampers().map(Tamper::parse).collect::<Result<Vec<_>>>()?);
    if args.serves() {
        return serve(outer, &Plan { seed, tampers, targets: Vec::new() }).await;
    }
    if args.command.is_empty() {
        return Err(nothing_to_run());
    }
    // Bad words are told, and help is given, before anything is built.
    let targets = match parse(&[], &args.command, outer, environment)? {
        Parsed::Help(text) => return Ok(Product::Bytes(text.into_bytes())),
        Parsed::Command(inner) => {
            product::refuse_unwritable(&inner.output)?;
            targets(&inner.command)?
        }
    };
    let world = World::start(&Plan { seed, tampers, targets }).await?;
    let mut inner = match parse(&flags(&world, outer), &args.command, outer, environment)? {
        Parsed::Help(text) => return Ok(Product::Bytes(text.into_bytes())),
        Parsed::Command(inner) => inner,
    };
    // A command that asks a KMS finds one, up for as long as the question takes.
    let mut kms = None;
    if let Command::Kms(command) = &inner.command
        && kms::is_asked(command)
    {
        kms = Some(kms::start(&world).await?);
    }
    point::at_world(&mut inner.command, &world, kms.as_ref())?;
    logging::set(inner.output.verbosity(), inner.output.log_format);
    let environment = Environment { token: Some(SecretString::from(TOKEN)), ..environment.clone() };
    let exit = Box::pin(crate::execute(&inner, &environment)).await?;
    Ok(Product::Done(exit))
}

fn nothing_to_run() -> Error {
    Error::usage("nothing to run in the sandbox")
        .help("merotee sandbox -- verify-release-assets mero-kms-v1.2.0, or merotee sandbox serve")
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

/// Releases the command names: those are spoilt, and no others. Empty for a command that names none.
fn targets(command: &Command) -> Result<Vec<Tag>> {
    if let Command::Sandbox(_) = command {
        return Err(Error::usage("a sandbox in a sandbox is not supported"));
    }
    if let Command::VerifyReleaseAssets(args) = command {
        return Ok(args.tag.iter().flat_map(Selector::tags).collect());
    }
    if let Command::Kms(KmsCommand::Serve(args)) = command {
        // A version that means nothing is for the service to refuse.
        let version = args.release.kms_version.as_deref().and_then(|version| version.parse::<Selector>().ok());
        return Ok(version.iter().flat_map(Selector::tags).filter(|tag| tag.family() == Family::Kms).collect());
    }
    Ok(Vec::new())
}

/// Options that point a command at the world, and those of the caller's that hold in it. They stand before the
/// subcommand, so the user's own, behind it, win.
fn flags(world: &World, outer: &Cli) -> Vec<OsString> {
    vec![
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
        "--log-format".into(),
        outer.output.log_format.name().into(),
        "--retries".into(),
        outer.network.retries.to_string().into(),
        "--timeout".into(),
        outer.network.timeout.to_string().into(),
    ]
}

/// What the words behind `--` ask for.
enum Parsed {
    Command(Box<Cli>),
    /// Help or the version, ready to be printed.
    Help(String),
}

/// Reads the inner command line without the environment: what surrounds the sandbox must not reach into it. What was
/// said about output before `--` holds where nothing else is said behind it.
fn parse(flags: &[OsString], command: &[OsString], outer: &Cli, environment: &Environment) -> Result<Parsed> {
    match Cli::from_words(flags.iter().chain(command).cloned()) {
        Ok(mut cli) => {
            cli.inherit_output(&outer.output)?;
            Ok(Parsed::Command(Box::new(cli)))
        }
        Err(NoCommand::Wrong(error)) => Err(error),
        Err(NoCommand::Nothing(_)) => Err(nothing_to_run()),
        Err(why @ NoCommand::Asked(_)) => Ok(Parsed::Help(why.text(environment.color).unwrap_or_default())),
    }
}

/// Keeps the world up until it is told to stop.
async fn serve(outer: &Cli, plan: &Plan) -> Result<Product> {
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
    product::print(exports(&world, kms.as_ref()).as_bytes(), &outer.output)?;
    tracing::info!("the sandbox is up; stop it with Ctrl-C");
    stopped.await;
    tracing::info!("the sandbox stops");
    Ok(Product::Done(crate::exit::Exit::Success))
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
