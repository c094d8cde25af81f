//! `catalog add`, and what it shares with `catalog rebuild`: a text that is changed, or would be.

use std::path::Path;

use super::{
    MAX_BYTES,
    pull::{Edits, Pulling, TOLD},
    refusal::refused,
};
use crate::{
    adapters::file,
    catalog::{
        edit::{self, CATALOG_EDIT, Edited, Releases, Statement},
        evidence::{self, CATALOG_EVIDENCE, MAX_REPORT_BYTES, Pair, ReportFile, Trusted},
    },
    change::PULL_REQUEST,
    cli::catalog::{CatalogAddArgs, CatalogFileArgs},
    commands::repository::resolve,
    context::Context,
    error::{Error, Result},
    product::Product,
    report::{Action, Finding, Report, Section, Status},
    subject::repository::Repository,
};

pub(super) async fn add(args: &CatalogAddArgs, context: &Context) -> Result<Product> {
    let repository = resolve(&context.endpoints)?;
    let path = args.file.file();
    let subject = if args.file.pull.pr { args.file.place.path.clone() } else { path.display().to_string() };
    // A file that is not there makes the reports pointless.
    let bytes = if args.file.pull.pr { Vec::new() } else { catalog(&path)? };
    let (mut findings, statement) = judged(args, context, &repository)?;
    let report = Report {
        command: "catalog add".into(),
        rules: vec![CATALOG_EVIDENCE, CATALOG_EDIT, PULL_REQUEST],
        ..Report::default()
    };
    let mut section = Section::new(&subject);
    let Some(statement) = statement else {
        tracing::error!("{subject} was left as it is");
        section.findings = findings;
        return Ok(Product::report(Report { sections: vec![section], ..report }));
    };
    let server = context.endpoints.server_url.as_str().trim_end_matches('/');
    let releases = Releases { server, repository: &repository };
    if args.file.pull.pr {
        let pulling = Pulling { args: &args.file, context, repository: &repository };
        let edit = |bytes: &[u8]| {
            let Edited { text, changes } = edit::add(&subject, bytes, &statement, &releases)?;
            Ok(Edits { text, changes, findings: findings.clone() })
        };
        let pulled = pulling.propose(edit, |proposal, edit| proposal.of_pair(&statement, edit)).await?;
        return Ok(pulled.product(report));
    }
    match edit::add(&subject, &bytes, &statement, &releases) {
        Ok(edited) => deliver(&args.file, &edited, &mut section)?,
        Err(error) => findings.push(refused(&subject, error)?),
    }
    findings.append(&mut section.findings);
    section.findings = findings;
    Ok(Product::report(Report { sections: vec![section], ..report }))
}

/// What the reports show, and what is to be said of the pair on the strength of them; `None` where they don't do.
fn judged(
    args: &CatalogAddArgs,
    context: &Context,
    repository: &Repository,
) -> Result<(Vec<Finding>, Option<Statement>)> {
    let (kms, node_image, profiles) = (args.pair.kms.clone(), args.pair.node.clone(), args.pair.profiles());
    let reports: Vec<(String, Vec<u8>)> = args
        .evidence
        .iter()
        .map(|path| Ok((file::source_name(path), file::read_source(path, MAX_REPORT_BYTES)?)))
        .collect::<Result<_>>()?;
    let reports: Vec<_> = reports.iter().map(|(name, bytes)| ReportFile { name, bytes }).collect();
    let pair = Pair { kms: &kms, node_image: &node_image, profiles: &profiles };
    let (findings, evidence) = if args.untested {
        (Vec::new(), Vec::new())
    } else {
        let root = context.trust_root()?.caveat();
        evidence::judge(&reports, pair, Trusted { repository, root: root.as_deref() })
    };
    let passed = findings.iter().all(|f| matches!(f.status, Status::Pass | Status::Warn));
    let statement = Statement { kms, node_image, profiles, evidence, notes: args.notes.clone() };
    Ok((findings, passed.then_some(statement)))
}

/// The file's bytes.
pub(super) fn catalog(path: &Path) -> Result<Vec<u8>> {
    if path.symlink_metadata().is_err() {
        return Err(Error::input(format!("there is no catalog at {}", path.display()))
            .help("name it with --catalog; a new one holds {\"schema_version\": \"1\", \"entries\": []}"));
    }
    file::read_bounded(path, MAX_BYTES)
}

/// Writes what was changed, or says what would be.
pub(super) fn deliver(args: &CatalogFileArgs, edited: &Edited, section: &mut Section) -> Result<()> {
    let subject = section.subject.clone();
    if edited.changes.is_empty() {
        section.findings.push(CATALOG_EDIT.pass(subject, "says all of this already; nothing to change"));
        return Ok(());
    }
    if args.check {
        let finding = |change: &String| {
            CATALOG_EDIT
                .fail(&subject, format!("not so: {change}"))
                .help("run the same without --check, and commit the file")
        };
        section.findings.extend(edited.changes.iter().map(finding));
        return Ok(());
    }
    let finding = |change: &String| {
        CATALOG_EDIT.pass(&subject, if args.dry_run { format!("would change: {change}") } else { change.clone() })
    };
    section.findings.extend(edited.changes.iter().map(finding));
    section.told = TOLD;
    if args.dry_run {
        section.actions.push(Action::planned("write", subject));
        return Ok(());
    }
    // What a link leads to is what people edit.
    let path = args.file();
    let place = path.canonicalize().unwrap_or(path);
    file::write_atomic(&place, edited.text.as_bytes())?;
    for change in &edited.changes {
        tracing::info!("{subject}: {change}");
    }
    section.actions.push(Action::done("write", subject));
    Ok(())
}
