//! Options of a command that are written before its name, where every option was taken once and where scripts still have
//! them: `--retries 0` before `quote verify`. They are put behind the name, so that the command takes or refuses them.

use std::{
    cell::OnceCell,
    ffi::{OsStr, OsString},
};

use clap::{Arg, ArgAction, Command};

use super::Cli;

/// The words, program's name first, with every option that is not the program's own behind the name of the command.
pub(super) fn behind_the_command(program: &Command, words: Vec<OsString>) -> Vec<OsString> {
    let mut words = words.into_iter().peekable();
    let mut ordered: Vec<OsString> = words.next().into_iter().collect();
    let mut moved = Vec::new();
    // Most command lines need no such thing.
    let whole = OnceCell::new();
    while let Some(word) = words.next_if(|word| is_option(word)) {
        let own = program.get_arguments().find(|arg| is(arg, &word));
        let found = match own {
            Some(own) => Some(own),
            // These are the program's own too, but it learns of them late.
            None if ["-h", "--help", "-V", "--version"].iter().any(|asked| word == *asked) => None,
            None => of_any_command(whole.get_or_init(Cli::whole), &word),
        };
        let value = found.filter(|arg| has_value_behind(arg, &word)).and_then(|_| words.next());
        let place = if own.is_none() && found.is_some() { &mut moved } else { &mut ordered };
        place.push(word);
        place.extend(value);
    }
    if moved.is_empty() {
        ordered.extend(words);
        return ordered;
    }
    let mut at = whole.get_or_init(Cli::whole);
    while let Some(command) = words.peek().and_then(|word| at.find_subcommand(word)) {
        ordered.extend(words.next());
        at = command;
    }
    ordered.extend(moved.into_iter().chain(words));
    ordered
}

/// Whether a word is an option, and not `-` or `--`.
fn is_option(word: &OsStr) -> bool {
    word != "--" && word.len() > 1 && word.as_encoded_bytes().starts_with(b"-")
}

/// Whether a word names the option, with or without a value behind `=`.
fn is(arg: &Arg, word: &OsStr) -> bool {
    let Some(text) = word.to_str() else { return false };
    match text.strip_prefix("--") {
        Some(long) => {
            let name = long.split_once('=').map_or(long, |(name, _)| name);
            arg.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name))
                || arg.get_all_aliases().is_some_and(|names| names.contains(&name))
        }
        None => arg.get_short().is_some_and(|short| text.chars().nth(1) == Some(short)),
    }
}

/// An option of a command, however deep.
fn of_any_command<'c>(program: &'c Command, word: &OsStr) -> Option<&'c Arg> {
    program.get_subcommands().find_map(|command| {
        let own = command.get_arguments().find(|arg| is(arg, word));
        own.or_else(|| of_any_command(command, word))
    })
}

/// Whether the option's value is the next word: it takes one, and the word does not hold it.
fn has_value_behind(arg: &Arg, word: &OsStr) -> bool {
    let takes_one = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let bytes = word.as_encoded_bytes();
    let is_long = bytes.starts_with(b"--");
    takes_one && if is_long { !bytes.contains(&b'=') } else { bytes.len() == 2 }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn ordered(words: &str) -> String {
        let words = words.split(' ').map(OsString::from).collect();
        let ordered = behind_the_command(&Cli::command(), words);
        ordered.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_option_of_a_command_goes_behind_its_name_and_the_programs_own_stay() {
        for (written, read) in [
            ("m --retries 0 quote verify q.bin", "m quote verify --retries 0 q.bin"),
            ("m --retries=0 quote verify q.bin --pccs u", "m quote verify --retries=0 q.bin --pccs u"),
            (
                "m -q --repo a/b --format json verify-release-assets t",
                "m -q --format json verify-release-assets --repo a/b t",
            ),
            ("m -o out --offline verify-blob f", "m -o out verify-blob --offline f"),
            ("m --seed 1 sandbox -- kms health", "m sandbox --seed 1 -- kms health"),
            // Its own words decide what a sandbox takes: it has no such option, and says so.
            ("m --repo a/b sandbox -- kms health", "m sandbox --repo a/b -- kms health"),
        ] {
            assert_eq!(ordered(written), read);
        }
    }

    #[test]
    fn words_that_need_no_order_are_left_as_they_are() {
        for words in [
            "m",
            "m --version",
            "m --nonsense 1 quote verify q.bin",
            "m quote verify --retries 0 q.bin",
            "m -v verify-blob f",
            "m -- --retries 0",
            "m - verify-blob",
            "m verify-blob f -- --retries",
        ] {
            assert_eq!(ordered(words), words);
        }
    }

    #[test]
    fn an_option_whose_value_is_missing_is_left_for_the_command_to_refuse() {
        assert_eq!(ordered("m --retries"), "m --retries");
        assert_eq!(ordered("m --retries quote verify"), "m --retries quote verify");
    }
}
