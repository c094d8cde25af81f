//! A probe of a node: the machine that is made of its image on Compute Engine, and the one rule of the firewall by which
//! this host reaches it. Everything bears the probe's label and the id of the request that made it, so that what is found
//! later is known to be the probe's own, and the time at which the machine deletes itself.

pub mod image;
pub mod released;

use serde_json::{Value, json};

use super::{journal::RequestId, label::Label};
use crate::{
    report::{Action, CheckInfo},
    subject::{
        gcp::{Cidr, Name, Project, Zone},
        profile::Profile,
    },
};

/// Label of a machine that holds the probe's.
pub const LABEL: &str = "merotee-probe";
/// Label of a machine that holds the id of the request that made it.
pub const REQUEST: &str = "merotee-request";
/// Label of a machine that holds the time at which it deletes itself, in seconds since 1970.
pub const EXPIRES: &str = "merotee-expires";
/// Port of a node's own endpoints.
pub const PORT: u16 = 80;
/// How long a machine may run after the probe's patience is over: as long as judging it and taking it down may take.
const GRACE_SECONDS: u64 = 1800;
/// The processor that registers are measured on.
const PROCESSOR: &str = "Intel Sapphire Rapids";

/// The node works.
pub const HEALTH: CheckInfo = CheckInfo { id: "node-health", title: "the node that is probed says that it is alive" };
/// The node gives a quote.
pub const ATTEST: CheckInfo =
    CheckInfo { id: "node-attest", title: "the node answers /admin-api/tee/attest with a quote that can be read" };

/// What a node's registers speak of.
pub const COVERED: &str = "the registers cover firmware, boot chain, kernel and command line";
/// What they do not.
pub const UNCOVERED: &str =
    "the root filesystem is not measured: anyone who can change the disk can change merod and keep every register";
/// What the quote does not say.
pub const UNBOUND: &str = "nodes answer over plain HTTP, and their quote names no host: it proves a machine that measures so, and not which one answered";

/// A probe, before anything is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What everything it makes is named by.
    pub label: Label,
    /// The profile.
    pub profile: Profile,
    /// Project of the machine.
    pub project: Project,
    /// Zones to make it in; the next where one has no room.
    pub zones: Vec<Zone>,
    /// Subnetwork of the machine.
    pub subnetwork: Name,
    /// Type of the machine.
    pub machine_type: Name,
    /// Project of the image.
    pub image_project: Project,
    /// The image.
    pub image: Name,
    /// Who may reach the machine.
    pub allowed: Vec<Cidr>,
    /// Seconds that it may take to answer.
    pub patience: u64,
}

impl Plan {
    /// Name of the machine, of its disk and of the rule of the firewall.
    pub fn name(&self) -> String {
        self.label.machine()
    }

    /// Seconds after which the machine deletes itself, whatever becomes of the probe.
    pub fn lifetime(&self) -> u64 {
        self.patience.saturating_add(GRACE_SECONDS)
    }

    /// The request for a machine in a zone; `now` is in seconds since 1970.
    pub fn machine(&self, zone: &Zone, request: &RequestId, now: i64) -> Value {
        let Self { project, image_project, image, subnetwork, machine_type, .. } = self;
        let region = zone.region();
        json!({
            "name": self.name(),
            "description": "a machine that merotee probes; it deletes itself",
            "machineType": format!("zones/{zone}/machineTypes/{machine_type}"),
            "minCpuPlatform": PROCESSOR,
            "confidentialInstanceConfig": {"confidentialInstanceType": "TDX"},
            "scheduling": {
                "onHostMaintenance": "TERMINATE",
                "automaticRestart": false,
                "maxRunDuration": {"seconds": self.lifetime().to_string()},
                "instanceTerminationAction": "DELETE",
            },
            "disks": [{
                "boot": true,
                "autoDelete": true,
                "initializeParams": {"sourceImage": format!("projects/{image_project}/global/images/{image}")},
            }],
            "networkInterfaces": [{
                "subnetwork": format!("projects/{project}/regions/{region}/subnetworks/{subnetwork}"),
                "nicType": "GVNIC",
                "accessConfigs": [{"type": "ONE_TO_ONE_NAT"}],
            }],
            // It may do nothing in Google Cloud.
            "serviceAccounts": [],
            "metadata": {"items": []},
            "tags": {"items": [self.name()]},
            "labels": {
                LABEL: self.label.as_str(),
                REQUEST: request.as_str(),
                EXPIRES: self.expires(now).to_string(),
            },
        })
    }

    /// The request for the rule of the firewall, which lets the allowed addresses to the node's endpoints and nothing else.
    pub fn rule(&self, network: &str, request: &RequestId, now: i64) -> Value {
        json!({
            "name": self.name(),
            "description": description(&self.label, request, self.expires(now)),
            "network": network,
            "direction": "INGRESS",
            "priority": 1000,
            "allowed": [{"IPProtocol": "tcp", "ports": [PORT.to_string()]}],
            "sourceRanges": self.allowed.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "targetTags": [self.name()],
        })
    }

    fn expires(&self, now: i64) -> i64 {
        now.saturating_add_unsigned(self.lifetime())
    }

    /// What a probe would do.
    pub fn actions(&self) -> Vec<Action> {
        let asked = format!("POST /admin-api/tee/attest over a fresh nonce, as {}", self.profile);
        let asking = Action::planned("attest", asked);
        self.making().into_iter().chain([asking]).chain(self.deleting()).collect()
    }

    /// What would be made.
    pub fn making(&self) -> [Action; 2] {
        let zones: Vec<&str> = self.zones.iter().map(Zone::as_str).collect();
        let name = self.name();
        let machine = format!(
            "{name}: {} in {}, deleted by Compute Engine after {} s at the latest; of {}/{}, in {}",
            self.machine_type,
            zones.join(", else "),
            self.lifetime(),
            self.image_project,
            self.image,
            self.project,
        );
        let allowed: Vec<String> = self.allowed.iter().map(ToString::to_string).collect();
        [
            Action::planned("add firewall rule", format!("{name}: tcp:{PORT} from {}", allowed.join(", "))),
            Action::planned("create machine", machine),
        ]
    }

    /// What would be deleted in the end.
    pub fn deleting(&self) -> [Action; 2] {
        let name = self.name();
        [Action::planned("delete firewall rule", name.clone()), Action::planned("delete machine", name)]
    }
}

/// What stands on a rule of the firewall, which has no labels.
fn description(label: &Label, request: &RequestId, expires: i64) -> String {
    format!("{LABEL}={label} {REQUEST}={request} {EXPIRES}={expires}")
}

/// A mark in the description of a rule.
pub fn mark<'a>(description: &'a str, name: &str) -> Option<&'a str> {
    description.split(' ').find_map(|word| word.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn plan() -> Plan {
        Plan {
            label: "ci-1".parse().unwrap(),
            profile: Profile::LockedReadOnly,
            project: "my-project".parse().unwrap(),
            zones: vec!["europe-west4-a".parse().unwrap(), "europe-west4-b".parse().unwrap()],
            subnetwork: "default".parse().unwrap(),
            machine_type: "c3-standard-4".parse().unwrap(),
            image_project: "images-project".parse().unwrap(),
            image: "node-1".parse().unwrap(),
            allowed: vec!["203.0.113.7".parse().unwrap()],
            patience: 1200,
        }
    }

    #[test]
    fn a_machine_deletes_itself_and_may_do_nothing() {
        let request = RequestId::new([7; 16]);
        let body = plan().machine(&"europe-west4-b".parse().unwrap(), &request, 1_000);
        let at = |pointer: &str| body.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at("/scheduling/maxRunDuration/seconds"), "3000");
        assert_eq!(at("/scheduling/instanceTerminationAction"), "DELETE");
        assert_eq!(at("/confidentialInstanceConfig/confidentialInstanceType"), "TDX");
        assert_eq!(at("/serviceAccounts"), json!([]));
        assert_eq!(at("/machineType"), "zones/europe-west4-b/machineTypes/c3-standard-4");
        assert_eq!(
            at("/networkInterfaces/0/subnetwork"),
            "projects/my-project/regions/europe-west4/subnetworks/default"
        );
        assert_eq!(at("/labels/merotee-probe"), "ci-1");
        assert_eq!(at("/labels/merotee-expires"), "4000");
        assert_eq!(at("/labels/merotee-request"), request.as_str());
    }

    #[test]
    fn the_rule_lets_the_allowed_addresses_to_this_machine_alone() {
        let request = RequestId::new([7; 16]);
        let rule = plan().rule("global/networks/default", &request, 1_000);
        assert_eq!(rule.get("sourceRanges"), Some(&json!(["203.0.113.7/32"])));
        assert_eq!(rule.get("targetTags"), Some(&json!(["merotee-probe-ci-1"])));
        assert_eq!(rule.get("allowed"), Some(&json!([{"IPProtocol": "tcp", "ports": ["80"]}])));
        let description = rule.get("description").and_then(Value::as_str).unwrap();
        assert_eq!(mark(description, LABEL), Some("ci-1"));
        assert_eq!(mark(description, REQUEST), Some(request.as_str()));
        assert_eq!(mark(description, EXPIRES), Some("4000"));
        assert_eq!(mark("allows health checks", LABEL), None);
    }
}
