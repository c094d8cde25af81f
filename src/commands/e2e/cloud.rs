//! `e2e --cloud`: the KMS and the nodes that are tried are made for the run, and deleted in the end, whatever comes of them. Their
//! machines are those of a probe, in name and journal, so that `probe cleanup` finds what a run that died left.

mod boot;
mod end;
mod identity;
mod order;

use std::path::Path;

use self::boot::Booted;
pub(super) use self::order::{Given, Order, given};
use super::live::{self, Live, Releases};
use crate::{
    adapters::{gcp::compute::Compute, journal::Journal, phala::Phala},
    attestation::{event_log::checks as event_log, verdict},
    cli::e2e::E2eArgs,
    commands::{
        kms::{attest::ATTEST, health},
        machine::{
            cvm, folder, signals,
            vm::{self, Stop, image},
        },
        stop::Orders,
    },
    context::Context,
    e2e::release::KmsRelease,
    error::{Error, Result},
    probe::{
        checks::{self, MACHINE, TEARDOWN},
        node::{self, image::Seen},
    },
    report::{CheckInfo, Finding, Section, Status},
    subject::{e2e_part::Part, profile::Profile},
};

/// Checks of what is made, beside those of the run.
pub(super) fn rules() -> Vec<CheckInfo> {
    let made = [checks::IMAGE, MACHINE, health::HEALTH, health::IDENTITY, node::HEALTH, ATTEST];
    let log = [event_log::EVENT_LOG, event_log::REPLAY, event_log::IDENTITY];
    made.into_iter().chain(verdict::RULES).chain(log).chain([checks::COMPOSE, TEARDOWN]).collect()
}

/// What a run on the clouds goes by.
pub(super) struct Course<'a> {
    pub(super) args: &'a E2eArgs,
    pub(super) context: &'a Context,
    pub(super) order: &'a Order,
    pub(super) kms: &'a KmsRelease,
    pub(super) older: Option<&'a KmsRelease>,
    pub(super) profiles: &'a [Profile],
}

/// What came of it.
pub(super) struct Tried {
    pub(super) live: Live,
    /// Findings and actions about the machines.
    pub(super) section: Section,
    /// Whether a signal ended it.
    pub(super) interrupted: bool,
}

/// The section about the machines, before anything is made.
pub(super) fn section(order: &Order) -> Section {
    Section {
        facts: order.facts(),
        findings: order.findings.clone(),
        told: &["probe-teardown"],
        ..Section::new(Part::Machines.as_str())
    }
}

/// What would be made and deleted.
pub(super) fn planned(order: &Order) -> Section {
    let mut section = section(order);
    section.findings.push(MACHINE.skip(order.label.as_str(), "dry run: nothing was made"));
    section.actions = order.planned();
    section
}

/// Where the machines are made.
struct Clouds<'c> {
    phala: &'c Phala,
    compute: &'c Compute,
    /// The images of the nodes, as they were looked at before.
    images: Vec<Seen>,
    /// The network that nodes are on.
    network: String,
}

impl Course<'_> {
    /// Makes the machines, tries them, and takes them down whatever happens in between.
    ///
    /// # Errors
    /// Nothing was made, and nothing can be.
    pub(super) async fn run(&self, given: Given) -> Result<Tried> {
        let (order, context, out) = (self.order, self.context, given.out.clone());
        let (phala, compute) = (&context.phala()?, &context.compute()?);
        let mut section = section(order);
        let images = self.images(compute, &mut section).await?;
        if section.findings.iter().any(|finding| finding.status == Status::Fail) {
            return Ok(Tried { live: Live::default(), section, interrupted: false });
        }
        self.refuse_taken(phala).await?;
        let first = order.nodes.first().ok_or_else(|| Error::internal("a run on the clouds without a node"))?;
        let clouds = Clouds { phala, compute, images, network: vm::network(compute, first).await? };
        let mut journal = folder::journal(&out)?;
        // From here on a signal ends the work in good order: what was made is taken down.
        let mut orders = Orders::heard()?;
        let (mut booted, mut live) = (Booted::default(), Live::default());
        let work = Box::pin(self.work(&clouds, given, &mut journal, (&mut booted, &mut live)));
        let outcome = signals::until_signal(work, &mut orders).await;
        let mut interrupted = outcome.is_none();
        match outcome {
            Some(Ok(())) => {}
            Some(Err(error)) => section.findings.push(Stop::Error(error).told(order.label.as_str())),
            None => {
                tracing::warn!("interrupted: taking down what the run made (a second signal leaves it)");
                section
                    .findings
                    .push(MACHINE.undecided(order.label.as_str(), "interrupted before everything was tried"));
            }
        }
        section.findings.append(&mut booted.findings);
        section.actions.extend(end::made(&journal));
        let again = folder::again(&out);
        let taking_down = Box::pin(end::take_down(&clouds, &mut journal, context, &again));
        let removed = signals::to_the_end(taking_down, &mut orders, &mut interrupted).await;
        let removed = removed.unwrap_or_else(|| end::given_up(order.label.as_str(), &again));
        removed.tell();
        live.caveats.append(&mut booted.caveats);
        self.terminated(&booted, &removed, &mut live).await;
        section.findings.extend(removed.findings.into_iter().map(end::unforgiving));
        section.actions.extend(removed.actions);
        Ok(Tried { live, section, interrupted })
    }

    async fn work(
        &self,
        clouds: &Clouds<'_>,
        given: Given,
        journal: &mut Journal,
        (booted, live): (&mut Booted, &mut Live),
    ) -> Result<()> {
        // What deletes itself is made last, so that its time does not pass while the others boot.
        for one in &self.order.kms {
            Box::pin(self.boot_kms(clouds, one, journal, booted)).await?;
        }
        for (plan, image) in self.order.nodes.iter().zip(&clouds.images) {
            Box::pin(self.boot_node(clouds, (plan, image), journal, booted)).await?;
        }
        let running = booted.running(given);
        let kms = booted.release(self.kms);
        let releases = Releases { kms: &kms, older: self.older, profiles: self.profiles };
        *live = Box::pin(live::ask(self.args, self.context, &running, releases)).await?;
        Ok(())
    }

    /// The images of the nodes: each is there and can be booted.
    async fn images(&self, compute: &Compute, section: &mut Section) -> Result<Vec<Seen>> {
        let mut images = Vec::new();
        for plan in &self.order.nodes {
            let seen = image::image(compute, plan).await?;
            section.findings.extend(image::usable(plan, &seen));
            images.push(seen);
        }
        Ok(images)
    }

    /// Refuses names that are taken: what bears one is not this run's, and is never deleted.
    async fn refuse_taken(&self, phala: &Phala) -> Result<()> {
        for one in &self.order.kms {
            let name = &one.deployment.name;
            if cvm::is_taken(phala, name).await? {
                let message = format!("the account holds a machine {name} already, which this run did not make");
                let help = format!(
                    "choose another --label; if a run that died left it: merotee probe cleanup --label {}",
                    one.label
                );
                return Err(Error::input(message).help(help));
            }
        }
        Ok(())
    }
}

/// A finding that keeps a machine from being used.
fn is_against(finding: &Finding) -> bool {
    match finding.status {
        Status::Fail | Status::Missing | Status::SkippedRequired => true,
        Status::Pass | Status::Warn | Status::Skipped => false,
    }
}

/// Refuses to begin where nothing could be written down of what is made.
///
/// # Errors
/// Usage: no folder is named, or an earlier run left something behind there.
fn refuse_unjournaled(out: Option<&Path>) -> Result<()> {
    let out = out.ok_or_else(|| {
        Error::usage("--cloud needs a folder for the journal of what it makes").help("name one with --out DIR")
    })?;
    folder::settled(out)
}
