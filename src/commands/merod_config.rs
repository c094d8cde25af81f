//! `merod-config generate` and `merod-config apply`.

use std::path::PathBuf;

use crate::{
    adapters::{edited_file::EditedFile, file},
    cli::policy::{MerodApplyArgs, MerodConfigCommand, MerodSourceArgs},
    commands::documents,
    context::Context,
    error::{Error, Result},
    merod_config::{self, MerodConfig, edit},
    policy::{document::PolicyFile, generate::Naming, suite::Demands},
    product::Product,
    report::{Action, Fact, Finding, Format, Report, Section},
    subject::tag::Class,
};

pub(super) fn run(command: &MerodConfigCommand, context: &Context) -> Result<Product> {
    match command {
        MerodConfigCommand::Generate(args) => {
            let (config, report) = make("merod-config generate", &args.source)?;
            let Some(config) = config else { return Ok(Product::withheld(report)) };
            documents::product(report, || match context.output.format {
                Format::Json => {
                    config.to_json().map_err(|e| Error::internal("the configuration cannot be printed").because(e))
                }
                Format::Human | Format::Sarif | Format::Markdown | Format::Html => Ok(config.to_toml().into_bytes()),
            })
        }
        MerodConfigCommand::Apply(args) => apply(args),
    }
}

fn apply(args: &MerodApplyArgs) -> Result<Product> {
    let (config, mut report) = make("merod-config apply", &args.source)?;
    let Some(config) = config else {
        tracing::error!("{} was left as it is", args.config.display());
        return Ok(Product::report(report));
    };
    let file = EditedFile::read(&args.config)?;
    let shown = args.config.display().to_string();
    let edited = edit::apply(&file.text, &config).map_err(|error| unusable(&shown, error))?;
    let mut findings: Vec<Finding> = edited
        .overriding
        .iter()
        .map(|(place, effect)| {
            merod_config::MEROD_CONFIG
                .warn(&shown, format!("{place} {effect}"))
                .help("remove it, or what was applied has no effect")
        })
        .collect();
    let done = if edited.changed.is_empty() {
        "already says all of this; nothing was changed".to_owned()
    } else if args.dry_run {
        format!("nothing was changed; would set {}", names(&edited.changed))
    } else {
        let backup = file.replace(&edited.text)?;
        tracing::info!("the former configuration is in {}", backup.display());
        format!("set {}", names(&edited.changed))
    };
    // What was done is said whether or not each pass of the report gets a line.
    tracing::info!("{shown}: {done}");
    findings.push(merod_config::MEROD_CONFIG.pass(&shown, done));
    if let Some(section) = report.sections.first_mut() {
        if args.dry_run && !edited.changed.is_empty() {
            section.actions.push(Action::planned("set", names(&edited.changed)));
        }
        section.findings.extend(findings);
    }
    Ok(Product::report(report))
}

/// Settings by their name below the table they all share.
fn names(settings: &[String]) -> String {
    const TABLE: &str = "tee.kms.phala";
    let names: Vec<_> =
        settings.iter().map(|s| s.strip_prefix(TABLE).map_or(s.as_str(), |s| s.trim_start_matches('.'))).collect();
    format!("in {TABLE}: {}", names.join(", "))
}

fn unusable(shown: &str, error: edit::EditError) -> Error {
    match error {
        edit::EditError::Defect(_) => {
            Error::internal(format!("{shown} was left as it is, because the edit went wrong")).because(error)
        }
        edit::EditError::NotToml(_) => Error::usage(format!("{shown} was left as it is")).because(error),
        edit::EditError::NotATable(_) | edit::EditError::NotExtendable(_) => {
            Error::usage(format!("{shown} was left as it is"))
                .because(error)
                .help("write [tee.kms.phala] and [tee.kms.phala.attestation] as tables with headers and run it again")
        }
    }
}

/// The configuration, when the policy allows for one, and the report that says why not.
fn make(command: &str, source: &MerodSourceArgs) -> Result<(Option<MerodConfig>, Report)> {
    check_url(source)?;
    let path = policy_path(source)?;
    let name = file::source_name(&path);
    let mut facts = vec![Fact::named("kms", source.url.to_string())];
    let (config, findings) = match PolicyFile::parse(&name, &documents::bytes(&path)?) {
        Err(finding) => (None, vec![*finding]),
        Ok(policy) => {
            facts.extend(policy.profile().map(|profile| Fact::named("profile", profile.to_string())));
            facts.extend(policy.tag.clone().map(|tag| Fact::named("release", tag)));
            let version = source.tag.as_ref().map(|tag| tag.version());
            let demands = Demands { profile: source.profile, version, class: Class::Stable };
            merod_config::make(&policy, demands, &source.url)
        }
    };
    let sections = vec![Section { subject: name, facts, findings, ..Section::default() }];
    let rules = merod_config::rules();
    let report = Report { command: command.to_owned(), rules, sections, ..Report::default() };
    Ok((config, report))
}

/// The policy asked for; of a folder, that of the profile, in whichever layout it is.
fn policy_path(source: &MerodSourceArgs) -> Result<PathBuf> {
    if let Some(path) = &source.policy {
        return Ok(path.clone());
    }
    let (Some(folder), Some(profile)) = (&source.release_dir, source.profile) else {
        return Err(Error::usage("give --policy, or --release-dir with --profile"));
    };
    let found: Vec<_> = [Naming::Pipeline, Naming::Runbook]
        .into_iter()
        .map(|naming| folder.join(naming.file_name(profile)))
        .filter(|path| path.is_file())
        .collect();
    match found.as_slice() {
        [path] => {
            tracing::info!(
                "the release in {} is taken as verified; verify it with verify-release-assets",
                folder.display()
            );
            Ok(path.clone())
        }
        [] => Err(Error::input(format!("{} holds no policy of {profile}", folder.display()))),
        _ => {
            Err(Error::usage(format!("{} holds two policies of {profile}", folder.display()))
                .help("name one: --policy"))
        }
    }
}

fn check_url(source: &MerodSourceArgs) -> Result<()> {
    let url = &source.url;
    let refuse = |why: &str| Err(Error::usage(format!("--url: {why}")));
    match url.scheme() {
        "https" | "http" => {}
        _ => return refuse("a KMS is reached over https or http"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("an address in a configuration must hold no credentials");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("an address of a KMS has no query and no fragment");
    }
    Ok(())
}
