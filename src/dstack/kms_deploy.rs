//! The compose file that runs a KMS with its auth API in one container, and the `kms.toml` in it, from typed options.
//!
//! The text is measured as part of `app-compose.json`, so it depends on the options alone. Values that could end the place
//! they are written to (a line, a quoted string, an interpolation of Docker Compose) are refused and never escaped.

mod judge;

use std::{fmt, str::FromStr};

use url::Url;

use crate::digest::Sha256;

pub use judge::{IMAGE, PUBLIC, RULES, judge_compose, judge_image};

/// What may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsDeploy {
    /// The image.
    pub image: ImageReference,
    /// The name that clients reach the KMS by.
    pub domain: Domain,
    /// The port it answers on.
    pub port: u16,
    /// The contract that says who may boot.
    pub contract: Contract,
    /// The chain's id; `None` leaves it to the RPC endpoint.
    pub chain_id: Option<u64>,
    /// Where that chain is asked.
    pub rpc_url: Address,
    /// Where Intel's collateral is asked for.
    pub pccs_url: Address,
    /// Where OS images are downloaded from.
    pub image_url: ImageAddress,
}

/// Port on which the auth API answers inside the container: the KMS cannot have it.
pub const AUTH_PORT: u16 = 9200;
/// Where collateral is asked for, unless something else is said.
pub const PCCS_URL: &str = "https://pccs.phala.network/sgx/certification/v4";
/// Where OS images are downloaded from, unless something else is said.
pub const IMAGE_URL: &str = "https://download.dstack.org/os-images/mr_{OS_IMAGE_HASH}.tar.gz";
/// What stands for the image's hash in that address.
const HASH_PLACE: &str = "{OS_IMAGE_HASH}";

/// A value that cannot be written into the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct Unfit {
    expected: &'static str,
}

const fn unfit(expected: &'static str) -> Unfit {
    Unfit { expected }
}

/// An image in a registry: `registry.example.com/dstack-kms@sha256:…`, or by a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference {
    text: String,
    digest: Option<Sha256>,
}

impl ImageReference {
    /// The digest it names, which no one can move.
    pub fn digest(&self) -> Option<Sha256> {
        self.digest
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for ImageReference {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        const EXPECTED: Unfit =
            unfit("an image: REGISTRY/NAME@sha256:HEX, or REGISTRY/NAME:TAG, in lowercase letters, digits and . _ - /");
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(Sha256::from_prefixed(digest).map_err(|_| EXPECTED)?)),
            None => (text, None),
        };
        // The first part may be a host with a port; a tag stands in the last.
        let (path, tag) = match name.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (name, None),
        };
        let (host, rest) = path.split_once('/').ok_or(EXPECTED)?;
        let of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part.ends_with(|c: char| c.is_ascii_alphanumeric())
                && part.chars().all(of_name)
        };
        let (host, port) = host.split_once(':').map_or((host, None), |(host, port)| (host, Some(port)));
        let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'));
        let tag_fits = tag.is_none_or(|tag| {
            (1..=128).contains(&tag.len())
                && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
        });
        let fits = text.len() <= 512 && part(host) && port_fits && rest.split('/').all(part) && tag_fits;
        if fits { Ok(Self { text: text.to_owned(), digest }) } else { Err(EXPECTED) }
    }
}

/// A DNS name, as dstack accepts one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain(String);

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Domain {
    type Err = Unfit;

    /// At most 253 bytes of ASCII, in labels of 1 to 63 letters, digits and hyphens that neither begin nor end with a hyphen.
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() <= 253 && text.split('.').all(label) {
            return Ok(Self(text.to_owned()));
        }
        Err(unfit(
            "a DNS name such as kms.example.com: at most 253 letters, digits, dots and hyphens, labels of 1 to 63",
        ))
    }
}

/// The address of a contract: `0x` and 40 hex digits, kept as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract(String);

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Contract {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 40);
        if digits.is_some_and(|digits| digits.chars().all(|c| c.is_ascii_hexdigit())) {
            return Ok(Self(text.to_owned()));
        }
        Err(unfit("a contract's address: 0x and 40 hex digits"))
    }
}

/// An address that can be written into the file, kept as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    url: Url,
}

impl Address {
    /// The address, read.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Address {
    type Err = Unfit;

    /// http or https, and nothing that could end its place.
    fn from_str(text: &str) -> Result<Self, Unfit> {
        const EXPECTED: Unfit = unfit("an http or https address without blanks, `$`, quotes and backslashes");
        let url: Url = text.parse().map_err(|_| EXPECTED)?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !is_plain(text) {
            return Err(EXPECTED);
        }
        Ok(Self { text: text.to_owned(), url })
    }
}

/// The address of OS images, with `{OS_IMAGE_HASH}` once in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageAddress(String);

impl fmt::Display for ImageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ImageAddress {
    type Err = Unfit;

    fn from_str(text: &str) -> Result<Self, Unfit> {
        // The braces are the KMS's to replace, and no URL has them.
        let filled = text.replace(HASH_PLACE, "0");
        if text.matches(HASH_PLACE).count() != 1 || !is_plain(text) || filled.parse::<Address>().is_err() {
            return Err(unfit(
                "an http or https address with {OS_IMAGE_HASH} once in it, without blanks, `$` and quotes",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether text stays in one line, in a quoted string and out of Docker Compose's interpolation.
fn is_plain(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '$' | '"' | '\'' | '\\' | '`'))
}

impl KmsDeploy {
    /// The compose file.
    pub fn compose_file(&self) -> String {
        let Self { image, domain, port, contract, rpc_url, .. } = self;
        let chain = self.chain_id.map(|id| format!("      - ETH_CHAIN_ID={id}\n")).unwrap_or_default();
        let config: String = self
            .kms_toml()
            .lines()
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("      {line}\n") })
            .collect();
        format!(
            "services:
  kms:
    image: {image}
    ports:
      - \"{port}:{port}\"
    volumes:
      - /var/run/dstack.sock:/var/run/dstack.sock
      - kms-certs:/etc/kms/certs
    environment:
      - RUST_LOG=info
      - KMS_DOMAIN={domain}
      - PORT={AUTH_PORT}
      - ETH_RPC_URL={rpc_url}
{chain}      - KMS_CONTRACT_ADDR={contract}
    configs:
      - source: kms_config
        target: /etc/kms/kms.toml
    restart: unless-stopped

volumes:
  kms-certs:

configs:
  kms_config:
    content: |
{config}"
        )
    }

    /// The KMS's own configuration. It waits to be bootstrapped: with a domain under `auto_bootstrap_domain` it would make
    /// keys by itself, and nothing would ever prove where.
    pub fn kms_toml(&self) -> String {
        let Self { port, pccs_url, image_url, .. } = self;
        format!(
            "[rpc]
address = \"0.0.0.0\"
port = {port}

[rpc.tls]
key = \"/etc/kms/certs/rpc.key\"
certs = \"/etc/kms/certs/rpc.crt\"

[rpc.tls.mutual]
ca_certs = \"/etc/kms/certs/tmp-ca.crt\"
mandatory = false

[core]
cert_dir = \"/etc/kms/certs\"
pccs_url = \"{pccs_url}\"

[core.image]
verify = true
cache_dir = \"/etc/kms/images\"
download_url = \"{image_url}\"
download_timeout = \"2m\"

[core.auth_api]
type = \"webhook\"

[core.auth_api.webhook]
url = \"http://127.0.0.1:{AUTH_PORT}\"

[core.onboard]
enabled = true
auto_bootstrap_domain = \"\"
address = \"0.0.0.0\"
port = {port}
"
        )
    }
}

#[cfg(test)]
mod tests;
