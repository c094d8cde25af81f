//! Who signed, and who was allowed to. Identities are compared part by part, never by an unanchored pattern.

use std::{borrow::Borrow, fmt};

use jiff::Timestamp;
use regex::Regex;

use crate::subject::{repository::Repository, tag::Tag};

/// The OIDC issuer of every GitHub Actions workflow on github.com.
pub const GITHUB_ACTIONS_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// Where a repository lies whose server nothing names.
const DEFAULT_SERVER: &str = "https://github.com";

/// What a verified certificate says of its holder. These are claims of a certificate whose chain, SCT and log entry
/// have been verified; whether this signer was *allowed* to sign is for [`ExpectedSigner`] to say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signer {
    /// Subject alternative name: for a workflow `https://github.com/OWNER/REPO/PATH@REF`.
    pub san: String,
    /// OIDC issuer that vouched for the identity.
    pub issuer: String,
    /// Repository the artifact was built from, as a URL, when the certificate states it. Differs from the SAN's
    /// repository when a foreign repository calls our workflow as a reusable one.
    pub source_repository: Option<String>,
    /// Ref the artifact was built from, when the certificate states it.
    pub source_ref: Option<String>,
    /// Commit the artifact was built from, when the certificate states it: 40 hex digits.
    pub source_commit: Option<String>,
    /// When it was signed: the earliest time that the log or a timestamp authority vouches for.
    pub signed_at: Option<Timestamp>,
    /// The entry in the transparency log, where the log vouches for its number and there is only one.
    pub log_index: Option<u64>,
    /// Address of that log, as the trust root has it.
    pub log: Option<String>,
    /// From when until when the certificate is valid.
    pub valid: Option<(Timestamp, Timestamp)>,
    /// Whether the certificate says nothing of its holder but name and issuer, which Fulcio does for persons only.
    pub bare: bool,
}

impl Signer {
    /// Whether a workflow signed, and not a person: then something was built, from a source that must be known.
    pub fn is_workflow(&self) -> bool {
        let source = [&self.source_repository, &self.source_ref, &self.source_commit];
        self.issuer == GITHUB_ACTIONS_ISSUER
            || WorkflowIdentity::parse(&self.san).is_some()
            || source.into_iter().any(Option::is_some)
    }
}

/// A workflow identity, split into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowIdentity<'a> {
    /// `https://github.com`.
    pub server: &'a str,
    /// `OWNER/REPO`.
    pub repository: &'a str,
    /// `.github/workflows/NAME.yaml`.
    pub workflow: &'a str,
    /// `refs/tags/…` or `refs/heads/…`.
    pub git_ref: &'a str,
}

impl<'a> WorkflowIdentity<'a> {
    /// Splits `https://HOST/OWNER/REPO/PATH@REF`. `None` when the text has another shape.
    pub fn parse(san: &'a str) -> Option<Self> {
        let (location, git_ref) = san.split_once('@')?;
        let host_at = location.find("://")? + 3;
        let host_end = host_at + location.get(host_at..)?.find('/')?;
        let server = location.get(..host_end)?;
        let path = location.get(host_end + 1..)?;
        // GitLab sets its workflow off by two slashes, for its repositories may lie deeper.
        if let Some((repository, workflow)) = path.split_once("//") {
            return Some(Self { server, repository, workflow, git_ref });
        }
        let owner_end = path.find('/')?;
        let repo_end = owner_end + 1 + path.get(owner_end + 1..)?.find('/')?;
        Some(Self { server, repository: path.get(..repo_end)?, workflow: path.get(repo_end + 1..)?, git_ref })
    }
}

/// Who may have signed, and what a workflow must have run for.
#[derive(Debug, Clone)]
pub struct ExpectedSigner {
    identity: ExpectedIdentity,
    issuer: String,
    source: NamedSource,
    bare: bool,
}

/// Whose certificate it must be.
#[derive(Debug, Clone)]
enum ExpectedIdentity {
    /// The release workflow of a repository at the release's tag or the contract's branch.
    Workflow(ExpectedWorkflow),
    /// Exactly this subject alternative name.
    Exact(String),
    /// A pattern over the *whole* subject alternative name.
    Pattern {
        /// Anchored at both ends by [`ExpectedSigner::pattern`].
        whole: Regex,
        /// As cosign would apply it: anywhere in the name. Good for advice only.
        anywhere: Regex,
        /// The pattern as the user wrote it.
        written: String,
    },
}

/// The source that the user names for a workflow, instead of the one its own identity implies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamedSource {
    /// `OWNER/NAME`, or a whole URL.
    pub repository: Option<String>,
    /// `refs/…`.
    pub git_ref: Option<String>,
}

/// The parts of a release workflow's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedWorkflow {
    /// Web address of the GitHub instance without a trailing slash: `https://github.com`.
    pub server: String,
    /// The repository whose workflow signs.
    pub repository: Repository,
    /// Path of the workflow in the repository.
    pub workflow: String,
    /// Any of these refs.
    pub refs: Vec<String>,
}

/// One part of an identity that differs from what is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which part: `repository`, `workflow`, `ref`, `issuer`, `identity`, `source repository`, `source ref`.
    pub part: &'static str,
    /// What is required.
    pub expected: String,
    /// What the certificate says; `None` when it does not say.
    pub actual: Option<String>,
    /// What may be meant instead, where that is known.
    pub advice: Option<String>,
}

impl Mismatch {
    fn new(part: &'static str, expected: impl Into<String>, actual: &str) -> Self {
        Self { part, expected: expected.into(), actual: Some(actual.to_owned()), advice: None }
    }
}

impl ExpectedSigner {
    /// The release workflow, by certificates of `issuer`.
    pub fn workflow(workflow: ExpectedWorkflow, issuer: &str) -> Self {
        Self::new(ExpectedIdentity::Workflow(workflow), issuer)
    }

    /// Exactly this subject alternative name and issuer.
    pub fn exact(san: &str, issuer: &str) -> Self {
        Self::new(ExpectedIdentity::Exact(san.to_owned()), issuer)
    }

    /// A pattern that must match the whole identity: anchors are added here, so that `github.com/owner` can't match
    /// `evil.example/github.com/owner`.
    ///
    /// # Errors
    /// When the pattern is not a regular expression, or compiles to more than 1 MiB.
    pub fn pattern(written: &str, issuer: &str) -> Result<Self, regex::Error> {
        let compiled = |pattern: &str| regex::RegexBuilder::new(pattern).size_limit(1 << 20).build();
        let (whole, anywhere) = (compiled(&format!(r"\A(?:{written})\z"))?, compiled(written)?);
        Ok(Self::new(ExpectedIdentity::Pattern { whole, anywhere, written: written.to_owned() }, issuer))
    }

    /// The same signer, running for the source that is named. What is not named stays implied.
    #[must_use]
    pub fn running_for(self, source: NamedSource) -> Self {
        Self { source, ..self }
    }

    /// The same signer, also by a certificate that says nothing but name and issuer; see [`ExpectedSigner::takes_bare`].
    #[must_use]
    pub fn or_bare(self) -> Self {
        Self { bare: true, ..self }
    }

    /// Whether the signer may be taken although his certificate does not tell for what the workflow ran: where the user
    /// says so, names the whole identity, and demands no source. Private instances make such certificates, and Sigstore's
    /// conformance suite has them.
    pub fn takes_bare(&self, signer: &Signer) -> bool {
        let exact = matches!(self.identity, ExpectedIdentity::Exact(_));
        signer.bare && self.bare && exact && self.source == NamedSource::default()
    }

    fn new(identity: ExpectedIdentity, issuer: &str) -> Self {
        Self { identity, issuer: issuer.to_owned(), source: NamedSource::default(), bare: false }
    }

    /// Every part of `signer` that is not as required; empty when the signer may have signed.
    ///
    /// The source is demanded of every workflow, whatever names its identity: a reusable workflow signs with its own path in
    /// the name, for any caller.
    pub fn mismatches(&self, signer: &Signer) -> Vec<Mismatch> {
        let mut found = Vec::new();
        if signer.issuer != self.issuer {
            found.push(Mismatch::new("issuer", &self.issuer, &signer.issuer));
        }
        let identity = WorkflowIdentity::parse(&signer.san);
        match (&self.identity, &identity) {
            (ExpectedIdentity::Exact(san), _) if *san != signer.san => {
                found.push(Mismatch::new("identity", san, &signer.san));
            }
            (ExpectedIdentity::Pattern { whole, anywhere, written }, _) if !whole.is_match(&signer.san) => {
                let advice = anywhere.is_match(&signer.san).then(|| whole_name_advice(written, &signer.san));
                let expected = format!("a match of {written}");
                found.push(Mismatch { advice, ..Mismatch::new("identity", expected, &signer.san) });
            }
            (ExpectedIdentity::Workflow(workflow), Some(identity)) => found.extend(workflow.mismatches(identity)),
            (ExpectedIdentity::Workflow(workflow), None) => {
                found.push(Mismatch::new("identity", workflow.to_string(), &signer.san));
                return found;
            }
            (ExpectedIdentity::Exact(_) | ExpectedIdentity::Pattern { .. }, _) => {}
        }
        let demanded = signer.is_workflow() || self.source != NamedSource::default();
        if demanded && !self.takes_bare(signer) {
            found.extend(self.source_mismatches(signer, identity.as_ref()));
        }
        found
    }

    fn source_mismatches(&self, signer: &Signer, identity: Option<&WorkflowIdentity<'_>>) -> Vec<Mismatch> {
        let server = identity.map_or(DEFAULT_SERVER, |identity| identity.server);
        let repository = match (&self.source.repository, &self.identity, identity) {
            (Some(named), _, _) if named.contains("://") => Some(named.clone()),
            (Some(named), _, _) => Some(format!("{server}/{named}")),
            (None, ExpectedIdentity::Workflow(workflow), _) => {
                Some(format!("{}/{}", workflow.server, workflow.repository))
            }
            (None, ExpectedIdentity::Exact(_) | ExpectedIdentity::Pattern { .. }, Some(identity)) => {
                Some(format!("{}/{}", identity.server, identity.repository))
            }
            (None, ExpectedIdentity::Exact(_) | ExpectedIdentity::Pattern { .. }, None) => None,
        };
        let refs = match (&self.source.git_ref, &self.identity, identity) {
            (Some(named), _, _) => vec![named.as_str()],
            (None, ExpectedIdentity::Workflow(workflow), _) => workflow.refs.iter().map(String::as_str).collect(),
            (None, ExpectedIdentity::Exact(_) | ExpectedIdentity::Pattern { .. }, identity) => {
                identity.map(|identity| identity.git_ref).into_iter().collect()
            }
        };
        let mut found = Vec::new();
        // A repository's address means the same in any case, as GitHub has it. A ref does not.
        if !signer
            .source_repository
            .as_deref()
            .is_some_and(|is| repository.as_deref().is_some_and(|r| r.eq_ignore_ascii_case(is)))
        {
            let (part, option) = ("source repository", "--certificate-source-repository");
            found.push(source_mismatch(part, option, repository.as_slice(), signer.source_repository.as_deref()));
        }
        if !signer.source_ref.as_deref().is_some_and(|is| refs.contains(&is)) {
            found.push(source_mismatch("source ref", "--certificate-source-ref", &refs, signer.source_ref.as_deref()));
        }
        found
    }
}

/// A workflow ran for something other than is demanded, or its certificate keeps silent about it.
fn source_mismatch<T: Borrow<str>>(part: &'static str, option: &str, expected: &[T], actual: Option<&str>) -> Mismatch {
    let expected = if expected.is_empty() { format!("one named with {option}") } else { expected.join(" or ") };
    let advice = actual.map(|_| {
        format!("do not trust this: anyone who may call the workflow may sign as it; if that caller is meant, name it with {option}")
    });
    Mismatch { part, expected, actual: actual.map(str::to_owned), advice }
}

/// For those who bring a pattern from cosign, which looks for it anywhere in the name.
fn whole_name_advice(written: &str, san: &str) -> String {
    let grouped = if written.contains('|') { format!("(?:{written})") } else { written.to_owned() };
    let wider = [format!("{grouped}.*"), format!(".*{grouped}"), format!(".*{grouped}.*")];
    let matches =
        |pattern: &&String| Regex::new(&format!(r"\A(?:{pattern})\z")).is_ok_and(|pattern| pattern.is_match(san));
    let wider = wider.iter().find(matches).map_or(written, String::as_str);
    format!("the pattern must match the whole name, unlike in cosign: write {wider}, or better a narrower one")
}

impl fmt::Display for ExpectedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.identity {
            ExpectedIdentity::Workflow(workflow) => write!(f, "{workflow}"),
            ExpectedIdentity::Exact(san) => f.write_str(san),
            ExpectedIdentity::Pattern { written, .. } => write!(f, "a match of {written}"),
        }
    }
}

impl ExpectedWorkflow {
    fn mismatches(&self, actual: &WorkflowIdentity<'_>) -> Vec<Mismatch> {
        let parts = [("server", self.server.as_str(), actual.server), ("workflow", &self.workflow, actual.workflow)];
        let wrong = parts.into_iter().filter(|(_, expected, actual)| expected != actual);
        let mut found: Vec<_> = wrong.map(|(part, expected, actual)| Mismatch::new(part, expected, actual)).collect();
        if !self.repository.is(actual.repository) {
            found.push(Mismatch::new("repository", self.repository.to_string(), actual.repository));
        }
        if !self.refs.iter().any(|r| r == actual.git_ref) {
            found.push(Mismatch::new("ref", self.refs.join(" or "), actual.git_ref));
        }
        found
    }
}

/// The identity a release workflow signs `tag` with.
pub fn release_workflow(
    server: &str,
    repository: &Repository,
    workflow: &str,
    branch: &str,
    tag: &Tag,
) -> ExpectedWorkflow {
    ExpectedWorkflow {
        server: server.trim_end_matches('/').to_owned(),
        repository: repository.clone(),
        workflow: workflow.to_owned(),
        refs: vec![format!("refs/tags/{tag}"), branch.to_owned()],
    }
}

impl fmt::Display for ExpectedWorkflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}@{}", self.server, self.repository, self.workflow, self.refs.join(" or "))
    }
}

impl fmt::Display for Signer {
    /// `release-kms-phala.yaml @ refs/tags/…` for a workflow, the whole identity for anybody else.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match WorkflowIdentity::parse(&self.san) {
            Some(id) => write!(f, "{} @ {}", id.workflow.rsplit('/').next().unwrap_or(id.workflow), id.git_ref),
            None => f.write_str(&self.san),
        }
    }
}

#[cfg(test)]
mod tests;
