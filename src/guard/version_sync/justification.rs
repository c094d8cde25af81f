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

/// What stands for a reason in an instruction, and is none.
const PLACEHOLDER: &str = "REASON";

/// The reason that a comment gives: what stands behind `LABEL:` at the start of a line, in any case. `None` for a comment
/// that gives none, or one without a single letter. What the comment quotes or hides is not its own: blocks of code, fenced
/// or indented, and HTML comments; neither is the placeholder of an instruction that was copied.
pub fn reason(body: &str, label: &str) -> Option<String> {
    let mut reader = Reader::Text;
    body.lines().find_map(|line| {
        let said = reader.said(line)?;
        let (start, rest) = said.trim_start().split_once(':')?;
        let letters: String = rest.chars().filter(|c| c.is_alphabetic()).collect();
        let is_reason = !letters.is_empty() && !letters.eq_ignore_ascii_case(PLACEHOLDER);
        (start.trim_end().eq_ignore_ascii_case(label) && is_reason).then(|| rest.trim().to_owned())
    })
}

/// Reads Markdown line by line, as far as it tells what a comment says from what it quotes or hides. In doubt it quotes.
#[derive(Clone, Copy)]
enum Reader {
    /// Outside of both.
    Text,
    /// In an HTML comment.
    Hidden,
    /// In a block of code, which ends with a line of at least as many marks.
    Fenced { mark: char, length: usize },
}

/// Columns from which on a line is code.
const CODE_INDENT: usize = 4;

impl Reader {
    /// What the next line says, without what is hidden in it. `None` for a line of code.
    fn said(&mut self, line: &str) -> Option<String> {
        if let Self::Fenced { mark, length } = *self {
            let closing = line.trim();
            if indent(line) < CODE_INDENT && closing.chars().all(|c| c == mark) && closing.len() >= length {
                *self = Self::Text;
            }
            return None;
        }
        let shown = self.shown(line);
        if indent(line) >= CODE_INDENT {
            return None;
        }
        if let Some(fence) = Self::fence(&shown) {
            *self = fence;
            return None;
        }
        Some(shown)
    }

    /// A line without the HTML comments in it, the first and the last of which may go beyond it.
    fn shown(&mut self, line: &str) -> String {
        let (mut shown, mut rest) = (String::new(), line);
        loop {
            let (hidden, end, next) = match self {
                Self::Hidden => (true, "-->", Self::Text),
                Self::Text | Self::Fenced { .. } => (false, "<!--", Self::Hidden),
            };
            let cut = rest.split_once(end);
            if !hidden {
                shown.push_str(cut.map_or(rest, |(before, _)| before));
            }
            let Some((_, after)) = cut else { return shown };
            (*self, rest) = (next, after);
        }
    }

    /// The block of code that a line opens, in a list too.
    fn fence(line: &str) -> Option<Self> {
        let text = line.trim_start_matches(|c: char| c.is_whitespace() || c.is_ascii_digit() || "-*+.)".contains(c));
        let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let info = text.trim_start_matches(mark);
        let length = text.len() - info.len();
        // With another backtick behind them, backticks open code within a line.
        (length >= 3 && !(mark == '`' && info.contains('`'))).then_some(Self::Fenced { mark, length })
    }
}

/// Columns of blank before a line's text; a tab goes to the next multiple of four.
fn indent(line: &str) -> usize {
    let blanks = line.chars().take_while(|c| c.is_whitespace());
    blanks.fold(0, |column, c| if c == '\t' { (column / CODE_INDENT + 1) * CODE_INDENT } else { column + 1 })
}
