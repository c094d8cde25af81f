//! Which program a command runs, and what is known of it: whether it reads, filters, or runs what it is given.

use super::word::Word;
use crate::guard::allowed_env::name;

/// What a word does before the command proper.
pub(super) const WRAPPERS: [&str; 13] = [
    "sudo",
    "env",
    "command",
    "exec",
    "nohup",
    "time",
    "timeout",
    "nice",
    "doas",
    "builtin",
    "stdbuf",
    "setsid",
    "cross-env",
];
/// Programs that read what they are given and set nothing.
pub(super) const READERS: [&str; 29] = [
    "grep", "egrep", "fgrep", "zgrep", "rg", "ag", "ack", "test", "[", "[[", "printenv", "jq", "git", "find", "ls",
    "diff", "cmp", "true", "false", ":", "exit", "return", "unset", "awk", "gawk", "cut", "comm", "case", "die",
];
/// Programs through which lines pass.
pub(super) const FILTERS: [&str; 31] = [
    "grep",
    "egrep",
    "fgrep",
    "rg",
    "sed",
    "awk",
    "gawk",
    "sort",
    "uniq",
    "tr",
    "cut",
    "head",
    "tail",
    "cat",
    "wc",
    "base64",
    "jq",
    "less",
    "more",
    "column",
    "nl",
    "rev",
    "tac",
    "fold",
    "envsubst",
    "tee",
    "cmp",
    "diff",
    "sha256sum",
    "true",
    ":",
];
/// Shells: what they are given is a script.
pub(super) const SHELLS: [&str; 12] =
    ["bash", "sh", "zsh", "dash", "ash", "ksh", "eval", "ssh", "su", "script", "trap", "parallel"];
/// Interpreters: what they are given is code.
const INTERPRETERS: [&str; 9] = ["python", "python3", "node", "ruby", "perl", "pwsh", "powershell", "deno", "bun"];

pub(super) fn base(word: &Word) -> &str {
    word.text.rsplit('/').next().unwrap_or_default()
}

/// The first word that is not an assignment, and the program that runs in the end.
pub(super) fn program(words: &[Word]) -> (usize, &str) {
    let is_assignment = |word: &Word| {
        let name: String = word.text.chars().take_while(|c| name::is_word(*c)).collect();
        let after = word.text.get(name.len()..).unwrap_or_default();
        !name.is_empty() && (after.starts_with('=') || after.starts_with("+=") || after.starts_with('['))
    };
    let first = words.iter().position(|word| !is_assignment(word)).unwrap_or(words.len());
    let mut rest = words.get(first..).unwrap_or_default().iter().filter(|word| !is_assignment(word));
    let mut wrapped = false;
    let last = rest.find(|word| {
        let wraps = WRAPPERS.contains(&base(word));
        let argument = wrapped && (word.text.starts_with('-') || word.text.starts_with(|c: char| c.is_ascii_digit()));
        wrapped |= wraps;
        !wraps && !argument
    });
    (first, last.map_or("", base))
}

/// Whether a program runs code: `python3.12` as `python`.
pub(super) fn interprets(program: &str) -> bool {
    let plain = program.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit());
    INTERPRETERS.contains(&program) || INTERPRETERS.contains(&plain)
}

pub(super) fn in_place(arguments: &[Word]) -> bool {
    arguments.iter().any(|word| word.text.starts_with("-i") || word.text == "--in-place" || word.text == "-pi")
}

/// Whether what comes through a pipe goes on, instead of being used up by a program that may heed it.
pub(super) fn passes_on(words: &[Word]) -> bool {
    let (_, program) = program(words);
    program.is_empty() || FILTERS.contains(&program) || READERS.contains(&program)
}

/// `tee FILE`: files named as arguments.
pub(super) fn writes_by_name(words: &[Word]) -> bool {
    let at = words.iter().position(|word| base(word) == "tee");
    let files = at.and_then(|at| words.get(at + 1..)).unwrap_or_default();
    files.iter().any(|word| !word.text.starts_with('-') && is_kept(&word.text))
}

/// Whether a file is one that a later program may read as variables. Summaries, step outputs, logs and pages are read by
/// people, or by name.
pub(super) fn is_kept(target: &str) -> bool {
    let shown = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"];
    let page = [".md", ".log", ".html"];
    !shown.iter().any(|name| target.trim_end_matches('}').ends_with(name))
        && !page.iter().any(|end| target.ends_with(end))
}
