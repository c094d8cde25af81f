//! What the signed documents of a release state of the images that machines are made of, and of what these measure.

use crate::{
    adapters::release_source::{Purpose, Read, ReleaseSource, Wanted},
    attestation::measurement::Allowed,
    commands::counterparts::{self, Stated},
    error::Result,
    policy::mrtds::PublishedMrtds,
    probe::{image::Image, node::image},
    release::{
        contract::{AssetKind, Scope},
        snapshot::Snapshot,
    },
    subject::{
        gcp::{Name, Project},
        profile::Profile,
        repository::Repository,
        tag::Tag,
    },
};

/// The image of a node, and its project where that is said.
pub(in crate::commands) type NodeImage = (Name, Option<Project>);

/// A release that was read for its images.
pub(in crate::commands) struct Images(Snapshot);

impl Images {
    /// Reads a release.
    ///
    /// # Errors
    /// Trust: the release is not trusted. Remote: it cannot be read.
    pub(in crate::commands) async fn read(source: &ReleaseSource<'_>, tag: &Tag) -> Result<Self> {
        let wanted = Wanted { tag, class: tag.class(), scope: Scope::Images, purpose: Purpose::Comparison };
        let Read { snapshot, staged: _staged } = source.read(wanted).await?;
        Ok(Self(snapshot))
    }

    /// How the release's layout is called.
    pub(in crate::commands) fn layout(&self) -> String {
        self.0.contract.layout.to_string()
    }

    /// The image of a KMS; `None`: releases of this layout do not say which each profile has.
    ///
    /// # Errors
    /// Remote: whether the release vouches for what it says could not be found out.
    pub(in crate::commands) fn of_kms(
        &self,
        profile: Profile,
        repository: &Repository,
    ) -> Result<Option<Stated<Image>>> {
        let snapshot = &self.0;
        if snapshot.documents(AssetKind::Manifest).next().is_none()
            && snapshot.contract.narrowed(Scope::Images).assets().all(|asset| asset.role != AssetKind::Manifest)
        {
            return Ok(None);
        }
        let name = snapshot.contract.image_of(repository);
        let digest = counterparts::image(snapshot, profile)?;
        let image = digest
            .and_then(|digest| Image::new(&name, digest).map_err(|e| format!("{}: {e}", crate::text::excerpt(&name))));
        Ok(Some(image))
    }

    /// What the release's policy admits of a KMS, where it has one that is ready.
    ///
    /// # Errors
    /// As [`Self::of_kms`].
    pub(in crate::commands) fn admitted(&self, profile: Profile) -> Result<Option<Allowed>> {
        let policies = counterparts::policies(&self.0)?.unwrap_or_default();
        Ok(policies
            .iter()
            .filter(|policy| !policy.is_not_ready())
            .flat_map(|policy| &policy.profiles)
            .find(|lists| lists.profile == profile)
            .and_then(|lists| lists.kms.clone()))
    }

    /// The image of a node, and its project where that is said; `None`: the release has no provenance that could say it.
    ///
    /// # Errors
    /// As [`Self::of_kms`].
    pub(in crate::commands) fn of_node(&self, profile: Profile) -> Result<Option<Stated<NodeImage>>> {
        let provenance = match counterparts::provenance(&self.0)? {
            Ok(provenance) => provenance,
            Err(why) => return Ok(Some(Err(why))),
        };
        let stated = provenance.map(|provenance| image::of_provenance(&provenance, profile));
        Ok(stated.map(|stated| stated.map_err(|why| format!("release-provenance.json: {why}"))))
    }

    /// What the release publishes of its nodes' measurements.
    ///
    /// # Errors
    /// As [`Self::of_kms`].
    pub(in crate::commands) fn published(&self) -> Result<Stated<PublishedMrtds>> {
        counterparts::measurements(&self.0)
    }
}
