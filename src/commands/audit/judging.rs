//! Releases read and judged, several at the same time. How many is decided by what they hold in memory: documents are read
//! whole, everything else is hashed as it comes.

use std::{path::Path, sync::Arc};

use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;

use super::listing::Listed;
use crate::{
    adapters::{
        github::{GitHub, Release},
        github_release::Recalled,
        release_source::{Purpose, Read, ReleaseSource, Wanted},
        sigstore::GitHubRoot,
    },
    commands::{located, verify_release},
    error::{Error, Result},
    progress::Phase,
    release::{
        audit::{
            plan::{self, Need, Plan},
            roll,
        },
        checks,
        contract::Scope,
        exhibits,
        snapshot::{Available, ReadCatalog},
    },
    report::{Fact, Finding, Section},
    subject::{
        repository::Repository,
        tag::{Class, Family, Tag},
    },
};

/// Releases at the same time, at most.
const AT_ONCE: usize = 4;
/// KiB of documents in memory, of all releases that are being judged. A release that has more is judged alone.
const ROOM: u32 = 16 * 1024;

/// Everything that a release is judged by.
pub(super) struct Audit<'a> {
    pub(super) source: ReleaseSource<'a>,
    /// What GitHub's attestations are judged by.
    pub(super) github_root: &'a GitHubRoot,
    pub(super) repository: &'a Repository,
    pub(super) plan: Plan,
    /// The catalog's file, where one is given.
    pub(super) catalog: Option<&'a Path>,
    /// Assets that were not downloaded.
    pub(super) recalled: Arc<Recalled>,
}

/// What a release takes.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) need: Need,
    /// Bytes of documents.
    pub(super) documents: u64,
}

/// A release at its turn.
struct Turn {
    index: usize,
    tag: Tag,
    class: Class,
    release: Result<Release>,
    candidate: Candidate,
}

impl Audit<'_> {
    /// What is said of each release, in the order they are listed.
    pub(super) async fn sections(&self, listed: Vec<Listed>, candidates: Vec<Candidate>) -> Vec<Section> {
        let phase = Phase::of("auditing", 0, listed.len(), "release");
        let catalog = self.source.catalog(self.catalog).await;
        let turns = listed.into_iter().zip(candidates).enumerate();
        // What others are compared with comes first: it is at hand then, and not asked for twice.
        let (nodes, others): (Vec<Turn>, Vec<Turn>) = turns
            .map(|(index, (Listed { tag, class, release }, candidate))| Turn { index, tag, class, release, candidate })
            .partition(|turn| turn.tag.family() == Family::Node);
        let room = Semaphore::new(ROOM as usize);
        let (room, phase, catalog) = (&room, &phase, &catalog);
        let judged = |turn: Turn| async move {
            let documents = u32::try_from(turn.candidate.documents / 1024).unwrap_or(ROOM).clamp(1, ROOM);
            // Nobody closes it.
            let _held = room.acquire_many(documents).await;
            let (index, section) = (turn.index, self.section(turn, catalog).await);
            phase.item();
            (index, section)
        };
        let mut sections: Vec<(usize, Section)> = Vec::new();
        for turns in [nodes, others] {
            sections.extend(
                stream::iter(turns.into_iter().map(judged)).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await,
            );
        }
        sections.sort_by_key(|(index, _)| *index);
        sections.into_iter().map(|(_, section)| section).collect()
    }

    async fn section(&self, turn: Turn, catalog: &Available<ReadCatalog>) -> Section {
        let Turn { index, tag, class, release, candidate } = turn;
        let unread = |finding: Finding| Section {
            facts: vec![Fact::Repository(self.repository.to_string()), Fact::named("class", class.to_string())],
            findings: vec![finding],
            ..Section::new(tag.as_str())
        };
        let release = match release {
            Ok(release) => release.id,
            Err(error) => return unread(verify_release::unread(&tag, &error)),
        };
        if let Some(left) = self.plan.left.filter(|_| index >= self.plan.begun) {
            return unread(plan::postponed(&candidate.need, left));
        }
        match self.read(&tag, class).await {
            Err(error) => unread(verify_release::unread(&tag, &error)),
            Ok(Read { mut snapshot, staged }) => {
                snapshot.catalog = catalog.clone();
                snapshot.counterparts = self.source.counterparts(&snapshot).await;
                snapshot.lineage = self.source.lineage(&snapshot, None).await;
                snapshot.attestation = self.source.attestation(&snapshot, self.github_root, false).await;
                let mut findings = checks::judge(&snapshot);
                // What was downloaded is needed no longer.
                drop(staged);
                located::in_release(&mut findings, tag.as_str());
                let mut facts = verify_release::facts(&snapshot, &findings, self.repository);
                facts.extend(roll::recalled(self.recalled.of(release)));
                Section {
                    facts,
                    exhibits: exhibits::exhibits(&snapshot, &findings),
                    findings,
                    ..Section::new(tag.as_str())
                }
            }
        }
    }

    /// A release that is begun while the rate limit is reached would end in as many failures as it has assets.
    async fn read(&self, tag: &Tag, class: Class) -> Result<Read> {
        if let Some(until) = self.source.files.github().and_then(GitHub::shut_until) {
            let message = format!("not read: the rate limit is reached, and ends at {until:.0}");
            return Err(Error::remote(message).help(format!(
                "run the audit again after {until:.0}; with --cache it goes on where this one stopped"
            )));
        }
        self.source.read(Wanted { tag, class, scope: Scope::Whole, purpose: Purpose::Verdict }).await
    }
}
