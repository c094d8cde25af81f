//! The end of the machines: everything that the journal says was made is taken down, and a node is shown to be gone. What may be
//! left fails the run: it costs money.

use super::{Clouds, Course, boot::Booted};
use crate::{
    adapters::journal::Journal,
    commands::{
        e2e::live::Live,
        machine::{
            cvm,
            removed::Removed,
            vm::{self, alive::Voice},
        },
    },
    context::Context,
    e2e::suite::{NodeRun, Step},
    probe::checks::TEARDOWN,
    report::{Action, Finding, Status},
};

/// What was made, as the journal has it.
pub(super) fn made(journal: &Journal) -> Vec<Action> {
    let made = journal.standing().unwrap_or_default();
    let confirmed = made.into_iter().filter(|one| one.created.is_some());
    confirmed
        .map(|one| {
            let what = format!("make {}", one.effect.kind.name());
            Action::done(what, format!("{} on {}", one.effect.name, one.effect.cloud.name()))
        })
        .collect()
}

/// Takes down whatever the journal says may be there. `again` is what a person does about what is left.
pub(super) async fn take_down(clouds: &Clouds<'_>, journal: &mut Journal, context: &Context, again: &str) -> Removed {
    // A node deletes itself in the end; a KMS does not.
    let mut removed = cvm::removal::take_down(clouds.phala, journal, context, again).await;
    removed.extend(vm::removal::take_down(clouds.compute, journal, context, again).await);
    removed
}

/// The second signal came.
pub(super) fn given_up(label: &str, again: &str) -> Removed {
    let left = TEARDOWN.undecided(label, "interrupted: machines may still be there, and cost money");
    Removed {
        findings: vec![left.help(format!("run `{again}`"))],
        actions: vec![Action::failed("delete machines", label)],
    }
}

/// What may be left fails the run.
pub(super) fn unforgiving(finding: Finding) -> Finding {
    match finding.status {
        Status::SkippedRequired => Finding { status: Status::Fail, ..finding },
        Status::Pass | Status::Warn | Status::Fail | Status::Missing | Status::Skipped => finding,
    }
}

impl Course<'_> {
    /// Each node with what came of its machine in the end. Whatever goes wrong here, what may be left is told.
    pub(super) async fn terminated(&self, booted: &Booted, removed: &Removed, live: &mut Live) {
        for (profile, why) in &booted.failed {
            live.runs.push(NodeRun::not_booted(*profile, why));
        }
        for plan in &self.order.nodes {
            let Some(run) = live.runs.iter_mut().find(|run| run.profile == plan.profile) else { continue };
            let base = booted.nodes.iter().find(|node| node.profile == plan.profile).map(|node| &node.base);
            let name = plan.name();
            let left = removed.findings.iter().find(|one| one.subject == name && one.status != Status::Pass);
            let told = removed.findings.iter().any(|one| one.subject == name);
            run.terminated(match (left, base) {
                (Some(left), _) => Step::Failed(left.message.clone()),
                (None, _) if !told => Step::Unknown("it is not known what came of its machine".to_owned()),
                (None, None) => Step::NotOurs("no machine of it is left".to_owned()),
                (None, Some(base)) => match vm::alive::voice(base, self.context).await {
                    Voice::Silent => Step::Done("its machine is gone, and its address is silent".to_owned()),
                    Voice::Answers(words) => {
                        let what = "its machine is said to be gone, and its address still answers";
                        Step::Failed(format!("{what}: {words}"))
                    }
                    Voice::Unknown(why) => {
                        Step::Unknown(format!("its machine is gone; its address was not asked: {why}"))
                    }
                },
            });
        }
    }
}
