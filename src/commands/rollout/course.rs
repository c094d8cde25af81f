//! The engine: asks for the next step, writes down that it begins, has it carried out, writes down what came of it, and asks
//! again, until the rollout stops. Which step comes next is [`crate::rollout::next`]'s business, and how a step is carried
//! out is the caller's.

use jiff::Timestamp;

use super::watch::Watch;
use crate::{
    adapters::rollout_state::Rollout,
    error::{Error, Result},
    probe::journal::RequestId,
    product::random_bytes,
    report::{self, Action, Fact, Format, Report, Style},
    rollout::{
        evidence::{Demand, MARK},
        inputs::Inputs,
        next::next,
        path::{Act, Effect, Look},
        record::{Came, Record, Verdict},
        show,
        state::State,
        step::{Judged, Outcome, Step},
    },
};

/// Goes on until the rollout stops, and says what was done.
///
/// # Errors
/// Input: the state cannot be written. Whatever `perform` fails with: what was begun is found out about by the next order.
pub(super) async fn drive(
    rollout: &mut Rollout,
    clock: &dyn Fn() -> Timestamp,
    perform: impl AsyncFn(&Step, &State) -> Result<Outcome>,
    watch: &mut Watch,
) -> Result<Vec<Action>> {
    let mut actions = Vec::new();
    loop {
        let step = next(rollout.state());
        watch.step(&step);
        let intent = match &step {
            Step::Stop(_) => {
                watch.end();
                return Ok(actions);
            }
            Step::Begin(effect) => {
                let request = RequestId::new(random_bytes()?);
                rollout.record(clock(), Record::Intent { request: request.clone(), effect: *effect })?;
                Some((request, *effect))
            }
            Step::Reconcile(pending) => Some((pending.request.clone(), pending.effect)),
            Step::Look(_) | Step::Sample { .. } => None,
        };
        let outcome = perform(&step, rollout.state()).await?;
        match (&step, outcome, intent) {
            (Step::Look(look), Outcome::Judged(judged), None) => {
                let record = kept(rollout, *look, *judged)?;
                rollout.record(clock(), record)?;
            }
            (Step::Begin(_) | Step::Reconcile(_), Outcome::Came(came), Some((request, effect))) => {
                actions.extend(told(effect, &came, rollout.state().inputs()));
                rollout.record(clock(), Record::Came { request, came })?;
            }
            (Step::Sample { phase, .. }, Outcome::Sampled(sample), None) => {
                rollout.record(clock(), Record::Sampled { phase: *phase, sample })?;
                watch.sample(rollout.state(), *phase, &sample);
            }
            (step, _, _) => {
                return Err(Error::internal(format!("a step had the outcome of another: to {}", step.described())));
            }
        }
    }
}

/// Keeps the evidence of a judgement, and says what to write down. A pass whose report does not say so is not one.
///
/// # Errors
/// Internal: the report is not the one that is demanded. Input: it cannot be kept.
fn kept(rollout: &Rollout, look: Look, judged: Judged) -> Result<Record> {
    let Judged { verdict, why, report, attachments, facts } = judged;
    let report = report.map(|report| marked(report, rollout.state(), look));
    let bytes = report.as_ref().map(rendered).transpose()?;
    if verdict == Verdict::Passed {
        let state = rollout.state();
        let demand = Demand { command: look.command(), subject: state.subject(look), mark: state.mark() };
        let found = bytes.as_deref().map_or_else(|| Err("is missing".to_owned()), |bytes| demand.judge(bytes));
        found.map_err(|why| Error::internal(format!("the report of `{}` {why}", look.name())))?;
    }
    let report = bytes.map(|bytes| rollout.keep(&format!("{}.json", look.name()), &bytes)).transpose()?;
    let attachments =
        attachments.iter().map(|kept| rollout.keep(kept.name.as_str(), &kept.bytes)).collect::<Result<_>>()?;
    Ok(Record::Judged { look, verdict, why, report, attachments, facts: facts.into_iter().collect() })
}

/// The report with the mark of this rollout and attempt, so that it is evidence of no other.
fn marked(mut report: Report, state: &State, look: Look) -> Report {
    let subject = state.subject(look);
    for section in report.sections.iter_mut().filter(|section| section.subject == subject) {
        section.facts.push(Fact::named(MARK, state.mark()));
    }
    report
}

fn rendered(report: &Report) -> Result<Vec<u8>> {
    let style = Style { color: false, width: 80, every_pass: true };
    let mut bytes = Vec::new();
    report::render(Format::Json, report, &style, &mut bytes)
        .map_err(|e| Error::internal("cannot render the report").because(e))?;
    Ok(bytes)
}

fn told(effect: Effect, came: &Came, inputs: &Inputs) -> Option<Action> {
    match came {
        Came::Done(made) => {
            let place = show::touched(Act::Effect(effect), inputs);
            let ids = made.ids.iter().map(|(name, id)| format!(", {name} {id}"));
            Some(Action::done(effect.described(), place + &ids.collect::<String>()))
        }
        Came::Refused(why) | Came::NeverDone(why) | Came::Broken { why, .. } => {
            Some(Action::failed(effect.described(), why.as_str()))
        }
        Came::Unknown(why) => {
            tracing::warn!("to {}: it is not known what came of it: {why}", effect.described());
            None
        }
    }
}

#[cfg(test)]
mod tests;
