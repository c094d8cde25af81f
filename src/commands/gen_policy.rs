//! `gen-policy`: three policies from probes and the node release's measurements, judged before they are written.

use crate::{
    adapters::file_set,
    cli::policy::GenPolicyArgs,
    commands::documents,
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    policy::{
        candidates::{self, Given, Proposal, sorted},
        generate::{self, Counterpart, Generated, Origin},
        mrtds::PublishedMrtds,
    },
    product::Product,
    report::{Fact, Finding, Report, Section, Verdict},
    subject::{
        profile::Profile,
        tag::{Class, Family, Tag},
    },
};

/// Where releases are made when nothing else is said.
const WORKFLOW: &str = ".github/workflows/release-kms-phala.yaml";

pub(super) fn run(args: &GenPolicyArgs, context: &Context) -> Result<Product> {
    let class = class(args)?;
    let (files, findings) =
        if args.not_ready { not_ready(args, context, class)? } else { ready(args, context, class)? };
    let mut report = Report {
        command: "gen-policy".into(),
        rules: generate::rules(),
        sections: vec![Section {
            subject: args.tag.to_string(),
            facts: vec![Fact::named("class", class.to_string())],
            findings,
            ..Section::default()
        }],
        ..Report::default()
    };
    if report.verdict() == Verdict::Passed {
        let bytes: Vec<_> = files.into_iter().map(|file| (file.name, file.bytes)).collect();
        file_set::write_all(&args.out, &bytes)?;
        for (name, bytes) in &bytes {
            tracing::info!("wrote {} sha256:{}", args.out.join(name).display(), Sha256::of(bytes));
        }
        if let Some(section) = report.sections.first_mut() {
            section.facts.push(Fact::named("written to", args.out.display().to_string()));
        }
    } else {
        tracing::error!("nothing was written");
    }
    Ok(Product::report(report))
}

/// The class asked for, when the tag can be of it.
fn class(args: &GenPolicyArgs) -> Result<Class> {
    match args.class {
        None => Ok(args.tag.class()),
        Some(Class::Rc) if !args.tag.is_rc() => {
            Err(Error::usage(format!("{} is not a release candidate", args.tag)).help("leave --class out"))
        }
        Some(class) => Ok(class),
    }
}

type Made = (Vec<Generated>, Vec<Finding>);

fn ready(args: &GenPolicyArgs, context: &Context, class: Class) -> Result<Made> {
    let node_mrtds = args.node_mrtds.as_deref().ok_or_else(|| Error::usage("give --node-mrtds"))?;
    let (given, mut findings) = documents::candidates(&args.candidates)?;
    let node = match documents::mrtds(node_mrtds)? {
        Ok(node) => Some(node),
        Err(finding) => {
            findings.push(finding);
            None
        }
    };
    findings.extend(candidates::judge(&given));
    let Some(node) = node else { return Ok((Vec::new(), findings)) };
    let origin = origin(args, context, times(&given, &node))?;
    let proposals = adjusted(args, candidates::proposals(&given));
    let files = Profile::ALL
        .into_iter()
        .map(|profile| generate::ready(&origin, profile, &generate::lists(profile, &proposals, &node)))
        .collect::<serde_json::Result<Vec<_>>>()
        .map_err(unwritable)?;
    let node_tag = args.node_tag.clone().unwrap_or_else(|| Tag::new(Family::Node, args.tag.version().clone()));
    let counterpart = Counterpart { published: &node, version: node_tag.version() };
    findings.extend(generate::judge(&files, args.tag.version(), class, Some(counterpart)));
    Ok((files, findings))
}

fn not_ready(args: &GenPolicyArgs, context: &Context, class: Class) -> Result<Made> {
    let origin = origin(args, context, std::iter::empty())?;
    let files = Profile::ALL
        .into_iter()
        .map(|profile| generate::not_ready(&origin, profile))
        .collect::<serde_json::Result<Vec<_>>>()
        .map_err(unwritable)?;
    let findings = generate::judge(&files, args.tag.version(), class, None);
    Ok((files, findings))
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::internal("a policy cannot be written as JSON").because(error)
}

/// Times the inputs state.
fn times<'a>(given: &'a [Given], node: &'a PublishedMrtds) -> impl Iterator<Item = &'a str> {
    let node = node.document.get("generated_at").and_then(serde_json::Value::as_str);
    given.iter().filter_map(|g| g.file.generated_at.as_deref()).chain(node)
}

/// Proposals with what the caller declares: TCB statuses instead of those seen, compose hashes in addition to those seen.
fn adjusted(args: &GenPolicyArgs, mut proposals: Vec<Proposal>) -> Vec<Proposal> {
    for proposal in &mut proposals {
        if !args.kms_tcb_status.is_empty() {
            let unmet: Vec<_> = proposal
                .allowed
                .tcb()
                .iter()
                .filter(|s| !args.kms_tcb_status.contains(s))
                .map(|s| s.as_str())
                .collect();
            if !unmet.is_empty() {
                let (profile, unmet) = (proposal.profile, unmet.join(", "));
                tracing::warn!("{profile}: the probed platform is {unmet}, which the policy will not tolerate");
            }
            let allowed = std::mem::take(&mut proposal.allowed);
            proposal.allowed = allowed.with_tcb(sorted(&args.kms_tcb_status));
        }
        let declared = args.compose_hash.iter().filter(|h| h.profile.is_none_or(|p| p == proposal.profile));
        proposal.event_payloads.extend(declared.map(|h| h.hash));
        proposal.event_payloads = sorted(&proposal.event_payloads);
    }
    proposals
}

fn origin<'t>(args: &GenPolicyArgs, context: &Context, times: impl Iterator<Item = &'t str>) -> Result<Origin> {
    let commit = args.commit.clone().ok_or_else(|| {
        Error::usage("no commit is given").help("give --commit with the commit the release is built from")
    })?;
    let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !is_commit {
        let shown: String = commit.chars().take(60).collect();
        return Err(Error::usage(format!("--commit: `{}` is not 40 lowercase hex digits", shown.escape_debug())));
    }
    Ok(Origin {
        version: args.tag.version().clone(),
        commit_sha: commit,
        generated_at: documents::time(&args.time, times)?,
        repository: crate::commands::repository::resolve(&context.endpoints)?.to_string(),
        workflow: word("--workflow", &workflow(args.workflow.clone()))?,
        git_ref: word("--ref", &args.git_ref.clone().unwrap_or_else(|| format!("refs/tags/{}", args.tag)))?,
        naming: args.layout.into(),
    })
}

/// The path of a workflow; GitHub's variable holds `OWNER/NAME/PATH@REF`.
fn workflow(given: Option<String>) -> String {
    let Some(text) = given else { return WORKFLOW.to_owned() };
    match text.find(".github/workflows/") {
        Some(start) => {
            let path = text.get(start..).unwrap_or(&text);
            path.split('@').next().unwrap_or(path).to_owned()
        }
        None => text,
    }
}

/// A word for a document: no white space, nothing hidden, not too long.
fn word(option: &str, text: &str) -> Result<String> {
    if text.len() <= 300 && text.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(text.to_owned());
    }
    Err(Error::usage(format!("{option} holds white space or other characters that no path or ref has")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workflow_is_a_path_however_it_is_given() {
        let path = ".github/workflows/release-kms-phala.yaml";
        assert_eq!(workflow(None), path);
        assert_eq!(workflow(Some(path.to_owned())), path);
        assert_eq!(workflow(Some(format!("o/r/{path}@refs/heads/master"))), path);
        assert_eq!(workflow(Some("release.yaml".to_owned())), "release.yaml");
        assert!(word("--ref", "a b").is_err() && word("--ref", "a\u{202e}").is_err());
    }
}
