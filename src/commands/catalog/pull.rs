//! A change of the repository's catalog in a pull request: what `catalog add --pr` and `catalog rebuild --pr` share.

use super::{MAX_BYTES, refusal::refused};
use crate::{
    adapters::github::{GitHub, Made, Proposed, Proposing, Snapshot},
    catalog::{
        edit::{CATALOG_EDIT, EditError},
        proposal::{Edit, Proposal},
    },
    change::{Change, Ending},
    cli::catalog::CatalogFileArgs,
    commands::proposed::{self, Outputs},
    context::Context,
    error::{Error, Result},
    product::Product,
    report::{Fact, Finding, Report, Section, Status},
    subject::repository::Repository,
};

/// The checks whose passes are the changes, which a reader wants one by one.
pub(super) const TOLD: &[&str] = &[CATALOG_EDIT.id];

/// What is to be proposed, and where.
pub(super) struct Pulling<'a> {
    /// How.
    pub(super) args: &'a CatalogFileArgs,
    /// Where everything is.
    pub(super) context: &'a Context,
    /// The repository.
    pub(super) repository: &'a Repository,
}

/// A catalog that was changed, or not: its text, what is new in it, and what was found out on the way.
#[derive(Default)]
pub(super) struct Edits {
    /// The new text.
    pub(super) text: String,
    /// What is new in it.
    pub(super) changes: Vec<String>,
    /// What was found out. Where something failed, nothing is proposed.
    pub(super) findings: Vec<Finding>,
}

/// What came of it, for a report.
pub(super) struct Pulled {
    /// The catalog as a subject.
    pub(super) section: Section,
    outputs: Outputs,
}

impl Pulling<'_> {
    /// Has it proposed: `edit` changes a catalog's text, and `change` says how a reviewer is told.
    ///
    /// # Errors
    /// As [`GitHub::propose`].
    pub(super) async fn propose(
        &self,
        edit: impl Fn(&[u8]) -> Result<Edits, EditError>,
        change: impl Fn(&Proposal<'_>, Edit<'_>) -> Change,
    ) -> Result<Pulled> {
        let Self { args, context, repository } = self;
        let path = args.place.path.as_str();
        let endpoints = &context.endpoints;
        let github = GitHub::new(endpoints.api_url.clone(), endpoints.token.clone(), context.http.clone())?;
        let proposing = Proposing {
            repository,
            base: args.pull.base.as_ref(),
            paths: &[path],
            folders: &[],
            server: endpoints.server_url.as_str().trim_end_matches('/'),
            dry_run: args.dry_run,
        };
        let make = |snapshot: &Snapshot| -> Result<Made<Edits>> {
            let base = &snapshot.base.branch;
            let Some(bytes) = snapshot.files.get(path) else {
                let message = format!("{repository} has no such file on {base}");
                let finding = CATALOG_EDIT.missing(path, message).help("name another with --path");
                return Ok((None, Edits { findings: vec![finding], ..Edits::default() }));
            };
            if bytes.len() as u64 > MAX_BYTES {
                return Err(Error::remote(format!(
                    "{path} of {repository} is larger than the {MAX_BYTES} bytes allowed"
                )));
            }
            let edits = match edit(bytes) {
                Ok(edits) => edits,
                Err(error) => Edits { findings: vec![refused(path, error)?], ..Edits::default() },
            };
            if edits.findings.iter().any(|f| !matches!(f.status, Status::Pass | Status::Warn)) {
                return Ok((None, edits));
            }
            let pull = &args.pull;
            let proposal = Proposal { base, path, branch: pull.branch.as_ref(), label: &pull.label, draft: pull.draft };
            let Edits { text, changes, findings } = &edits;
            let change = change(&proposal, Edit { text, changes, findings });
            Ok((Some(change), edits))
        };
        Ok(self.told(github.propose(&proposing, make).await?))
    }

    fn told(&self, Proposed { made, change }: Proposed<Edits>) -> Pulled {
        let path = &self.args.place.path;
        let mut section = Section::new(path);
        section.facts.push(Fact::Repository(self.repository.to_string()));
        section.findings = made.findings;
        section.told = TOLD;
        let Some((change, outcome)) = change else {
            tracing::error!("{path} was left as it is");
            return Pulled { section, outputs: Vec::new() };
        };
        let is_there = matches!(outcome.ending, Ending::Proposed { .. } | Ending::Pushed { .. });
        let word = if is_there { "proposed" } else { "would change" };
        let findings = made.changes.iter().map(|change| CATALOG_EDIT.pass(path, format!("{word}: {change}")));
        section.findings.extend(findings);
        if made.changes.is_empty() {
            section.findings.push(CATALOG_EDIT.pass(path, "says all of this already; nothing to change"));
        }
        let outputs = proposed::told(&mut section, &change, &outcome);
        Pulled { section, outputs }
    }
}

impl Pulled {
    /// The product, with the report it is part of.
    pub(super) fn product(self, report: Report) -> Product {
        proposed::product(Report { sections: vec![self.section], ..report }, self.outputs)
    }
}
