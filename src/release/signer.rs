//! Who signed, and who was allowed to. Identities are compared part by part, never by an unanchored pattern.

use std::fmt;

use regex::Regex;

use super::{repository::Repository, tag::Tag};

/// The OIDC issuer of every GitHub Actions workflow on github.com.
pub const GITHUB_ACTIONS_ISSUER: &str = "https://token.actions.githubusercontent.com";

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
        let owner_end = path.find('/')?;
        let repo_end = owner_end + 1 + path.get(owner_end + 1..)?.find('/')?;
        Some(Self { server, repository: path.get(..repo_end)?, workflow: path.get(repo_end + 1..)?, git_ref })
    }
}

/// Who may have signed a release.
#[derive(Debug, Clone)]
pub enum ExpectedSigner {
    /// The release workflow of a repository at the release's tag or the contract's branch.
    Workflow(ExpectedWorkflow),
    /// Exactly this subject alternative name and issuer.
    Exact {
        /// The whole subject alternative name.
        san: String,
        /// The OIDC issuer.
        issuer: String,
    },
    /// A pattern over the *whole* subject alternative name, and an exact issuer.
    Pattern {
        /// Anchored at both ends by [`ExpectedSigner::pattern`].
        regex: Regex,
        /// The pattern as the user wrote it.
        written: String,
        /// The OIDC issuer.
        issuer: String,
    },
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
    /// The OIDC issuer.
    pub issuer: String,
}

/// One part of an identity that differs from what is required.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which part: `repository`, `workflow`, `ref`, `issuer`, `identity`, `source repository`.
    pub part: &'static str,
    /// What is required.
    pub expected: String,
    /// What the certificate says.
    pub actual: String,
}

impl ExpectedSigner {
    /// A pattern that must match the whole identity: anchors are added here, so that `github.com/owner` can't match
    /// `evil.example/github.com/owner`.
    ///
    /// # Errors
    /// When the pattern is not a regular expression, or compiles to more than 1 MiB.
    pub fn pattern(written: &str, issuer: &str) -> Result<Self, regex::Error> {
        let regex = regex::RegexBuilder::new(&format!(r"\A(?:{written})\z")).size_limit(1 << 20).build()?;
        Ok(Self::Pattern { regex, written: written.to_owned(), issuer: issuer.to_owned() })
    }

    /// Every part of `signer` that is not as required; empty when the signer may have signed.
    pub fn mismatches(&self, signer: &Signer) -> Vec<Mismatch> {
        let mut found = Vec::new();
        let mut demand = |part, expected: &str, actual: &str| {
            if expected != actual {
                found.push(Mismatch { part, expected: expected.to_owned(), actual: actual.to_owned() });
            }
        };
        match self {
            Self::Exact { san, issuer } => {
                demand("identity", san, &signer.san);
                demand("issuer", issuer, &signer.issuer);
            }
            Self::Pattern { regex, written, issuer } => {
                demand("issuer", issuer, &signer.issuer);
                if !regex.is_match(&signer.san) {
                    found.push(Mismatch {
                        part: "identity",
                        expected: format!("a match of {written}"),
                        actual: signer.san.clone(),
                    });
                }
            }
            Self::Workflow(workflow) => {
                demand("issuer", &workflow.issuer, &signer.issuer);
                workflow.demand_parts(signer, demand);
            }
        }
        found
    }
}

impl fmt::Display for ExpectedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workflow(workflow) => write!(f, "{workflow}"),
            Self::Exact { san, .. } => f.write_str(san),
            Self::Pattern { written, .. } => write!(f, "a match of {written}"),
        }
    }
}

impl ExpectedWorkflow {
    fn demand_parts(&self, signer: &Signer, mut demand: impl FnMut(&'static str, &str, &str)) {
        let Some(actual) = WorkflowIdentity::parse(&signer.san) else {
            demand("identity", &self.to_string(), &signer.san);
            return;
        };
        demand("server", &self.server, actual.server);
        if !self.repository.is(actual.repository) {
            demand("repository", &self.repository.to_string(), actual.repository);
        }
        demand("workflow", &self.workflow, actual.workflow);
        if !self.refs.iter().any(|r| r == actual.git_ref) {
            demand("ref", &self.refs.join(" or "), actual.git_ref);
        }
        // A reusable workflow signs with its own path in the SAN, whoever called it: the source must be ours as well.
        if let Some(source) = &signer.source_repository
            && !self.is_ours(source)
        {
            demand("source repository", &format!("{}/{}", self.server, self.repository), source);
        }
        if let Some(source) = &signer.source_ref
            && !self.refs.contains(source)
        {
            demand("source ref", &self.refs.join(" or "), source);
        }
    }

    /// Whether the address of a repository is that of ours, on our server.
    fn is_ours(&self, address: &str) -> bool {
        let name = address.strip_prefix(&self.server).and_then(|path| path.strip_prefix('/'));
        name.is_some_and(|name| self.repository.is(name))
    }
}

/// The identity a release workflow signs `tag` with.
pub fn release_workflow(
    server: &str,
    repository: &Repository,
    workflow: &str,
    branch: &str,
    tag: &Tag,
    issuer: &str,
) -> ExpectedWorkflow {
    ExpectedWorkflow {
        server: server.trim_end_matches('/').to_owned(),
        repository: repository.clone(),
        workflow: workflow.to_owned(),
        refs: vec![format!("refs/tags/{tag}"), branch.to_owned()],
        issuer: issuer.to_owned(),
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
mod tests {
    use super::*;

    const SAN: &str = "https://github.com/calimero-network/mero-tee/.github/workflows/release-kms-phala.yaml@refs/tags/mero-kms-v1.2.0";

    fn expected() -> ExpectedSigner {
        ExpectedSigner::Workflow(ExpectedWorkflow {
            server: "https://github.com".into(),
            repository: "calimero-network/mero-tee".parse().unwrap_or_else(|_| unreachable!()),
            workflow: ".github/workflows/release-kms-phala.yaml".into(),
            refs: vec!["refs/tags/mero-kms-v1.2.0".into(), "refs/heads/master".into()],
            issuer: GITHUB_ACTIONS_ISSUER.into(),
        })
    }

    fn parts(san: &str, issuer: &str) -> Vec<&'static str> {
        let signer = Signer { san: san.into(), issuer: issuer.into(), ..Signer::default() };
        expected().mismatches(&signer).iter().map(|m| m.part).collect()
    }

    #[test]
    fn the_release_workflow_at_its_tag_or_branch_may_sign() {
        assert_eq!(parts(SAN, GITHUB_ACTIONS_ISSUER), Vec::<&str>::new());
        assert_eq!(
            parts(&SAN.replace("refs/tags/mero-kms-v1.2.0", "refs/heads/master"), GITHUB_ACTIONS_ISSUER),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn each_differing_part_is_named() {
        assert_eq!(parts(SAN, "https://evil.example"), ["issuer"]);
        assert_eq!(parts(&SAN.replace("calimero-network", "evil"), GITHUB_ACTIONS_ISSUER), ["repository"]);
        assert_eq!(parts(&SAN.replace("release-kms-phala", "test"), GITHUB_ACTIONS_ISSUER), ["workflow"]);
        assert_eq!(parts(&SAN.replace("v1.2.0", "v1.2.1"), GITHUB_ACTIONS_ISSUER), ["ref"]);
        assert_eq!(parts(&SAN.replace("github.com", "github.com.evil"), GITHUB_ACTIONS_ISSUER), ["server"]);
        assert_eq!(parts(&format!("{SAN}@refs/heads/master"), GITHUB_ACTIONS_ISSUER), ["ref"]);
        assert_eq!(parts("dev@example.org", GITHUB_ACTIONS_ISSUER), ["identity"]);
    }

    #[test]
    fn a_foreign_caller_of_our_reusable_workflow_may_not_sign() {
        let signer = Signer {
            san: SAN.into(),
            issuer: GITHUB_ACTIONS_ISSUER.into(),
            source_repository: Some("https://github.com/evil/fork".into()),
            source_ref: Some("refs/heads/main".into()),
        };
        let parts: Vec<_> = expected().mismatches(&signer).iter().map(|m| m.part).collect();
        assert_eq!(parts, ["source repository", "source ref"]);
    }

    #[test]
    fn a_pattern_must_match_the_whole_identity() {
        let matches = |pattern: &str, san: &str| {
            let signer = Signer { san: san.into(), issuer: "i".into(), ..Signer::default() };
            ExpectedSigner::pattern(pattern, "i").is_ok_and(|e| e.mismatches(&signer).is_empty())
        };
        assert!(matches("https://github.com/o/.*", "https://github.com/o/r"));
        assert!(!matches("https://github.com/o/", "https://github.com/o/r"));
        assert!(!matches("a|b", "xb"));
        assert!(!matches("a", "a\nb"));
    }

    #[test]
    fn a_repository_in_another_case_is_the_same_signer_while_workflow_and_ref_are_not() {
        let san = SAN.replace("calimero-network/mero-tee", "Calimero-Network/Mero-TEE");
        assert_eq!(parts(&san, GITHUB_ACTIONS_ISSUER), Vec::<&str>::new());
        assert_eq!(parts(&SAN.replace("release-kms-phala", "Release-KMS-Phala"), GITHUB_ACTIONS_ISSUER), ["workflow"]);
        assert_eq!(parts(&SAN.replace("mero-kms-v1", "MERO-KMS-v1"), GITHUB_ACTIONS_ISSUER), ["ref"]);
        let from = |source: &str| {
            let signer = Signer {
                san: SAN.into(),
                issuer: GITHUB_ACTIONS_ISSUER.into(),
                source_repository: Some(source.into()),
                source_ref: Some("refs/heads/master".into()),
            };
            expected().mismatches(&signer).iter().map(|m| m.part).collect::<Vec<_>>()
        };
        assert_eq!(from("https://github.com/Calimero-Network/MERO-tee"), Vec::<&str>::new());
        for other in [
            "https://github.com/calimero-network/mero-tee/x",
            "https://github.com.evil/calimero-network/mero-tee",
            "calimero-network/mero-tee",
            "https://github.comcalimero-network/mero-tee",
        ] {
            assert_eq!(from(other), ["source repository"], "{other}");
        }
    }
}
