//! A change of the catalog as a pull request: the branch it lies on, and what it tells its reviewer.

use serde_json::json;

use super::edit::Statement;
use crate::{
    change::{Branch, Change, File, Label},
    digest::Sha256,
    report::{
        Finding, Status,
        escape::{markdown, markdown_code},
    },
    subject::profile::Profile,
};

/// The label where none is named.
pub const LABEL: &str = "compatibility-catalog";

/// Lines of a list that a pull request shows.
const SHOWN: usize = 100;

/// Where a change is proposed, and how.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The branch it is for.
    pub base: &'a Branch,
    /// Path of the catalog in the repository.
    pub path: &'a str,
    /// Name of its own branch; `None` makes one of what is proposed.
    pub branch: Option<&'a Branch>,
    /// Name of the label.
    pub label: &'a str,
    /// Whether it is a draft.
    pub draft: bool,
}

/// What an edit came to.
#[derive(Debug, Clone, Copy)]
pub struct Edit<'a> {
    /// The catalog's new text.
    pub text: &'a str,
    /// What is new in it; empty when it is as it was.
    pub changes: &'a [String],
    /// What was found out on the way.
    pub findings: &'a [Finding],
}

impl Proposal<'_> {
    /// A pair that is to be listed. Its branch follows from the pair and what is to be said of it, and not from the reports:
    /// another run with reports of its own lands in the same pull request.
    pub fn of_pair(&self, statement: &Statement, edit: Edit<'_>) -> Change {
        let Statement { kms, node_image, profiles, evidence, notes } = statement;
        let profiles: Vec<&str> =
            Profile::ALL.into_iter().filter(|p| profiles.contains(p)).map(Profile::as_str).collect();
        let tested = !evidence.is_empty();
        let said = json!([kms.to_string(), node_image.to_string(), profiles, tested, notes]);
        let mark = self.mark("catalog add", &said);
        let number: String = mark.to_string().chars().take(12).collect();
        let title =
            format!("List KMS {kms} with node image {node_image} as {}", if tested { "tested" } else { "not tested" });
        let mut body = vec![format!(
            "KMS {} with node image {}, {} in {}.",
            markdown_code(&kms.to_string()),
            markdown_code(&node_image.to_string()),
            if tested { "tested" } else { "**not tested**" },
            profiles.join(", ")
        )];
        body.extend(notes.iter().map(|notes| format!("> {}", markdown(notes))));
        body.push(changes(edit.changes));
        if tested {
            let row = |report: &super::evidence::Evidence| {
                format!("| {} | {} |", markdown(&report.command), markdown_code(&report.sha256.to_string()))
            };
            let rows: Vec<String> = evidence.iter().map(row).collect();
            body.push(format!("| report | SHA-256 |\n|---|---|\n{}", rows.join("\n")));
            body.push(
                "The reports passed. A digest lets a reviewer ask for the report it is of, and proves nothing by itself."
                    .to_owned(),
            );
        }
        body.extend(warnings(edit.findings));
        let name = format!("merotee/catalog-add/{kms}-{node_image}-{number}");
        self.change((name, mark), title, &body, edit)
    }

    /// A catalog that was made anew from the releases. There is one such branch for each base: a later rebuild brings it up
    /// to date.
    pub fn of_rebuild(&self, edit: Edit<'_>) -> Change {
        let mark = self.mark("catalog rebuild", &json!(edit.changes));
        let mut body = vec![
            "What the verified releases show. Pairs that are new are listed as not tested.".to_owned(),
            changes(edit.changes),
        ];
        body.extend(warnings(edit.findings));
        let name = format!("merotee/catalog-rebuild/{}", self.base);
        self.change((name, mark), "Rebuild the compatibility catalog from the releases".to_owned(), &body, edit)
    }

    fn mark(&self, command: &str, said: &serde_json::Value) -> Sha256 {
        Sha256::of(json!([command, self.base.as_str(), self.path, said]).to_string().as_bytes())
    }

    fn change(&self, (name, mark): (String, Sha256), title: String, body: &[String], edit: Edit<'_>) -> Change {
        let branch = self.branch.cloned().or_else(|| name.parse().ok());
        // A name that is too long gives way to the digest alone, which no version makes longer.
        let branch = branch.or_else(|| format!("merotee/catalog-{mark}").parse().ok());
        let file = File { path: self.path.to_owned(), content: Some(edit.text.to_owned()) };
        Change {
            branch: branch.unwrap_or_else(|| self.base.clone()),
            mark,
            title,
            body: body.join("\n\n"),
            label: Label { name: self.label.to_owned(), description: "Changes which KMS and node image go together" },
            draft: self.draft,
            files: if edit.changes.is_empty() { Vec::new() } else { vec![file] },
        }
    }
}

fn changes(changes: &[String]) -> String {
    listed("Changes", changes.iter().map(String::as_str))
}

/// What weakens the evidence or was left out.
fn warnings(findings: &[Finding]) -> Option<String> {
    let warned: Vec<&str> =
        findings.iter().filter(|f| f.status == Status::Warn).map(|finding| finding.message.as_str()).collect();
    (!warned.is_empty()).then(|| listed("Warnings", warned.into_iter()))
}

fn listed<'t>(title: &str, items: impl Iterator<Item = &'t str>) -> String {
    let mut lines: Vec<String> = items.map(|item| format!("- {}", markdown(item))).collect();
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(format!("- and {more} more"));
    }
    format!("**{title}**\n\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests;
