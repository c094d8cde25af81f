//! Words and variables as a command, and what is refused.

use super::*;

fn words(line: &str) -> Result<Cli, NoCommand> {
    Cli::from_words(["merotee"].into_iter().chain(line.split(' ')).map(OsString::from).collect())
}

#[test]
fn no_option_reads_a_variable_whose_being_empty_is_not_looked_at() {
    fn read(command: &clap::Command) -> Vec<OsString> {
        let own = command.get_arguments().filter_map(|arg| arg.get_env()).map(OsStr::to_os_string);
        own.chain(command.get_subcommands().flat_map(read)).collect()
    }
    let read = read(&Cli::whole());
    assert!(read.len() > 50 && read.iter().all(|name| !is_never_read(name)), "{read:?}");
}

#[test]
fn the_parsers_complaint_is_one_sentence_and_its_tips_are_advice() {
    let NoCommand::Wrong(error) = words("verify-release-assets 1.2.0 --not").unwrap_err() else { panic!() };
    assert_eq!(error.to_string(), "unexpected argument '--not' found");
    let advice = error.advice().unwrap_or_default();
    assert!(advice.starts_with("tip: a similar argument exists: '--notes'; Usage: merotee"), "{advice}");
}

#[test]
fn help_and_the_version_are_texts_that_were_asked_for() {
    for line in ["--help", "verify-blob -h"] {
        let NoCommand::Asked(text) = words(line).unwrap_err() else { panic!("{line}") };
        assert!(text.render().to_string().contains("merotee"), "{line}");
    }
    for line in ["--version", "-q -V"] {
        assert!(matches!(words(line), Err(NoCommand::Version)), "{line}");
    }
}

#[cfg(feature = "sandbox")]
#[test]
fn an_option_is_taken_by_the_command_that_uses_it_and_refused_by_others() {
    for line in [
        "--repo a/b completions bash",
        "--repo a/b sandbox -- verify-release-assets 1.2.0",
        "sandbox --repo a/b serve",
        "sandbox --api-url http://x -- verify-release-assets 1.2.0",
        "--retries 1 policy validate p",
        "completions bash --repo a/b",
        "policy validate p --retries 1",
        "compose-hash f --trusted-root r",
        "gen-policy --tag mero-kms-v1.0.0 --not-ready --out x --api-url http://x",
    ] {
        let NoCommand::Wrong(error) = words(line).unwrap_err() else { panic!("{line}") };
        assert!(error.to_string().starts_with("unexpected argument"), "{line}: {error}");
    }
    for line in [
        "verify-release-assets 1.2.0 --repo a/b",
        "--repo a/b verify-release-assets 1.2.0",
        "sandbox -- verify-release-assets 1.2.0 --repo a/b",
        "sandbox -- --repo a/b verify-release-assets 1.2.0",
    ] {
        assert!(words(line).is_ok(), "{line}");
    }
}

#[test]
fn an_option_with_an_empty_value_is_refused_and_never_dropped() {
    for line in [
        "verify-release-assets 1.2.0 --certificate-identity=",
        "verify-release-assets 1.2.0 --repo=",
        "verify-release-assets 1.2.0 --signer-repo=",
        "gen-policy --tag mero-kms-v1.0.0 --not-ready --out x --commit=",
        "kms serve --redis-url=",
    ] {
        let NoCommand::Wrong(error) = words(line).unwrap_err() else { panic!("{line}") };
        assert!(error.to_string().ends_with(" has an empty value"), "{line}: {error}");
    }
}

#[cfg(feature = "sandbox")]
#[test]
fn a_sandbox_in_a_sandbox_and_one_without_a_command_are_refused() {
    for line in ["sandbox", "sandbox --", "sandbox -- sandbox serve", "sandbox -- sandbox -- man"] {
        assert!(matches!(words(line).unwrap_err(), NoCommand::Wrong(_)), "{line}");
    }
}

#[test]
fn standard_input_is_read_by_one_argument_alone() {
    for line in [
        "verify-blob --bundle - -",
        "verify-blob --signature - --key - x",
        "quote verify - --collateral -",
        "quote verify - --root -",
        "quote verify - --expect-policy -",
        "quote verify x --collateral - --root -",
        "mrtds verify-runtime --measurements - --expected - --profile debug",
        "mrtds compare-mdma --quote - --collateral - --expected x --profile debug",
        "mrtds assemble --tag mero-tee-v1.0.0 --candidates debug=- --candidates locked-read-only=-",
        "gen-policy --tag mero-kms-v1.0.0 --candidates - --node-mrtds - --out x",
        "verify-blob --trusted-root - --bundle - x",
        "verify-release-assets 1.2.0 --key - --contract -",
        "kms get-key --node-key - --expect-policy -",
    ] {
        let NoCommand::Wrong(error) = words(line).unwrap_err() else { panic!("{line}") };
        assert!(error.to_string().starts_with("standard input can be read once, and "), "{line}: {error}");
    }
    for line in [
        "verify-blob --bundle x -",
        "quote verify - --collateral ./-",
        "quote inspect -",
        "verify-blob --certificate-identity - --bundle x -",
    ] {
        assert!(words(line).is_ok(), "{line}");
    }
}

/// Files that a command writes, edits in place, reads once a release, or takes together with what lies beside them.
const NOT_FROM_STANDARD_INPUT: [&str; 9] =
    ["output", "save", "key_out", "config", "notes", "policy_file", "image_profile_file", "catalog_file", "state"];

#[test]
fn every_argument_that_names_a_file_to_read_says_that_it_reads_standard_input() {
    let mut command = Cli::command();
    command.build();
    let mut commands = vec![&command];
    let mut looked_at = 0;
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        for arg in command.get_arguments() {
            let names = arg.get_value_names().unwrap_or_default();
            let is_file = |name: &str| name.split(|c: char| !c.is_ascii_uppercase()).any(|word| word == "FILE");
            if names.iter().any(|name| is_file(name)) {
                looked_at += 1;
                let written = NOT_FROM_STANDARD_INPUT.contains(&arg.get_id().as_str());
                assert_ne!(written, reads_standard_input(arg), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }
    assert!(looked_at > 20, "{looked_at}");
}
