//! `rollout run`, `resume`, `rollback` and `abort`: an order is written down, and the rollout goes on until it stops.

use std::time::Instant;

use super::{course, effects, effects::Effects, given, watch::Watch};
use crate::{
    adapters::rollout_state::{self, Holder, Rollout},
    cli::rollout::{RolloutForwardArgs, RolloutResumeArgs, RolloutRunArgs, RolloutWorkArgs},
    context::Context,
    error::{Error, Result},
    probe::journal::RequestId,
    product::{Product, random_bytes},
    report::{Action, Fact, Report, Section},
    rollout::{
        checks::{GATE, ROLLBACK, RULES, STATE},
        next::next,
        record::{Order, Record},
        show,
        state::State,
        step::{Step, Stop},
    },
};

/// `run`: begins a rollout, or goes on with one of the same inputs.
pub(super) async fn run(args: &RolloutRunArgs, context: &Context) -> Result<Product> {
    let inputs = given::inputs(&args.inputs, context)?;
    effects::places_apart(&inputs, context)?;
    let context = &context.paced(&inputs);
    let path = &args.work.state;
    let me = Holder::this(args.work.operator.as_deref(), context.now());
    let begun = rollout_state::has_begun(path)?;
    let rollout = if begun {
        let rollout = Rollout::open(path, context.now(), &me)?;
        if !is_over(rollout.state(), Order::Resume) {
            given::same_reach(rollout.state().reach(), path, context)?;
            given::same(&inputs, rollout.state().inputs(), path)?;
        }
        rollout
    } else {
        let begun = (inputs, given::reach(context)?);
        Rollout::begin(path, context.now(), RequestId::new(random_bytes()?), begun, &me)?
    };
    let order = if begun { Order::Resume } else { Order::Run };
    go(rollout, Asked { order, me: &me, work: &args.work, forward: Some(&args.forward) }, context).await
}

/// `resume`: goes on.
pub(super) async fn resume(args: &RolloutResumeArgs, context: &Context) -> Result<Product> {
    go_on(Order::Resume, &args.work, Some(&args.forward), context).await
}

/// `rollback` and `abort`.
pub(super) async fn undo(args: &RolloutWorkArgs, order: Order, context: &Context) -> Result<Product> {
    go_on(order, args, None, context).await
}

async fn go_on(
    order: Order,
    work: &RolloutWorkArgs,
    forward: Option<&RolloutForwardArgs>,
    context: &Context,
) -> Result<Product> {
    let me = Holder::this(work.operator.as_deref(), context.now());
    let rollout = Rollout::open(&work.state, context.now(), &me)?;
    go(rollout, Asked { order, me: &me, work, forward }, context).await
}

/// What is asked of a rollout, and by whom.
struct Asked<'a> {
    order: Order,
    me: &'a Holder,
    work: &'a RolloutWorkArgs,
    forward: Option<&'a RolloutForwardArgs>,
}

async fn go(mut rollout: Rollout, asked: Asked<'_>, context: &Context) -> Result<Product> {
    let Asked { order, me, work, forward } = asked;
    let started = Instant::now();
    let context = &context.paced(rollout.state().inputs());
    context.not_before(rollout.state().touched());
    let mut actions = Vec::new();
    if !is_over(rollout.state(), order) {
        let state = rollout.state();
        match order {
            Order::Run | Order::Resume => given::judged(state.inputs(), context)?,
            // What stands can always be undone.
            Order::Rollback | Order::Abort => {}
        }
        // Where nothing is touched it is all the same from where.
        if state.stands() || state.pending().is_some() || matches!(order, Order::Run | Order::Resume) {
            given::same_reach(state.reach(), rollout.path(), context)?;
        }
        take(&mut rollout, order, me, context)?;
        let effects = Effects::new(context, rollout.folder(), &work.quotes, forward);
        let mut watch = Watch::new(work.watch, context);
        let perform = async |step: &Step, state: &State| effects.perform(step, state).await;
        let clock = || context.now();
        actions = course::drive(&mut rollout, &clock, perform, &mut watch).await?;
    }
    Ok(Product::report(report(&rollout, order, actions, started)))
}

/// A rollout that is complete or aborted has nothing left to do; what is asked of it is answered all the same.
fn is_over(state: &State, order: Order) -> bool {
    match (next(state), order) {
        (Step::Stop(Stop::Complete), Order::Run | Order::Resume) => true,
        (Step::Stop(Stop::Aborted), Order::Abort) => true,
        (Step::Look(_) | Step::Begin(_) | Step::Reconcile(_) | Step::Sample { .. } | Step::Stop(_), _) => false,
    }
}

/// Writes the order down.
///
/// # Errors
/// Usage: it makes no sense where the rollout is.
fn take(rollout: &mut Rollout, order: Order, me: &Holder, context: &Context) -> Result<()> {
    let record = Record::Order { order, by: me.operator() };
    if let Err(misplaced) = rollout.state().clone().apply(context.now(), &record) {
        let message = format!("{}: {misplaced}", rollout.path().display());
        let help = show::coming(rollout.state(), &rollout.path().display().to_string());
        return Err(Error::usage(message).help(help));
    }
    rollout.record(context.now(), record)
}

fn report(rollout: &Rollout, order: Order, actions: Vec<Action>, started: Instant) -> Report {
    let state = rollout.state();
    let inputs = state.inputs();
    let file = rollout.path().display().to_string();
    let mut section = Section::new(format!("rollout of {}", inputs.kms));
    section.facts = vec![
        Fact::named("profile", inputs.profile.as_str()),
        Fact::named("state", rollout.path().display().to_string()),
        Fact::named("attempt", state.attempt().to_string()),
        Fact::named("next", show::coming(state, &rollout.path().display().to_string())),
    ];
    section.facts.extend(show::soak_lines(state).into_iter().map(|line| Fact::named("soak", line)));
    section.caveats = inputs.caveats();
    section.told = &[GATE.id, ROLLBACK.id];
    section.findings.push(STATE.pass("", "the state file and its evidence are as they were written"));
    section.findings.extend(match order {
        Order::Run | Order::Resume => show::gates(state, &file, true),
        // Of these the rollback is judged, and not the gates that are given up.
        Order::Rollback | Order::Abort => {
            show::gates(state, &file, false).into_iter().filter(|finding| finding.check != GATE.id).collect()
        }
    });
    section.actions = actions;
    Report {
        command: format!("rollout {}", order.name()),
        rules: RULES.into_iter().chain(effects::RULES).collect(),
        sections: vec![section],
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }
}
