//! Where the commit of a hotfix stands: to the release it patches, and to the default branch. Facts only; whether they are
//! as they must be is the business of `checks::hotfix`.

use crate::subject::tag::Tag;

/// The commits of a hotfix and of the release it patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lineage {
    /// The release that is patched.
    pub patched: Tag,
    /// The commit its tag leads to.
    pub patched_commit: String,
    /// The commit that the hotfix's own tag leads to.
    pub commit: String,
    /// The latest commit that both have in their history; `None` when their histories have nothing in common.
    pub shared: Option<String>,
    /// How many commits the hotfix has that the patched release has not.
    pub ahead: u64,
    /// How the two stand to the default branch; `None` where it is not known which one that is.
    pub trunk: Option<Trunk>,
}

/// How far two releases go along with the default branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// The branch.
    pub branch: String,
    /// The latest commit that it and the patched release share; `None` when there is none.
    pub with_patched: Option<String>,
    /// The latest commit that it and the hotfix share.
    pub with_hotfix: Option<String>,
}
