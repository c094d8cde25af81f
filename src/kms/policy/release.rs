//! The policies of a release on GitHub, in whichever layout it is, with everything that vouches for them, and nothing else
//! of the release. One is what the service runs by; the others say which machines are KMSs of other profiles.

use std::collections::BTreeSet;

use tempfile::TempDir;

use super::{Publisher, Vouched, contracts, refusal, signer};
use crate::{
    adapters::{
        evidence::Verifier,
        github::{Allowance, GitHub},
        github_release::{self, Request},
        http::{Http, Service},
        sigstore::RekorLookup,
    },
    error::{Error, Result},
    release::{
        checks::authenticity::to_verify,
        contract::{AssetKind, Scope},
        snapshot::{Demanded, SignatureOutcome, Snapshot},
        vouched,
    },
    subject::{profile::Profile, tag::Tag},
};

/// Assets fetched at the same time: the policies, the checksums file and their signatures.
const JOBS: usize = 4;

/// The most that is downloaded for them, in bytes. Real ones have some 20 KiB together.
const MAX_DOWNLOAD: u64 = 256 << 20;

/// Fetches the policy of `profile`, with those of the other profiles, and has the release vouch for all of them.
///
/// # Errors
/// Trust: the release does not vouch for one, or lacks one. Remote: GitHub or the log cannot be asked, or there is no such
/// release.
pub(super) async fn fetch(release: &Tag, profile: Profile, publisher: &Publisher) -> Result<Vouched> {
    let origin = format!("{} of {}", release, publisher.repository);
    let folder =
        TempDir::with_prefix("merotee-").map_err(|e| Error::input("cannot make a temporary folder").because(e))?;
    let snapshot = snapshot(release, publisher, &folder).await?;
    let policies = snapshot.contract.assets().filter(|asset| asset.role == AssetKind::Policy);
    let (own, others): (Vec<_>, Vec<_>) = policies.partition(|asset| asset.profile == Some(profile));
    let name = own.into_iter().next().map(|asset| asset.name);
    let name = name.ok_or_else(|| Error::internal("the contract of a KMS release names no policy"))?;
    let bytes = |name: &str| match vouched::document(&snapshot, name) {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(why) => Err(refusal(&origin, &why)),
    };
    let policy = bytes(&name)?;
    let others = others.into_iter().map(|other| Ok((other.name.clone(), bytes(&other.name)?)));
    let others = others.collect::<Result<_>>()?;
    tracing::info!("{release} vouches for {name}, signed by {}", signers(&snapshot));
    Ok(Vouched { name, bytes: policy, others, origin })
}

/// Who did sign, once each.
fn signers(snapshot: &Snapshot) -> String {
    let signers = snapshot.signatures.iter().filter_map(|signature| match &signature.outcome {
        SignatureOutcome::SignedBy(signer) => Some(signer.to_string()),
        SignatureOutcome::SignedWithKey
        | SignatureOutcome::Rejected(_)
        | SignatureOutcome::Absent
        | SignatureOutcome::Unverified(_) => None,
    });
    let signers: BTreeSet<_> = signers.collect();
    signers.into_iter().collect::<Vec<_>>().join(" and ")
}

/// As much of the release as vouches for its policies.
async fn snapshot(release: &Tag, publisher: &Publisher, folder: &TempDir) -> Result<Snapshot> {
    let contracts = contracts()?;
    let github = GitHub::new(publisher.api_url.clone(), publisher.token.clone(), publisher.http.clone())?
        .within(Allowance::new(MAX_DOWNLOAD, "the service's bound"));
    let listing = github_release::list(&github, &publisher.repository, release, &contracts, Scope::Policies).await?;
    let request = Request { into: folder.path(), jobs: JOBS, progress: &|_| {} };
    let fetched = listing.download(&github, request).await?;
    let demanded = Demanded::Signer(signer(release, &fetched.selection.contract, publisher));
    let mut snapshot =
        fetched.into_snapshot(publisher.repository.clone(), release.clone(), release.class(), demanded, true);
    let log = Http::new(Service::Rekor, publisher.rekor_url.clone(), None, publisher.http.clone())?;
    let rekor = Some(RekorLookup::new(&log, &publisher.rekor_url));
    let verifier = Verifier { root: &publisher.trust_root, key: None, rekor };
    let mut signatures = Vec::new();
    for asset in to_verify(&snapshot) {
        signatures.extend(verifier.verify(asset, &snapshot.assets).await);
    }
    snapshot.signatures = signatures;
    Ok(snapshot)
}
