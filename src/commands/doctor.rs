//! `doctor`: looks at the machine and, unless it may not, at the repository and the services.

mod repository;
mod services;

use std::path::Path;

use self::repository::Seen;
use crate::{
    adapters::{
        file,
        http::{host, is_loopback},
        reach::Reach,
        tools,
    },
    cli::doctor::DoctorArgs,
    commands::{guarded, repository::resolve},
    context::Context,
    doctor::{
        Asked, RULES,
        machine::{self, ConfigFile, Ran, TOOLS, Tool},
        settings::{self, SECRETS, VARIABLES},
    },
    error::{self, Result},
    guard::config::{Config, FILE_NAME, MAX_BYTES},
    product::Product,
    report::{Fact, Finding, Report, Section},
};
use futures_util::future;

pub(super) async fn run(args: &DoctorArgs, context: &Context) -> Result<Product> {
    let repository = resolve(&context.endpoints)?;
    let reach = if args.offline { None } else { Some(Reach::new()?) };
    let (seen, services, tools) = future::join3(
        repository::look(reach.as_ref(), &repository, context),
        services::look(reach.as_ref(), context),
        future::join_all(TOOLS.iter().map(|tool| version(tool, &context.folder))),
    )
    .await;
    let top = guarded::top(&context.folder);
    let mut findings = settings(&seen, context);
    findings.extend(config(args.config.as_deref(), &top));
    findings.push(machine::token(&seen.token));
    let api = &context.endpoints.api_url;
    if context.endpoints.token.is_some() && api.scheme() == "http" && !is_loopback(api) {
        findings.push(machine::token_in_clear(&host(api)));
    }
    findings.push(machine::clock(&seen.clock));
    findings.push(machine::trust_root(&trust_root(context), context.now()));
    findings.extend(services);
    findings.extend(tools);
    let mut section = Section { findings, ..Section::new("this machine") };
    section.facts = vec![Fact::Repository(repository.to_string()), Fact::named("folder", top.display().to_string())];
    if args.offline {
        section.caveats.push("--offline: neither the repository nor any service was asked".to_owned());
    }
    Ok(Product::report(Report {
        command: "doctor".into(),
        rules: RULES.to_vec(),
        sections: vec![section],
        ..Report::default()
    }))
}

fn settings(seen: &Seen, context: &Context) -> Vec<Finding> {
    let mut findings = Vec::new();
    for variable in &VARIABLES {
        let here = (context.variable)(variable.name);
        findings.push(settings::of_variable(variable, here.as_deref(), &seen.variables));
    }
    for secret in &SECRETS {
        let here = (context.variable)(secret.name);
        findings.push(settings::of_secret(secret, here.as_deref(), &seen.secrets));
    }
    findings
}

fn config(named: Option<&Path>, top: &Path) -> Vec<Finding> {
    let own = top.join(FILE_NAME);
    let path = named.unwrap_or(&own);
    let name = if named.is_some() { path.display().to_string() } else { FILE_NAME.to_owned() };
    if named.is_none() && path.symlink_metadata().is_err() {
        return machine::config(&name, &ConfigFile::Absent);
    }
    let read = file::read_bounded(path, MAX_BYTES as u64).map_err(|e| error::chain(&e));
    let state = match read.and_then(|bytes| Config::parse(&bytes).map_err(|e| e.to_string())) {
        Err(why) => ConfigFile::Unusable(why),
        Ok(config) => {
            let versions = config.version_sync;
            let paths = [versions.kms_manifest, versions.lock_file, versions.node_versions];
            let paths = paths.into_iter().chain([config.dependency_guard.catalog]);
            ConfigFile::Read(paths.filter(|path| !top.join(path).exists()).collect())
        }
    };
    machine::config(&name, &state)
}

fn trust_root(context: &Context) -> std::result::Result<machine::TrustRoot, String> {
    let root = context.trust_root().map_err(|e| error::chain(&e))?;
    let name = match &context.endpoints.trusted_root {
        Some(path) => file::source_name(path),
        None => "built in".to_owned(),
    };
    Ok(machine::TrustRoot { name, newest: root.newest() })
}

async fn version(tool: &Tool, folder: &Path) -> Finding {
    let ran = match tools::run(tool.name, tool.arguments, folder).await {
        tools::Ran::Printed(text) => match text.lines().map(str::trim).find(|line| !line.is_empty()) {
            Some(line) => Ran::Said(line.to_owned()),
            None => Ran::Failed("prints nothing".to_owned()),
        },
        tools::Ran::Absent => Ran::Absent,
        tools::Ran::Failed(why) => Ran::Failed(why),
    };
    machine::tool(tool, &ran)
}

/// Why something was not asked.
fn offline<T>() -> Asked<T> {
    Asked::No("--offline".to_owned())
}
