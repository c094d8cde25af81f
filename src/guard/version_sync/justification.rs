//! The comment that justifies an override: who wrote it, and whether they may.

/// What a person may do in the repository, as GitHub's collaborators API says it. `maintain` counts as write there, and
/// `triage` as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Everything.
    Admin,
    /// Push.
    Write,
    /// Look.
    Read,
    /// Nothing, or not a person that GitHub knows.
    None,
}

impl Permission {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Write => "write",
            Self::Read => "read",
            Self::None => "no",
        }
    }

    /// Whether it includes pushing.
    pub fn may_write(self) -> bool {
        match self {
            Self::Admin | Self::Write => true,
            Self::Read | Self::None => false,
        }
    }
}

/// A comment on a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Login of its author.
    pub author: String,
    /// Whether a person wrote it, and not an app.
    pub by_person: bool,
    /// Its text.
    pub body: String,
    /// Its page.
    pub url: String,
}

/// A comment that gives a reason, with what its author may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Considered {
    /// Login of its author.
    pub author: String,
    /// The reason given.
    pub reason: String,
    /// Its page.
    pub url: String,
    /// What its author may do.
    pub permission: Permission,
}

/// Whether a pull request is exempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overridden {
    /// There is no pull request to carry a label.
    NoPullRequest,
    /// It does not carry the label.
    NoLabel,
    /// It carries the label, and these comments give reasons, latest first.
    Labelled(Vec<Considered>),
}

/// The reason that a comment gives: what stands behind `LABEL:` at the start of a line, in any case. `None` for a comment
/// that gives none, or one without a single letter.
pub fn reason<'b>(body: &'b str, label: &str) -> Option<&'b str> {
    body.lines().find_map(|line| {
        let (start, rest) = line.trim_start().split_once(':')?;
        let given = start.trim_end().eq_ignore_ascii_case(label) && rest.contains(char::is_alphabetic);
        given.then(|| rest.trim())
    })
}
