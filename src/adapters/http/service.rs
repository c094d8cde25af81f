//! Whom we ask, and its dialect: the headers it wants, how it says that a limit is reached, and what helps when it cannot
//! or will not answer. Advice is the service's own: what helps with one is noise with another, and nothing here is guessed
//! from an address.

mod credential;

use reqwest::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};

use super::reason::{Cause, Reason};

/// A kind of server. TUF is not among them: what it holds comes inside trust roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// GitHub's REST API, or an Enterprise host's: the only one that gets a token.
    GitHub,
    /// A Rekor transparency log.
    Rekor,
    /// Intel's PCS, or a PCCS in its place.
    Pccs,
    /// A key-management service.
    Kms,
    /// A document at an address of the caller's.
    Document,
    /// A Fulcio certificate authority, which gets an identity token.
    Fulcio,
    /// A transparency log that entries are written to.
    SigningLog,
    /// A timestamp authority.
    Timestamp,
    /// Where a workflow of GitHub gets its identity token, by a token that is good for that.
    IdToken,
    /// Intel Trust Authority's API, which gets a key.
    Ita,
    /// Intel Trust Authority's portal, where its keys are published.
    ItaPortal,
    /// Phala Cloud's API, which gets a key.
    Phala,
    /// Compute Engine, which gets an access token.
    Compute,
    /// What gives out access tokens of Google Cloud for a secret: its words are never shown, since they may repeat one.
    GoogleToken,
    /// The metadata server of a machine in Google Cloud, which is on the machine's own link.
    Metadata,
    /// A node of ours, asked without credentials.
    Node,
    /// The VMM of a dstack host, which may get a token.
    Vmm,
    /// A dstack KMS.
    DstackKms,
    /// What decides for a dstack KMS which machines may start.
    DstackAuth,
}

/// What of our side decides what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ours {
    /// Whether we hold a token for the service.
    pub(crate) token: bool,
    /// Whether the server is on this machine: no proxy is asked for it.
    pub(crate) loopback: bool,
}

/// How a service says that a rate limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limits {
    /// With 429, and `Retry-After` at most (RFC 6585).
    Plain,
    /// With 403 too, headers of its own, and a second kind of limit that only the message names.
    GitHub,
}

/// The version of GitHub's API that is spoken.
const GITHUB_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28"));

/// The version of Phala Cloud's API that is spoken.
const PHALA_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-phala-version"), HeaderValue::from_static("2026-01-21"));

/// What the metadata server wants to see, so that a page in a browser cannot ask it.
const METADATA_FLAVOR: (HeaderName, HeaderValue) =
    (HeaderName::from_static("metadata-flavor"), HeaderValue::from_static("Google"));

/// Where proxies come from.
const PROXIES: &str = "HTTPS_PROXY and NO_PROXY where a proxy is in use";

impl Service {
    /// What it is called in a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::GitHub => "the API",
            Self::Rekor => "the transparency log",
            Self::Pccs => "the PCCS",
            Self::Kms => "the KMS",
            Self::Document => "the document",
            Self::Fulcio => "the certificate authority",
            Self::SigningLog => "the transparency log",
            Self::Timestamp => "the timestamp authority",
            Self::IdToken => "the identity tokens",
            Self::Ita => "Intel Trust Authority",
            Self::ItaPortal => "Intel Trust Authority's portal",
            Self::Phala => "Phala Cloud",
            Self::Compute => "Compute Engine",
            Self::GoogleToken => "the access tokens",
            Self::Metadata => "the metadata server",
            Self::Node => "the node",
            Self::Vmm => "the VMM",
            Self::DstackKms => "the dstack KMS",
            Self::DstackAuth => "the auth API",
        }
    }

    /// Whether what it says in an error is never shown.
    pub(super) fn is_confidential(self) -> bool {
        matches!(self, Self::GoogleToken | Self::Metadata)
    }

    /// Whether no proxy is ever asked for it: it is on the machine's own link, and what it says is a secret.
    pub(super) fn is_near(self) -> bool {
        self == Self::Metadata
    }

    /// What every request to it carries.
    pub(super) fn headers(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::GitHub => Some(GITHUB_VERSION),
            Self::Phala => Some(PHALA_VERSION),
            Self::Metadata => Some(METADATA_FLAVOR),
            Self::Rekor
            | Self::Pccs
            | Self::Kms
            | Self::Document
            | Self::Fulcio
            | Self::SigningLog
            | Self::Timestamp
            | Self::IdToken
            | Self::Ita
            | Self::ItaPortal
            | Self::Compute
            | Self::GoogleToken
            | Self::Node
            | Self::Vmm
            | Self::DstackKms
            | Self::DstackAuth => None,
        }
    }

    /// How it says that a limit is reached.
    pub(super) fn limits(self) -> Limits {
        match self {
            Self::GitHub => Limits::GitHub,
            Self::Rekor
            | Self::Pccs
            | Self::Kms
            | Self::Document
            | Self::Fulcio
            | Self::SigningLog
            | Self::Timestamp
            | Self::IdToken
            | Self::Ita
            | Self::ItaPortal
            | Self::Phala
            | Self::Compute
            | Self::GoogleToken
            | Self::Metadata
            | Self::Node
            | Self::Vmm
            | Self::DstackKms
            | Self::DstackAuth => Limits::Plain,
        }
    }

    /// Where its address is said.
    fn address(self) -> &'static str {
        match self {
            Self::GitHub => "--api-url (GITHUB_API_URL)",
            Self::Rekor => "--rekor-url (MEROTEE_REKOR_URL)",
            Self::Pccs => "--pccs (PCCS_URL)",
            Self::Kms => "--url (MERO_KMS_URL)",
            Self::Document => "its address",
            Self::Fulcio | Self::SigningLog | Self::Timestamp => "--signing-config (MEROTEE_SIGNING_CONFIG)",
            Self::IdToken => "ACTIONS_ID_TOKEN_REQUEST_URL",
            Self::Ita => "--ita-api-url (ITA_API_URL)",
            Self::ItaPortal => "--ita-portal-url (ITA_PORTAL_URL)",
            Self::Phala => "--phala-api-url (PHALA_API_BASE_URL)",
            Self::Compute => "--compute-url (MEROTEE_COMPUTE_URL)",
            Self::GoogleToken => "the addresses in the credentials file",
            Self::Metadata => "GCE_METADATA_HOST",
            Self::Node => "the machine's address",
            Self::Vmm => "--vmm (DSTACK_VMM_URL)",
            Self::DstackKms => "--kms-url (DSTACK_KMS_URL)",
            Self::DstackAuth => "--auth-url",
        }
    }

    /// What to do about credentials in its address.
    pub(super) fn instead_of_credentials(self) -> &'static str {
        match self {
            Self::GitHub => "put the token into GH_TOKEN instead",
            Self::Ita => "put the key into ITA_API_KEY instead",
            Self::Phala => "put the key into PHALA_CLOUD_API_KEY instead",
            Self::Rekor
            | Self::Pccs
            | Self::Kms
            | Self::Document
            | Self::SigningLog
            | Self::Timestamp
            | Self::ItaPortal
            | Self::Metadata
            | Self::Node
            | Self::DstackKms
            | Self::DstackAuth => "leave them out: it is asked without credentials",
            Self::Vmm => "put the token into DSTACK_VMM_TOKEN instead",
            Self::Fulcio | Self::IdToken | Self::Compute | Self::GoogleToken => {
                "leave them out: it is asked with a token"
            }
        }
    }

    /// Whether its address has neither query nor fragment, so that what stands there was meant as a secret.
    pub(super) fn is_plain_address(self) -> bool {
        matches!(self, Self::Vmm | Self::DstackKms | Self::DstackAuth)
    }

    /// What the reader should do, where that is known.
    pub(super) fn advice(self, reason: &Reason, ours: Ours) -> Option<String> {
        match reason {
            Reason::Unreachable { cause, .. } => Some(self.reach(*cause, ours)),
            Reason::TimedOut(_) => {
                Some("the network or the server may be slow or down: try again, or raise --timeout".to_owned())
            }
            Reason::Broken(_) => Some("the connection was lost on the way: try again".to_owned()),
            Reason::RateLimited { secondary, .. } => Some(self.limited(*secondary, ours).to_owned()),
            Reason::Status { storage: true, .. } if self == Self::GitHub => {
                Some("the link to the asset's storage failed: try again".to_owned())
            }
            Reason::Status { status, .. } => self.refused(*status, ours).map(str::to_owned),
            Reason::Refused(_) | Reason::TooLarge(_) | Reason::Setup(_) | Reason::Unsendable(_) => None,
        }
    }

    fn reach(self, cause: Cause, ours: Ours) -> String {
        let address = self.address();
        match (cause, ours.loopback) {
            (Cause::Tls, _) => format!(
                "check {address}; where a proxy or a private CA certifies the server, name the CA's PEM file in SSL_CERT_FILE"
            ),
            (Cause::Refused, true) => format!("nothing listens there: start the server, or correct {address}"),
            (Cause::NoSuchHost | Cause::Other, true) => format!("check {address}"),
            (Cause::NoSuchHost, false) => format!("check the host name in {address}, and {PROXIES}"),
            (Cause::Refused | Cause::Other, false) => format!("check the network, {address}, and {PROXIES}"),
        }
    }

    fn limited(self, secondary: bool, ours: Ours) -> &'static str {
        match (self, secondary, ours.token) {
            (Self::GitHub, true, _) => "GitHub limits bursts, whatever the token: wait, and run fewer jobs at a time",
            (Self::GitHub, false, true) => "wait until then: the token's own limit is used up",
            (Self::GitHub, false, false) => "set GH_TOKEN: a token raises the limit from 60 to 5,000 requests an hour",
            (Self::Rekor, _, _) => "wait, or give the log entry in a bundle: then no log is asked",
            (Self::Pccs, _, _) => "wait, keep collateral with --cache, or give it with --collateral",
            (Self::Fulcio | Self::SigningLog | Self::Timestamp, _, _) => "wait, or sign fewer files at a time: --jobs",
            (Self::Ita, _, _) => {
                "wait: Intel Trust Authority answers 1,000 requests in five minutes, and fewer in a trial"
            }
            (Self::Compute, _, _) => "wait: the project's requests per minute are used up",
            (
                Self::Kms
                | Self::Document
                | Self::IdToken
                | Self::ItaPortal
                | Self::Phala
                | Self::GoogleToken
                | Self::Metadata
                | Self::Node
                | Self::Vmm
                | Self::DstackKms
                | Self::DstackAuth,
                _,
                _,
            ) => "wait, and ask less often",
        }
    }

    fn refused(self, status: StatusCode, ours: Ours) -> Option<&'static str> {
        let code = status.as_u16();
        match (self, code) {
            (Self::GitHub, 401) if ours.token => Some("check GH_TOKEN: it may be mistyped, expired or revoked"),
            (Self::GitHub, 401) => Some("set GH_TOKEN: this server requires a token"),
            (Self::GitHub, 403) if ours.token => {
                Some("check what GH_TOKEN may do: it needs read access to the repository's contents")
            }
            (Self::GitHub, 403) => Some("set GH_TOKEN if the repository is private"),
            (Self::GitHub, 404) => {
                Some("it may have been deleted or replaced meanwhile; a private one needs a GH_TOKEN")
            }
            (Self::Rekor, 401 | 403 | 407) => {
                Some("no credentials are sent: name another log with --rekor-url, or give the log entry in a bundle")
            }
            (Self::Pccs, 401 | 403 | 407) => Some(
                "no credentials are sent: name another service with --pccs, or give the collateral with --collateral",
            ),
            (Self::Pccs, 500..) => {
                Some("the failure is on the server's side: try again later, or give the collateral with --collateral")
            }
            (Self::Document, 401 | 403 | 407) => Some("no credentials are sent: it must be readable without"),
            (Self::Kms, 401 | 403 | 407) => {
                Some("no credentials are sent: something in front of the KMS requires them")
            }
            (Self::Fulcio, 400 | 401 | 403) => Some(
                "the identity token was not accepted: it must be fresh, for the audience `sigstore`, of an issuer that this authority knows",
            ),
            (Self::IdToken, 400 | 401 | 403) => {
                Some("the job needs the permission `id-token: write`, and its token lives as long as the job")
            }
            (Self::Ita, 401 | 403) => Some(
                "check ITA_API_KEY: it may be mistyped, expired, or an administrator's instead of an attestation key; keys of one region are unknown in the other (--ita-api-url)",
            ),
            (Self::Phala, 401 | 403) => {
                Some("check PHALA_CLOUD_API_KEY: it may be mistyped, revoked, or of another workspace")
            }
            (Self::Phala, 402) => Some("the workspace's credits are used up: add some, or use another workspace's key"),
            (Self::ItaPortal, 401 | 403 | 407) => Some(
                "no credentials are sent: name another portal with --ita-portal-url, or give its keys with --ita-jwks",
            ),
            (Self::SigningLog | Self::Timestamp, 401 | 403 | 407) => {
                Some("no credentials are sent: name another service in --signing-config")
            }
            (Self::Compute, 401) => Some("the access token was not accepted: it may have expired, or be another API's"),
            (Self::Compute, 403) => Some(
                "the account needs compute.instanceAdmin.v1 and compute.securityAdmin in the machine's project and compute.imageUser in the image's",
            ),
            (Self::GoogleToken, 400 | 401 | 403) => {
                Some("the credentials were not accepted: they may be revoked, expired or another project's")
            }
            (Self::Vmm, 401) => Some("check DSTACK_VMM_TOKEN, or DSTACK_VMM_AUTH_USER and DSTACK_VMM_AUTH_PASSWORD"),
            (Self::Metadata, 404) => Some("the machine has no service account: give it one, or other credentials"),
            (_, 500..) => Some("the failure is on the server's side: try again later"),
            (
                Self::GitHub
                | Self::Rekor
                | Self::Pccs
                | Self::Kms
                | Self::Document
                | Self::Fulcio
                | Self::SigningLog
                | Self::Timestamp
                | Self::IdToken
                | Self::Ita
                | Self::ItaPortal
                | Self::Phala
                | Self::Compute
                | Self::GoogleToken
                | Self::Metadata
                | Self::Node
                | Self::Vmm
                | Self::DstackKms
                | Self::DstackAuth,
                _,
            ) => None,
        }
    }
}

#[cfg(test)]
mod tests;
