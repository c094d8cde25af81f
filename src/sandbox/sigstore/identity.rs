//! Who signs: a workload's identity as an OIDC provider asserts it and Fulcio writes it into a certificate.

/// GitHub Actions' token issuer.
pub const GITHUB_ACTIONS_ISSUER: &str = "https://token.actions.githubusercontent.com";

/// An identity. Empty fields are claims the identity does not make; `san` and `issuer` are always needed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// The subject alternative name: a URI such as
    /// `https://github.com/OWNER/REPO/.github/workflows/X.yaml@refs/tags/T`, or an e-mail address.
    pub san: String,
    /// The OIDC issuer's URL.
    pub issuer: String,
    /// `OWNER/REPO`.
    pub repository: String,
    /// The full ref the workflow ran for, such as `refs/tags/T`.
    pub git_ref: String,
    /// The commit the workflow ran for, 40 hex digits.
    pub commit_sha: String,
    /// The event that started the workflow, such as `push`.
    pub trigger: String,
    /// The workflow's display name.
    pub workflow_name: String,
    /// Which of Fulcio's extensions tell of it.
    pub extensions: Extensions,
}

/// Generations of Fulcio's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Extensions {
    /// Those from 8 on with the older ones beside them, as Fulcio writes today.
    #[default]
    Both,
    /// 1 to 6, as Fulcio wrote before 2023.
    Older,
    /// From 8 on alone.
    Newer,
    /// The issuer alone: nothing tells for what the workflow ran.
    IssuerOnly,
}

impl Identity {
    /// A GitHub Actions workflow started by a push: `repository` is `OWNER/REPO`, `workflow` a file in
    /// `.github/workflows`, `git_ref` a full ref.
    pub fn github_workflow(repository: &str, workflow: &str, git_ref: &str, commit_sha: &str) -> Self {
        Self {
            san: format!("https://github.com/{repository}/.github/workflows/{workflow}@{git_ref}"),
            issuer: GITHUB_ACTIONS_ISSUER.to_owned(),
            repository: repository.to_owned(),
            git_ref: git_ref.to_owned(),
            commit_sha: commit_sha.to_owned(),
            trigger: "push".to_owned(),
            workflow_name: workflow.to_owned(),
            extensions: Extensions::Both,
        }
    }

    /// Fulcio's extensions 1 to 6, kept by Fulcio for old readers.
    pub(super) fn deprecated_claims(&self) -> Vec<(u32, &str)> {
        if self.extensions == Extensions::Newer {
            return Vec::new();
        }
        let mut claims = vec![(1, self.issuer.as_str())];
        if self.extensions != Extensions::IssuerOnly {
            claims.extend([
                (2, self.trigger.as_str()),
                (3, &self.commit_sha),
                (4, &self.workflow_name),
                (5, &self.repository),
                (6, &self.git_ref),
            ]);
        }
        claims
    }

    /// Fulcio's extensions from 8 on. What the identity does not know (numeric ids, the run) is left out or follows
    /// from what it does know.
    pub(super) fn claims(&self) -> Vec<(u32, String)> {
        if self.extensions == Extensions::Older {
            return Vec::new();
        }
        let mut claims = vec![(8, self.issuer.clone())];
        if self.repository.is_empty() || self.extensions == Extensions::IssuerOnly {
            return claims;
        }
        let repository_url = format!("https://github.com/{}", self.repository);
        let owner = self.repository.split('/').next().unwrap_or_default();
        claims.extend([
            (9, self.san.clone()),
            (10, self.commit_sha.clone()),
            (11, "github-hosted".to_owned()),
            (12, repository_url.clone()),
            (13, self.commit_sha.clone()),
            (14, self.git_ref.clone()),
            (16, format!("https://github.com/{owner}")),
            (18, self.san.clone()),
            (19, self.commit_sha.clone()),
            (20, self.trigger.clone()),
            (21, format!("{repository_url}/actions/runs/1/attempts/1")),
            (22, "public".to_owned()),
        ]);
        claims
    }
}
