//! The releases that a release is compared with, each read and judged for this purpose alone: the verdict on a KMS is the
//! same whether its node release was asked for as well or not.

use std::path::Path;

use super::{Files, Purpose, Read, ReleaseSource, Wanted};
use crate::{
    error::{self, Result},
    release::{
        contract::Scope,
        counterpart::{paired_with, trusted},
        snapshot::{Available, Counterpart, Snapshot},
    },
    subject::tag::{Class, Family, Tag},
};

impl ReleaseSource<'_> {
    /// The node releases a KMS release's policies must admit. Of a quick snapshot, and of a node release, there are none.
    pub async fn counterparts(&self, of: &Snapshot) -> Available<Vec<Counterpart>> {
        if of.tag.family() != Family::Kms || of.quick {
            return Available::NotHere("only KMS policies name a counterpart".into());
        }
        let mut found = Vec::new();
        for (tag, profiles) in paired_with(of) {
            match self.fetch_counterpart(&tag).await {
                Ok(Some(counterpart)) => found.push(Counterpart { profiles, ..counterpart }),
                Ok(None) => {
                    return Available::NotHere(format!("no folder holds {tag}; name one with --counterpart-dir"));
                }
                Err(e) if of.class == Class::Rc => {
                    return Available::NotHere(format!("{tag}: {}", error::chain(&e)));
                }
                Err(e) => return Available::Failed(format!("{tag}: {}", error::chain(&e))),
            }
        }
        Available::Yes(found)
    }

    /// `None` when a local run has no folder for it. A folder that was named is the one, whether it is there or not.
    async fn fetch_counterpart(&self, tag: &Tag) -> Result<Option<Counterpart>> {
        match &self.files {
            Files::GitHub { .. } => self.counterpart(tag).await.map(Some),
            Files::Folder { dir, counterpart, .. } => {
                let beside = |d: &Path| d.parent().map(|p| p.join(tag.as_str()));
                let candidates = [Some(dir.join(tag.as_str())), beside(dir)];
                let found = || candidates.into_iter().flatten().find(|d| d.is_dir());
                let Some(dir) = counterpart.clone().or_else(found) else { return Ok(None) };
                let files = Files::Folder { dir, nested: false, notes: None, counterpart: None };
                let (log, budget) = (self.log.clone(), self.budget.clone());
                ReleaseSource { files, log, budget, ..*self }.counterpart(tag).await.map(Some)
            }
        }
    }

    /// A counterpart, signed by whom the user names or by the release workflow of its own family: an identity given for
    /// the release that is asked for is not that of another. Nor is the class.
    async fn counterpart(&self, tag: &Tag) -> Result<Counterpart> {
        // Compared with are measurements alone.
        let wanted = Wanted { tag, class: tag.class(), scope: Scope::Quick, purpose: Purpose::Comparison };
        let Read { mut snapshot, staged } = self.read(wanted).await?;
        let mut counterpart = trusted(&snapshot)?;
        if counterpart.measurements.is_err() {
            let holder = self.rule.holder(&snapshot.origin)?;
            snapshot.signer = self.rule.release_workflow(tag, &snapshot.contract, holder);
            counterpart = trusted(&snapshot)?;
        }
        if let Some(staged) = staged.filter(|_| counterpart.measurements.is_ok()) {
            staged.settle_beside()?;
        }
        Ok(counterpart)
    }
}
