//! The machine and its surroundings: token, clock, trust root, services, tools, configuration.

use jiff::{SignedDuration, Timestamp};

use super::{Asked, CLOCK, CONFIG, SERVICE, TOKEN, TOOL, TRUST_ROOT};
use crate::{report::Finding, schema::excerpt::excerpt};

/// Drift that is warned about: tokens for signing live for minutes.
const DRIFT_WARNED: SignedDuration = SignedDuration::from_secs(30);
/// Drift with which signing and cloud logins fail.
const DRIFT_FAILED: SignedDuration = SignedDuration::from_mins(5);
/// Age of the newest key of a trust root that is warned about: Sigstore rotates a log about once a year.
const ROOT_OLD: SignedDuration = SignedDuration::from_hours(24 * 540);

/// What GitHub says of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// None is set.
    Unset,
    /// It was refused.
    Refused,
    /// It was accepted.
    Accepted {
        /// Scopes of a classic token; other kinds state none.
        scopes: Option<String>,
        /// Whether it may write to the repository, where GitHub says.
        may_push: Option<bool>,
    },
}

/// [`TOKEN`].
pub fn token(token: &Asked<Token>) -> Finding {
    const SUBJECT: &str = "GH_TOKEN";
    match token {
        Asked::No(why) => TOKEN.skip(SUBJECT, format!("not looked at: {why}")),
        Asked::Yes(Token::Unset) => TOKEN
            .warn(SUBJECT, "not set: GitHub answers 60 requests an hour, and shows no draft")
            .help("set GH_TOKEN or GITHUB_TOKEN; in a workflow: `GH_TOKEN: ${{ github.token }}`"),
        Asked::Yes(Token::Refused) => TOKEN
            .fail(SUBJECT, "GitHub refuses it (401)")
            .help("make a new one, with contents: write for this repository, and set GH_TOKEN"),
        Asked::Yes(Token::Accepted { scopes, may_push }) => {
            let kind = match scopes {
                Some(scopes) if scopes.trim().is_empty() => "a classic token without scopes".to_owned(),
                Some(scopes) => format!("a classic token with the scopes {}", excerpt(scopes)),
                None => "a token whose scopes GitHub does not state".to_owned(),
            };
            match may_push {
                Some(true) => TOKEN.pass(SUBJECT, format!("{kind}; it may write to the repository")),
                Some(false) => TOKEN
                    .warn(SUBJECT, format!("{kind}; it may only read the repository"))
                    .help("verifying needs no more; to publish, give it contents: write and pull-requests: write"),
                None => TOKEN.pass(SUBJECT, format!("{kind}; GitHub does not say what it may do here")),
            }
        }
    }
}

/// [`TOKEN`] that goes to a host over an unencrypted connection.
pub fn token_in_clear(host: &str) -> Finding {
    TOKEN
        .warn("GH_TOKEN", format!("sent to {host} over http: anyone on the way can read it"))
        .help("give --api-url (GITHUB_API_URL) an https:// address, and replace the token")
}

/// [`CLOCK`]: `ahead` is how far this clock is ahead of GitHub's.
pub fn clock(ahead: &Asked<SignedDuration>) -> Finding {
    const SUBJECT: &str = "clock";
    let ahead = match ahead {
        Asked::No(why) => return CLOCK.skip(SUBJECT, format!("not compared: {why}")),
        Asked::Yes(ahead) => *ahead,
    };
    let (drift, direction) = (ahead.abs(), if ahead.is_negative() { "behind" } else { "ahead of" });
    let help = "let the machine set its clock from the network: `timedatectl set-ntp true`";
    let message = format!("{} s {direction} GitHub's", drift.as_secs());
    match drift {
        drift if drift >= DRIFT_FAILED => CLOCK
            .fail(SUBJECT, message)
            .compared("less than 5 minutes", excerpt(&format!("{} s", drift.as_secs())))
            .help(help),
        drift if drift >= DRIFT_WARNED => CLOCK.warn(SUBJECT, message).help(help),
        _ => CLOCK.pass(SUBJECT, "agrees with GitHub's to within 30 s"),
    }
}

/// A trust root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustRoot {
    /// Where it is from: built in, or a file's name.
    pub name: String,
    /// When its newest key, certificate or log came into use.
    pub newest: Option<Timestamp>,
}

/// [`TRUST_ROOT`]: `Err` holds why it cannot be used.
pub fn trust_root(root: &Result<TrustRoot, String>, now: Timestamp) -> Finding {
    let root = match root {
        Ok(root) => root,
        Err(why) => {
            return TRUST_ROOT
                .fail("trust root", why.as_str())
                .help("give a trusted_root.json, or leave --trusted-root out to use the one built in");
        }
    };
    let Some(newest) = root.newest else {
        return TRUST_ROOT
            .fail(&root.name, "says of no key since when it is used")
            .help("give a whole trusted_root.json, as Sigstore's TUF repository holds it");
    };
    let message = format!("its newest key is in use since {newest}");
    if now.duration_since(newest) >= ROOT_OLD {
        return TRUST_ROOT.warn(&root.name, message).help(
            "a log that was rotated since is not known to it: use a newer merotee, or give --trusted-root a newer file",
        );
    }
    TRUST_ROOT.pass(&root.name, message)
}

/// A service that the pipeline talks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// Host and port, as asked.
    pub host: String,
    /// What is done with it.
    pub used_for: &'static str,
    /// Whether verifying a release needs it.
    pub needed: bool,
}

/// [`SERVICE`]: `Ok` holds the status of its answer. Any answer shows that it can be reached.
pub fn service(service: &Service, answer: &Asked<Result<u16, String>>) -> Finding {
    let Service { name, host, used_for, needed } = service;
    match answer {
        Asked::No(why) => SERVICE.skip(*name, format!("{host} was not asked: {why}")),
        Asked::Yes(Ok(status)) if *status >= 500 => SERVICE
            .warn(*name, format!("{host} answers with {status}"))
            .help(format!("it is needed to {used_for}; wait, and look at its status page")),
        Asked::Yes(Ok(_)) => SERVICE.pass(*name, format!("{host} answers")),
        Asked::Yes(Err(why)) => {
            let message = format!("{host} cannot be reached: {}", excerpt(why));
            let help = format!("it is needed to {used_for}; let this machine reach {host}, or set HTTPS_PROXY");
            if *needed { SERVICE.fail(*name, message).help(help) } else { SERVICE.warn(*name, message).help(help) }
        }
    }
}

/// A program that the pipeline runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name, as it is run.
    pub name: &'static str,
    /// What makes it say its version.
    pub arguments: &'static [&'static str],
    /// What is done with it.
    pub used_for: &'static str,
    /// Whether merotee itself runs it.
    pub needed: bool,
}

/// The programs, those that merotee runs itself first.
pub const TOOLS: [Tool; 6] = [
    Tool {
        name: "git",
        arguments: &["--version"],
        used_for: "read versions, tags and policies of a clone",
        needed: true,
    },
    Tool { name: "docker", arguments: &["--version"], used_for: "build and push KMS images", needed: false },
    Tool {
        name: "gh",
        arguments: &["--version"],
        used_for: "set variables and secrets, and start workflows",
        needed: false,
    },
    Tool { name: "syft", arguments: &["version"], used_for: "make the SBOMs of a release", needed: false },
    Tool { name: "packer", arguments: &["version"], used_for: "build node images", needed: false },
    Tool { name: "gcloud", arguments: &["--version"], used_for: "start TDX machines that are measured", needed: false },
];

/// What came of running a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ran {
    /// It said so: the first line that is not blank.
    Said(String),
    /// There is no such program.
    Absent,
    /// It did not do what was asked.
    Failed(String),
}

/// [`TOOL`].
pub fn tool(tool: &Tool, ran: &Ran) -> Finding {
    let Tool { name, used_for, needed, .. } = tool;
    match ran {
        Ran::Said(version) => TOOL.pass(*name, excerpt(version)),
        Ran::Absent if *needed => {
            TOOL.missing(*name, "not installed").help(format!("install {name}; it is needed to {used_for}"))
        }
        Ran::Absent => TOOL
            .skip(*name, "not installed")
            .help(format!("install {name} where you {used_for}; merotee runs without it")),
        Ran::Failed(why) => TOOL
            .warn(*name, excerpt(why))
            .help(format!("run `{name} {}` by hand; it is needed to {used_for}", tool.arguments.join(" "))),
    }
}

/// What came of reading `merotee.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigFile {
    /// There is none.
    Absent,
    /// It is in order; paths that it, or its defaults, name and that are not there.
    Read(Vec<String>),
    /// It cannot be used, and why.
    Unusable(String),
}

/// [`CONFIG`]. `name` is the file's.
pub fn config(name: &str, file: &ConfigFile) -> Vec<Finding> {
    match file {
        ConfigFile::Absent => vec![CONFIG.pass(name, "not there: the defaults hold")],
        ConfigFile::Unusable(why) => {
            vec![CONFIG.fail(name, why.as_str()).help("docs/merotee-toml.md lists every key; correct it or remove it")]
        }
        ConfigFile::Read(absent) if absent.is_empty() => vec![CONFIG.pass(name, "in order")],
        ConfigFile::Read(absent) => absent
            .iter()
            .map(|path| {
                CONFIG
                    .warn(name, format!("it names {}, which is not there", excerpt(path)))
                    .help("run from the repository's top, or correct the path")
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests;
