//! D1 and D2, and once more before production: both releases are verified as `verify-release-assets` does it, and the one of
//! the KMS says which image is deployed and which machines run it.

use super::{
    Effects,
    checks::RELEASE,
    told::{facts, judged, kept},
};
use crate::{
    adapters::release_source::{Purpose, Read, Wanted},
    attestation::measurement::Register,
    commands::{
        counterparts::{self, Basis, Stated},
        located, verify_release,
    },
    error::{Error, Result},
    policy::document::PolicyFile,
    probe::image::Image,
    release::{
        attestation::Standing,
        checks,
        contract::{AssetKind, Scope},
        notes::image,
        snapshot::{Available, Snapshot},
        vouched,
    },
    report::{Fact, Finding, Report, Section, Verdict},
    rollout::{path::Look, state::State, step::Judged},
    subject::{
        profile::Profile,
        repository::Repository,
        tag::{Class, Tag},
    },
    text::excerpt,
};

/// How the kept policy of a release is called.
pub(super) const POLICY: &str = "policy.json";

/// A release that was judged.
struct Verified {
    snapshot: Snapshot,
    section: Section,
    caveats: Vec<String>,
}

impl Effects<'_> {
    pub(super) async fn kms_release(&self, look: Look, state: &State) -> Result<Judged> {
        let inputs = state.inputs();
        let Verified { snapshot, mut section, mut caveats } = self.verified(&inputs.kms, &inputs.repository).await?;
        let deployable = match section.verdict() {
            Verdict::Passed => deployable(&snapshot, inputs.profile, &inputs.repository)?,
            Verdict::Undecided | Verdict::Incomplete | Verdict::Failed => {
                return Ok(judged(report(section, caveats), Vec::new(), Vec::new()));
            }
        };
        let subject = inputs.kms.as_str();
        let (image, policy) = match deployable {
            Ok(Deployable { image, policy, caveat }) => {
                caveats.extend(caveat);
                (image, policy)
            }
            Err(why) => {
                let help = "correct and publish the release again: nothing was deployed";
                section.findings.push(RELEASE.fail(subject, why).help(help));
                return Ok(judged(report(section, caveats), Vec::new(), Vec::new()));
            }
        };
        section.findings.push(fit(&inputs.kms, &image, inputs.profile));
        if look == Look::KmsReleaseAgain {
            section.findings.push(same(subject, self.learnt(state, Look::KmsRelease, "digest")?, image.digest()));
        }
        section.facts.push(Fact::Image(image.to_string()));
        let learnt = facts([("image", image.name().to_owned()), ("digest", image.digest().to_owned())]);
        Ok(judged(report(section, caveats), kept(POLICY, policy).into_iter().collect(), learnt))
    }

    pub(super) async fn node_release(&self, _look: Look, state: &State) -> Result<Judged> {
        let inputs = state.inputs();
        let Verified { section, caveats, .. } = self.verified(&inputs.node, &inputs.repository).await?;
        Ok(judged(report(section, caveats), Vec::new(), Vec::new()))
    }

    /// The policy of a release that is trusted, in bytes: of the one that production runs.
    ///
    /// # Errors
    /// Remote: it cannot be read.
    pub(super) async fn policy_of(
        &self,
        tag: &Tag,
        profile: Profile,
        repository: &Repository,
    ) -> Result<Stated<Vec<u8>>> {
        let basis = Basis::new(self.context, repository)?;
        let source = basis.source(self.context)?;
        let wanted = Wanted { tag, class: tag.class(), scope: Scope::Policies, purpose: Purpose::Comparison };
        let Read { snapshot, staged: _staged } = source.read(wanted).await?;
        policy(&snapshot, profile)
    }

    /// The image that D1 found.
    ///
    /// # Errors
    /// Internal: D1 has not passed.
    pub(super) fn image(&self, state: &State) -> Result<Image> {
        let (name, digest) =
            (self.learnt(state, Look::KmsRelease, "image")?, self.learnt(state, Look::KmsRelease, "digest")?);
        let image = format!("{name}@sha256:{digest}");
        image.parse().map_err(|e| Error::internal("the image that was verified").because(e))
    }

    /// Reads and judges a whole release, with its catalog and its counterparts.
    async fn verified(&self, tag: &Tag, repository: &Repository) -> Result<Verified> {
        let basis = Basis::new(self.context, repository)?;
        let source = basis.source(self.context)?;
        let wanted = Wanted { tag, class: tag.class(), scope: Scope::Whole, purpose: Purpose::Verdict };
        let Read { mut snapshot, staged: _staged } = source.read(wanted).await?;
        snapshot.catalog = source.catalog(None).await;
        snapshot.counterparts = source.counterparts(&snapshot).await;
        snapshot.lineage = source.lineage(&snapshot, None).await;
        let github_root = self.context.github_root()?;
        snapshot.attestation = source.attestation(&snapshot, &github_root, false).await;
        let mut findings = checks::judge(&snapshot);
        located::in_release(&mut findings, tag.as_str());
        let facts = verify_release::facts(&snapshot, &findings, repository);
        let section = Section { facts, findings, ..Section::new(tag.as_str()) };
        let attested = matches!(snapshot.attestation, Standing::Attested(_));
        let caveats = basis.root.caveat().into_iter().chain(github_root.caveat().filter(|_| attested)).collect();
        Ok(Verified { snapshot, section, caveats })
    }
}

fn report(section: Section, caveats: Vec<String>) -> Report {
    let rules = checks::rules().into_iter().chain([RELEASE]).collect();
    Report { command: "verify-release-assets".into(), rules, sections: vec![section], caveats, ..Report::default() }
}

/// [`RELEASE`]: no release candidate goes into production.
fn fit(tag: &Tag, image: &Image, profile: Profile) -> Finding {
    match tag.class() {
        Class::Stable | Class::Hotfix => RELEASE.pass(tag.as_str(), format!("{image} for {profile}")),
        Class::Rc => RELEASE
            .fail(tag.as_str(), "a release candidate is never for production")
            .help("publish a stable release, and roll that out"),
    }
}

/// [`RELEASE`]: it still names the image that was verified first.
fn same(subject: &str, first: &str, now: &str) -> Finding {
    if first == now {
        return RELEASE.pass(subject, "names the image that was verified first");
    }
    RELEASE
        .fail(subject, "names another image than when it was verified first")
        .compared(first, now)
        .help("a release must not change: find out who changed it before anything else")
}

/// What of a release is deployed.
struct Deployable {
    image: Image,
    policy: Vec<u8>,
    caveat: Option<String>,
}

fn deployable(snapshot: &Snapshot, profile: Profile, repository: &Repository) -> Result<Stated<Deployable>> {
    let policy = match policy(snapshot, profile)? {
        Ok(policy) => policy,
        Err(why) => return Ok(Err(why)),
    };
    let (image, caveat) = match image_of(snapshot, profile, repository)? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    Ok(Ok(Deployable { image, policy, caveat }))
}

/// The image of a profile, as a signed document states it; where none does, the notes, which carry no signature.
fn image_of(snapshot: &Snapshot, profile: Profile, repository: &Repository) -> Result<Stated<(Image, Option<String>)>> {
    let name = snapshot.contract.image_of(repository);
    if snapshot.documents(AssetKind::Manifest).next().is_some() {
        let digest = counterparts::image(snapshot, profile)?;
        let image = digest.and_then(|digest| Image::new(&name, digest).map_err(|e| format!("{}: {e}", excerpt(&name))));
        return Ok(image.map(|image| (image, None)));
    }
    let layout = &snapshot.contract.layout;
    if profile != Profile::LockedReadOnly {
        return Ok(Err(format!("releases of the {layout} layout name the image of locked-read-only alone")));
    }
    let Available::Yes(notes) = &snapshot.notes else {
        return Ok(Err(format!(
            "releases of the {layout} layout name their image in the notes, which are not at hand"
        )));
    };
    let Some(pinned) = image::pinned(notes, &name) else {
        return Ok(Err("its notes do not pin the image by its digest".to_owned()));
    };
    let caveat = "no signed document of the release names its image, only its notes do: the compose hash that staging \
                  measures must be in the signed policy";
    let image = pinned.parse::<Image>().map_err(|e| format!("{}: {e}", excerpt(&pinned)));
    Ok(image.map(|image| (image, Some(caveat.to_owned()))))
}

/// The policy of a profile that a release vouches for, ready and with every register.
fn policy(snapshot: &Snapshot, profile: Profile) -> Result<Stated<Vec<u8>>> {
    let policies = match counterparts::policies(snapshot)? {
        Ok(policies) => policies,
        Err(why) => return Ok(Err(why)),
    };
    let Some(policy) = policies.into_iter().find(|policy| policy.profiles.iter().any(|p| p.profile == profile)) else {
        return Ok(Err(format!("it has no policy of {profile}")));
    };
    if let Err(why) = admits(&policy, profile) {
        return Ok(Err(format!("{}: {why}", policy.name)));
    }
    let bytes = vouched::document(snapshot, &policy.name);
    Ok(bytes.map(<[u8]>::to_vec).map_err(|refusal| {
        refusal.objections().first().map(ToString::to_string).unwrap_or_else(|| "nothing vouches for it".to_owned())
    }))
}

/// Whether a policy admits a machine at all.
fn admits(policy: &PolicyFile, profile: Profile) -> Result<(), String> {
    if policy.is_not_ready() {
        return Err("it is not ready".to_owned());
    }
    let lists = policy.profiles.iter().find(|lists| lists.profile == profile);
    let kms = lists.and_then(|lists| lists.kms.as_ref()).ok_or("it says nothing of the KMS")?;
    match Register::ALL.into_iter().find(|register| kms.register(*register).is_empty()) {
        Some(register) => Err(format!("it admits no {register} of a KMS")),
        None if kms.tcb().is_empty() => Err("it admits no TCB status of a KMS".to_owned()),
        None => Ok(()),
    }
}
