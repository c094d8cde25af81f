//! Documents that notes are filled in from: those of a folder, and those that the previous release vouches for.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{
    adapters::{
        file,
        release_source::{Files, Purpose, Read, ReleaseSource, Wanted},
    },
    commands::counterparts::{self, Stated},
    digest::Sha256,
    error::{Error, Result},
    policy::{document::PolicyFile, mrtds::PublishedMrtds},
    release::{
        contract::{AssetKind, Contracts, Scope},
        notes::{
            generate::{Images, Known},
            measured::Measurements,
        },
        snapshot::{MAX_DOCUMENT_BYTES, Snapshot},
    },
    report::Finding,
    schema::parse_json,
    subject::{
        profile::Profile,
        role::Role,
        tag::{Family, Tag},
    },
};

/// The documents of one release in a folder.
#[derive(Debug, Default)]
pub(super) struct Documents {
    published: Option<PublishedMrtds>,
    policies: Vec<PolicyFile>,
    manifest: Option<(PathBuf, Value)>,
}

/// The role that a family's machines have.
fn role(family: Family) -> Role {
    match family {
        Family::Kms => Role::Kms,
        Family::Node => Role::Node,
    }
}

impl Documents {
    /// Reads what `folder` holds of the documents of a release, under the names of any layout.
    ///
    /// # Errors
    /// Usage: it is not a folder, or a document cannot be used, or is of another version. Input: one cannot be read.
    pub(super) fn read(folder: &Path, tag: &Tag, contracts: &Contracts) -> Result<Self> {
        if !folder.is_dir() {
            return Err(Error::usage(format!("{} is not a folder", folder.display())));
        }
        let mut found = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for asset in contracts.iter().filter(|c| c.family == tag.family()).flat_map(|c| c.assets()) {
            let path = folder.join(&asset.name);
            if !seen.contains(&asset.name) && path.symlink_metadata().is_ok() {
                found.take(asset.role, path, tag)?;
            }
            seen.push(asset.name);
        }
        Ok(found)
    }

    fn take(&mut self, kind: AssetKind, path: PathBuf, tag: &Tag) -> Result<()> {
        let read = || file::read_bounded(&path, MAX_DOCUMENT_BYTES);
        let shown = path.display().to_string();
        let unusable = |finding: Box<Finding>| Error::usage(format!("{shown}: {}", finding.message));
        match kind {
            AssetKind::Measurements => {
                let document = PublishedMrtds::parse(&shown, &read()?).map_err(unusable)?;
                of_version(&shown, document.tag.as_deref(), tag)?;
                well_formed(&shown, document.malformed.first().map(|m| m.place.as_str()))?;
                self.published = Some(document);
            }
            AssetKind::Policy => {
                let document = PolicyFile::parse(&shown, &read()?).map_err(unusable)?;
                of_version(&shown, document.tag.as_deref(), tag)?;
                well_formed(&shown, document.malformed.first().map(|m| m.place.as_str()))?;
                self.policies.push(document);
            }
            AssetKind::Manifest => {
                let value = parse_json(&read()?)
                    .map_err(|e| Error::usage(format!("{shown}: not a release manifest")).because(e))?;
                of_version(&shown, value.get("tag").and_then(Value::as_str), tag)?;
                self.manifest = Some((path, value));
            }
            AssetKind::DefaultPolicy
            | AssetKind::ComposeHash
            | AssetKind::Sbom
            | AssetKind::Provenance
            | AssetKind::ReleaseProvenance
            | AssetKind::ContainerMetadata
            | AssetKind::CompatibilityMap
            | AssetKind::TrustBundle
            | AssetKind::Other => {}
        }
        Ok(())
    }

    /// What the release's machines measure to.
    pub(super) fn measured(&self, tag: &Tag, folder: &Path) -> Known<Measurements> {
        if let Some(published) = &self.published {
            return Known::Yes(Measurements::published(published));
        }
        let allowed = Measurements::allowed(&self.policies, role(tag.family()));
        if allowed.is_empty() {
            let folder = folder.display();
            return Known::No(format!("{folder} holds neither published-mrtds.json nor a policy with values"));
        }
        Known::Yes(allowed)
    }

    /// The machines of the other family that the policies admit.
    pub(super) fn admitted(&self, tag: &Tag) -> Option<Measurements> {
        (!self.policies.is_empty()).then(|| Measurements::allowed(&self.policies, role(tag.family().counterpart())))
    }

    /// The images that the manifest states, without their name.
    ///
    /// # Errors
    /// Usage: what it states is not a digest.
    pub(super) fn images(&self) -> Result<Images> {
        let Some((path, manifest)) = &self.manifest else { return Ok(Images::default()) };
        let mut profiles = Vec::new();
        for profile in Profile::ALL {
            let pointer = format!("/container_profile_digests/{profile}");
            let Some(digest) = manifest.pointer(&pointer).and_then(Value::as_str) else { continue };
            if Sha256::from_prefixed(digest).is_err() {
                let message = format!("{}: container_profile_digests.{profile} is not a digest", path.display());
                return Err(Error::usage(message).help("expected sha256: and 64 lowercase hex digits"));
            }
            profiles.push((profile, digest.to_owned()));
        }
        let production = profiles.iter().find(|(profile, _)| *profile == Profile::LockedReadOnly);
        Ok(Images { name: None, production: production.map(|(_, digest)| digest.clone()), profiles })
    }
}

/// A document of another version says nothing about this release.
fn of_version(document: &str, stated: Option<&str>, tag: &Tag) -> Result<()> {
    let version = tag.version().to_string();
    match stated {
        Some(stated) if stated != version && stated != tag.as_str() => {
            let stated: String = stated.chars().take(60).collect();
            Err(Error::usage(format!("{document}: tag is `{}`, not {version}", stated.escape_debug()))
                .help(format!("name the folder that holds the files of {tag}")))
        }
        Some(_) | None => Ok(()),
    }
}

/// A value that cannot be read must not read as one that is not there.
fn well_formed(document: &str, malformed: Option<&str>) -> Result<()> {
    match malformed {
        Some(place) => Err(Error::usage(format!("{document}: malformed entry at {place}"))
            .help("run `merotee policy validate` on the folder")),
        None => Ok(()),
    }
}

/// What the machines of a release on GitHub measure to, as far as the release vouches for it.
///
/// # Errors
/// Remote: it could not be found out.
pub(super) async fn released(source: &ReleaseSource<'_>, tag: &Tag) -> Result<Known<Measurements>> {
    let Files::GitHub { github, .. } = &source.files else {
        return Err(Error::internal("a release is read from GitHub"));
    };
    let repository = &source.rule.repository;
    if github.release(repository, tag.as_str()).await?.is_none() {
        return Ok(Known::No(format!("{repository} has no release {tag}")));
    }
    let why = match read(source, tag, Scope::Quick, counterparts::measurements).await? {
        Ok(published) => return Ok(Known::Yes(Measurements::published(&published))),
        Err(why) => why,
    };
    // Releases of older layouts state a KMS's measurements in its policies alone.
    if tag.family() == Family::Kms
        && let Ok(policies) = read(source, tag, Scope::Policies, counterparts::policies).await?
    {
        return Ok(Known::Yes(Measurements::allowed(&policies, Role::Kms)));
    }
    Ok(Known::No(format!("the release is not trusted: {why}")))
}

async fn read<T>(
    source: &ReleaseSource<'_>,
    tag: &Tag,
    scope: Scope,
    of: fn(&Snapshot) -> Result<Stated<T>>,
) -> Result<Stated<T>> {
    let wanted = Wanted { tag, class: tag.class(), scope, purpose: Purpose::Comparison };
    let Read { snapshot, staged: _staged } = source.read(wanted).await?;
    of(&snapshot)
}
