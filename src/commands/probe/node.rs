//! `probe run --family node`: a node on Compute Engine, made from its image and deleted in the end.

pub(super) mod cleanup;
mod measure;
mod order;

use self::measure::Measuring;
use super::course::{self, Course, Found, Order, Probed};
use crate::{
    cli::probe::ProbeRunArgs,
    commands::{
        kms::attest::Evidence,
        machine::{
            folder,
            signals::until_signal,
            vm::{self, Maker, image},
        },
        stop::Orders,
    },
    context::Context,
    error::Result,
    policy::mrtds::PublishedMrtds,
    probe::{
        checks::{AS_RELEASED, IMAGE, MACHINE},
        label::Label,
        node::{ATTEST, COVERED, HEALTH, Plan, UNBOUND, UNCOVERED},
        source::Source,
    },
    product::Product,
    report::{Action, CheckInfo, Fact, Status},
};

/// A node that is to be probed.
pub(super) struct Node {
    plan: Plan,
    /// Whether the release names the image.
    vouched: bool,
    /// What the release publishes.
    published: Option<PublishedMrtds>,
}

pub(super) async fn run(args: &ProbeRunArgs, context: &Context) -> Result<Product> {
    course::run(args, context, order::order(args, context)).await
}

impl Probed for Node {
    const LEFT: &'static str = "costs money until it deletes itself";
    const TOLD: &'static [&'static str] = &["probe-image", "probe-teardown"];
    const CAVEATS: &'static [&'static str] = &[COVERED, UNCOVERED, UNBOUND];

    fn rules() -> [Vec<CheckInfo>; 2] {
        [vec![IMAGE, MACHINE, HEALTH, ATTEST], vec![AS_RELEASED]]
    }

    fn name(&self) -> String {
        self.plan.name()
    }

    fn label(&self) -> &Label {
        &self.plan.label
    }

    fn facts(order: &Order<Self>) -> Vec<Fact> {
        let Self { plan, vouched, .. } = &order.probed;
        let zones: Vec<&str> = plan.zones.iter().map(|zone| zone.as_str()).collect();
        let mut facts = vec![
            Fact::named("profile", plan.profile.as_str()),
            Fact::Image(format!("{}/{}", plan.image_project, plan.image)),
            Fact::named("label", plan.label.as_str()),
            Fact::named("machine type", plan.machine_type.as_str()),
            Fact::named("project", plan.project.as_str()),
            Fact::named("zone", zones.join(", else ")),
        ];
        let relation = if *vouched { "release" } else { "compared with" };
        facts.extend(order.release.as_ref().map(|release| Fact::named(relation, release.to_string())));
        facts
    }

    fn planned(&self) -> Vec<Action> {
        self.plan.actions()
    }

    async fn probe(order: &Order<Self>, course: &Course<'_>, found: &mut Found) -> Result<bool> {
        let (plan, context) = (&order.probed.plan, course.context);
        let compute = &context.compute()?;
        let looked_at = image::image(compute, plan).await?;
        found.facts.push(Fact::named("image id", looked_at.id.clone()));
        let looked = image::usable(plan, &looked_at);
        let usable = looked.iter().all(|finding| finding.status != Status::Fail);
        found.findings.extend(looked);
        if !usable {
            return Ok(false);
        }
        let network = vm::network(compute, plan).await?;
        let mut journal = folder::journal(course.out)?;
        // From here on a signal ends the work in good order: what was made is taken down.
        let mut orders = Orders::heard()?;
        let mut maker = Maker { compute, journal: &mut journal, plan, context, actions: Vec::new() };
        let work = async {
            maker.rule(&network).await?;
            let (zone, id) = maker.machine().await?;
            let instance = maker.running(&zone).await?;
            Measuring { compute, order, course }.measure(&looked_at, &zone, &id, &instance, found).await
        };
        let outcome = until_signal(work, &mut orders).await;
        found.actions.append(&mut maker.actions);
        let again = course.again();
        let taking_down = vm::removal::take_down(compute, &mut journal, context, &again);
        Ok(course.end(&order.probed, outcome, taking_down, &mut orders, found).await)
    }

    fn source(order: &Order<Self>, _: &Evidence, common: Source) -> Option<Source> {
        let Self { plan, vouched, .. } = &order.probed;
        Some(Source {
            image: Some(format!("projects/{}/global/images/{}", plan.image_project, plan.image)),
            release: order.release.as_ref().filter(|_| *vouched).map(ToString::to_string),
            ..common
        })
    }
}
