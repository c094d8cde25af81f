//! Images of nodes, as the account sees them.

use super::PROJECT;
use crate::subject::{profile::Profile, tag::Tag};

/// An image of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its number.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The release it is of.
    pub release: Tag,
    /// The profile it is of.
    pub profile: Profile,
}

impl Image {
    /// Its address, without the API's host.
    pub(super) fn link(&self) -> String {
        format!("https://www.googleapis.com/compute/v1/projects/{PROJECT}/global/images/{}", self.name)
    }

    pub(super) fn family(&self) -> String {
        format!("mero-tee-{}", self.profile)
    }
}
