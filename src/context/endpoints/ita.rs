//! Where Intel Trust Authority is, and as whom it is asked.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use crate::cli::Given;

/// Intel Trust Authority.
#[derive(Debug, Clone)]
pub(crate) struct ItaEndpoints {
    /// API that appraises quotes.
    pub(crate) api_url: Url,
    /// Portal that publishes keys; `None`: that of the API, where it is Intel's own.
    pub(crate) portal_url: Option<Url>,
    /// Root certificate of its keys; `None`: none is pinned.
    pub(crate) root: Option<PathBuf>,
    /// The key; `None`: it cannot be asked.
    pub(crate) key: Option<SecretString>,
}

impl ItaEndpoints {
    /// These, but for what was given. Another API has another portal.
    pub(super) fn with(self, given: &Given<'_>) -> Self {
        let own = self.portal_url.filter(|_| given.ita_api_url.is_none());
        Self {
            api_url: given.ita_api_url.cloned().unwrap_or(self.api_url),
            portal_url: given.ita_portal_url.cloned().or(own),
            root: given.ita_root.map(Into::into).or(self.root),
            key: self.key,
        }
    }
}
