//! Releases that a release is compared with: the node releases whose machines a KMS release's policies must admit.

use super::{
    checks::{self, integrity},
    contract::AssetKind,
    snapshot::{Available, Counterpart, Snapshot},
};
use crate::{
    error::{Error, Result},
    policy::mrtds::PublishedMrtds,
    report::{Status, Verdict},
    subject::{profile::Profile, tag::Tag},
};

/// Releases that one release is compared with, at most.
const MAX_COUNTERPARTS: usize = 10;

/// The releases of the other family that the catalog pairs a release with, and in which profiles; its own version in all of
/// them when the catalog knows no pair.
pub fn paired_with(of: &Snapshot) -> Vec<(Tag, Vec<Profile>)> {
    let family = of.tag.family().counterpart();
    let catalog = match &of.catalog {
        Available::Yes(read) => read.as_ref().as_ref().ok(),
        Available::NotHere(_) | Available::Absent(_) | Available::Failed(_) => None,
    };
    let pairs = catalog.into_iter().flat_map(|c| c.entries.iter());
    let listed: Vec<_> = pairs
        .filter(|entry| entry.version(of.tag.family()) == of.tag.version())
        .take(MAX_COUNTERPARTS)
        .map(|entry| (Tag::new(family, entry.version(family).clone()), entry.profiles.clone()))
        .collect();
    if listed.is_empty() {
        return vec![(Tag::new(family, of.tag.version().clone()), Profile::ALL.to_vec())];
    }
    listed
}

/// The measurements that a release publishes, trusted only when the quick checks of that release pass and the checksums
/// file vouches for this very document.
///
/// # Errors
/// When that could not be found out, which speaks neither for nor against the release.
pub fn trusted(snapshot: &Snapshot) -> Result<Counterpart> {
    let findings = checks::judge(snapshot);
    let measurements = match snapshot.documents(AssetKind::Measurements).next() {
        None => Err("the release holds no published-mrtds.json that can be read".to_owned()),
        Some((entry, document)) => {
            let vouched = findings
                .iter()
                .any(|f| f.check == integrity::CHECKSUM.id && f.subject == entry.name && f.status == Status::Pass);
            match Verdict::of(findings.iter()) {
                Verdict::Passed if vouched => {
                    let name = format!("{} {}", snapshot.tag, entry.name);
                    let read =
                        document.measurements().cloned().map(|measurements| PublishedMrtds { name, ..measurements });
                    read.ok_or_else(|| format!("its {} cannot be read", entry.name))
                }
                Verdict::Undecided => {
                    let why = findings.iter().find(|f| f.status == Status::SkippedRequired).map(|f| f.message.as_str());
                    return Err(Error::input(why.unwrap_or("it could not be checked")));
                }
                Verdict::Passed | Verdict::Incomplete | Verdict::Failed => {
                    Err(format!("it does not pass; run `merotee verify-release-assets {}`", snapshot.tag))
                }
            }
        }
    };
    Ok(Counterpart { tag: snapshot.tag.clone(), profiles: Profile::ALL.to_vec(), measurements })
}
