//! Options of `probe …` that say nothing about what is probed: those of the other family, and those about a machine that is
//! made where none is, of `e2e` as well. They are refused: who writes one believes that it counts. What the environment says is for every
//! command, and is let be.

use clap::{
    ArgMatches, Command,
    error::{ErrorKind, Result},
    parser::ValueSource,
};

use crate::subject::tag::Family;

/// Options about a KMS.
const OF_KMS: [&str; 6] = ["image", "kms_url", "expect_version", "instance_type", "region", "phala_api_url"];
/// Options about a node.
const OF_NODE: [&str; 8] =
    ["zone", "subnetwork", "machine_type", "image_name", "image_project", "allow_cidr", "project", "compute_url"];
/// Options about the machine that is made for a KMS.
const OF_MACHINE: [&str; 3] = ["instance_type", "region", "phala_api_url"];
/// Options about the machines that an end-to-end run makes for nodes.
const OF_NODE_MACHINES: [&str; 7] =
    ["zone", "subnetwork", "machine_type", "image_project", "allow_cidr", "project", "compute_url"];

/// Refuses what has no effect on the command that is run, with what it was given.
pub(super) fn refuse(command: Option<&str>, of: &Command, given: &ArgMatches) -> Result<()> {
    match command {
        Some("probe") => refuse_of_probe(of, given),
        Some("e2e") => refuse_of_e2e(of, given),
        Some(_) | None => Ok(()),
    }
}

/// The option of this name, where it was typed.
fn typed<'c>(of: &'c Command, given: &ArgMatches, id: &str) -> Option<&'c str> {
    let known = of.get_arguments().find(|arg| arg.get_id() == id)?;
    let typed = given.value_source(id) == Some(ValueSource::CommandLine);
    known.get_long().filter(|_| typed)
}

/// Refuses what is about machines where an end-to-end run makes none.
fn refuse_of_e2e(of: &Command, given: &ArgMatches) -> Result<()> {
    if given.get_flag("cloud") {
        return Ok(());
    }
    match OF_MACHINE.iter().chain(&OF_NODE_MACHINES).find_map(|id| typed(of, given, id)) {
        None => Ok(()),
        Some(option) => {
            let message = format!("--{option} has no effect without --cloud");
            Err(of.clone().error(ErrorKind::ArgumentConflict, message))
        }
    }
}

/// Refuses what has no effect on the command of `probe` that is run, with what it was given.
fn refuse_of_probe(of: &Command, given: &ArgMatches) -> Result<()> {
    let typed = |id: &str| typed(of, given, id);
    let family = given.try_get_one::<Family>("family").ok().flatten();
    let (others, own) = match family {
        Some(Family::Kms) => (OF_NODE.as_slice(), Family::Node),
        Some(Family::Node) => (OF_KMS.as_slice(), Family::Kms),
        None => return Ok(()),
    };
    if let Some(option) = others.iter().find_map(|id| typed(id)) {
        let message = format!("--{option} applies to --family {} only", own.role());
        return Err(of.clone().error(ErrorKind::ArgumentConflict, message));
    }
    if typed("kms_url").is_some()
        && let Some(option) = OF_MACHINE.iter().find_map(|id| typed(id))
    {
        let message = format!("--{option} has no effect with --kms-url");
        return Err(of.clone().error(ErrorKind::ArgumentConflict, message));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli::{Cli, NoCommand};

    fn read(line: &str) -> std::result::Result<Cli, NoCommand> {
        Cli::from_words(["merotee"].into_iter().chain(line.split(' ')).map(OsString::from).collect())
    }

    #[test]
    fn each_option_of_the_other_family_is_refused_by_its_name_and_those_of_ones_own_are_taken() {
        let whole = Cli::whole();
        let run = whole.find_subcommand("probe").unwrap().find_subcommand("run").unwrap();
        let long =
            |id: &str| run.get_arguments().find(|arg| arg.get_id() == id).unwrap().get_long().unwrap().to_owned();
        let value = |id: &str| match id {
            "kms_url" | "phala_api_url" | "compute_url" => "https://x.example",
            "image" => "a@sha256:b",
            "expect_version" => "1.2.0",
            "zone" => "europe-west4-a",
            "allow_cidr" => "203.0.113.7/32",
            "project" | "image_project" => "my-project",
            _ => "small",
        };
        for (family, own, other, others) in
            [("kms", OF_KMS.as_slice(), "node", OF_NODE.as_slice()), ("node", &OF_NODE, "kms", &OF_KMS)]
        {
            let line = format!("probe run --family {family} --profile debug --out x");
            for id in own {
                let line = format!("{line} --{} {}", long(id), value(id));
                assert!(read(&line).is_ok(), "{line}");
            }
            for id in others {
                let option = long(id);
                let NoCommand::Wrong(error) = read(&format!("{line} --{option} {}", value(id))).unwrap_err() else {
                    panic!("{option}")
                };
                assert_eq!(error.to_string(), format!("--{option} applies to --family {other} only"));
            }
        }
    }

    #[test]
    fn options_about_machines_of_an_end_to_end_run_are_refused_where_it_makes_none() {
        for (option, value) in [("instance-type", "tdx.small"), ("zone", "europe-west4-a"), ("project", "my-project")] {
            let NoCommand::Wrong(error) = read(&format!("e2e 1.2.0 --{option} {value}")).unwrap_err() else {
                panic!("{option}")
            };
            assert_eq!(error.to_string(), format!("--{option} has no effect without --cloud"));
            assert!(read(&format!("e2e 1.2.0 --cloud --out x --{option} {value}")).is_ok(), "{option}");
        }
    }

    #[test]
    fn options_about_a_machine_are_refused_where_none_is_made() {
        let line = "probe run --family kms --profile debug --out x --kms-url https://x.example";
        assert!(read(line).is_ok());
        for (option, value) in [("instance-type", "tdx.small"), ("region", "a"), ("phala-api-url", "https://y.example")]
        {
            let NoCommand::Wrong(error) = read(&format!("{line} --{option} {value}")).unwrap_err() else {
                panic!("{option}")
            };
            assert_eq!(error.to_string(), format!("--{option} has no effect with --kms-url"));
        }
        for line in [
            "probe cleanup --label x --family kms --project my-project",
            "probe cleanup --label x --project my-project",
        ] {
            assert_eq!(read(line).is_ok(), !line.contains("--family"), "{line}");
        }
    }
}
