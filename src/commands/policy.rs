//! `policy validate` and `policy diff`; `policy promote` and `policy review` are in files of their own.

pub(super) mod promote;
pub(super) mod review;

use std::{collections::BTreeMap, path::Path};

use crate::{
    adapters::{
        git,
        policies::{self, Found, Naming},
    },
    cli::policy::{PolicyCommand, PolicyDiffArgs, PolicyValidateArgs},
    context::Context,
    error::{Error, Result},
    policy::{
        collection::{self, Entry},
        diff::{Diff, html, human, json, markdown, remarks},
        document::{PolicyFile, PolicyKind, Readiness, profile_in_name},
        mrtds::PublishedMrtds,
        promotion::judge,
        suite::{self, Demands},
    },
    product::Product,
    report::{Fact, Format, Report, Section},
    schema::SCHEMA,
    subject::role::Role,
};

pub(super) async fn run(command: &PolicyCommand, context: &Context) -> Result<Product> {
    match command {
        PolicyCommand::Validate(args) => validate(args),
        PolicyCommand::Diff(args) => diff(args, context),
        PolicyCommand::Promote(args) => promote::run(args, context).await,
        PolicyCommand::Review(args) => review::run(args, context).await,
    }
}

fn validate(args: &PolicyValidateArgs) -> Result<Product> {
    let mut sections = Vec::new();
    let (mut policies, mut published, mut evidence) = (Vec::new(), Vec::new(), false);
    for path in &args.paths {
        let found = policies::read(path, Naming::Whole)?;
        if found.is_empty() {
            return Err(Error::usage(format!("{} holds no JSON file", path.display())));
        }
        let (files, mut meant) = (found.len(), false);
        for file in found {
            let (subject, skip) = (file.name.clone(), |why| SCHEMA.skip(&file.name, why));
            let finding = match collection::read(&file.name, file.named, &file.bytes) {
                Entry::Policy(policy) => {
                    meant = true;
                    sections.push(judged(&policy, args));
                    policies.push(*policy);
                    continue;
                }
                Entry::Unreadable(why) => {
                    meant = true;
                    *why
                }
                Entry::Evidence(findings) => {
                    evidence = true;
                    sections.push(Section { subject, findings, ..Section::default() });
                    continue;
                }
                Entry::Published(side, measurements) => {
                    published.push((side, *measurements));
                    skip("published measurements, not a policy: only looked at for the separation of roles")
                }
                Entry::Other => skip("a document of another kind, not a policy"),
            };
            sections.push(Section { subject, findings: vec![finding], ..Section::default() });
        }
        if !meant {
            sections.push(no_policy(path, files));
        }
    }
    // Files of one folder are read together by those who release them, so they are judged together too.
    let mut folders: BTreeMap<String, Vec<&PolicyFile>> = BTreeMap::new();
    for policy in &policies {
        let folder = Path::new(&policy.name).parent().unwrap_or(Path::new("")).display().to_string();
        folders.entry(folder).or_default().push(policy);
    }
    sections.extend(folders.iter().filter_map(|(folder, policies)| together(folder, policies)));
    sections.extend(roles(&policies, &published));
    Ok(Product::report(Report {
        command: "policy validate".into(),
        rules: if evidence { judge::rules() } else { suite::rules() },
        sections,
        ..Report::default()
    }))
}

/// Nothing that was looked at is a policy, and nothing was meant as one: something required is missing.
fn no_policy(path: &Path, files: usize) -> Section {
    let subject = path.display().to_string();
    let among = if files == 1 {
        "its only JSON file is not one".to_owned()
    } else {
        format!("none of its {files} JSON files is one")
    };
    let finding = SCHEMA
        .missing(&subject, format!("holds no policy: {among}"))
        .help("name the folder that holds the policies; they are JSON files with `policy` and `tag`");
    Section { subject, findings: vec![finding], ..Section::default() }
}

/// Role separation between all files given, in whatever folder and of whatever version: a machine has one role for good.
fn roles(policies: &[PolicyFile], published: &[(Role, PublishedMrtds)]) -> Option<Section> {
    let all: Vec<&PolicyFile> = policies.iter().collect();
    let measured: Vec<_> = published.iter().map(|(side, published)| (*side, published)).collect();
    let findings = suite::roles_across(&all, &measured);
    let files = (policies.len() + published.len()).to_string();
    let subject = "KMS and node, all files together".to_owned();
    (!findings.is_empty()).then(|| Section {
        subject,
        facts: vec![Fact::named("files", files)],
        findings,
        ..Section::default()
    })
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
    let mut facts = vec![Fact::named("kind", policy.kind.describe().to_owned())];
    facts.extend(policy.profile().map(|profile| Fact::named("profile", profile.to_string())));
    facts.extend(policy.tag.clone().map(|tag| Fact::named("for", tag)));
    let status = match &policy.readiness {
        Readiness::Ready => "ready",
        Readiness::NotReady => "policy_not_ready",
        Readiness::Unknown(_) => "unknown",
    };
    facts.push(Fact::named("status", status.to_owned()));
    Section { subject: policy.name.clone(), facts, findings, ..Section::default() }
}

/// Isolation between the files of a folder that hold one profile each.
fn together(folder: &str, policies: &[&PolicyFile]) -> Option<Section> {
    let of_a_release = |p: &&&PolicyFile| match p.kind {
        PolicyKind::Current | PolicyKind::Unprefixed => true,
        PolicyKind::RegistryKms | PolicyKind::RegistryNode => false,
    };
    let set: Vec<_> = policies.iter().filter(of_a_release).copied().collect();
    if set.len() < 2 {
        return None;
    }
    let subject = if folder.is_empty() { "these policies together".to_owned() } else { format!("{folder}, together") };
    Some(Section {
        subject,
        facts: vec![Fact::named("files", set.len().to_string())],
        findings: suite::together(&set),
        ..Section::default()
    })
}

fn diff(args: &PolicyDiffArgs, context: &Context) -> Result<Product> {
    let (from, to) = if args.git {
        let path = args.path.as_deref().unwrap_or("policies");
        let [from, to] = git::json_files(Path::new("."), [&args.from, &args.to], path)?;
        if from.is_empty() && to.is_empty() {
            return Err(Error::usage(format!("neither revision has a JSON file at `{path}`")));
        }
        (from, to)
    } else {
        let read = |path: &str| policies::read(Path::new(path), Naming::Relative);
        (read(&args.from)?, read(&args.to)?)
    };
    let (from, to) = (parsed(&args.from, from)?, parsed(&args.to, to)?);
    if from.is_empty() && to.is_empty() {
        let message = format!("neither `{}` nor `{}` holds a policy: there is nothing to compare", args.from, args.to);
        return Err(Error::usage(message).help("name the files or folders that hold policies"));
    }
    let diff = Diff::of(&args.from, &args.to, &from, &to);
    let text = match context.output.format {
        Format::Human => human::render(&diff, context.output.colored(), context.output.width),
        Format::Markdown => markdown::render(&diff),
        Format::Json => json::render(&diff).map_err(|e| Error::internal("cannot print the difference").because(e))?,
        Format::Html => html::render(&diff).map_err(|e| Error::internal("cannot print the difference").because(e))?,
        Format::Sarif => {
            return Err(Error::usage("policy diff has no sarif form").help("human, markdown, html or json"));
        }
    };
    let subject = format!("{} → {}", args.from, args.to);
    let section = Section { subject, findings: remarks::remarks(&diff, args.fail_on_change), ..Section::default() };
    let report = Report {
        command: "policy diff".into(),
        rules: vec![remarks::POLICY_CHANGE],
        sections: vec![section],
        ..Report::default()
    };
    Ok(Product::text(text, markdown::render(&diff), report))
}

/// The policies among files. One that does not parse cannot be compared, so there is no difference to show.
fn parsed(state: &str, files: Vec<Found>) -> Result<Vec<PolicyFile>> {
    let mut read = Vec::new();
    for file in files {
        let why = match collection::read(&file.name, file.named, &file.bytes) {
            Entry::Policy(policy) if policy.profiles.is_empty() => "it holds no lists that can be read".to_owned(),
            Entry::Policy(policy) => {
                read.push(*policy);
                continue;
            }
            Entry::Unreadable(finding) => finding.message,
            Entry::Published(..) | Entry::Evidence(_) | Entry::Other => continue,
        };
        let message = format!("{state}: {} cannot be compared: {why}", file.name);
        return Err(Error::input(message).help("run `merotee policy validate` on it"));
    }
    Ok(read)
}
