//! A machine, its disk and the rules of the firewall, as the account keeps them.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::{PROJECT, image::Image};
use crate::sandbox::boot::Boot;

/// A machine.
#[derive(Debug, Clone)]
pub(in crate::sandbox) struct Vm {
    pub(super) id: String,
    pub(super) zone: String,
    pub(super) name: String,
    /// As it was asked for.
    pub(super) body: Value,
    /// What its disk was made from.
    pub(super) image: Image,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) status: &'static str,
    /// How often it is still asked for in vain.
    pub(super) hidden: u32,
    /// When it was made, and when it may run no longer: seconds since 1970.
    pub(super) made: i64,
    pub(super) ends: Option<i64>,
    /// What it boots.
    pub(in crate::sandbox) boot: Boot,
}

/// A rule of the firewall.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) made: i64,
    pub(super) body: Value,
}

/// A change that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) target: String,
    /// How often it is still asked for before it is over.
    pub(super) asks: u32,
    pub(super) error: Option<(&'static str, &'static str)>,
}

impl Vm {
    /// Name of its image, as its metadata server tells it.
    pub(in crate::sandbox) fn os_image(&self) -> &str {
        &self.image.name
    }

    pub(super) fn tags(&self) -> Vec<&str> {
        let tags = self.body.pointer("/tags/items").and_then(Value::as_array);
        tags.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        let zone = format!("https://www.googleapis.com/compute/v1/projects/{PROJECT}/zones/{}", self.zone);
        let access = match self.address {
            Some(address) if self.status == "RUNNING" => json!({"type": "ONE_TO_ONE_NAT", "natIP": address}),
            Some(_) | None => json!({"type": "ONE_TO_ONE_NAT"}),
        };
        json!({
            "kind": "compute#instance",
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "zone": zone,
            "creationTimestamp": time(self.made),
            "labels": self.body.get("labels"),
            "machineType": self.body.get("machineType"),
            "scheduling": self.body.get("scheduling"),
            "disks": [{"boot": true, "autoDelete": true, "source": format!("{zone}/disks/{}", self.name)}],
            "networkInterfaces": [{"networkIP": "10.164.0.2", "accessConfigs": [access]}],
        })
    }

    /// Its disk has its name.
    pub(super) fn disk(&self) -> Value {
        json!({
            "kind": "compute#disk",
            "id": format!("{}1", self.id),
            "name": self.name,
            "sourceImage": self.image.link(),
            "sourceImageId": self.image.id,
        })
    }
}

impl Rule {
    pub(super) fn to_json(&self) -> Value {
        let mut rule = self.body.clone();
        if let Some(fields) = rule.as_object_mut() {
            fields.insert("id".to_owned(), json!(self.id));
            fields.insert("creationTimestamp".to_owned(), json!(time(self.made)));
        }
        rule
    }

    /// Whether a packet from `source` to `port` of a machine with these tags passes by it.
    pub(super) fn admits(&self, source: Ipv4Addr, port: u16, tags: &[&str]) -> bool {
        let texts = |pointer: &str| -> Vec<String> {
            let list = self.body.pointer(pointer).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
        };
        let cidr = |text: &String| text.parse::<crate::subject::gcp::Cidr>().is_ok_and(|cidr| cidr.contains(source));
        texts("/sourceRanges").iter().any(cidr)
            && texts("/targetTags").iter().any(|tag| tags.contains(&tag.as_str()))
            && texts("/allowed/0/ports").iter().any(|one| *one == port.to_string())
    }
}

impl Operation {
    /// As it is shown, the first time as still under way.
    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({
            "kind": "compute#operation",
            "name": self.name,
            "targetId": self.target,
            "status": if self.asks == 0 { "DONE" } else { "PENDING" },
        });
        if let (true, Some((code, message)), Some(fields)) = (self.asks == 0, self.error, json.as_object_mut()) {
            fields.insert("error".to_owned(), json!({"errors": [{"code": code, "message": message}]}));
            fields.insert("httpErrorStatusCode".to_owned(), json!(503));
        }
        json
    }
}

/// A time as Compute Engine writes it.
fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}
