//! The record of a rollout, for auditors and programs: a section over all of it, and one a gate with everything that was
//! looked at, done and refused there, in every attempt.

use jiff::Timestamp;

use super::{coming, production, pull, soak_lines, standing, undone};
use crate::{
    report::{Action, Exhibit, Fact, Finding, SampleRow, Section, Status, Table},
    rollout::{
        checks::{GATE, ROLLBACK, STATE},
        gate::Gate,
        next::next,
        record::{Came, Entry, Proof, Record, Verdict},
        soak::{Phase, Sample},
        state::{Direction, Standing, State},
        step::{Step, Stop},
    },
};

/// What is found of the gates of the rollout in `file`. One that is not reached is undecided where it should have been.
pub fn gates(state: &State, file: &str, should_be_complete: bool) -> Vec<Finding> {
    let back = state.direction() != Direction::Forward;
    let mut findings: Vec<Finding> =
        Gate::ALL.into_iter().map(|gate| of_gate(state, gate, file, should_be_complete)).collect();
    match next(state) {
        Step::Stop(Stop::RolledBack(_)) => findings.push(ROLLBACK.pass("", undone(state))),
        Step::Stop(Stop::Aborted) => findings.push(ROLLBACK.pass("", format!("aborted; {}", undone(state)))),
        Step::Stop(Stop::NotBack(why)) => {
            let message = format!("production was switched back, and releases no keys: {why}");
            findings.push(ROLLBACK.fail("production", message).help(coming(state, file)));
        }
        Step::Look(_) | Step::Begin(_) | Step::Reconcile(_) | Step::Sample { .. } | Step::Stop(_) if back => {
            findings.push(ROLLBACK.undecided("", "rollback incomplete").help(coming(state, file)));
        }
        Step::Look(_) | Step::Begin(_) | Step::Reconcile(_) | Step::Sample { .. } | Step::Stop(_) => {}
    }
    findings
}

fn of_gate(state: &State, gate: Gate, file: &str, should_be_complete: bool) -> Finding {
    let (name, title) = (gate.name(), gate.title());
    let unreached = |message: String| {
        if should_be_complete { GATE.undecided(name, message) } else { GATE.skip(name, message) }
    };
    match state.standing(gate) {
        Standing::Passed => GATE.pass(name, title),
        Standing::Failed => {
            let words = state.failed().map(|failure| format!("{}: {}", failure.during, failure.why));
            GATE.fail(name, words.unwrap_or_default()).help(coming(state, file))
        }
        Standing::RollingBack => unreached(format!("{title}: rolling back")),
        Standing::RolledBack => unreached(format!("{title}: rolled back")),
        Standing::Open | Standing::Ahead => {
            let is_next = state.act().is_some_and(|(next, _)| next == gate);
            match next(state) {
                Step::Stop(Stop::Waiting(why) | Stop::Undecided(why)) if is_next => {
                    unreached(format!("{title}: {why}")).help(coming(state, file))
                }
                Step::Look(_) | Step::Begin(_) | Step::Reconcile(_) | Step::Sample { .. } | Step::Stop(_) => {
                    unreached(format!("{title}: {}", standing(state, gate)))
                }
            }
        }
    }
}

/// The whole record.
pub fn sections(state: &State, entries: &[Entry], head: &str, file: &str) -> Vec<Section> {
    let mut sections = vec![over_all(state, entries, head, file)];
    sections.extend(Gate::ALL.into_iter().filter_map(|gate| of(state, gate, entries)));
    sections
}

fn over_all(state: &State, entries: &[Entry], head: &str, file: &str) -> Section {
    let inputs = state.inputs();
    let mut section = Section::new(format!("rollout of {}", inputs.kms));
    section.facts = vec![
        Fact::Repository(inputs.repository.to_string()),
        Fact::named("rollout", state.id().as_str()),
        Fact::named("node release", inputs.node.as_str()),
        Fact::named("profile", inputs.profile.as_str()),
        Fact::named("staging", inputs.staging.target.described()),
        Fact::named("production", inputs.production.target.described()),
        Fact::named("runs", production(state)),
        Fact::named("policy", pull(state).unwrap_or_else(|| "no pull request".to_owned())),
        Fact::named("begun", format!("{} by {}", state.since(), state.by())),
        Fact::named("attempt", state.attempt().to_string()),
        Fact::named("last line", format!("{head} at {}", state.touched())),
        Fact::named("next", coming(state, file)),
    ];
    section.caveats = inputs.caveats();
    section.facts.extend(soak_lines(state).first().map(|line| Fact::named("soak", line.clone())));
    let message =
        format!("{} lines, each with the digest of the one before, and all evidence as written", entries.len());
    section.findings.push(STATE.pass("", message));
    section.findings.extend(gates(state, file, false));
    section.told = &[STATE.id, GATE.id, ROLLBACK.id];
    section.actions.extend(entries.iter().filter_map(ordered));
    section
}

/// Orders, and locks that were taken over.
fn ordered(entry: &Entry) -> Option<Action> {
    match &entry.record {
        Record::Order { order, by } => Some(Action::done(order.name(), format!("{} by {by}", entry.at))),
        Record::TakenOver { from, because } => {
            Some(Action::done("take over", format!("{} from {from}: {because}", entry.at)))
        }
        Record::Started { .. }
        | Record::Judged { .. }
        | Record::Intent { .. }
        | Record::Came { .. }
        | Record::Sampled { .. } => None,
    }
}

/// Everything at one gate; `None` where nothing happened there.
fn of(state: &State, gate: Gate, entries: &[Entry]) -> Option<Section> {
    let mut section = Section::new(format!("{gate} {}", gate.title()));
    section.told = &[GATE.id];
    let (mut open, mut samples) = (None, Vec::new());
    for entry in entries {
        match &entry.record {
            Record::Judged { look, verdict, why, report, attachments, .. } if look.gate() == gate => {
                let why = why.as_ref().map(|why| why.as_str());
                let message = told(entry.at, *verdict, why, report.as_ref(), attachments);
                let status = match verdict {
                    Verdict::Passed => Status::Pass,
                    // What counts of these is said over all; here it is history.
                    Verdict::Failed => Status::Warn,
                    Verdict::Undecided | Verdict::Waiting => Status::Skipped,
                };
                section.findings.push(Finding::new(GATE.id, status, look.name(), message));
            }
            Record::Intent { request, effect } if effect.gate() == gate => open = Some((request, *effect)),
            Record::Came { request, came } => {
                if let Some((_, effect)) = open.filter(|(of, _)| *of == request) {
                    section.actions.extend(came_of(entry.at, effect.described(), came));
                }
            }
            Record::Sampled { phase, sample } if gate == Gate::D6 => {
                samples.push(row(*phase, sample));
            }
            Record::Started { .. }
            | Record::Order { .. }
            | Record::TakenOver { .. }
            | Record::Judged { .. }
            | Record::Intent { .. }
            | Record::Sampled { .. } => {}
        }
    }
    if !samples.is_empty() {
        section.exhibits.push(Exhibit { checks: &[GATE.id], table: Table::Samples(samples) });
    }
    match (state.standing(gate), state.failed()) {
        (Standing::Failed, Some(failure)) => {
            let message = format!("failed at {}: {}: {}", failure.at, failure.during, failure.why);
            section.findings.insert(0, GATE.fail(gate.name(), message));
        }
        (_, _) if section.findings.is_empty() => {}
        (Standing::Passed, _) => section.findings.insert(0, GATE.pass(gate.name(), "passed")),
        (_, _) => section.findings.insert(0, GATE.skip(gate.name(), standing(state, gate))),
    }
    if section.findings.is_empty() && section.actions.is_empty() {
        return None;
    }
    section.facts.push(Fact::named("holds", gate.holds()));
    section.facts.push(Fact::named("rollback", gate.rollback()));
    if let Some(times) = state.times(gate) {
        section.facts.push(Fact::named("time", format!("{} to {}", times.from, times.to)));
    }
    if section.findings.is_empty() {
        section.findings.push(GATE.skip(gate.name(), "nothing was judged here yet"));
    }
    Some(section)
}

fn row(phase: Phase, sample: &Sample) -> SampleRow {
    let during = match phase {
        Phase::Baseline => "before the switch",
        Phase::Soak => "after the switch",
    };
    let Sample { at, healthy, requests, errors, latency_ms } = *sample;
    SampleRow { during, at, healthy, requests, errors, latency_ms }
}

fn came_of(at: Timestamp, what: &str, came: &Came) -> Option<Action> {
    match came {
        Came::Done(made) => {
            let ids: Vec<String> = made.ids.iter().map(|(name, id)| format!(", {name} {id}")).collect();
            Some(Action::done(what, format!("{at}{}", ids.concat())))
        }
        Came::Refused(why) | Came::NeverDone(why) | Came::Broken { why, .. } => {
            Some(Action::failed(what, format!("{at}: {why}")))
        }
        // What was found out later is said then.
        Came::Unknown(_) => None,
    }
}

fn told(at: Timestamp, verdict: Verdict, why: Option<&str>, report: Option<&Proof>, attachments: &[Proof]) -> String {
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    let files: Vec<String> = report
        .into_iter()
        .chain(attachments)
        .map(|proof| format!("; {} sha256:{} ({} bytes)", proof.file, proof.sha256, proof.bytes))
        .collect();
    format!("{} at {at}{why}{}", verdict.word(), files.concat())
}
