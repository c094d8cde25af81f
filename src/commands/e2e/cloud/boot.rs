//! Machines made and waited for. One that does not start is told, and the others are made all the same: what could not be tried
//! has no verdict.

use url::Url;

use super::{
    Clouds, Course, is_against,
    order::{Given, KmsOrder},
};
use crate::{
    adapters::{journal::Journal, node::Network},
    commands::{
        e2e::running::{Place, Running},
        machine::{
            cvm::Cvm,
            healthy::until_healthy,
            vm::{Maker, Stop, alive::until_alive, image::booted},
        },
    },
    e2e::release::KmsRelease,
    error::{Class, Error, Result},
    probe::node::{HEALTH, PORT, Plan, image::Seen},
    report::Finding,
    subject::profile::Profile,
};

/// What runs.
#[derive(Default)]
pub(super) struct Booted {
    /// KMSs that are proven to be the machines that were made.
    kms: Vec<BootedKms>,
    /// Nodes that are alive.
    pub(super) nodes: Vec<BootedNode>,
    /// Nodes that are not: why.
    pub(super) failed: Vec<(Profile, String)>,
    pub(super) findings: Vec<Finding>,
    pub(super) caveats: Vec<String>,
}

/// A KMS that runs.
pub(super) struct BootedKms {
    pub(super) profile: Profile,
    pub(super) url: Url,
    /// The policy of its release with the RTMR3 of this deployment.
    pub(super) policy: Vec<u8>,
}

/// A node that runs.
pub(super) struct BootedNode {
    pub(super) profile: Profile,
    /// Where its endpoints are.
    pub(super) base: Url,
    name: String,
    zone: String,
    project: String,
    address: String,
}

impl Booted {
    /// What can be asked.
    pub(super) fn running(&mut self, given: Given) -> Running {
        let mut running = Running {
            kms: self.kms.iter().map(|kms| (kms.profile, kms.url.clone())).collect(),
            node_urls: self.nodes.iter().map(|node| (node.profile, node.base.clone())).collect(),
            ..Running::default()
        };
        let mut accesses = given.nodes.nodes;
        for BootedNode { profile, name, zone, project, address, .. } in &self.nodes {
            match accesses.iter().position(|(of, _)| of == profile) {
                Some(at) => {
                    let (_, access) = accesses.swap_remove(at);
                    let place = Place { machine: name, zone, project, address };
                    running.nodes.push((*profile, place.reached(access)));
                }
                None => self.caveats.push(format!(
                    "nothing makes the node of {profile} ask for a key (--node, --node-socket): what a KMS answers it has no verdict"
                )),
            }
        }
        running
    }

    /// The release, by whose policies these deployments are known.
    pub(super) fn release(&self, release: &KmsRelease) -> KmsRelease {
        let own = |profile| self.kms.iter().find(|kms| kms.profile == profile).map(|kms| kms.policy.clone());
        let policies = release
            .policies
            .iter()
            .map(|(profile, (name, bytes))| (*profile, (name.clone(), own(*profile).unwrap_or_else(|| bytes.clone()))));
        KmsRelease { policies: policies.collect(), ..release.clone() }
    }
}

impl Course<'_> {
    /// Boots a KMS, and proves that it is the machine that was made.
    ///
    /// # Errors
    /// Input: the journal cannot be written, so that nothing more must be made.
    pub(super) async fn boot_kms(
        &self,
        clouds: &Clouds<'_>,
        one: &KmsOrder,
        journal: &mut Journal,
        booted: &mut Booted,
    ) -> Result<()> {
        let (patience, context) = (self.args.clouds.patience(), self.context);
        let mut cvm = Cvm::new(clouds.phala, &one.deployment, &one.label, journal, context);
        let work = async {
            let running = cvm.start(patience).await?;
            let (url, health) = until_healthy(&running.addresses, patience, context).await?;
            Ok::<_, Error>((running, url, health))
        };
        let (running, url, health) = match work.await {
            Ok(up) => up,
            Err(error) => return kept(Stop::Error(error), &one.label.machine(), booted),
        };
        match self.proven(one, &running, (&url, &health), booted).await {
            Ok(Some(policy)) => booted.kms.push(BootedKms { profile: one.profile, url, policy }),
            // Its findings say why it is not asked.
            Ok(None) => {}
            Err(error) => kept(Stop::Error(error), &one.label.machine(), booted)?,
        }
        Ok(())
    }

    /// Boots a node, and waits until it is alive.
    ///
    /// # Errors
    /// As [`Self::boot_kms`].
    pub(super) async fn boot_node(
        &self,
        clouds: &Clouds<'_>,
        (plan, image): (&Plan, &Seen),
        journal: &mut Journal,
        booted: &mut Booted,
    ) -> Result<()> {
        match self.started(clouds, (plan, image), journal, booted).await {
            Ok(node) => booted.nodes.push(node),
            Err(stop) => {
                let before = booted.findings.len();
                kept(stop, &plan.name(), booted)?;
                let why = booted.findings.get(before).map_or_else(String::new, |finding| finding.message.clone());
                booted.failed.push((plan.profile, why));
            }
        }
        Ok(())
    }

    async fn started(
        &self,
        clouds: &Clouds<'_>,
        (plan, image): (&Plan, &Seen),
        journal: &mut Journal,
        found: &mut Booted,
    ) -> Result<BootedNode, Stop> {
        let (compute, context, name) = (clouds.compute, self.context, plan.name());
        let mut maker = Maker { compute, journal, plan, context, actions: Vec::new() };
        maker.rule(&clouds.network).await?;
        let (zone, _) = maker.machine().await?;
        let instance = maker.running(&zone).await?;
        let own = booted(compute, plan, image, (&zone, &instance)).await?;
        if is_against(&own) {
            return Err(own.into());
        }
        found.findings.push(own);
        let address = instance.address().ok_or_else(|| Error::internal("a machine that runs has no address"))?;
        let network: &Network = &context.endpoints.gcp.network;
        let base = network.node(address, PORT)?;
        if let Err(last) = until_alive(&base, &name, self.args.clouds.patience(), context).await? {
            let what = format!("it did not become healthy within {} s", plan.patience);
            let help = "probe the image with --family node: a probe keeps what a machine writes to its serial ports";
            return Err(HEALTH.undecided(&name, what).compared("alive", last).help(help).into());
        }
        found.findings.push(HEALTH.pass(&name, "it is alive"));
        let (zone, project) = (zone.as_str().to_owned(), plan.project.as_str().to_owned());
        Ok(BootedNode { profile: plan.profile, base, name, zone, project, address: address.to_string() })
    }
}

/// Tells why a machine does not run, and goes on with the others; without a journal nothing is made any more.
fn kept(stop: Stop, name: &str, booted: &mut Booted) -> Result<()> {
    match stop {
        Stop::Error(error) if error.class() == Class::Input => Err(error),
        stop @ (Stop::Finding(_) | Stop::Error(_)) => {
            booted.findings.push(stop.told(name));
            Ok(())
        }
    }
}
