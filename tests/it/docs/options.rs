//! The pages of commands, `docs/commands/`: synopsis, options and examples of each are what clap says, between markers.
//!
//! `MEROTEE_BLESS=1 cargo test --test it docs::options` writes what the program says into the pages. What stands outside
//! the markers is written by hand and stays.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use clap::{Arg, Command};
use merotee::cli::Cli;

use super::{read, root};

const END: &str = "<!-- /generated -->";

/// The program's commands, built: their options include those that every command takes.
pub(super) fn program() -> Command {
    Cli::whole()
}

/// The commands that do something, each with the words it is called by: `kms serve`, and never `kms` alone.
pub(super) fn leaves(command: &Command) -> Vec<(String, Command)> {
    let subcommands: Vec<&Command> = command.get_subcommands().filter(|c| c.get_name() != "help").collect();
    let of = |sub: &Command| -> Vec<(String, Command)> {
        let name = sub.get_name();
        let inner = leaves(sub);
        if inner.is_empty() {
            return vec![(name.to_owned(), sub.clone())];
        }
        // `sandbox` runs other commands, and has one of its own.
        let itself = (!sub.is_subcommand_required_set()).then(|| (name.to_owned(), sub.clone()));
        itself.into_iter().chain(inner.into_iter().map(|(words, leaf)| (format!("{name} {words}"), leaf))).collect()
    };
    subcommands.into_iter().flat_map(of).collect()
}

/// What a page says of one command between its markers.
fn block(words: &str, command: &Command) -> String {
    let mut out = format!("{}\n", start(words));
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage: Vec<&str> = usage.trim_start_matches("Usage:").lines().map(str::trim).collect();
    write!(out, "{about}.\n\n```text\n{}\n```\n", usage.join("\n")).unwrap();
    for (heading, arguments) in grouped(command) {
        write!(out, "\n**{heading}**\n\n| option | variable | default | meaning |\n|---|---|---|---|\n").unwrap();
        for argument in arguments {
            writeln!(out, "{}", row(argument)).unwrap();
        }
    }
    if let Some(after) = command.get_after_long_help().or_else(|| command.get_after_help()) {
        write!(out, "\n```text\n{}\n```\n", after.to_string().trim_end()).unwrap();
    }
    out + END + "\n"
}

fn start(words: &str) -> String {
    format!("<!-- generated: merotee {words} -->")
}

/// Arguments by their heading: the command's own first, then the groups in the order of their names.
fn grouped(command: &Command) -> Vec<(String, Vec<&Arg>)> {
    let mut groups: BTreeMap<(u8, String), Vec<&Arg>> = BTreeMap::new();
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let key = match argument.get_help_heading() {
            _ if argument.is_positional() => (0, "Arguments".to_owned()),
            None => (1, "Options".to_owned()),
            Some(heading) => (2, heading.to_owned()),
        };
        groups.entry(key).or_default().push(argument);
    }
    groups.into_iter().map(|((_, heading), arguments)| (heading, arguments)).collect()
}

fn row(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default().join(" ");
    let takes_value = argument.get_action().takes_values();
    let names = match (argument.get_short(), argument.get_long()) {
        (None, None) => format!("`{values}`"),
        (short, long) => {
            let short = short.map(|short| format!("-{short}"));
            let mut names: Vec<String> = short.into_iter().chain(long.map(|long| format!("--{long}"))).collect();
            if let (Some(last), true) = (names.last_mut(), takes_value) {
                *last = format!("{last} {values}");
            }
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        }
    };
    let variable = argument.get_env().map(|name| format!("`{}`", name.display())).unwrap_or_default();
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.display())).collect();
    let default = if takes_value { defaults.join(" ") } else { String::new() };
    let mut help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let choices: Vec<String> = argument
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if takes_value && !choices.is_empty() && !argument.is_hide_possible_values_set() {
        write!(help, ": {}", choices.join(", ")).unwrap();
    }
    let cells = [names, variable, default, help].map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    format!("| {} |", cells.join(" | "))
}

/// Every page with the text it should have, by the command it is about.
fn pages() -> BTreeMap<String, (PathBuf, String)> {
    let mut pages = BTreeMap::new();
    for (words, leaf) in leaves(&program()) {
        let name = words.split(' ').next().unwrap().to_owned();
        let path = root().join(format!("docs/commands/{name}.md"));
        let (_, text) = pages.entry(name.clone()).or_insert_with(|| {
            let text = fs::read_to_string(&path).unwrap_or_else(|_| format!("# merotee {name}\n"));
            (path, text.replace("\r\n", "\n"))
        });
        let fresh = block(&words, &leaf);
        let begin = start(&words);
        let found = text.find(&begin).and_then(|from| text[from..].find(END).map(|length| (from, from + length)));
        match found {
            Some((from, to)) => text.replace_range(from..to + END.len() + 1, &fresh),
            None if words.contains(' ') => write!(text, "\n## merotee {words}\n\n{fresh}").unwrap(),
            None => write!(text, "\n{fresh}").unwrap(),
        }
    }
    pages
}

#[test]
fn the_page_of_each_command_says_what_the_program_says_of_its_options_and_variables() {
    let bless = std::env::var_os("MEROTEE_BLESS").is_some();
    let mut stale = Vec::new();
    for (name, (path, text)) in pages() {
        if bless {
            fs::write(&path, text).unwrap();
        } else if fs::read_to_string(&path).ok() != Some(text) {
            stale.push(name);
        }
    }
    let how = "run `MEROTEE_BLESS=1 cargo test --test it docs::options` and read what it changed";
    assert!(stale.is_empty(), "docs/commands/ differs from the program for {stale:?}: {how}");
}

#[test]
fn every_command_has_a_page_the_index_links_to_and_no_page_is_of_a_command_that_is_not_there() {
    let program = program();
    let commands: Vec<String> = leaves(&program).into_iter().map(|(words, _)| words).collect();
    let index = read("docs/commands/README.md");
    for entry in fs::read_dir(root().join("docs/commands")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "README.md" {
            continue;
        }
        let text = read(&format!("docs/commands/{name}"));
        assert!(index.contains(&format!("]({name})")), "the index does not link to {name}");
        for mark in text.split("<!-- generated: merotee ").skip(1) {
            let words = mark.split(" -->").next().unwrap();
            assert!(commands.iter().any(|command| command == words), "{name}: there is no command {words}");
        }
    }
    for command in program.get_subcommands().filter(|c| c.get_name() != "help") {
        let entries = index.matches(&format!("| [`{0}`]({0}.md) |", command.get_name())).count();
        assert_eq!(entries, 1, "{}", command.get_name());
    }
}

#[test]
fn each_option_has_a_help_text_and_the_variables_of_options_are_upper_case() {
    for (words, leaf) in leaves(&program()) {
        for argument in leaf.get_arguments().filter(|argument| !argument.is_hide_set()) {
            assert!(argument.get_help().is_some(), "merotee {words}: {} has no help", argument.get_id());
            let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or("X");
            let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            assert!(variable.chars().all(word), "merotee {words}: {variable}");
        }
    }
}

#[test]
fn words_that_the_help_of_an_option_hides_are_on_no_page() {
    let of = |hidden: bool| {
        let argument = Arg::new("tag").long("tag").value_parser(["mero-kms-v", "mero-tee-v"]).help("Tag");
        let mut command = Command::new("x").arg(argument.hide_possible_values(hidden));
        command.build();
        row(command.get_arguments().find(|argument| argument.get_id() == "tag").unwrap())
    };
    assert!(of(false).contains("Tag: `mero-kms-v`, `mero-tee-v`") && !of(true).contains("mero-kms-v"), "{}", of(true));
}
