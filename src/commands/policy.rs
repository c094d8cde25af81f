//! `policy validate` and `policy diff`.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use crate::{
    adapters::{
        git,
        policies::{self, Found, Naming},
    },
    cli::{
        Cli, Environment,
        policy::{PolicyCommand, PolicyDiffArgs, PolicyValidateArgs},
    },
    error::{Error, Result},
    exit::Exit,
    policy::{
        diff::{Diff, human, json, markdown},
        document::{PolicyFile, PolicyKind, Readiness, profile_in_name},
        suite::{self, Demands},
    },
    product::{self, Product},
    report::{Format, Report, Section},
    schema::{SCHEMA, parse_json},
};

pub(super) fn run(cli: &Cli, command: &PolicyCommand, environment: &Environment) -> Result<Product> {
    match command {
        PolicyCommand::Validate(args) => validate(args),
        PolicyCommand::Diff(args) => diff(cli, args, environment),
    }
}

fn validate(args: &PolicyValidateArgs) -> Result<Product> {
    let mut sections = Vec::new();
    // Files of one folder are read together by whoever releases them, so they are judged together too.
    let mut folders: BTreeMap<String, Vec<PolicyFile>> = BTreeMap::new();
    for path in &args.paths {
        let found = policies::read(path, Naming::Whole)?;
        if found.is_empty() {
            return Err(Error::usage(format!("{} holds no JSON file", path.display())));
        }
        for file in found {
            match PolicyFile::parse(&file.name, &file.bytes) {
                Ok(policy) => {
                    sections.push(judged(&policy, args));
                    let folder = Path::new(&policy.name).parent().unwrap_or(Path::new("")).display().to_string();
                    folders.entry(folder).or_default().push(policy);
                }
                Err(finding) => {
                    let finding = if file.named || is_meant_as_policy(&file.bytes) {
                        *finding
                    } else {
                        SCHEMA.skip(&file.name, "a document of another kind, not a policy")
                    };
                    sections.push(Section { subject: file.name, facts: Vec::new(), findings: vec![finding] });
                }
            }
        }
    }
    for (folder, policies) in &folders {
        sections.extend(together(folder, policies));
    }
    Ok(Product::Report(Report {
        command: "policy validate".into(),
        rules: suite::RULES.to_vec(),
        sections,
        caveats: Vec::new(),
        elapsed: None,
    }))
}

/// Whether a file that does not read as a policy was probably meant as one: broken JSON, or anything that speaks of
/// what is allowed. Other documents that lie beside policies are not judged here.
fn is_meant_as_policy(bytes: &[u8]) -> bool {
    let Ok(document) = parse_json(bytes) else { return true };
    let Value::Object(fields) = document else { return false };
    let another = fields.contains_key("measurement_source") || fields.contains_key("releases");
    let speaks = |key: &String| matches!(key.as_str(), "policy" | "release_tag") || key.contains("allowed_");
    !another && fields.keys().any(speaks)
}

/// One file by itself. A node file of the registry holds three profiles, so its isolation is judged here too.
fn judged(policy: &PolicyFile, args: &PolicyValidateArgs) -> Section {
    let base = policy.name.rsplit(['/', '\\']).next().unwrap_or(&policy.name);
    // The registry names files after their version.
    let named_version = base.strip_suffix(".json").and_then(|stem| semver::Version::parse(stem).ok());
    let asked = args.tag.as_ref().map(|tag| tag.version());
    let demands = Demands {
        profile: profile_in_name(base),
        version: asked.or(named_version.as_ref()),
        class: args.class.unwrap_or_else(|| args.tag.as_ref().map_or_else(|| suite::class_of(policy), |t| t.class())),
    };
    let mut findings = suite::alone(policy, demands);
    if policy.kind == PolicyKind::RegistryNode {
        findings.extend(suite::together(&[policy]));
    }
    let mut facts = vec![("kind", policy.kind.describe().to_owned())];
    facts.extend(policy.profile().map(|profile| ("profile", profile.to_string())));
    facts.extend(policy.tag.clone().map(|tag| ("for", tag)));
    let status = match &policy.readiness {
        Readiness::Ready => "ready",
        Readiness::NotReady => "policy_not_ready",
        Readiness::Unknown(_) => "unknown",
    };
    facts.push(("status", status.to_owned()));
    Section { subject: policy.name.clone(), facts, findings }
}

/// Isolation between the files of a folder that hold one profile each.
fn together(folder: &str, policies: &[PolicyFile]) -> Option<Section> {
    let of_a_release = |p: &&PolicyFile| match p.kind {
        PolicyKind::Current | PolicyKind::Unprefixed => true,
        PolicyKind::RegistryKms | PolicyKind::RegistryNode => false,
    };
    let set: Vec<_> = policies.iter().filter(of_a_release).collect();
    if set.len() < 2 {
        return None;
    }
    let subject = if folder.is_empty() { "these policies together".to_owned() } else { format!("{folder}, together") };
    Some(Section { subject, facts: vec![("files", set.len().to_string())], findings: suite::together(&set) })
}

fn diff(cli: &Cli, args: &PolicyDiffArgs, environment: &Environment) -> Result<Product> {
    let (from, to) = if args.git {
        let (path, here) = (args.path.as_deref().unwrap_or("policies"), Path::new("."));
        let (from, to) = (git::json_files(here, &args.from, path)?, git::json_files(here, &args.to, path)?);
        if from.is_empty() && to.is_empty() {
            return Err(Error::usage(format!("neither revision has a JSON file at `{path}`")));
        }
        (from, to)
    } else {
        let read = |path: &str| policies::read(Path::new(path), Naming::Relative);
        (read(&args.from)?, read(&args.to)?)
    };
    let diff = Diff::of(&args.from, &args.to, &parsed(&args.from, from)?, &parsed(&args.to, to)?);
    let text = match cli.output.format {
        Format::Human => {
            let to_file = cli.output.output.is_some();
            human::render(&diff, environment.color && !to_file, environment.width)
        }
        Format::Markdown => markdown::render(&diff),
        Format::Json => json::render(&diff).map_err(|e| Error::internal("cannot print the difference").because(e))?,
        Format::Sarif | Format::Html => {
            let format = cli.output.format;
            return Err(Error::usage(format!("policy diff has no {format} form")).help("human, markdown or json"));
        }
    };
    if args.fail_on_change && !diff.is_empty() {
        product::print(text.as_bytes(), &cli.output)?;
        return Ok(Product::Done(Exit::Verification));
    }
    Ok(Product::Bytes(text.into_bytes()))
}

/// The policies among files. One that does not parse cannot be compared, so there is no difference to show.
fn parsed(state: &str, files: Vec<Found>) -> Result<Vec<PolicyFile>> {
    let mut read = Vec::new();
    for file in files {
        match PolicyFile::parse(&file.name, &file.bytes) {
            Ok(policy) => read.push(policy),
            Err(_) if !file.named && !is_meant_as_policy(&file.bytes) => {}
            Err(finding) => {
                let message = format!("{state}: {} cannot be compared: {}", file.name, finding.message);
                return Err(Error::input(message).help("run `merotee policy validate` on it"));
            }
        }
    }
    Ok(read)
}
