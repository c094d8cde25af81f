//! Where a dstack host is, and as whom its VMM is asked.

use std::path::PathBuf;

use url::Url;

use crate::{
    adapters::vmm::VmmCredentials,
    cli::{DstackEnvironment, Given},
    subject::vmm::VmmAddress,
};

/// A dstack host and a KMS on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct DstackEndpoints {
    /// Its VMM; `None`: the usual address on this machine.
    pub(crate) vmm: Option<VmmAddress>,
    /// As whom the VMM is asked.
    pub(crate) credentials: VmmCredentials,
    /// The KMS; `None`: it must be named.
    pub(crate) kms_url: Option<Url>,
    /// The KMS that a replica takes its keys from; `None`: it must be named.
    pub(crate) source_url: Option<Url>,
    /// `bootstrap-info.json` of that one; `None`: it must be named.
    pub(crate) bootstrap_info: Option<PathBuf>,
    /// The allow-list of auth-simple; `None`: somebody must be named who allows a KMS.
    pub(crate) allow_list: Option<PathBuf>,
}

impl DstackEndpoints {
    /// What the environment says.
    pub(crate) fn real(given: DstackEnvironment) -> Self {
        let credentials = match (given.token, given.user, given.password) {
            (Some(token), _, _) => VmmCredentials::Token(token),
            (None, Some(user), Some(password)) => VmmCredentials::Basic(user, password),
            // The VMM takes its token as anybody's password.
            (None, None, Some(password)) => VmmCredentials::Token(password),
            (None, _, None) => VmmCredentials::None,
        };
        Self { credentials, allow_list: given.allow_list, ..Self::default() }
    }

    /// These, but for what was given.
    pub(super) fn with(self, given: &Given<'_>) -> Self {
        Self { vmm: given.vmm.cloned().or(self.vmm), kms_url: given.dstack_kms_url.cloned().or(self.kms_url), ..self }
    }
}
