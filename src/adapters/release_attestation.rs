//! GitHub's attestation of one release: asked for and verified. Whether it is of the release at hand is for
//! [`crate::release::attestation`] to say.

use super::{
    github::{GitHub, RepositoryIds},
    sigstore::{GitHubRoot, UnverifiedRelease},
};
use crate::{
    digest::Sha256,
    error::{self, Result},
    release::attestation::{Attested, Choice, Ids, Known, Outcome, Standing, choose},
    subject::repository::Repository,
    text::counted,
};

/// How many assets of a release are asked for at most, where its tag leads nowhere.
const ASSETS_ASKED_FOR: usize = 3;

/// A release that GitHub calls immutable.
#[derive(Debug, Clone, Copy)]
pub struct Immutable<'a> {
    /// The repository, as it is called now.
    pub repository: &'a Repository,
    /// What it was asked for by, where that is another name.
    pub asked_for: Option<&'a Repository>,
    /// The tag.
    pub tag: &'a str,
    /// The API's number of the release.
    pub release: u64,
    /// Its assets: where nothing is attested of what the tag points to now, they say what was.
    pub assets: &'a [Sha256],
}

/// Asks GitHub for the attestation of a release, and verifies it under `root`. What cannot be found out is part of the
/// result.
pub async fn of_release(github: &GitHub, root: &GitHubRoot, release: Immutable<'_>) -> Standing {
    match asked(github, root, release).await {
        Ok(standing) => standing,
        Err(error) => Standing::Unknown(error::chain(&error)),
    }
}

/// What bundles that are at hand attest of a release.
pub fn of_bundles(root: &GitHubRoot, known: Known, bundles: &[Vec<u8>]) -> Standing {
    let read: Vec<_> = bundles.iter().map(|bundle| UnverifiedRelease::read(bundle)).collect();
    let claims: Vec<_> =
        read.iter().map(|one| one.as_ref().map(UnverifiedRelease::claims).map_err(|e| e.0.as_str())).collect();
    let outcome = match choose(&claims, &known.tag) {
        Choice::None(others) => return Standing::Absent(none_of(&known, others)),
        Choice::Several(count) => Outcome::Several(count),
        Choice::Unreadable(why) => Outcome::Rejected(why),
        Choice::One(place) => match read.into_iter().nth(place) {
            Some(Ok(attestation)) => verified(root, attestation),
            Some(Err(why)) => Outcome::Rejected(why.0),
            None => Outcome::Rejected("the attestation is gone".to_owned()),
        },
    };
    Standing::Attested(Box::new(Attested { known, outcome }))
}

/// One attestation, whichever tag it is of.
pub fn verified(root: &GitHubRoot, attestation: UnverifiedRelease) -> Outcome {
    match root.verify(&attestation) {
        Ok(at) => Outcome::Signed { statement: Box::new(attestation.into_statement()), at },
        Err(why) => Outcome::Rejected(why.0),
    }
}

async fn asked(github: &GitHub, root: &GitHubRoot, release: Immutable<'_>) -> Result<Standing> {
    let Immutable { repository, asked_for, tag, release, assets } = release;
    let (ids, object) = tokio::try_join!(github.repository_ids(repository), github.tag_object(repository, tag))?;
    let RepositoryIds { repository: id, owner } = ids;
    let Some(object) = object else {
        return Ok(Standing::Absent(format!(
            "{repository} has no tag {tag}, though GitHub calls its release immutable"
        )));
    };
    let digest = format!("{}:{object}", if object.len() == 64 { "sha256" } else { "sha1" });
    let ids = Ids { repository: Some(id), owner: Some(owner), release: Some(release), tag_ref: Some(object) };
    let known = Known { repository: repository.clone(), asked_for: asked_for.cloned(), tag: tag.to_owned(), ids };
    let bundles = github.release_attestations(repository, &digest).await?;
    let standing = of_bundles(root, known.clone(), &bundles);
    let Standing::Absent(_) = standing else { return Ok(standing) };
    // A tag that was moved points to what nothing was attested of.
    for asset in assets.iter().take(ASSETS_ASKED_FOR) {
        let bundles = github.release_attestations(repository, &format!("sha256:{asset}")).await?;
        let by_asset = of_bundles(root, known.clone(), &bundles);
        let Standing::Absent(_) = by_asset else { return Ok(by_asset) };
    }
    Ok(standing)
}

fn none_of(known: &Known, others: usize) -> String {
    let at = known.ids.tag_ref.as_deref().map(|object| format!(" at {object}")).unwrap_or_default();
    let others = match others {
        0 => String::new(),
        others => format!(", only {} of other tags", counted(others, "attestation", "attestations")),
    };
    format!("GitHub calls the release immutable and has no attestation of {}{at}{others}", known.tag)
}
