//! Releases as a run knows them: what they state, and whether that is trusted.

use super::service::{Document, Service};
use crate::{
    policy::mrtds::PublishedMrtds,
    subject::{profile::Profile, tag::Tag},
};

/// Something that a release may state.
#[derive(Debug, Clone, PartialEq)]
pub enum Known<T> {
    /// It states this, and is trusted.
    Stated(T),
    /// There is no such release.
    NotReleased,
    /// It is not trusted, or does not state it: why.
    NotTrusted(String),
    /// That could not be found out: why.
    Unknown(String),
}

impl<T> Known<T> {
    /// What it states.
    pub fn stated(&self) -> Option<&T> {
        match self {
            Self::Stated(stated) => Some(stated),
            Self::NotReleased | Self::NotTrusted(_) | Self::Unknown(_) => None,
        }
    }
}

/// A KMS release.
#[derive(Debug, Clone, PartialEq)]
pub struct KmsRelease {
    /// Its tag.
    pub tag: Tag,
    /// The policies, each with the one profile that it states.
    pub policies: Vec<(Profile, Document)>,
    /// What its machines measure; layouts before 2026 do not publish that.
    pub published: Option<PublishedMrtds>,
}

impl KmsRelease {
    /// The policy of a profile.
    pub fn policy(&self, profile: Profile) -> Option<&Document> {
        self.policies.iter().find(|(of, _)| *of == profile).map(|(_, document)| document)
    }

    /// The KMS of a profile, with this release's policy.
    pub fn service(&self, profile: Profile) -> Service {
        let Some(policy) = self.policy(profile) else {
            return Service::Refuses(format!("{} has no policy for {profile}", self.tag));
        };
        let others: Vec<Document> =
            self.policies.iter().filter(|(of, _)| *of != profile).map(|(_, document)| document.clone()).collect();
        Service::start(policy, &others, profile, &self.tag)
    }
}

/// A node release.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRelease {
    /// Its tag.
    pub tag: Tag,
    /// What its machines measure.
    pub published: PublishedMrtds,
}
