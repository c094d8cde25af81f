//! What a command line is about: the releases it names, and the machine a service says it runs on. The sandbox makes its
//! world to fit.

use super::{
    Command,
    kms::{KmsCommand, KmsServeArgs},
    policy::MrtdsCommand,
};
use crate::subject::{
    profile::Profile,
    tag::{Family, Selector, Tag},
};

impl Command {
    /// Releases that are named; empty for a command that names none.
    pub fn releases(&self) -> Vec<Tag> {
        match self {
            Self::VerifyReleaseAssets(args) => args.tag.iter().flat_map(Selector::tags).collect(),
            Self::Audit(args) => args.tags.iter().flat_map(Selector::tags).collect(),
            Self::Kms(KmsCommand::Serve(args)) => args.tag().into_iter().collect(),
            Self::DependencyGuard(args) => args.tag.iter().flat_map(Selector::tags).collect(),
            Self::ReleaseNotes(command) => command.releases(),
            Self::Publish(args) => vec![args.tag.clone()],
            Self::Mrtds(MrtdsCommand::Publish(args)) => vec![args.tag.clone()],
            Self::Sign(args) => args.tag.iter().cloned().collect(),
            Self::VerifyBlob(_)
            | Self::Checksums(_)
            | Self::Catalog(_)
            | Self::Doctor(_)
            | Self::ComposeHash(_)
            | Self::Quote(_)
            | Self::GenPolicy(_)
            | Self::Policy(_)
            | Self::Mrtds(_)
            | Self::MerodConfig(_)
            | Self::ForbidAllowedEnv(_)
            | Self::VersionSync(_)
            | Self::DocGuard(_)
            | Self::Kms(_)
            | Self::Explain { .. }
            | Self::Completions { .. }
            | Self::Man { .. } => Vec::new(),
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => Vec::new(),
        }
    }

    /// Whether the command reads releases, or asks a KMS that does, from where its context says: those a sandbox can spoil.
    pub fn reads_releases(&self) -> bool {
        match self {
            Self::VerifyReleaseAssets(args) => args.dir.is_none(),
            Self::Audit(_)
            | Self::Kms(KmsCommand::Serve(_))
            | Self::DependencyGuard(_)
            | Self::Catalog(_)
            | Self::Publish(_)
            | Self::Mrtds(MrtdsCommand::Publish(_)) => true,
            Self::ReleaseNotes(command) => !command.releases().is_empty(),
            Self::Kms(_) => self.asked_kms() == Some(None),
            Self::VerifyBlob(_)
            | Self::Checksums(_)
            | Self::Sign(_)
            | Self::Doctor(_)
            | Self::ComposeHash(_)
            | Self::Quote(_)
            | Self::GenPolicy(_)
            | Self::Policy(_)
            | Self::Mrtds(_)
            | Self::MerodConfig(_)
            | Self::ForbidAllowedEnv(_)
            | Self::VersionSync(_)
            | Self::DocGuard(_)
            | Self::Explain { .. }
            | Self::Completions { .. }
            | Self::Man { .. } => false,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => false,
        }
    }

    /// The machine that a service says it runs on.
    pub fn machine(&self) -> Option<(Tag, Profile)> {
        let Self::Kms(KmsCommand::Serve(args)) = self else { return None };
        args.tag().zip(args.release.profile.as_deref().and_then(|word| word.parse().ok()))
    }

    /// The address of the KMS that the command asks, for one that asks any: `None` inside is left open.
    pub fn asked_kms(&self) -> Option<Option<&url::Url>> {
        let Self::Kms(command) = self else { return None };
        match command {
            KmsCommand::Serve(_) => None,
            KmsCommand::Health(args) => Some(args.kms.url.as_ref()),
            KmsCommand::Attest(args) => Some(args.kms.url.as_ref()),
            KmsCommand::GetKey(args) => Some(args.kms.url.as_ref()),
        }
    }
}

impl KmsServeArgs {
    /// The release; a version that means nothing is for the service to refuse.
    fn tag(&self) -> Option<Tag> {
        let selector: Selector = self.release.kms_version.as_deref()?.parse().ok()?;
        selector.tags().into_iter().find(|tag| tag.family() == Family::Kms)
    }
}
