//! What a person should know of a proposal that was made: a value. How it is worded is for the outcome.

/// What a person should know of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// Its branch has commits that are not ours, which it proposes as well.
    OthersCommits {
        /// Whose, and which: the first few.
        commits: Vec<(String, String)>,
        /// How many more.
        more: u64,
    },
    /// Its text was rewritten by somebody.
    TextIsTheirs,
    /// Its text could not be brought up to date; GitHub's words.
    TextIsOld(String),
    /// It could not be labelled; GitHub's words.
    Unlabelled(String),
}
