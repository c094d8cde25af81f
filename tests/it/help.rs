//! Help, manual pages and completions: what each command shows of itself.

use merotee::cli::Cli;

use crate::binary::{BINARY, Place, usable};

/// Every command that can be run, with its words.
fn commands() -> Vec<(Vec<String>, clap::Command)> {
    fn below(command: &clap::Command, words: &[String], found: &mut Vec<(Vec<String>, clap::Command)>) {
        if !command.has_subcommands() || command.get_name() == "sandbox" {
            found.push((words.to_vec(), command.clone()));
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            below(sub, &[words, &[sub.get_name().to_owned()]].concat(), found);
        }
    }
    let command = Cli::whole();
    let mut found = Vec::new();
    below(&command, &[], &mut found);
    found
}

/// The examples in a help text: lines that begin with the program, with those that continue them.
fn examples(help: &str) -> Vec<String> {
    let mut examples: Vec<String> = Vec::new();
    for line in help.lines() {
        match examples.last_mut() {
            Some(last) if last.ends_with('\\') => *last = format!("{}{}", last.trim_end_matches('\\'), line.trim()),
            _ if line.starts_with("  merotee ") => examples.push(line.trim().to_owned()),
            _ => {}
        }
    }
    examples
}

/// That each runs as it is printed is tried with every other printed line, in `docs`.
#[test]
fn the_help_of_every_command_has_an_example_of_that_command() {
    for (words, command) in commands() {
        let name = words.join(" ");
        let examples = examples(&command.clone().render_help().to_string());
        assert!(
            examples.iter().any(|example| example.contains(&name)),
            "`{name}` has no example of itself in its help"
        );
    }
}

#[test]
fn an_option_of_one_command_is_no_line_in_the_help_of_another() {
    let help = Place::new().merotee(["completions", "--help"]).run().expect(0).stdout;
    assert!(help.lines().count() < 25, "{help}");
    for foreign in ["--repo", "--api-url", "--trusted-root", "--retries"] {
        assert!(!help.contains(foreign), "{help}");
        let run = Place::new().merotee(["completions", "bash", foreign, "1"]).run().expect(2).without_product();
        run.says(&["unexpected argument", foreign]);
    }
}

#[test]
fn help_is_a_line_an_option_where_it_fits() {
    for (words, _) in commands() {
        let help = Place::new().merotee(&words).args(["--help"]).run().expect(0).stdout;
        let blank = help.lines().filter(|line| line.trim().is_empty()).count();
        assert!(blank * 4 < help.lines().count().max(40), "`{}` spreads its help:\n{help}", words.join(" "));
    }
}

#[test]
fn what_stands_behind_the_options_fits_a_terminal_of_80_columns() {
    for (words, command) in commands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        // Words of examples cannot be broken, and are pasted.
        let examples = help.find("Example").unwrap_or(help.len());
        for line in help[..examples].lines() {
            assert!(line.chars().count() <= 80, "`{}`: {line}", words.join(" "));
        }
    }
}

#[test]
fn options_of_intel_trust_authority_alone_stand_under_its_name() {
    let heading = Some("Intel Trust Authority");
    let of = |command: &clap::Command, id: &str| {
        command.get_arguments().find(|arg| arg.get_id() == id).map(|arg| arg.get_help_heading().map(str::to_owned))
    };
    let mut seen = 0;
    for (words, command) in commands() {
        for arg in command.get_arguments().filter(|arg| arg.get_help_heading() == heading) {
            let id = arg.get_id().as_str();
            assert!(id.starts_with("ita"), "{}: {id}", words.join(" "));
            seen += 1;
        }
        if words == ["quote", "verify"] {
            for id in ["role", "nonce", "binding", "offline"] {
                assert_eq!(of(&command, id), Some(Some("Judgement".to_owned())), "{id}");
            }
        }
    }
    assert!(seen > 0);
}

#[test]
fn every_command_at_every_depth_has_a_manual_page_under_its_own_name() {
    for (words, _) in commands() {
        let page = Place::new().merotee(["man"]).args(&words).run().expect(0).stdout;
        let name = [&["merotee".to_owned()], words.as_slice()].concat().join("-");
        let title = page.lines().find(|line| line.starts_with(".TH")).unwrap();
        assert!(title.replace('\\', "").contains(&name), "{title} {name}");
        assert!(page.contains("Example"), "{title}");
    }
    for (words, says) in [
        (&["kms", "nothing"][..], &["`merotee kms` has no subcommand `nothing`", "serve"][..]),
        (&["nothing"], &["`merotee` has no subcommand `nothing`", "verify-blob"]),
        (&["compose-hash", "x"], &["`merotee compose-hash` has no subcommand `x`"]),
        (&["kms", "serve", "\u{1b}[31m"], &["`merotee kms serve` has no subcommand"]),
    ] {
        Place::new().merotee(["man"]).args(words).run().expect(2).without_product().says(says);
    }
}

#[test]
fn shells_complete_profiles_classes_kinds_of_tampering_checks_and_what_tags_begin_with() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Place::new().merotee(["completions", shell]).run().expect(0).stdout;
        for word in ["locked-read-only", "hotfix", "mero-kms-v", "mero-tee-v", "payload-byte", "measurements-match"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
}

#[test]
fn the_version_is_one_line_however_it_is_asked_for() {
    let line = format!("merotee {}\n", env!("CARGO_PKG_VERSION"));
    for words in [&["--version"][..], &["-V"], &["--version", "quote"], &["-q", "--version"]] {
        let run = Place::new().merotee(words).run().expect(0);
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (line.as_str(), ""), "{words:?}");
    }
}

#[test]
fn help_and_version_that_cannot_be_printed_are_a_failure() {
    if !usable("test", &["-c", "/dev/full"]) {
        return;
    }
    for asked in ["--version", "--help", "quote verify --help"] {
        let line = format!("'{BINARY}' {asked} > /dev/full");
        let run = Place::new().program("sh", ["-c", line.as_str()]).run();
        run.expect(1).says(&["cannot write to standard output", "No space left"]);
    }
}
