//! The pairs that releases make: a KMS release and a node release work together in a profile when the KMS's policy admits
//! what the node release publishes. What people say of a pair (that it was tested, notes) is not a release's to say: it is
//! kept from the catalog that is there.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::{
    document::{Catalog, CatalogForm},
    edit::{self, EditError, Releases, Statement},
};
use crate::{
    attestation::measurement::{Allowed, Register},
    policy::{document::PolicyFile, mrtds::PublishedMrtds},
    report::{CheckInfo, Finding},
    subject::{
        profile::Profile,
        role::Role,
        tag::{Family, Tag},
    },
};

/// The catalog lists what the releases show.
pub const CATALOG_REBUILD: CheckInfo = CheckInfo {
    id: "catalog-rebuild",
    title: "the compatibility catalog lists the pairs whose releases fit each other, and no others",
};

/// A release as far as the catalog needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct Released {
    /// Its tag.
    pub tag: Tag,
    /// What it states, or why that is not trusted.
    pub stated: Result<Stated, String>,
}

/// What a release states about nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum Stated {
    /// A KMS release: which nodes its policies admit.
    Policies(Vec<PolicyFile>),
    /// A node release: what its machines measure to.
    Measurements(Box<PublishedMrtds>),
}

/// Pairs, each with the profiles they work in.
pub type Pairs = BTreeMap<(Version, Version), Vec<Profile>>;

/// Every pair of the releases that fits in at least one profile. Release candidates are in no pair: they are never for
/// production, and their policies may admit anything.
pub fn pairs(releases: &[Released]) -> Pairs {
    let final_ones = || releases.iter().filter(|r| !r.tag.is_rc());
    let mut pairs = Pairs::new();
    for kms in final_ones() {
        let Ok(Stated::Policies(policies)) = &kms.stated else { continue };
        for node in final_ones() {
            let Ok(Stated::Measurements(measured)) = &node.stated else { continue };
            let profiles: Vec<Profile> =
                Profile::ALL.into_iter().filter(|profile| fits(policies, measured, *profile)).collect();
            if !profiles.is_empty() {
                pairs.insert((kms.tag.version().clone(), node.tag.version().clone()), profiles);
            }
        }
    }
    pairs
}

/// Whether the profile's policy admits every machine that the node release publishes for it.
fn fits(policies: &[PolicyFile], measured: &PublishedMrtds, profile: Profile) -> bool {
    let lists = policies
        .iter()
        .filter(|policy| !policy.is_not_ready())
        .flat_map(|policy| &policy.profiles)
        .find(|lists| lists.profile == profile)
        .and_then(|lists| lists.of(Role::Node));
    match (lists, measured.profile(profile)) {
        (Some(allowed), Some(node)) => admits_all(allowed, &node.allowed, node.states_tcb),
        (None, _) | (_, None) => false,
    }
}

/// An empty list admits no machine, and a machine without a value is not one that was measured.
fn admits_all(policy: &Allowed, node: &Allowed, states_tcb: bool) -> bool {
    let registers = Register::ALL.into_iter().all(|register| {
        let values = node.register(register);
        !values.is_empty() && values.iter().all(|value| policy.admits(register, value))
    });
    let tcb = !policy.tcb().is_empty() && (!states_tcb || node.tcb().iter().all(|status| policy.tolerates(*status)));
    registers && tcb
}

/// What came of a rebuild.
#[derive(Debug)]
pub struct Rebuilt {
    /// The catalog's text, as it must be.
    pub text: String,
    /// What is new in it, for people. Empty when it already says all of this.
    pub changes: Vec<String>,
    /// What stands in the way. While one of these failed, the text is not to be written.
    pub findings: Vec<Finding>,
}

/// The catalog `bytes`, made to list the pairs that `releases` show. Entries that are right keep their bytes; pairs that
/// are new are listed as not tested, and pairs of release candidates stay as they are.
///
/// # Errors
/// The text cannot be edited: it is not a catalog, holds malformed entries, or is in upstream's form and a pair cannot be
/// said in it.
pub fn rebuild(name: &str, bytes: &[u8], releases: &[Released], place: &Releases<'_>) -> Result<Rebuilt, EditError> {
    let catalog = Catalog::parse(name, bytes).map_err(EditError::Unreadable)?;
    let shown = pairs(releases);
    let mut rebuilt = Rebuilt {
        text: str::from_utf8(bytes).map_err(|_| EditError::Defect)?.to_owned(),
        changes: Vec::new(),
        findings: distrusted(name, &catalog, releases),
    };
    // An empty edit finds malformed entries, also where nothing is to be changed.
    let nothing = Version::new(u64::MAX, 0, 0);
    edit::remove(name, bytes, &nothing, &nothing)?;
    for entry in catalog.entries.iter().filter(|e| e.kms.pre.is_empty() && e.node_image.pre.is_empty()) {
        let pair = (entry.kms.clone(), entry.node_image.clone());
        let edited = match shown.get(&pair) {
            None => edit::remove(name, rebuilt.text.as_bytes(), &pair.0, &pair.1)?,
            // Upstream's form has no list of profiles: a pair is in it with all three or not at all.
            Some(profiles) if catalog.form == CatalogForm::Releases && profiles.len() < Profile::ALL.len() => {
                edit::remove(name, rebuilt.text.as_bytes(), &pair.0, &pair.1)?
            }
            Some(profiles) if is_same(profiles, &entry.profiles) => continue,
            Some(profiles) => edit::set_profiles(name, rebuilt.text.as_bytes(), (&pair.0, &pair.1), profiles)?,
        };
        rebuilt.text = edited.text;
        rebuilt.changes.extend(edited.changes);
    }
    let listed: BTreeSet<_> = catalog.entries.iter().map(|e| (e.kms.clone(), e.node_image.clone())).collect();
    for ((kms, node_image), profiles) in shown.into_iter().filter(|(pair, _)| !listed.contains(pair)) {
        let statement = Statement { kms, node_image, profiles, evidence: Vec::new(), notes: None };
        if catalog.form == CatalogForm::Releases {
            rebuilt.findings.push(not_tested(name, &statement));
            continue;
        }
        let edited = edit::add(name, rebuilt.text.as_bytes(), &statement, place)?;
        rebuilt.text = edited.text;
        rebuilt.changes.extend(edited.changes);
    }
    Ok(rebuilt)
}

fn is_same(a: &[Profile], b: &[Profile]) -> bool {
    a.iter().collect::<BTreeSet<_>>() == b.iter().collect::<BTreeSet<_>>()
}

/// Upstream's form holds tested pairs alone.
fn not_tested(name: &str, pair: &Statement) -> Finding {
    let (kms, node) = (&pair.kms, &pair.node_image);
    let message = format!("KMS {kms} and node image {node} fit each other and are not listed");
    CATALOG_REBUILD
        .warn(name, message)
        .help(format!("a catalog with `releases` lists tested pairs: merotee catalog add {kms} {node} --evidence FILE"))
}

/// Releases that are not trusted: in no pair, and a failure where the catalog lists them.
fn distrusted(name: &str, catalog: &Catalog, releases: &[Released]) -> Vec<Finding> {
    let lists = |tag: &Tag| catalog.entries.iter().any(|entry| entry.version(tag.family()) == tag.version());
    let finding = |release: &Released| {
        let why = release.stated.as_ref().err()?;
        if release.tag.is_rc() {
            return None;
        }
        Some(if lists(&release.tag) {
            CATALOG_REBUILD.fail(name, format!("{} is listed and not trusted: {why}", release.tag)).help(format!(
                "run `merotee verify-release-assets {}`; withdraw the release or its entries",
                release.tag
            ))
        } else {
            CATALOG_REBUILD.warn(name, format!("{} is in no pair, because it is not trusted: {why}", release.tag))
        })
    };
    releases.iter().filter_map(finding).collect()
}

/// Families of which no release was found: a catalog rebuilt from nothing would be empty.
pub fn without_releases(releases: &[Released]) -> Vec<Family> {
    Family::ALL.into_iter().filter(|family| !releases.iter().any(|r| r.tag.family() == *family)).collect()
}

#[cfg(test)]
mod tests;
