//! What a script is made of, for the shell's lexer and what follows commands.

use super::word::Word;

/// What a script is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Redirect(Redirect),
    /// `|`.
    Pipe,
    /// `;`, `&`, `&&`, `||`, or the end of a line.
    Break,
    /// `;;` and its like.
    CaseBreak,
    Open,
    Close,
}

/// Which way a redirection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Standard output to a file.
    Out,
    /// Another stream to a file, or one stream to another.
    Other,
    /// From a file.
    In,
    /// `<<`: from the lines that follow.
    Document,
    /// `<<<`: from a word.
    Text,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) way: Way,
    pub(super) target: Word,
    /// The lines of a here-document: a range of the script.
    pub(super) body: Option<(usize, usize)>,
}
