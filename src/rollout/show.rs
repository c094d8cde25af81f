//! A rollout as people see it: one screen for operators, and sections of a report for auditors and programs.

mod plan;
mod record;
mod screen;
mod soaked;

pub use self::{
    plan::{plan, touched},
    record::{gates, sections},
    screen::screen,
    soaked::{baseline_line, sample_line, soak_lines},
};
use super::{
    gate::Gate,
    next::next,
    state::{Direction, Production, Standing, State},
    step::{Step, Stop},
};
use crate::text::{listed, shell_word};

/// What a gate's standing is called.
pub(super) fn standing(state: &State, gate: Gate) -> &'static str {
    match state.standing(gate) {
        Standing::Ahead => "not started",
        Standing::Open => match next(state) {
            Step::Stop(Stop::Waiting(_)) => "waiting",
            Step::Look(_) | Step::Begin(_) | Step::Reconcile(_) | Step::Sample { .. } | Step::Stop(_) => "in progress",
        },
        Standing::Passed => "passed",
        Standing::Failed => "failed",
        Standing::RollingBack => "rolling back",
        Standing::RolledBack => "rolled back",
    }
}

/// What production runs.
pub(super) fn production(state: &State) -> &'static str {
    match state.production() {
        Production::Old if state.undone().proven => "previous digest restored, and a node got its key",
        Production::Old => "unchanged",
        Production::New(_) => "new digest",
        Production::Restored(_) => "previous digest restored; key release not yet verified",
    }
}

/// Where the pull request with the policy is.
pub(super) fn pull(state: &State) -> Option<String> {
    let number = state.pull()?.id("number")?;
    let how = if state.merged() { "merged (stays)" } else { "open" };
    Some(format!("pull request #{number}, {how}"))
}

/// What a rollback undid, as a sentence.
pub(super) fn undone(state: &State) -> String {
    let undone = state.undone();
    let what = match (undone.proven, undone.something) {
        (true, _) => "rolled back: production was switched back, and the standing node got its key",
        (false, true) => "rolled back: production was never changed",
        (false, false) => "nothing to roll back: production was never changed",
    };
    match pull(state).filter(|_| state.merged()) {
        Some(pull) => format!("{what}; {pull}: revert it in a pull request of its own if it was the cause"),
        None => what.to_owned(),
    }
}

/// What comes next, and the command for it, of the rollout in `file`.
pub fn coming(state: &State, file: &str) -> String {
    let file = shell_word(file);
    let order = |order: &str| format!("`merotee rollout {order} --state {file}`");
    let going = match state.direction() {
        Direction::Forward => order("resume"),
        Direction::Back => order("rollback"),
        Direction::Out => order("abort"),
    };
    match next(state) {
        Step::Look(look) => format!("{}; run {going}", look.described()),
        Step::Begin(effect) => format!("{}; run {going}", effect.described()),
        Step::Reconcile(pending) => {
            format!("outcome unknown ({}); run {going}, which looks for it first", pending.effect.described())
        }
        Step::Sample { .. } => format!("sample production; run {going}"),
        Step::Stop(Stop::Complete) => {
            format!("nothing: the rollout is complete; to undo it, run {}", order("rollback"))
        }
        Step::Stop(Stop::Waiting(why)) => format!("waiting for people: {why}; when they decided, run {going}"),
        Step::Stop(Stop::Undecided(why)) => format!("no verdict: {why}; correct that, then run {going}"),
        Step::Stop(Stop::Failed(failure)) => format!(
            "{} failed, and nothing needs a rollback: correct the cause, then run {}, or close the rollout with {}",
            failure.gate,
            order("resume"),
            order("abort")
        ),
        Step::Stop(Stop::RollBack(failure)) => {
            format!("{} failed; run {}: {}", failure.gate, order("rollback"), undoes(state))
        }
        Step::Stop(Stop::RolledBack(_)) => format!(
            "already rolled back: correct the cause, then run {}, or close the rollout with {}",
            order("resume"),
            order("abort")
        ),
        Step::Stop(Stop::NotBack(why)) => format!(
            "PRODUCTION RELEASES NO KEYS: {why}; look at its KMS at once, and run {}, which switches back and asks again",
            order("rollback")
        ),
        Step::Stop(Stop::Aborted) => "nothing: the rollout is aborted; begin anew with another --state".to_owned(),
    }
}

/// What a rollback would undo.
fn undoes(state: &State) -> String {
    let mut what = Vec::new();
    if *state.production() != Production::Old {
        what.push("it switches production back");
    }
    if state.pull().is_some() && !state.merged() {
        what.push("it closes the pull request");
    }
    if state.staging().is_some() {
        what.push("it removes staging");
    }
    listed(&what)
}

#[cfg(test)]
mod tests;
