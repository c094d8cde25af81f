//! The environment of the running process. Only names come out of here, never values.

use super::{PROCESS, name};
use crate::{report::Finding, text::counted};

/// Judges names and values of environment variables. Values are looked at only to tell whether a switch is harmless.
pub fn process<'v>(variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Vec<Finding> {
    let mut seen = 0;
    let mut names = Vec::new();
    for (name, value) in variables {
        seen += 1;
        if name::forbidden(name).is_some_and(|kind| !kind.is_harmless(value)) {
            names.push(name);
        }
    }
    names.sort_unstable();
    if names.is_empty() {
        return vec![PROCESS.pass("environment", format!("none in {}", counted(seen, "variable", "variables")))];
    }
    let finding = |name: &str| {
        PROCESS
            .fail("environment", format!("{name} is set"))
            .help("unset it, or find the workflow, runner or variable of the organisation that sets it")
    };
    names.into_iter().map(finding).collect()
}
