//! `dstack compose`: the compose file of a KMS, its app-compose.json, and what they are measured as.

use std::path::Path;

use crate::{
    adapters::file,
    cli::dstack::{Chain, ComposeArgs},
    dstack::{
        app_compose::{AppCompose, Options, Rendered},
        kms_deploy::{self, AUTH_PORT, Address, ImageReference, KmsDeploy},
    },
    error::{Error, Result},
    product::Product,
    report::{Action, Fact, Finding, Report, Section, Status},
};

/// Largest compose file read, in bytes: the VMM's own bound is smaller.
const MAX_COMPOSE_BYTES: u64 = 1 << 20;
/// The endpoint that is asked about the test network, unless another is named.
const SEPOLIA_RPC: &str = "https://ethereum-sepolia-rpc.publicnode.com";

const COMPOSE: &str = "docker-compose.yaml";
const APP_COMPOSE: &str = "app-compose.json";

pub(super) fn run(args: &ComposeArgs) -> Result<Product> {
    if args.secure_time {
        return Err(Error::usage(
            "--secure-time is refused: the machine waits for a time source while it boots, and hangs",
        )
        .help("leave it out; a KMS needs no secure time, and its quotes are judged as of your own clock"));
    }
    let (compose, own, findings) = source(args)?;
    let rendered = app_compose(args, &compose)?;
    let mut files = vec![(APP_COMPOSE, rendered.bytes.clone())];
    if own {
        files.insert(0, (COMPOSE, compose.into_bytes()));
    }
    let (hash, app_id) = (rendered.hash.to_string(), rendered.app_id.clone());
    let section = Section {
        facts: vec![Fact::named("compose hash", hash.clone()), Fact::named("app id", app_id.clone())],
        findings,
        actions: write(args, files)?,
        ..Section::new(args.out.join(APP_COMPOSE).display().to_string())
    };
    let report = Report {
        command: "dstack compose".into(),
        rules: kms_deploy::RULES.to_vec(),
        sections: vec![section],
        ..Report::default()
    };
    Ok(Product::report(report).output("compose_hash", hash).output("app_id", app_id))
}

/// The compose file, whether it is ours, and what is to be said of it.
fn source(args: &ComposeArgs) -> Result<(String, bool, Vec<Finding>)> {
    if let Some(path) = &args.docker_compose {
        let name = file::source_name(path);
        let bytes = file::read_source(path, MAX_COMPOSE_BYTES)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::usage(format!("{name} is not UTF-8 text")))?;
        let findings = kms_deploy::judge_compose(&name, &text)
            .map_err(|error| Error::usage(format!("{name} is not a compose file")).because(error))?;
        if findings.iter().any(|finding| finding.status == Status::SkippedRequired) {
            return Err(Error::usage(format!("{name} has no service with an image"))
                .help("give the compose file of the KMS, with `services` at its top"));
        }
        return Ok((text, false, findings));
    }
    let deploy = deploy(args)?;
    let findings = deploy.judge(COMPOSE);
    Ok((deploy.compose_file(), true, findings))
}

fn deploy(args: &ComposeArgs) -> Result<KmsDeploy> {
    let missing = |option: &str| Error::usage(format!("--image needs {option}"));
    if args.port == AUTH_PORT {
        return Err(Error::usage(format!(
            "--port {AUTH_PORT} is the auth API's in the same container: choose another"
        )));
    }
    let image = args.image.as_deref().ok_or_else(|| missing("a value"))?;
    let image = args.registry.as_ref().map_or_else(|| image.to_owned(), |registry| format!("{registry}/{image}"));
    let image: ImageReference = image
        .parse()
        .map_err(|error| Error::usage(format!("--image `{}`", crate::text::excerpt(&image))).because(error))?;
    Ok(KmsDeploy {
        image,
        domain: args.domain.clone().ok_or_else(|| missing("--domain"))?,
        port: args.port,
        contract: args.contract.clone().ok_or_else(|| missing("--contract"))?,
        chain_id: args.chain.map(|Chain(id)| id),
        rpc_url: rpc_url(args)?,
        pccs_url: args.kms_pccs_url.clone(),
        image_url: args.os_image_url.clone(),
    })
}

fn rpc_url(args: &ComposeArgs) -> Result<Address> {
    match (&args.rpc_url, args.chain) {
        (Some(url), _) => Ok(url.clone()),
        (None, Some(Chain::SEPOLIA)) => {
            SEPOLIA_RPC.parse().map_err(|error| Error::internal("the built-in address cannot be used").because(error))
        }
        (None, _) => Err(Error::usage("--image needs --rpc-url, or --chain sepolia, which has a public endpoint")),
    }
}

fn app_compose(args: &ComposeArgs, compose: &str) -> Result<Rendered> {
    let name_fits = !args.name.is_empty() && args.name.len() <= 64 && args.name.chars().all(|c| !c.is_control());
    if !name_fits {
        return Err(Error::usage("--name: expected 1 to 64 characters on one line"));
    }
    let options = Options {
        local_key_provider: true,
        public_logs: args.public_logs,
        public_sysinfo: args.public_sysinfo,
        no_instance_id: args.no_instance_id,
        pre_launch_script: None,
    };
    AppCompose::new(&args.name, compose, options)
        .render()
        .map_err(|error| Error::internal("app-compose.json cannot be written").because(error))
}

/// Writes the files, or says what would be written. A file that says something else is not replaced unasked: its machine
/// may be running.
fn write(args: &ComposeArgs, files: Vec<(&'static str, Vec<u8>)>) -> Result<Vec<Action>> {
    if args.out.is_file() {
        return Err(Error::usage(format!("--out {} is a file: name a folder", args.out.display())));
    }
    if !args.dry_run {
        std::fs::create_dir_all(&args.out)
            .map_err(|e| Error::input(format!("cannot make the folder {}", args.out.display())).because(e))?;
    }
    let mut planned = Vec::new();
    for (name, bytes) in files {
        let path = args.out.join(name);
        if path.exists() && !args.replace && differs(&path, &bytes)? {
            return Err(Error::usage(format!("{} is there and says something else", path.display())).help(
                "give --replace, or another folder with --out: a machine deployed from it would be another application",
            ));
        }
        planned.push((path, bytes));
    }
    let mut actions = Vec::new();
    for (path, bytes) in planned {
        let shown = path.display().to_string();
        let action = if path.exists() && !differs(&path, &bytes)? {
            Action::done("leave as it is", format!("{shown} (is there already)"))
        } else if args.dry_run {
            Action::planned("write", shown).holding(String::from_utf8_lossy(&bytes).into_owned())
        } else {
            file::write_atomic(&path, &bytes)?;
            Action::done("write", shown)
        };
        actions.push(action);
    }
    Ok(actions)
}

fn differs(path: &Path, bytes: &[u8]) -> Result<bool> {
    Ok(file::read_bounded(path, 2 * MAX_COMPOSE_BYTES)? != bytes)
}
