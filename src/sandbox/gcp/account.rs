//! The account: what is in it, and the rules by which that changes. It speaks no HTTP.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde_json::{Value, json};

use super::{
    Cloud, Flaw, PROJECT, ZONES,
    image::Image,
    refusal::Refusal,
    vm::{Operation, Rule, Vm},
};
use crate::{
    error::{Error, Result},
    sandbox::{boot::Boot, key::Seed},
    subject::{profile::Profile, tag::Tag},
};

/// Releases whose images the account sees, oldest first.
const RELEASES: [&str; 4] = ["mero-tee-v1.0.0", "mero-tee-v1.1.0", "mero-tee-v1.2.0", "mero-tee-v1.3.0"];
/// Who asks: this host.
const SOURCE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Entries of a page of machines: few, so that a client that reads one page only is seen.
const PAGE: usize = 2;

/// Something that happened to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `made`, `deleted` or `expired`.
    pub what: &'static str,
    /// Name of the machine or rule.
    pub name: String,
}

/// Everything that is in the account.
pub(super) struct State {
    seed: Seed,
    flaw: Option<Flaw>,
    numbers: u64,
    /// By how much the account's clock is ahead.
    ahead: i64,
    images: Vec<Image>,
    /// Whether an image was looked at, after which it may be replaced.
    looked: bool,
    /// How often a new machine is asked for in vain.
    late: u32,
    /// How often the operation of a new machine is asked for before it is over, and the machine there.
    slow: u32,
    /// The same of a new rule of the firewall.
    slow_rules: u32,
    vms: Vec<Vm>,
    rules: Vec<Rule>,
    operations: Vec<Operation>,
    /// Operations by the request ids that they were asked for with.
    requests: BTreeMap<String, String>,
    ledger: Vec<Entry>,
}

impl State {
    pub(super) fn new(seed: Seed, flaw: Option<Flaw>) -> Result<Self> {
        let mut images = Vec::new();
        for release in RELEASES {
            let release: Tag =
                release.parse().map_err(|e| Error::internal("a sample tag does not parse").because(e))?;
            for profile in Profile::ALL {
                let name = Cloud::image_name(&release, profile);
                images.push(Image { id: number(seed, &name, 0), name, release: release.clone(), profile });
            }
        }
        let (vms, rules, operations, requests, ledger) = Default::default();
        Ok(Self {
            seed,
            flaw,
            numbers: 0,
            ahead: 0,
            images,
            looked: false,
            late: 0,
            slow: 0,
            slow_rules: 0,
            vms,
            rules,
            operations,
            requests,
            ledger,
        })
    }

    pub(super) fn flaw(&self) -> Option<Flaw> {
        self.flaw
    }

    pub(super) fn heal(&mut self) {
        self.flaw = None;
    }

    pub(super) fn delay(&mut self, looks: u32) {
        self.late = looks;
    }

    pub(super) fn slow_down(&mut self, looks: u32) {
        self.slow = looks;
    }

    pub(super) fn slow_down_rules(&mut self, looks: u32) {
        self.slow_rules = looks;
    }

    pub(super) fn ledger(&self) -> &[Entry] {
        &self.ledger
    }

    pub(super) fn standing(&mut self) -> Vec<String> {
        self.expire();
        let vms = self.vms.iter().flat_map(|vm| [format!("instance {}", vm.name), format!("disk {}", vm.name)]);
        vms.chain(self.rules.iter().map(|rule| format!("firewall rule {}", rule.name))).collect()
    }

    pub(super) fn advance(&mut self, seconds: i64) {
        self.ahead = self.ahead.saturating_add(seconds);
        self.expire();
    }

    pub(super) fn add_foreign_rule(&mut self, name: &str) {
        let id = self.next();
        let (body, made) = (json!({"name": name, "description": "allows health checks"}), self.now());
        self.rules.push(Rule { id, name: name.to_owned(), made, body });
    }

    /// Deletes what may run no longer.
    fn expire(&mut self) {
        let now = self.now();
        let (ended, left): (Vec<Vm>, Vec<Vm>) =
            std::mem::take(&mut self.vms).into_iter().partition(|vm| vm.ends.is_some_and(|end| end <= now));
        self.vms = left;
        for vm in ended {
            self.ledger.push(Entry { what: "expired", name: vm.name });
        }
    }

    fn now(&self) -> i64 {
        jiff::Timestamp::now().as_second().saturating_add(self.ahead)
    }

    fn next(&mut self) -> String {
        self.numbers += 1;
        number(self.seed, "thing", self.numbers)
    }

    /// An image by name, or the newest of a family.
    pub(super) fn image(&mut self, name: Option<&str>, family: Option<&str>) -> Option<Value> {
        let image = self
            .images
            .iter()
            .rev()
            .find(|image| name == Some(&image.name) || family.is_some_and(|family| image.family() == family))?
            .clone();
        if self.flaw == Some(Flaw::ImageReplaced) && !self.looked {
            self.looked = true;
            for one in self.images.iter_mut().filter(|one| one.name == image.name) {
                one.id = number(self.seed, &one.name, 1);
            }
        }
        let capable = self.flaw != Some(Flaw::ImageNotCapable);
        let features = if capable { json!([{"type": "UEFI_COMPATIBLE"}, {"type": "TDX_CAPABLE"}]) } else { json!([]) };
        Some(json!({
            "kind": "compute#image",
            "id": image.id,
            "name": image.name,
            "family": image.family(),
            "status": "READY",
            "creationTimestamp": "2025-10-01T00:00:00.000-07:00",
            "archiveSizeBytes": "1500000000",
            "guestOsFeatures": features,
            "selfLink": image.link(),
        }))
    }

    /// Asks for a machine.
    pub(super) fn insert(&mut self, zone: &str, body: Value, request: Option<&str>) -> Result<Value, Refusal> {
        if let Some(known) = self.repeated(request) {
            return Ok(known);
        }
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = text("/name");
        if !ZONES.contains(&zone) {
            return Err(Refusal::missing(&format!("projects/{PROJECT}/zones/{zone}")));
        }
        if text("/confidentialInstanceConfig/confidentialInstanceType") != "TDX"
            || text("/scheduling/onHostMaintenance") != "TERMINATE"
            || !text("/machineType").contains("/machineTypes/c3-")
        {
            return Err(Refusal::invalid("Invalid value for field 'resource.confidentialInstanceConfig'"));
        }
        if self.vms.iter().any(|vm| vm.name == name) {
            return Err(Refusal::exists(&format!("projects/{PROJECT}/zones/{zone}/instances/{name}")));
        }
        let source = text("/disks/0/initializeParams/sourceImage");
        let Some(image) = self.images.iter().find(|image| image.link().ends_with(&format!("/{source}"))).cloned()
        else {
            return Err(Refusal::missing(&source));
        };
        let first = self.ledger.is_empty() && self.operations.iter().all(|operation| operation.error.is_none());
        let error = match self.flaw {
            Some(Flaw::NoRoom) => Some(NO_ROOM),
            Some(Flaw::NoRoomInTheFirstZone) if first || zone == ZONES[0] => Some(NO_ROOM),
            Some(Flaw::Quota) => {
                Some(("QUOTA_EXCEEDED", "Quota 'C3_CPUS' exceeded. Limit: 0.0 in region europe-west4."))
            }
            Some(Flaw::OperationFails) => Some(("INTERNAL_ERROR", "Internal error. Please try again.")),
            Some(_) | None => None,
        };
        let id = self.next();
        if error.is_none() {
            self.boot(id.clone(), zone, &name, body, image);
        }
        let answer = self.operation(id, error, request);
        self.slow_last(self.slow);
        Ok(answer)
    }

    /// Lets the last operation be asked for so many times before it is over.
    fn slow_last(&mut self, looks: u32) {
        if let Some(operation) = self.operations.last_mut() {
            operation.asks = looks.max(operation.asks);
        }
    }

    /// Whether the operation that makes something is under way, so that it is not there yet.
    fn pending(operations: &[Operation], id: &str) -> bool {
        operations.iter().any(|operation| operation.target == id && operation.asks > 1)
    }

    fn boot(&mut self, id: String, zone: &str, name: &str, body: Value, image: Image) {
        let seconds = body.pointer("/scheduling/maxRunDuration/seconds").and_then(Value::as_str);
        let deletes = body.pointer("/scheduling/instanceTerminationAction").and_then(Value::as_str) == Some("DELETE");
        let made = self.now();
        let lasts = seconds.filter(|_| deletes).and_then(|seconds| seconds.parse::<i64>().ok());
        let other = self.images.iter().find(|other| other.profile == image.profile && other.release != image.release);
        let booted = match (self.flaw, other) {
            (Some(Flaw::OtherImage), Some(other)) => other,
            _ => &image,
        };
        let boot = Boot::of_release(&booted.release, booted.profile);
        // Of the network that documents may use: no packet leaves this host for it.
        let host = u8::try_from(self.numbers % 250).unwrap_or_default().saturating_add(1);
        let address = (self.flaw != Some(Flaw::NoAddress)).then(|| Ipv4Addr::new(203, 0, 113, host));
        let status = if self.flaw == Some(Flaw::NeverRuns) { "PROVISIONING" } else { "RUNNING" };
        let ends = lasts.map(|lasts| made.saturating_add(lasts));
        let (zone, name) = (zone.to_owned(), name.to_owned());
        self.ledger.push(Entry { what: "made", name: name.clone() });
        self.vms.push(Vm { id, zone, name, body, image, address, status, made, ends, boot, hidden: self.late });
    }

    pub(super) fn vm(&mut self, zone: &str, name: &str) -> Option<&Vm> {
        self.expire();
        let operations = &self.operations;
        let is_there = |vm: &&mut Vm| vm.zone == zone && vm.name == name && !Self::pending(operations, &vm.id);
        let vm = self.vms.iter_mut().find(is_there)?;
        if vm.hidden > 0 {
            vm.hidden -= 1;
            return None;
        }
        Some(vm)
    }

    /// A page of the machines whose label is there, and the next page's token.
    pub(super) fn labelled(&mut self, label: &str, value: Option<&str>, page: usize) -> (Vec<Vm>, Option<usize>) {
        self.expire();
        let of = |vm: &&Vm| {
            let found = vm.body.get("labels").and_then(|labels| labels.get(label)).and_then(Value::as_str);
            value.map_or(found.is_some(), |value| found == Some(value))
        };
        let found: Vec<Vm> = self.vms.iter().filter(of).cloned().collect();
        let next = (found.len() > (page + 1) * PAGE).then_some(page + 1);
        (found.into_iter().skip(page * PAGE).take(PAGE).collect(), next)
    }

    pub(super) fn delete(&mut self, zone: &str, name: &str, request: Option<&str>) -> Option<Value> {
        if let Some(known) = self.repeated(request) {
            return Some(known);
        }
        self.expire();
        let at = self.vms.iter().position(|vm| vm.zone == zone && vm.name == name)?;
        let vm = self.vms.remove(at);
        self.ledger.push(Entry { what: "deleted", name: vm.name });
        Some(self.operation(vm.id, None, request))
    }

    pub(super) fn insert_rule(&mut self, body: Value, request: Option<&str>) -> Result<Value, Refusal> {
        if let Some(known) = self.repeated(request) {
            return Ok(known);
        }
        let name = body.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.rules.iter().any(|rule| rule.name == name) {
            return Err(Refusal::exists(&format!("projects/{PROJECT}/global/firewalls/{name}")));
        }
        let (id, made) = (self.next(), self.now());
        self.ledger.push(Entry { what: "made", name: name.clone() });
        self.rules.push(Rule { id: id.clone(), name, made, body });
        let answer = self.operation(id, None, request);
        self.slow_last(self.slow_rules);
        Ok(answer)
    }

    /// Rules that are there.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| !Self::pending(&self.operations, &rule.id))
    }

    pub(super) fn delete_rule(&mut self, name: &str, request: Option<&str>) -> Option<Value> {
        if let Some(known) = self.repeated(request) {
            return Some(known);
        }
        let at = self.rules.iter().position(|rule| rule.name == name)?;
        let rule = self.rules.remove(at);
        self.ledger.push(Entry { what: "deleted", name: rule.name });
        Some(self.operation(rule.id, None, request))
    }

    /// An operation as it stands; asking brings it to its end.
    pub(super) fn progress(&mut self, name: &str) -> Option<Value> {
        let operation = self.operations.iter_mut().find(|operation| operation.name == name)?;
        operation.asks = operation.asks.saturating_sub(1);
        Some(operation.to_json())
    }

    fn operation(
        &mut self,
        target: String,
        error: Option<(&'static str, &'static str)>,
        request: Option<&str>,
    ) -> Value {
        let name = format!("operation-{}", self.operations.len() + 1);
        let operation = Operation { name: name.clone(), target, asks: 1, error };
        let json = operation.to_json();
        self.operations.push(operation);
        if let Some(request) = request {
            self.requests.insert(request.to_owned(), name);
        }
        json
    }

    /// What was asked for before with the same request id is done once.
    fn repeated(&mut self, request: Option<&str>) -> Option<Value> {
        let name = self.requests.get(request?)?.clone();
        self.operations.iter().find(|operation| operation.name == name).map(Operation::to_json)
    }

    /// What runs at which address.
    pub(super) fn running(&mut self) -> BTreeMap<Ipv4Addr, Boot> {
        self.expire();
        let running = self.vms.iter().filter(|vm| vm.status == "RUNNING");
        running.filter_map(|vm| Some((vm.address?, vm.boot.clone()))).collect()
    }

    /// The machine behind an address, if the firewall lets this host through to the port.
    pub(super) fn reached(&mut self, address: Ipv4Addr, port: u16) -> Option<Vm> {
        self.expire();
        let vm = self.vms.iter().find(|vm| vm.address == Some(address) && vm.status == "RUNNING")?;
        let tags = vm.tags();
        self.rules.iter().any(|rule| rule.admits(SOURCE, port, &tags)).then(|| vm.clone())
    }
}

const NO_ROOM: (&str, &str) = (
    "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS",
    "The zone does not have enough resources available to fulfill the request.",
);

/// A number as Compute Engine gives them, 64 bits.
fn number(seed: Seed, what: &str, count: u64) -> String {
    (u64::from_be_bytes(seed.bytes(what, count)) >> 1).to_string()
}
