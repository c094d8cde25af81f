//! Which step comes next: a total function of the state, and the only place of the rules of a rollout.

use jiff::{SignedDuration, Timestamp};

use super::{
    path::{Act, Effect, Look, PATH},
    soak::{Phase, Sample},
    state::{Direction, Pause, Production, State},
    step::{Step, Stop},
};

/// Decides the next step.
pub fn next(state: &State) -> Step {
    // 1. What stands still waits for an order.
    match state.paused() {
        Some(Pause::Waiting(why)) => return Step::Stop(Stop::Waiting(why.clone())),
        Some(Pause::Undecided(why)) => return Step::Stop(Stop::Undecided(why.clone())),
        Some(Pause::NotBack(why)) => return Step::Stop(Stop::NotBack(why.clone())),
        None => {}
    }
    // 2. What was begun is found out about before anything else is done.
    if let Some(pending) = state.pending() {
        return Step::Reconcile(pending.clone());
    }
    match state.direction() {
        Direction::Forward => forward(state),
        Direction::Back => back(state).unwrap_or_else(|| Step::Stop(Stop::RolledBack(state.failed().cloned()))),
        Direction::Out => back(state).unwrap_or(Step::Stop(Stop::Aborted)),
    }
}

/// 3. A failed gate stops the way; otherwise the first act that is not done comes next.
fn forward(state: &State) -> Step {
    if let Some(failure) = state.failed() {
        let failure = failure.clone();
        return Step::Stop(if state.stands() { Stop::RollBack(failure) } else { Stop::Failed(failure) });
    }
    let (before, after) = state.samples();
    match state.act() {
        None => Step::Stop(Stop::Complete),
        Some((_, Act::Look(look))) => Step::Look(look),
        Some((_, Act::Effect(effect))) => Step::Begin(effect),
        Some((_, Act::Baseline)) => Step::Sample { phase: Phase::Baseline, due: due(state, before) },
        Some((_, Act::Soak)) => Step::Sample { phase: Phase::Soak, due: due(state, after) },
    }
}

/// 4. On the way back production comes first, and the proof that it serves; then the pull request, then staging.
fn back(state: &State) -> Option<Step> {
    match state.production() {
        Production::New(_) => return Some(Step::Begin(Effect::RestoreProduction)),
        Production::Restored(_) => return Some(Step::Look(Look::Proof)),
        Production::Old => {}
    }
    if state.open_pull().is_some() {
        return Some(Step::Begin(Effect::ClosePull));
    }
    state.staging().map(|_| Step::Begin(Effect::RemoveStaging))
}

fn due(state: &State, samples: &[Sample]) -> Option<Timestamp> {
    let interval = SignedDuration::from_millis(i64::from(state.inputs().soak.interval_ms));
    samples.last()?.at.checked_add(interval).ok()
}

/// The acts that are still ahead, in order.
pub fn ahead(state: &State) -> &'static [(super::gate::Gate, Act)] {
    let done = state.act().and_then(|next| PATH.iter().position(|act| *act == next));
    done.and_then(|done| PATH.get(done..)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
