//! What a key says about what stands under it.

use super::entry;
use crate::{
    guard::allowed_env::hit::How,
    yaml::{NodeId, Tree},
};

/// What a node stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Under {
    /// Nothing: the top of a file.
    Top,
    /// Nothing that matters.
    Other,
    /// Names that the author of the file has chosen for what stands below them.
    All(Named),
    /// One of these.
    One(Named),
    /// Names of variables, or `NAME=value` in a list or a text.
    Names(How),
    /// Inputs of an action.
    With(Language),
    /// A matrix, at any depth.
    Matrix,
    /// A script.
    Script(Language),
    /// Words of a command line.
    Command,
    /// A Dockerfile.
    Dockerfile,
    /// A file that a program may read as variables.
    Lines,
}

/// What the author of a file names as he likes: `env`, `matrix` or `secrets` may be such a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Named {
    /// Jobs of a workflow.
    Jobs,
    /// Services of a job or of a compose file.
    Services,
    /// Files that a compose file holds.
    Configs,
}

/// What a script is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Language {
    /// A POSIX shell.
    Shell,
    /// Something else.
    Code,
    /// A program that nothing is known of runs it.
    Either,
    /// Not said: what the runner's system makes of it.
    Unknown,
}

impl Language {
    /// By the value of `shell`, which may wrap one program in others.
    pub(super) fn of(shell: &str) -> Self {
        let words = || {
            let words = shell.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
            words.map(|word| word.rsplit(['/', '\\']).next().unwrap_or_default().trim_end_matches(".exe"))
        };
        let is_shell = |word| matches!(word, "bash" | "sh" | "zsh" | "dash" | "ash" | "ksh");
        let is_code = |word: &str| {
            let word = word.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit());
            matches!(word, "pwsh" | "powershell" | "cmd" | "python" | "node" | "perl" | "ruby" | "deno" | "bun")
        };
        match (words().any(is_shell), words().any(is_code)) {
            (true, false) => Self::Shell,
            (false, true) => Self::Code,
            (true, true) => Self::Either,
            (false, false) if shell.trim().is_empty() => Self::Unknown,
            (false, false) => Self::Either,
        }
    }
}

/// What a step runs.
pub(super) struct Step {
    language: Language,
    /// Whether the action it uses takes JavaScript.
    scripts: Language,
}

impl Step {
    pub(super) fn of(tree: &Tree<'_>, id: NodeId, language_here: Language) -> Self {
        let text = |key: &str| entry(tree, id, key).and_then(|value| tree.text(value));
        let scripts = match text("uses") {
            Some(uses) if uses.contains("github-script") => Language::Code,
            Some(_) | None => Language::Unknown,
        };
        Self { language: text("shell").map_or(language_here, Language::of), scripts }
    }
}

/// What the value of a key stands under.
pub(super) fn below(key: &str, under: Under, step: &Step) -> Under {
    match (under, key) {
        (Under::All(named), _) => return Under::One(named),
        (Under::Top, "jobs") => return Under::All(Named::Jobs),
        (Under::Top | Under::One(Named::Jobs), "services") => return Under::All(Named::Services),
        (Under::Top, "configs") => return Under::All(Named::Configs),
        (Under::One(Named::Configs), "content") => return Under::Lines,
        _ => {}
    }
    match under {
        Under::Matrix => Under::Matrix,
        // Below a name stands its value.
        Under::Names(_) => Under::Other,
        Under::With(scripts) => match key {
            "script" | "run" | "inlineScript" | "command" | "commands" | "cmd" => Under::Script(scripts),
            "args" | "options" | "entrypoint" => Under::Command,
            // Texts for people.
            "body" | "message" | "title" | "description" | "comment" | "text" => Under::Other,
            // What is looked for.
            "pattern" | "regex" | "search" | "find" | "query" | "include" | "exclude" => Under::Other,
            _ => Under::With(scripts),
        },
        Under::Top
        | Under::Other
        | Under::All(_)
        | Under::One(_)
        | Under::Script(_)
        | Under::Command
        | Under::Dockerfile
        | Under::Lines => match key {
            "env" | "environment" | "variables" => Under::Names(How::Environment),
            "with" => Under::With(step.scripts),
            "secrets" => Under::Names(How::Secret),
            "inputs" => Under::Names(How::Input),
            "args" | "build-args" | "build_args" => Under::Names(How::BuildArgument),
            "matrix" => Under::Matrix,
            "run" => Under::Script(step.language),
            "script" | "before_script" | "after_script" => Under::Script(Language::Unknown),
            "dockerfile_inline" => Under::Dockerfile,
            "shell" | "options" | "command" | "entrypoint" | "pre-entrypoint" | "post-entrypoint" | "test" => {
                Under::Command
            }
            _ => Under::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_for_the_shell_that_runs_it_in_the_end() {
        for (shell, expected) in [
            ("bash", Language::Shell),
            ("/bin/bash -e {0}", Language::Shell),
            ("sudo -E bash -e {0}", Language::Shell),
            ("nix develop -c bash -e {0}", Language::Shell),
            ("pwsh", Language::Code),
            ("python3.12 -u {0}", Language::Code),
            ("cmd.exe", Language::Code),
            ("bash -c \"python {0}\"", Language::Either),
            ("wrapper {0}", Language::Either),
            (" ", Language::Unknown),
        ] {
            assert_eq!(Language::of(shell), expected, "{shell}");
        }
    }
}
