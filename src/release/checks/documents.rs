//! Are the documents well formed, of this release, and safe together?
//!
//! Each function here only brings the right documents to a rule: the rules themselves live with the documents they are
//! about, in [`crate::policy`], [`crate::catalog`] and [`crate::release`], where other commands use them too.

use std::sync::Arc;

use crate::{
    attestation::measurement::{Allowed, Registers},
    catalog::{self, CATALOG},
    digest::Sha256,
    policy::{
        agreement::{self, COUNTERPART_MEASUREMENTS},
        checks as rules,
        document::PolicyFile,
        isolation,
        mrtds::{self, ProfileMeasurements, PublishedMrtds},
        roles,
    },
    release::{
        checks::upstream,
        contract::{AssetKind, ContractAsset, Notes},
        documents::Document as HeldDocument,
        notes::{
            self, NOTES_SECTIONS,
            image::{self, NOTES_IMAGE},
        },
        sbom,
        snapshot::{Asset, Available, Content, MAX_DOCUMENT_BYTES, Snapshot},
    },
    report::{CheckInfo, Finding},
    schema::{self, Document, SCHEMA},
    subject::{
        profile::Profile,
        tag::{Class, Family},
    },
};

/// `compose-hash`.
pub const COMPOSE_HASH: CheckInfo =
    CheckInfo { id: "compose-hash", title: "compose-hash.txt holds one SHA-256 and nothing else" };

/// The schema a role's documents must conform to; `None` for what is not JSON, or has a check of its own.
fn schema_of(role: AssetKind) -> Option<Document> {
    match role {
        AssetKind::Policy | AssetKind::DefaultPolicy => Some(Document::AttestationPolicy),
        AssetKind::Measurements => Some(Document::PublishedMrtds),
        AssetKind::Manifest => Some(Document::KmsReleaseManifest),
        AssetKind::ContainerMetadata => Some(Document::ContainerMetadata),
        AssetKind::CompatibilityMap => Some(Document::CompatibilityMap),
        AssetKind::ReleaseProvenance => Some(Document::ReleaseProvenance),
        AssetKind::ComposeHash
        | AssetKind::Sbom
        | AssetKind::Provenance
        | AssetKind::TrustBundle
        | AssetKind::Other => None,
    }
}

/// Every document against its schema. One that is there and cannot be read is said so here, whatever its role.
pub fn schema(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in snapshot.contract.assets().filter(|a| a.role != AssetKind::Other) {
        let Some(asset) = snapshot.asset(&entry.name) else { continue };
        match (asset.document(), schema_of(entry.role)) {
            (None, _) => findings.push(unread(asset)),
            (Some(_), None) => {}
            (Some(document), Some(form)) => match document.json() {
                Ok(value) => findings.extend(schema::conforms(&entry.name, form, value)),
                Err(error) => findings.push(schema::unreadable(&entry.name, error)),
            },
        }
    }
    findings
}

fn unread(asset: &Asset) -> Finding {
    let name = asset.name.as_str();
    match &asset.content {
        Content::Read { size, .. } => SCHEMA
            .fail(name, "the document is too large to be genuine")
            .compared(format!("at most {MAX_DOCUMENT_BYTES} bytes"), format!("{size} bytes")),
        Content::Failed(why) => SCHEMA.undecided(name, why.as_str()),
        Content::NotFetched => SCHEMA.undecided(name, "the document was not fetched"),
    }
}

/// The policies that parse, with the profile their name promises. One that does not is reported by `schema`.
fn policies(snapshot: &Snapshot) -> Vec<(&PolicyFile, Profile)> {
    let of = |role| snapshot.documents(role);
    of(AssetKind::Policy)
        .chain(of(AssetKind::DefaultPolicy))
        // The policy without a profile in its name is for readers that know no profiles: the strictest.
        .filter_map(|(entry, document)| Some((document.policy()?, entry.profile.unwrap_or(Profile::LockedReadOnly))))
        .collect()
}

/// The three profiles' policies, without the extra copy.
fn profile_policies(snapshot: &Snapshot) -> Vec<&PolicyFile> {
    snapshot.documents(AssetKind::Policy).filter_map(|(_, document)| document.policy()).collect()
}

fn each_policy(snapshot: &Snapshot, rule: impl Fn(&PolicyFile) -> Vec<Finding>) -> Vec<Finding> {
    policies(snapshot).into_iter().flat_map(|(policy, _)| rule(policy)).collect()
}

/// `policy-profile`.
pub fn policy_profile(snapshot: &Snapshot) -> Vec<Finding> {
    policies(snapshot).into_iter().flat_map(|(policy, promised)| rules::profile(policy, promised)).collect()
}

/// `policy-tag`.
pub fn policy_tag(snapshot: &Snapshot) -> Vec<Finding> {
    each_policy(snapshot, |policy| rules::tag(policy, snapshot.tag.version()))
}

/// `policy-status`.
pub fn policy_status(snapshot: &Snapshot) -> Vec<Finding> {
    each_policy(snapshot, |policy| rules::status(policy, snapshot.class))
}

/// `policy-measurements`.
pub fn policy_measurements(snapshot: &Snapshot) -> Vec<Finding> {
    each_policy(snapshot, rules::measurements)
}

/// `policy-tcb`.
pub fn policy_tcb(snapshot: &Snapshot) -> Vec<Finding> {
    each_policy(snapshot, rules::tcb)
}

/// `policy-spellings`.
pub fn policy_spellings(snapshot: &Snapshot) -> Vec<Finding> {
    each_policy(snapshot, rules::spellings)
}

/// `policy-fields`.
pub fn policy_fields(snapshot: &Snapshot) -> Vec<Finding> {
    each_policy(snapshot, rules::fields)
}

/// `register-zero`.
pub fn register_zero(snapshot: &Snapshot) -> Vec<Finding> {
    each_policy(snapshot, rules::register_zero)
}

/// `role-separation`: every KMS that the policies or the release's own measurements state, against every node that the
/// policies or the counterparts state. Counterparts that cannot be read are reported by `counterpart-measurements`.
pub fn role_separation(snapshot: &Snapshot) -> Vec<Finding> {
    let files: Vec<&PolicyFile> = policies(snapshot).into_iter().map(|(policy, _)| policy).collect();
    let counterparts: Vec<&PublishedMrtds> = match &snapshot.counterparts {
        Available::Yes(counterparts) => counterparts.iter().filter_map(|c| c.measurements.as_ref().ok()).collect(),
        Available::NotHere(_) | Available::Absent(_) | Available::Failed(_) => Vec::new(),
    };
    roles::of_release(&files, &measurements(snapshot), &counterparts)
}

/// `profile-isolation`, over policies and over published measurements.
pub fn profile_isolation(snapshot: &Snapshot) -> Vec<Finding> {
    let files = profile_policies(snapshot);
    let mut findings = if files.is_empty() { Vec::new() } else { isolation::policies(&files) };
    findings.extend(measurements(snapshot).into_iter().flat_map(mrtds::isolated));
    findings
}

fn measurements(snapshot: &Snapshot) -> Vec<&PublishedMrtds> {
    snapshot.documents(AssetKind::Measurements).filter_map(|(_, document)| document.measurements()).collect()
}

/// `mrtds`.
pub fn published(snapshot: &Snapshot) -> Vec<Finding> {
    measurements(snapshot)
        .into_iter()
        .flat_map(|m| mrtds::published(m, snapshot.tag.family(), snapshot.tag.version()))
        .collect()
}

/// `measurements-match`.
pub fn measurements_match(snapshot: &Snapshot) -> Vec<Finding> {
    let files = profile_policies(snapshot);
    measurements(snapshot).into_iter().flat_map(|own| agreement::measurements_match(&files, own)).collect()
}

/// `counterpart-measurements`: against the union of every node release the catalog pairs this one with.
pub fn counterpart_measurements(snapshot: &Snapshot) -> Vec<Finding> {
    let files = profile_policies(snapshot);
    match &snapshot.counterparts {
        // Nothing in it could agree or disagree, so no counterpart is needed.
        _ if files.iter().all(|policy| policy.is_not_ready()) => {
            vec![COUNTERPART_MEASUREMENTS.skip("", "no policy of this release is ready")]
        }
        Available::NotHere(why) => vec![COUNTERPART_MEASUREMENTS.skip("", why.as_str())],
        Available::Absent(why) => vec![COUNTERPART_MEASUREMENTS.missing("", why.as_str())],
        Available::Failed(why) => vec![COUNTERPART_MEASUREMENTS.undecided("", why.as_str())],
        Available::Yes(counterparts) => {
            let mut findings = Vec::new();
            let mut readable = Vec::new();
            for counterpart in counterparts {
                match &counterpart.measurements {
                    Ok(mrtds) => readable.push((counterpart.profiles.as_slice(), mrtds)),
                    Err(why) => {
                        let why = format!("not trusted: {why}");
                        findings.push(COUNTERPART_MEASUREMENTS.fail(counterpart.tag.as_str(), why));
                    }
                }
            }
            if findings.is_empty() {
                findings.extend(agreement::counterpart_measurements(&files, &union(&readable)));
            }
            findings
        }
    }
}

/// What all counterparts publish together, each for the profiles it is paired in.
pub fn union(counterparts: &[(&[Profile], &PublishedMrtds)]) -> PublishedMrtds {
    let name = counterparts.iter().map(|(_, m)| m.name.as_str()).collect::<Vec<_>>().join(" + ");
    let profiles = Profile::ALL
        .into_iter()
        .filter_map(|profile| {
            let of: Vec<&ProfileMeasurements> = counterparts
                .iter()
                .filter(|(profiles, _)| profiles.contains(&profile))
                .filter_map(|(_, m)| m.profile(profile))
                .collect();
            let registers =
                Registers::from_fn(|r| of.iter().flat_map(|m| m.allowed.register(r)).copied().collect::<Vec<_>>());
            let tcb = of.iter().flat_map(|m| m.allowed.tcb()).copied().collect();
            let first = of.first()?;
            Some(ProfileMeasurements {
                profile,
                measured: first.measured,
                allowed: Allowed::new(registers, tcb),
                states_tcb: of.iter().any(|m| m.states_tcb),
            })
        })
        .collect();
    PublishedMrtds { name, role: None, tag: None, profiles, malformed: Vec::new(), document: Arc::default() }
}

/// `sbom`.
pub fn sboms(snapshot: &Snapshot) -> Vec<Finding> {
    let judged = |(entry, document): (ContractAsset, &HeldDocument)| {
        sbom::sbom(&entry.name, document.bytes(), snapshot.contract.purls)
    };
    snapshot.documents(AssetKind::Sbom).flat_map(judged).collect()
}

/// `compose-hash`.
pub fn compose_hash(snapshot: &Snapshot) -> Vec<Finding> {
    let one = |name: String, bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let line = text.strip_suffix('\n').unwrap_or(text);
        if Sha256::from_prefixed(line).is_ok() {
            COMPOSE_HASH.pass(name, line)
        } else {
            COMPOSE_HASH
                .fail(name, "")
                .compared("sha256:<64 lowercase hex digits> on one line", schema::excerpt::excerpt(text))
        }
    };
    snapshot.documents(AssetKind::ComposeHash).map(|(entry, document)| one(entry.name, document.bytes())).collect()
}

/// The subject of findings about notes.
const NOTES: &str = "release notes";

/// The production image of a KMS release: pinned by its notes, which carry no signature, and stated by a signed document.
/// `None` where no document states one, and in a run that does not look at notes.
pub fn signed_image(snapshot: &Snapshot) -> Option<String> {
    let Available::Yes(notes) = &snapshot.notes else { return None };
    let judged = snapshot.tag.family() == Family::Kms && !snapshot.quick;
    let stated = upstream::production_image(snapshot)?;
    let pinned = image::pinned(notes, &snapshot.contract.image_of(&snapshot.repository));
    pinned.filter(|image| judged && image.ends_with(&format!("@{stated}")))
}

/// `notes-image`.
pub fn notes_image(snapshot: &Snapshot) -> Vec<Finding> {
    let image = snapshot.contract.image_of(&snapshot.repository);
    let stated = upstream::stated_images(snapshot);
    with_notes(snapshot, NOTES_IMAGE, |text| image::notes_image(NOTES, text, &image, &stated))
}

/// `notes-sections`. Releases of a layout that predates the rules are warned about only.
pub fn notes_sections(snapshot: &Snapshot) -> Vec<Finding> {
    let findings = with_notes(snapshot, NOTES_SECTIONS, |text| notes::notes_sections(NOTES, text, snapshot.class));
    match snapshot.contract.notes {
        Notes::Enforced => findings,
        Notes::Advisory => notes::advisory(findings),
    }
}

fn with_notes(snapshot: &Snapshot, check: CheckInfo, rule: impl Fn(&str) -> Vec<Finding>) -> Vec<Finding> {
    match &snapshot.notes {
        Available::Yes(text) => rule(text),
        Available::NotHere(why) => vec![check.skip(NOTES, why.as_str())],
        Available::Absent(why) => vec![check.missing(NOTES, why.as_str())],
        Available::Failed(why) => vec![check.undecided(NOTES, why.as_str())],
    }
}

/// `catalog`.
pub fn catalog(snapshot: &Snapshot) -> Vec<Finding> {
    const NAME: &str = "compatibility-catalog.json";
    match &snapshot.catalog {
        Available::Yes(read) => match read.as_ref() {
            Ok(catalog) => catalog::listed(catalog, &snapshot.tag, snapshot.class, None),
            Err(unreadable) => vec![Finding { check: CATALOG.id, ..unreadable.as_ref().clone() }],
        },
        Available::Absent(why) if snapshot.class == Class::Rc => vec![CATALOG.skip(NAME, why.as_str())],
        Available::Absent(why) => vec![CATALOG.missing(NAME, why.as_str())],
        Available::NotHere(why) => vec![CATALOG.skip(NAME, why.as_str())],
        Available::Failed(why) => vec![CATALOG.undecided(NAME, why.as_str())],
    }
}
