//! A rollout as people see it: one screen for operators, and sections of a report for auditors and programs.

mod record;
mod screen;
mod soaked;

pub use self::{
    record::{gates, sections},
    screen::screen,
    soaked::{sample_line, soak_lines},
};
use super::{
    gate::Gate,
    state::{Production, Standing, State},
    step::{Step, Stop},
};

/// What a gate's standing is called.
pub(super) fn standing(state: &State, gate: Gate) -> &'static str {
    match state.standing(gate) {
        Standing::Ahead => "ahead",
        Standing::Open => "open",
        Standing::Passed => "passed",
        Standing::Failed => "failed",
    }
}

/// What production runs.
pub(super) fn production(state: &State) -> &'static str {
    match state.production() {
        Production::Old => "what it ran before",
        Production::New(_) => "the new digest",
        Production::Restored(_) => "what it ran before, again; that nodes get keys is yet to be shown",
    }
}

/// What comes next, as a sentence.
pub fn coming(step: &Step) -> String {
    match step {
        Step::Look(look) => format!("{}: `resume` goes on", look.described()),
        Step::Begin(effect) => format!("{}: `resume` goes on", effect.described()),
        Step::Reconcile(pending) => {
            format!("find out what came of `{}`: `resume` does", pending.effect.described())
        }
        Step::Sample { .. } => "sample production: `resume` goes on".to_owned(),
        Step::Stop(stop) => stopped(stop),
    }
}

/// Why nothing comes next by itself, and what to do.
fn stopped(stop: &Stop) -> String {
    match stop {
        Stop::Complete => "nothing: the rollout is complete".to_owned(),
        Stop::Waiting(why) => format!("waiting for people: {why}; `resume` asks again"),
        Stop::Undecided(why) => format!("no verdict: {why}; `resume` asks again"),
        Stop::Failed(failure) => {
            format!("{} failed, and nothing stands: `resume` tries it again, `abort` closes the rollout", failure.gate)
        }
        Stop::RollBack(failure) => format!("{} failed: `rollback` comes first", failure.gate),
        Stop::RolledBack(_) => "everything is rolled back: `resume` tries again, `abort` closes the rollout".to_owned(),
        Stop::NotBack(why) => format!("PRODUCTION RELEASES NO KEYS: {why}; `rollback` switches back and asks again"),
        Stop::Aborted => "nothing: the rollout was aborted, and what it made is undone".to_owned(),
    }
}

#[cfg(test)]
mod tests;
