//! The policies of a release on GitHub, in whichever layout it is, with everything that vouches for them, and nothing else
//! of the release. One is what the service runs by; the others say which machines are KMSs of other profiles.

use std::collections::BTreeSet;

use super::{Publisher, Vouched, contracts, refusal, signer_rule};
use crate::{
    adapters::{
        github::{Allowance, GitHub},
        release_source::{Downloads, Files, Log, Purpose, Read, ReleaseSource, Wanted},
    },
    error::{Error, Result},
    release::{
        contract::{AssetKind, Scope},
        documents::Budget,
        snapshot::{SignatureOutcome, Snapshot},
        vouched,
    },
    subject::{profile::Profile, tag::Tag},
};

/// Assets fetched, and verified, at the same time: the policies, the checksums file and their signatures.
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
    let Read { snapshot, .. } = read(release, publisher).await?;
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
async fn read(release: &Tag, publisher: &Publisher) -> Result<Read> {
    let contracts = contracts()?;
    let github = GitHub::new(publisher.api_url.clone(), publisher.token.clone(), publisher.http.clone())?
        .within(Allowance::new(MAX_DOWNLOAD, "the service's bound"));
    let rule = signer_rule(publisher);
    let source = ReleaseSource {
        files: Files::on_github(github, Downloads::temporary()?, false),
        log: Some(Log::new(publisher.rekor_url.clone(), publisher.http.clone())?),
        contracts: &contracts,
        root: &publisher.trust_root,
        key: None,
        rule: &rule,
        jobs: JOBS,
        budget: Budget::default(),
    };
    let wanted = Wanted { tag: release, class: release.class(), scope: Scope::Policies, purpose: Purpose::Verdict };
    source.read(wanted).await
}
