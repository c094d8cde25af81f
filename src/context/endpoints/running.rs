//! Services and nodes that run, of each profile, where a command line names none: those of a sandbox. The real world has none
//! that stand in.

use std::path::PathBuf;

use url::Url;

use crate::subject::profile::Profile;

/// What runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunningEndpoints {
    /// The KMS of each profile.
    pub(crate) kms: Vec<(Profile, Url)>,
    /// A KMS of the release before.
    pub(crate) stale_kms: Vec<(Profile, Url)>,
    /// The guest agent of each profile's node.
    pub(crate) node_sockets: Vec<(Profile, PathBuf)>,
    /// The admin API of each profile's node.
    pub(crate) node_urls: Vec<(Profile, Url)>,
}
