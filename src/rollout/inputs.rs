//! What a rollout is about: the two releases, the profile, where staging and production are, which nodes ask for keys there,
//! and how long production soaks. It is written once, as the first line of the state file, and holds no secret: keys and
//! tokens are named by the file or the variable that holds them.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{soak::Limits, words::Remark, words::spelt};
use crate::{
    probe::journal::Word,
    subject::{
        profile::Profile,
        repository::Repository,
        tag::{Family, Tag},
    },
};

/// Most words of a command by which a node asks, and most bytes of all of them.
const MAX_WORDS: usize = 64;
const MAX_COMMAND: usize = 4 << 10;
/// Longest address, in bytes.
const MAX_URL: usize = 1 << 10;

/// The inputs of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// Where the releases and the policies are.
    #[serde(with = "spelt")]
    pub repository: Repository,
    /// The release of the KMS.
    #[serde(with = "spelt")]
    pub kms: Tag,
    /// The release of the node image.
    #[serde(with = "spelt")]
    pub node: Tag,
    /// The profile that is deployed.
    pub profile: Profile,
    /// Where staging is made.
    pub staging: Site,
    /// Where production runs.
    pub production: Site,
    /// How long and how strictly production is watched.
    pub soak: Limits,
}

/// What is not known of a KMS whose compose hash is not in the signed policy.
pub const UNPROVEN: &str = "what a compose file on a host runs is not measured: nothing proves which image it is";

/// A place where a KMS runs, and a node that asks for keys there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// What runs the KMS.
    pub target: Target,
    /// Where the KMS is reached; for a target that says so itself, `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// How a node there is made to ask for its key.
    pub node: Access,
    /// How a node that production serves before the switch is made to ask, where that differs from `node`: the policy of a release
    /// admits nodes of its own version, so after the switch `node` gets its key, and before it and after a rollback this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Access>,
}

/// What runs a KMS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Target {
    /// A confidential machine of Phala Cloud.
    Phala {
        /// Its name there; of staging, the beginning of the name.
        name: Word,
        /// Kind of machine.
        instance_type: Word,
        /// Region; `None` leaves it to the service.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        region: Option<Word>,
    },
    /// A service of a compose file on this machine.
    Compose {
        /// The file.
        file: Remark,
        /// The service of it.
        service: Word,
        /// Whether it is taken without a measurement that says what runs there, at whatever address is given.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unmeasured: bool,
    },
}

/// How a node is made to ask for its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Access {
    /// By its guest agent, from here.
    Agent {
        /// The agent's socket.
        socket: Remark,
        /// File with the node's libp2p key.
        key: Remark,
    },
    /// By a command that runs on it, word by word; no shell splits it.
    Command(Vec<Remark>),
}

/// Why inputs make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInputs {
    /// A tag is of the other family.
    #[error("`{tag}` is not a tag of the {family} family")]
    Family {
        /// The tag.
        tag: String,
        /// What it should be of.
        family: Family,
    },
    /// The same place twice.
    #[error("staging and production are the same place: the probe of staging would touch production")]
    OnePlace,
    /// A command that is none.
    #[error("a node's command has 1 to {MAX_WORDS} words, and at most {MAX_COMMAND} bytes")]
    Command,
    /// An address that holds more than where something is.
    #[error("an address has no user, password, query or fragment, and at most {MAX_URL} bytes")]
    Url,
    /// Limits that watch nothing.
    #[error("soak: {0}")]
    Soak(&'static str),
}

impl Inputs {
    /// Whether they make sense together. `shortest` is the shortest soak that is taken, in seconds.
    ///
    /// # Errors
    /// The first of [`InvalidInputs`] that applies.
    pub fn judge(&self, shortest: u32) -> Result<(), InvalidInputs> {
        for (tag, family) in [(&self.kms, Family::Kms), (&self.node, Family::Node)] {
            if tag.family() != family {
                return Err(InvalidInputs::Family { tag: tag.to_string(), family });
            }
        }
        let (staging, production) = (&self.staging, &self.production);
        if staging.target.is_in_place_of(&production.target) || (staging.url.is_some() && staging.url == production.url)
        {
            return Err(InvalidInputs::OnePlace);
        }
        for site in [staging, production] {
            if site.url.as_ref().is_some_and(|url| !is_plain(url)) {
                return Err(InvalidInputs::Url);
            }
            for access in [Some(&site.node), site.standing.as_ref()].into_iter().flatten() {
                if let Access::Command(words) = access
                    && !fits(words)
                {
                    return Err(InvalidInputs::Command);
                }
            }
        }
        self.soak.judge(shortest).map_err(InvalidInputs::Soak)
    }
}

fn fits(words: &[Remark]) -> bool {
    let bytes: usize = words.iter().map(|word| word.as_str().len()).sum();
    (1..=MAX_WORDS).contains(&words.len()) && bytes <= MAX_COMMAND
}

/// Whether an address says where something is, and nothing that must not be written down.
fn is_plain(url: &Url) -> bool {
    let secret = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
    !secret && url.fragment().is_none() && url.as_str().len() <= MAX_URL
}

impl Inputs {
    /// What a reader of any report on the rollout must know.
    pub fn caveats(&self) -> Vec<String> {
        [&self.staging, &self.production].into_iter().filter_map(|site| site.target.caveat()).collect()
    }
}

impl Target {
    /// What a reader of any report on what runs there must know.
    pub fn caveat(&self) -> Option<String> {
        match self {
            Self::Compose { unmeasured: true, .. } => {
                Some(format!("{} was taken with --unmeasured: {UNPROVEN}", self.described()))
            }
            Self::Compose { unmeasured: false, .. } | Self::Phala { .. } => None,
        }
    }

    /// What it is, for people.
    pub fn described(&self) -> String {
        match self {
            Self::Phala { name, .. } => format!("Phala Cloud machine {name}"),
            Self::Compose { file, service, unmeasured } => {
                format!("service {service} of {file}{}", if *unmeasured { ", unmeasured" } else { "" })
            }
        }
    }

    /// Whether what is done to one touches the other, as far as their names say: one compose file is one place, whatever service of
    /// it is named. Files are told apart on disk where they are used.
    fn is_in_place_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Compose { file, .. }, Self::Compose { file: others, .. }) => file == others,
            (Self::Phala { .. }, _) | (Self::Compose { .. }, Self::Phala { .. }) => self == other,
        }
    }
}

impl Access {
    /// What it is, for people.
    pub fn described(&self) -> String {
        match self {
            Self::Agent { socket, .. } => format!("guest agent {socket}"),
            Self::Command(words) => words.iter().map(Remark::as_str).collect::<Vec<_>>().join(" "),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::rollout::fixtures::inputs;

    fn command(words: usize, bytes: usize) -> Access {
        Access::Command(vec![Remark::try_from("x".repeat(bytes)).unwrap(); words])
    }

    #[test]
    fn a_command_of_a_node_is_bounded_in_words_and_bytes() {
        let of = |node: Access| {
            let given = inputs();
            Inputs { production: Site { standing: Some(node), ..given.production.clone() }, ..given }.judge(1)
        };
        assert_eq!(of(command(MAX_WORDS, MAX_COMMAND / MAX_WORDS)), Ok(()));
        assert_eq!(of(command(8, MAX_COMMAND / 8)), Ok(()));
        for too_much in [command(0, 1), command(MAX_WORDS + 1, 1), command(8, MAX_COMMAND / 8 + 1)] {
            assert_eq!(of(too_much), Err(InvalidInputs::Command));
        }
    }

    #[test]
    fn an_address_that_holds_more_than_where_something_is_is_refused() {
        let at = |url: &str| {
            let given = inputs();
            let url = Some(Url::parse(url).unwrap());
            Inputs { staging: Site { url, ..given.staging.clone() }, ..given }.judge(1)
        };
        assert_eq!(at("https://kms.example/path"), Ok(()));
        let long = format!("https://kms.example/{}", "x".repeat(MAX_URL));
        for secret in [
            "https://ada@kms.example/",
            "https://:pw@kms.example/",
            "https://kms.example/?token=x",
            "https://kms.example/#x",
            &long,
        ] {
            assert_eq!(at(secret), Err(InvalidInputs::Url), "{secret}");
        }
    }
}
