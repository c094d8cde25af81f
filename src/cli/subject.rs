//! What a command line is about: the releases it names, and the machine a service says it runs on. The sandbox makes its
//! world to fit.

use super::{
    Command,
    attestation::VerifyAttestationArgs,
    catalog::CatalogCommand,
    dependency_guard::DependencyGuardArgs,
    kms::{KmsCommand, KmsServeArgs},
    policy::MrtdsCommand,
    probe::{ProbeCommand, ProbeRunArgs},
    rollout::RolloutCommand,
};
use crate::subject::{
    profile::Profile,
    tag::{Family, Selector, Tag},
};

/// The releases that a command line has read from where its context says: those a sandbox can spoil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reads {
    /// None.
    Nothing,
    /// Some, and which is found out on the way.
    Any,
    /// Some of a family, and which is found out on the way.
    AnyOf(Family),
    /// These, and perhaps others that go with them.
    These(Vec<Tag>),
}

impl Reads {
    /// Those that are named; a command that names none finds out by itself.
    fn named<'s>(selectors: impl IntoIterator<Item = &'s Selector>) -> Self {
        let tags: Vec<Tag> = selectors.into_iter().flat_map(Selector::tags).collect();
        if tags.is_empty() { Self::Any } else { Self::These(tags) }
    }
}

impl Command {
    /// Whether it is about the key-management service, so that what the service says in this process belongs to it. A world
    /// that is kept up shows all that happens in it.
    pub fn is_of_kms(&self) -> bool {
        #[cfg(feature = "sandbox")]
        if let Self::Sandbox(args) = self {
            return args.command.as_deref().is_none_or(Self::is_of_kms);
        }
        matches!(self, Self::Kms(_))
    }

    /// Which releases are read.
    pub fn reads(&self) -> Reads {
        match self {
            Self::VerifyReleaseAssets(args) if args.dir.is_some() => Reads::Nothing,
            Self::VerifyReleaseAssets(args) => Reads::named(&args.tag),
            Self::VerifyAttestation(args) => args.reads(),
            Self::DependencyGuard(args) => args.reads(),
            Self::Kms(KmsCommand::Serve(args)) => args.reads(),
            // The KMS that is asked, where it is the sandbox's own.
            Self::Kms(_) if self.asked_kms() == Some(None) => Reads::AnyOf(Family::Kms),
            // The others read and write the catalog alone.
            Self::Catalog(CatalogCommand::Rebuild(_)) => Reads::Any,
            Self::Audit(args) => Reads::named(&args.tags),
            Self::E2e(args) if args.dir.is_some() => Reads::Nothing,
            // Those that the catalog pairs with them, and an older one.
            Self::E2e(_) => Reads::Any,
            Self::ReleaseNotes(command) => match command.releases() {
                tags if tags.is_empty() => Reads::Nothing,
                tags => Reads::These(tags),
            },
            Self::Publish(args) => Reads::These(vec![args.tag.clone()]),
            Self::Probe(ProbeCommand::Run(args)) => args.reads(),
            Self::Rollout(command) => command.reads(),
            Self::Mrtds(MrtdsCommand::Publish(args)) => Reads::These(vec![args.tag.clone()]),
            Self::VerifyBlob(_)
            | Self::Checksums(_)
            | Self::Sign(_)
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
            | Self::Dstack(_)
            | Self::Probe(_)
            | Self::Explain { .. }
            | Self::Completions { .. }
            | Self::Man { .. } => Reads::Nothing,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => Reads::Nothing,
        }
    }

    /// The services that are asked, of those a sandbox can spoil.
    #[cfg(feature = "sandbox")]
    pub fn turns_to(&self) -> Vec<crate::sandbox::tamper::Service> {
        use super::{
            ita::{ItaArgs, ItaServiceArgs},
            quote::QuoteCommand,
        };
        use crate::sandbox::tamper::Service;
        let authority = |service: &ItaServiceArgs| {
            let policies = (!service.ita_policy_id.is_empty()).then_some(Service::TrustAuthorityPolicies);
            std::iter::once(Service::TrustAuthority).chain(policies)
        };
        let asked = |ita: &ItaArgs| -> Vec<Service> {
            ita.asks_service().then(|| authority(&ita.service)).into_iter().flatten().collect()
        };
        match self {
            Self::Probe(ProbeCommand::Run(args)) if args.dry_run => Vec::new(),
            Self::Probe(ProbeCommand::Run(args)) => {
                let cloud = match args.family {
                    Family::Kms => args.kms_url.is_none().then_some(Service::PhalaCloud),
                    Family::Node => Some(Service::GoogleCloud),
                };
                // A sandbox has a key.
                cloud.into_iter().chain(authority(&args.by.ita.service)).collect()
            }
            Self::E2e(args) if args.clouds.dry_run => Vec::new(),
            Self::E2e(args) if args.clouds.cloud => vec![Service::PhalaCloud, Service::GoogleCloud],
            Self::E2e(args) if args.is_open() => vec![Service::EndToEnd],
            Self::Probe(ProbeCommand::Cleanup(_)) => vec![Service::PhalaCloud, Service::GoogleCloud],
            Self::Quote(QuoteCommand::Verify(args)) => asked(&args.by.ita),
            Self::Kms(KmsCommand::Attest(args)) => asked(&args.by.ita),
            Self::Kms(KmsCommand::GetKey(args)) => asked(&args.by.ita),
            Self::Rollout(
                RolloutCommand::Run(_)
                | RolloutCommand::Resume(_)
                | RolloutCommand::Rollback(_)
                | RolloutCommand::Abort(_),
            ) => vec![Service::PhalaCloud, Service::Production, Service::Docker, Service::Reviewers],
            Self::Dstack(command) => command.turns_to(),
            Self::VerifyReleaseAssets(_)
            | Self::VerifyAttestation(_)
            | Self::DependencyGuard(_)
            | Self::Audit(_)
            | Self::E2e(_)
            | Self::ReleaseNotes(_)
            | Self::Publish(_)
            | Self::Mrtds(_)
            | Self::VerifyBlob(_)
            | Self::Checksums(_)
            | Self::Sign(_)
            | Self::Catalog(_)
            | Self::Doctor(_)
            | Self::ComposeHash(_)
            | Self::Quote(_)
            | Self::GenPolicy(_)
            | Self::Policy(_)
            | Self::MerodConfig(_)
            | Self::ForbidAllowedEnv(_)
            | Self::VersionSync(_)
            | Self::DocGuard(_)
            | Self::Kms(_)
            | Self::Probe(_)
            | Self::Rollout(_)
            | Self::Explain { .. }
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Sandbox(_) => Vec::new(),
        }
    }

    /// The release that is signed for.
    pub fn signs(&self) -> Option<&Tag> {
        match self {
            Self::Sign(args) => args.tag.as_ref(),
            Self::Publish(args) => Some(&args.tag),
            Self::Mrtds(MrtdsCommand::Publish(args)) => Some(&args.tag),
            Self::VerifyReleaseAssets(_)
            | Self::VerifyAttestation(_)
            | Self::VerifyBlob(_)
            | Self::Audit(_)
            | Self::E2e(_)
            | Self::Checksums(_)
            | Self::Catalog(_)
            | Self::DependencyGuard(_)
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
            | Self::ReleaseNotes(_)
            | Self::Kms(_)
            | Self::Dstack(_)
            | Self::Probe(_)
            | Self::Rollout(_)
            | Self::Explain { .. }
            | Self::Completions { .. }
            | Self::Man { .. } => None,
            #[cfg(feature = "sandbox")]
            Self::Sandbox(_) => None,
        }
    }

    /// Whether it is a rollout, which finds something in production.
    pub fn rolls_out(&self) -> bool {
        let Self::Rollout(command) = self else { return false };
        !matches!(command, RolloutCommand::Status(_))
    }

    /// The releases of an end-to-end run that asks whatever the context offers, and the older one that it names.
    #[cfg(feature = "sandbox")]
    pub fn tries(&self) -> Option<(Vec<Tag>, Option<&Tag>)> {
        let Self::E2e(args) = self else { return None };
        args.is_open().then(|| (args.tag.tags(), args.stale.as_ref()))
    }

    /// Whether it makes the nodes that it asks.
    #[cfg(feature = "sandbox")]
    pub fn makes_nodes(&self) -> bool {
        matches!(self, Self::E2e(args) if args.clouds.cloud)
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

impl RolloutCommand {
    /// Which releases are read: both that are rolled out. Those of a state file are found out on the way.
    fn reads(&self) -> Reads {
        match self {
            Self::Plan(_) | Self::Status(_) => Reads::Nothing,
            Self::Run(args) => {
                let kms = args.inputs.tag.clone();
                let node = args.inputs.node.clone();
                let node = node.unwrap_or_else(|| Tag::new(Family::Node, kms.version().clone()));
                Reads::These(vec![kms, node])
            }
            Self::Resume(_) | Self::Rollback(_) | Self::Abort(_) => Reads::Any,
        }
    }
}

impl ProbeRunArgs {
    /// The release whose image is probed, where it is one's.
    fn reads(&self) -> Reads {
        match (&self.tag, &self.image, &self.kms_url) {
            (Some(tag), None, None) => Reads::These(vec![tag.clone()]),
            (None, None, None) => Reads::AnyOf(self.family),
            (_, Some(_), _) | (_, _, Some(_)) => Reads::Nothing,
        }
    }
}

impl VerifyAttestationArgs {
    /// The release that GitHub is asked for, where it is one of ours.
    fn reads(&self) -> Reads {
        match self.release.tag.parse() {
            Ok(tag) if self.bundle.is_none() => Reads::These(vec![tag]),
            Ok(_) | Err(_) => Reads::Nothing,
        }
    }
}

impl DependencyGuardArgs {
    /// Both releases of a pair; but for policies that are given, those of the KMS release that is judged are not read.
    fn reads(&self) -> Reads {
        let judges_a_node = self.tag.as_ref().is_some_and(|tag| tag.tags().iter().any(|t| t.family() == Family::Node));
        if self.policies.is_some() && !judges_a_node {
            return Reads::AnyOf(Family::Node);
        }
        Reads::named(&self.tag)
    }
}

impl KmsServeArgs {
    /// The release whose policy it serves by, unless that comes from elsewhere.
    fn reads(&self) -> Reads {
        let elsewhere =
            self.policy.policy_url.is_some() || self.policy.policy_file.is_some() || self.lists.use_env_policy;
        if elsewhere {
            return Reads::Nothing;
        }
        self.tag().map_or(Reads::AnyOf(Family::Kms), |tag| Reads::These(vec![tag]))
    }

    /// The release; a version that means nothing is for the service to refuse.
    fn tag(&self) -> Option<Tag> {
        let selector: Selector = self.release.kms_version.as_deref()?.parse().ok()?;
        selector.tags().into_iter().find(|tag| tag.family() == Family::Kms)
    }
}
