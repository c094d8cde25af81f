//! How each service is told who asks: which header carries the token, and where the token is said.

use reqwest::header::{AUTHORIZATION, HeaderName};

use super::Service;

/// The header that Intel Trust Authority and Phala Cloud want their keys in.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How a service is told who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adapters::http) struct Credential {
    /// The header that carries the token.
    pub(in crate::adapters::http) header: HeaderName,
    /// What stands before it there.
    pub(in crate::adapters::http) scheme: &'static str,
    /// Where it is said.
    pub(in crate::adapters::http) variable: &'static str,
}

impl Service {
    /// How it is told who asks.
    pub(in crate::adapters::http) fn credential(self) -> Credential {
        let bearer = |variable| Credential { header: AUTHORIZATION, scheme: "Bearer ", variable };
        let key = |variable| Credential { header: API_KEY, scheme: "", variable };
        match self {
            Self::Ita => key("ITA_API_KEY"),
            Self::Phala => key("PHALA_CLOUD_API_KEY"),
            Self::Vmm => bearer("DSTACK_VMM_TOKEN"),
            Self::Compute | Self::GoogleToken => bearer("GOOGLE_OAUTH_ACCESS_TOKEN"),
            Self::GitHub
            | Self::Rekor
            | Self::Pccs
            | Self::Kms
            | Self::Document
            | Self::Fulcio
            | Self::SigningLog
            | Self::Timestamp
            | Self::IdToken
            | Self::ItaPortal
            | Self::Metadata
            | Self::Node
            | Self::DstackKms
            | Self::DstackAuth => bearer("GH_TOKEN"),
        }
    }
}
