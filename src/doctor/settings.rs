//! The variables and secrets of the release pipeline: which there are, and what each must look like.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;
use url::Url;

use super::{Asked, SECRET, VARIABLE};
use crate::{
    report::Finding,
    schema::excerpt::excerpt,
    subject::{profile::Profile, tag::Selector},
};

/// One setting of the pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name, as a variable of the environment and on GitHub.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// What it must look like.
    pub form: Form,
    /// Whether the pipeline does without it.
    pub needed: Needed,
}

/// Whether the pipeline does without a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// No release without it.
    Always,
    /// There is a default, or only some steps read it; which, as half a sentence.
    Sometimes(&'static str),
}

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `1.2.0`
    Version,
    /// One of the three.
    Profile,
    /// A GCP project: <https://cloud.google.com/resource-manager/docs/creating-managing-projects>.
    Project,
    /// `us-central1-a`
    Zone,
    /// A name of RFC 1035, as Compute Engine has them.
    ImageFamily,
    /// `ghcr.io/owner`, lower case, without a tag.
    Registry,
    /// An address over https, or on this machine.
    Address,
    /// A path in the repository.
    Path,
    /// The JSON key of a GCP service account.
    ServiceAccount,
    /// Anything on one line.
    Opaque,
}

const fn variable(name: &'static str, purpose: &'static str, form: Form, needed: Needed) -> Setting {
    Setting { name, purpose, form, needed }
}

/// The variables, in the order of the pipeline's table.
pub const VARIABLES: [Setting; 10] = [
    variable("MERO_KMS_VERSION", "the KMS version to release, such as 1.2.0", Form::Version, Needed::Always),
    variable(
        "MERO_KMS_PROFILE",
        "debug, debug-read-only or locked-read-only",
        Form::Profile,
        Needed::Sometimes("a KMS reads it where it runs, and builds of all three profiles do not"),
    ),
    variable("MERO_TEE_VERSION", "the node image version to release, such as 1.2.0", Form::Version, Needed::Always),
    variable("GCP_PROJECT_ID", "the Google Cloud project of the node images", Form::Project, Needed::Always),
    variable("GCP_ZONE", "a zone with TDX machines, such as us-central1-a", Form::Zone, Needed::Always),
    variable("GCP_IMAGE_FAMILY", "the prefix of the node images' families", Form::ImageFamily, Needed::Always),
    variable("GHCR_REGISTRY", "where KMS images go, such as ghcr.io/calimero-network", Form::Registry, Needed::Always),
    variable("PHALA_DSTACK_URL", "the dstack instance of the end-to-end tests", Form::Address, Needed::Always),
    variable(
        "ITA_API_URL",
        "the API of Intel Trust Authority",
        Form::Address,
        Needed::Sometimes("without it, quotes are verified by Intel's collateral alone"),
    ),
    variable(
        "COMPATIBILITY_CATALOG_PATH",
        "the catalog's path in the repository",
        Form::Path,
        Needed::Sometimes("the default is compatibility-catalog.json"),
    ),
];

/// The secrets, in the order of the pipeline's table.
pub const SECRETS: [Setting; 4] = [
    variable("GCP_SERVICE_ACCOUNT_KEY", "the service account that builds images", Form::ServiceAccount, Needed::Always),
    variable("GHCR_TOKEN", "a token with packages:write that pushes KMS images", Form::Opaque, Needed::Always),
    variable(
        "ITA_API_KEY",
        "the key of Intel Trust Authority",
        Form::Opaque,
        Needed::Sometimes("without it, quotes are verified by Intel's collateral alone"),
    ),
    variable(
        "COSIGN_PASSWORD",
        "the password of a cosign key",
        Form::Opaque,
        Needed::Sometimes("keyless signing reads none"),
    ),
];

/// [`VARIABLE`] of one setting: what it is here, else what the repository holds for it.
pub fn of_variable(setting: &Setting, here: Option<&str>, repository: &Asked<BTreeMap<String, String>>) -> Finding {
    let Setting { name, .. } = setting;
    let there = match repository {
        Asked::Yes(variables) => variables.get(*name).map(String::as_str),
        Asked::No(_) => None,
    };
    let (value, place) = match (here, there) {
        (Some(value), _) => (value, "here"),
        (None, Some(value)) => (value, "in the repository"),
        (None, None) => return unset(setting, VARIABLE, repository),
    };
    match defect(setting.form, value) {
        Some(expected) => VARIABLE
            .fail(*name, format!("set {place}, and malformed"))
            .compared(expected, excerpt(value))
            .help(format!("set it to {}", setting.purpose)),
        // What a step sees and what the repository says may differ: the step's is stale then, or overridden.
        None if there.is_some_and(|there| there != value) => VARIABLE
            .warn(*name, "set here to another value than in the repository")
            .compared(there.map(excerpt).unwrap_or_default(), excerpt(value))
            .help(format!("unset {name} here, or change it with `gh variable set {name}`")),
        None => VARIABLE.pass(*name, format!("set {place}: {}", excerpt(value))),
    }
}

/// [`SECRET`] of one setting. GitHub tells the names of secrets and never a value; a value is only looked at where it is
/// set on this machine, and never repeated.
pub fn of_secret(setting: &Setting, here: Option<&str>, repository: &Asked<BTreeSet<String>>) -> Finding {
    let Setting { name, .. } = setting;
    let there = matches!(repository, Asked::Yes(names) if names.contains(*name));
    match (here, there) {
        (None, false) => unset(setting, SECRET, repository),
        (None, true) => SECRET.pass(*name, "set in the repository; its value cannot be read, and was not"),
        (Some(value), _) => match defect(setting.form, value) {
            Some(expected) => SECRET
                .fail(*name, "set here, and cannot be what it is meant to be")
                .compared(expected, "something else (not shown)")
                .help(format!("set it again: {}", setting.purpose)),
            None => SECRET.pass(*name, "set here, and well formed"),
        },
    }
}

fn unset<T>(setting: &Setting, check: crate::report::CheckInfo, repository: &Asked<T>) -> Finding {
    let Setting { name, purpose, needed, .. } = setting;
    let kind = if check == SECRET { "secret" } else { "variable" };
    let set = format!("`gh {kind} set {name}`: {purpose}");
    match (repository, needed) {
        (Asked::No(why), _) => check
            .skip(*name, format!("not set here, and the repository was not asked: {why}"))
            .help(format!("if it is not set there either, {set}")),
        (Asked::Yes(_), Needed::Always) => {
            check.missing(*name, "set neither here nor in the repository").help(format!("set it with {set}"))
        }
        (Asked::Yes(_), Needed::Sometimes(why)) => {
            check.skip(*name, format!("not set; {why}")).help(format!("where it is needed, {set}"))
        }
    }
}

/// What a value should be, when it is not.
fn defect(form: Form, value: &str) -> Option<&'static str> {
    let (well_formed, expected) = match form {
        Form::Version => (matches!(value.parse(), Ok(Selector::Both(_))), "a version: X.Y.Z or X.Y.Z-rc.N"),
        Form::Profile => (value.parse::<Profile>().is_ok(), "debug, debug-read-only or locked-read-only"),
        Form::Project => (
            matches(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]", value),
            "a project ID: 6 to 30 lower-case letters, digits and hyphens, a letter first",
        ),
        Form::Zone => (matches(r"[a-z]+-[a-z]+[0-9]+-[a-z]", value), "a zone, such as us-central1-a"),
        Form::ImageFamily => (
            matches(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", value),
            "up to 63 lower-case letters, digits and hyphens, a letter first",
        ),
        Form::Registry => (
            matches(r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)+", value),
            "a registry path without scheme and tag, such as ghcr.io/owner",
        ),
        Form::Address => (is_address(value), "an https:// address without credentials"),
        Form::Path => (is_path(value), "a path below the repository's top, with forward slashes"),
        Form::ServiceAccount => (is_service_account(value), "the JSON key of a service account"),
        Form::Opaque => (
            !value.trim().is_empty() && value.trim() == value && !value.contains(char::is_control),
            "one line without blanks around it",
        ),
    };
    (!well_formed).then_some(expected)
}

fn matches(pattern: &str, value: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|regex| regex.is_match(value))
}

fn is_address(value: &str) -> bool {
    // A sandbox's services are on this machine, and speak plain http.
    let here = |url: &Url| matches!(url.host(), Some(url::Host::Ipv4(address)) if address.is_loopback());
    let plain = |url: &Url| url.scheme() == "http" && here(url);
    let secure = |url: &Url| url.has_host() && (url.scheme() == "https" || plain(url));
    Url::parse(value).is_ok_and(|url| secure(&url) && url.username().is_empty() && url.password().is_none())
}

fn is_path(value: &str) -> bool {
    let odd = |part: &str| matches!(part, "" | "." | "..");
    !value.contains(|c: char| c.is_control() || c == '\\') && !value.split('/').any(odd)
}

fn is_service_account(value: &str) -> bool {
    let key: Value = serde_json::from_str(value).unwrap_or_default();
    let text = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    text("type") == "service_account"
        && text("client_email").contains('@')
        && text("private_key").starts_with("-----BEGIN PRIVATE KEY-----")
}

#[cfg(test)]
mod tests;
