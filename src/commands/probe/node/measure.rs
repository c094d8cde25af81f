//! A node that runs is asked for its quote, and the quote is judged: nothing that the node says of itself counts but what the
//! quote proves, and nothing that stands beside the quote is read.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    adapters::{
        file,
        gcp::compute::{Compute, Instance},
        node::Node,
    },
    attestation::{measurement::Register, quote::input::Input, verdict::ExpectedBinding},
    commands::{
        kms::attest::{Evidence, fresh_nonce},
        machine::vm::{Stop, alive::until_alive, image::booted, name},
        probe::course::{Course, Found, Order},
        quote::judgement::Occasion,
    },
    error::{Error, Result},
    probe::{
        node::{ATTEST, HEALTH, PORT, image::Seen, released},
        tolerance::intolerant,
    },
    report::Fact,
    subject::{gcp::Zone, role::Role},
};

/// Serial ports whose output is kept of a machine that does not answer.
const SERIAL_PORTS: [u8; 2] = [1, 2];

/// By what a node is measured.
pub(super) struct Measuring<'a> {
    pub(super) compute: &'a Compute,
    pub(super) order: &'a Order<super::Node>,
    pub(super) course: &'a Course<'a>,
}

impl Measuring<'_> {
    /// Asks the node that runs on `instance`, and judges its answers.
    pub(super) async fn measure(
        &self,
        image: &Seen,
        zone: &Zone,
        id: &str,
        instance: &Instance,
        found: &mut Found,
    ) -> Result<(), Stop> {
        let plan = &self.order.probed.plan;
        found.findings.push(booted(self.compute, plan, image, (zone, instance)).await?);
        let address = instance.address().ok_or_else(|| Error::internal("a machine that runs has no address"))?;
        let base = self.course.context.endpoints.gcp.network.node(address, PORT)?;
        found.facts.push(Fact::named("address", address.to_string()));
        found.facts.push(Fact::named("ran in", zone.as_str()));
        found.machine = self.described(image, zone, id);
        self.until_healthy(&base, zone, found).await?;
        let node = Node::new(base, self.course.context.http.clone())?;
        if let Some(info) = node.info().await? {
            let says = |what: Option<String>| what.unwrap_or_else(|| "nothing".to_owned());
            let said = format!("{} on {}", says(info.os_image), says(info.cloud_provider));
            found.facts.push(Fact::named("says of itself", said));
        }
        found.nonce = fresh_nonce()?;
        let attested = match node.attest(&found.nonce).await? {
            Ok(attested) => attested,
            Err(refusal) => {
                let finding = ATTEST.fail(plan.name(), format!("it answers {}: {}", refusal.status, refusal.said));
                return Err(finding
                    .help("is the machine a TD? look at its serial port, and at the machine type")
                    .into());
            }
        };
        let bytes = attested.input.quote.as_bytes().len();
        found.findings.push(ATTEST.pass(plan.name(), format!("a quote of {bytes} bytes")));
        self.judge(attested.input, found).await?;
        Ok(())
    }

    async fn judge(&self, input: Input, found: &mut Found) -> Result<()> {
        let plan = &self.order.probed.plan;
        // Zeros stand where an application's hash could.
        let binding = ExpectedBinding::Given([0; 32]);
        let occasion = Occasion { role: Some(Role::Node), nonce: Some(found.nonce), binding };
        let (section, tcb) = self.course.judgement.judged(&plan.name(), &input, &occasion).await?;
        found.facts.extend(section.facts);
        found.caveats.extend(section.caveats);
        let judged = section.findings.into_iter();
        found
            .findings
            .extend(judged.map(|finding| if self.course.is_tolerant() { finding } else { intolerant(finding) }));
        if let Some(published) = &self.order.probed.published {
            let release = self.order.release.as_ref().map_or_else(|| published.name.clone(), ToString::to_string);
            let registers = &input.quote.report.registers;
            found.findings.extend(released::compared(&release, registers, published, plan.profile));
        }
        if input.quote.report.registers.get(Register::Rtmr3).is_zero() {
            found.caveats.push(
                "RTMR3 is zero: the image did not extend it with its profile, which upstream's images do as best they can"
                    .to_owned(),
            );
        }
        found.evidence = Some(Evidence { input, log: None, tcb });
        Ok(())
    }

    fn described(&self, image: &Seen, zone: &Zone, id: &str) -> BTreeMap<String, String> {
        let plan = &self.order.probed.plan;
        let entries = [
            ("cloud", "gcp"),
            ("machine_type", plan.machine_type.as_str()),
            ("project", plan.project.as_str()),
            ("zone", zone.as_str()),
            ("image_id", &image.id),
            ("instance_id", id),
        ];
        let known = entries.into_iter().filter(|(_, value)| !value.is_empty());
        known.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    async fn until_healthy(&self, base: &url::Url, zone: &Zone, found: &mut Found) -> Result<(), Stop> {
        let plan = &self.order.probed.plan;
        let patience = Duration::from_secs(plan.patience);
        match until_alive(base, &plan.name(), patience, self.course.context).await? {
            Ok(()) => {
                found.findings.push(HEALTH.pass(plan.name(), "it is alive"));
                Ok(())
            }
            Err(last) => {
                let kept = self.keep_serial_ports(zone).await;
                let finding = HEALTH
                    .undecided(plan.name(), format!("it did not become healthy within {} s", plan.patience))
                    .compared("alive", last);
                Err(finding.help(kept).into())
            }
        }
    }

    /// Keeps what the machine wrote, and says where.
    async fn keep_serial_ports(&self, zone: &Zone) -> String {
        let mut kept = Vec::new();
        let Ok(name) = name(&self.order.probed.plan) else { return String::new() };
        for port in SERIAL_PORTS {
            let kept_in = format!("serial-port-{port}.txt");
            match self.compute.serial_port((&self.order.probed.plan.project, zone), &name, port).await {
                Ok(Some(serial)) if !serial.contents.is_empty() => {
                    match file::write_atomic(&self.course.out.join(&kept_in), serial.contents.as_bytes()) {
                        Ok(()) => kept.push(kept_in),
                        Err(error) => tracing::warn!("{error}"),
                    }
                }
                Ok(_) => {}
                Err(error) => tracing::warn!("{error}"),
            }
        }
        match kept.as_slice() {
            [] => "the machine wrote nothing to its serial ports; locked images do not: probe the debug profile"
                .to_owned(),
            kept => format!(
                "look at what the machine wrote: {} in {}",
                crate::text::listed(kept),
                self.course.out.display()
            ),
        }
    }
}
