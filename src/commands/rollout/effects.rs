//! What the steps of a rollout do in the world outside: one file for what a gate, or two that belong together, looks at and
//! changes. Which step comes when is decided elsewhere, and what came of one is written down elsewhere.
//!
//! What could not be found out is an outcome, and no error: an error ends the command.

mod bring;
mod checks;
mod deployed;
mod node;
mod places;
mod policy;
mod production;
mod reached;
mod releases;
mod removed;
mod sampling;
mod staging;
mod told;
mod tools;

use std::path::PathBuf;

pub(super) use self::{checks::RULES, places::places_apart, tools::tools};
use crate::{
    adapters::file,
    cli::{SigningArgs, ita::ItaArgs, quote::QuotesArgs, rollout::RolloutForwardArgs},
    commands::rollout::effects::told::{broken, undecided},
    context::Context,
    error::{Error, Result},
    rollout::{
        evidence,
        path::{Effect, Look},
        record::{Came, Order, Proof},
        state::{Pending, State},
        step::{Judged, Outcome, Step},
    },
    text::shell_word,
};

/// Carries steps out.
pub(super) struct Effects<'a> {
    context: &'a Context,
    /// The folder of the evidence, where what was kept before lies.
    evidence: PathBuf,
    /// What every quote is judged by.
    quotes: QuotesArgs,
    /// Whether and how Intel Trust Authority judges quotes too.
    ita: ItaArgs,
    /// As whom the candidates of staging are signed.
    signing: SigningArgs,
}

impl<'a> Effects<'a> {
    /// Those of a rollout with its evidence in that folder; one that is undone needs nothing of what going on needs.
    pub(super) fn new(
        context: &'a Context,
        evidence: PathBuf,
        quotes: &QuotesArgs,
        forward: Option<&RolloutForwardArgs>,
    ) -> Self {
        let ita = forward.map(|forward| forward.ita.judgement(context.endpoints.ita.key.is_some()));
        let signing = forward.map(|forward| forward.signing.clone()).unwrap_or_default();
        Self { context, evidence, quotes: quotes.clone(), ita: ita.unwrap_or_default(), signing }
    }

    /// An order to this rollout, as it is typed.
    fn command(&self, order: Order) -> String {
        let evidence = self.evidence.display().to_string();
        let state = evidence.strip_suffix(".evidence").unwrap_or(&evidence);
        format!("merotee rollout {} --state {}", order.name(), shell_word(state))
    }

    /// Carries a step out.
    ///
    /// # Errors
    /// Internal: there is nothing to carry out. Input: the evidence cannot be read any more.
    pub(super) async fn perform(&self, step: &Step, state: &State) -> Result<Outcome> {
        match step {
            Step::Look(look) => {
                let judged = Box::pin(self.look(*look, state)).await.unwrap_or_else(|error| undecided(&error));
                let judged = if *look == Look::Proof { told::proven(judged) } else { judged };
                Ok(Outcome::Judged(Box::new(judged)))
            }
            Step::Begin(effect) => {
                let pending = state.pending().filter(|pending| pending.effect == *effect);
                let pending = pending.ok_or_else(|| Error::internal("an effect was begun that nothing announced"))?;
                Ok(Outcome::Came(Box::pin(self.begin(pending, state)).await.unwrap_or_else(|error| broken(&error))))
            }
            Step::Reconcile(pending) => {
                let came = Box::pin(self.reconcile(pending, state)).await;
                Ok(Outcome::Came(came.unwrap_or_else(|error| told::unknown(&error))))
            }
            Step::Sample { phase, due } => Ok(Outcome::Sampled(Box::pin(self.sample(*phase, *due, state)).await?)),
            Step::Stop(_) => Err(Error::internal("a rollout that stands still has nothing to carry out")),
        }
    }

    async fn look(&self, look: Look, state: &State) -> Result<Judged> {
        match look {
            Look::KmsRelease | Look::KmsReleaseAgain => self.kms_release(look, state).await,
            Look::NodeRelease | Look::NodeReleaseAgain => self.node_release(look, state).await,
            Look::StagingHealth => self.staging_health(state).await,
            Look::StagingProbe => self.staging_probe(state).await,
            Look::Review | Look::ReviewAgain => self.review(look, state).await,
            Look::Previous => self.previous(state).await,
            Look::Production => self.production(state).await,
            Look::Canary => self.canary(state).await,
            Look::Proof => self.proof(state).await,
        }
    }

    async fn begin(&self, pending: &Pending, state: &State) -> Result<Came> {
        match pending.effect {
            Effect::DeployStaging => self.deploy_staging(pending, state).await,
            Effect::RemoveStaging => self.remove_staging(state).await,
            Effect::OpenPull => self.open_pull(state).await,
            Effect::ClosePull => self.close_pull(state).await,
            Effect::SwitchProduction => self.switch(state).await,
            Effect::RestoreProduction => self.restore(state).await,
        }
    }

    /// Looks what came of an effect whose outcome is not known. Nothing is changed, but for what may be done twice.
    async fn reconcile(&self, pending: &Pending, state: &State) -> Result<Came> {
        match pending.effect {
            Effect::DeployStaging => self.find_staging(pending, state).await,
            Effect::RemoveStaging => self.remove_staging(state).await,
            Effect::OpenPull => self.find_pull(state).await,
            Effect::ClosePull => self.close_pull(state).await,
            Effect::SwitchProduction => self.find_switched(pending, state).await,
            Effect::RestoreProduction => self.restore(state).await,
        }
    }

    /// A file that was kept when `look` passed, by how its name ends.
    ///
    /// # Errors
    /// Trust: it differs from what was written. Input: it cannot be read. Internal: nothing of the kind was kept.
    fn kept(&self, state: &State, look: Look, ends: &str) -> Result<Vec<u8>> {
        let judged = state.judged(look);
        let is_it = |proof: &&Proof| proof.file.as_str().ends_with(ends);
        let proof = judged.and_then(|judged| judged.attachments.iter().find(is_it));
        let proof = proof.ok_or_else(|| Error::internal(format!("no {ends} was kept of `{}`", look.described())))?;
        let path = self.evidence.join(proof.file.as_str());
        let bytes = file::read_bounded(&path, evidence::MAX_BYTES)?;
        match evidence::judge(proof, &bytes, None) {
            Ok(()) => Ok(bytes),
            Err(why) => Err(Error::trust(format!("{} {why}", path.display()))),
        }
    }

    /// Something that was learnt when `look` passed.
    ///
    /// # Errors
    /// Internal: it was not.
    fn learnt<'s>(&self, state: &'s State, look: Look, name: &str) -> Result<&'s str> {
        let found = state.fact(look, name);
        found.ok_or_else(|| Error::internal(format!("no {name} was learnt of `{}`", look.described())))
    }
}
