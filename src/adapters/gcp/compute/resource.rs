//! Things of Compute Engine, as far as a probe looks at them. Fields that are not here are ignored; those that may be
//! missing are so in some state of the thing. None of it is evidence of the machine: that is its quote.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde::Deserialize;

use crate::subject::gcp::{Name, Zone};

/// An image of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Its number: a new image of the same name has another.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its family.
    pub family: Option<String>,
    /// READY when it can be used.
    #[serde(default)]
    pub status: String,
    /// When it was made.
    pub creation_timestamp: Option<String>,
    /// Bytes of its archive.
    pub archive_size_bytes: Option<String>,
    /// Set when it should not be used any more.
    pub deprecated: Option<Deprecation>,
    /// What a machine that boots it can do.
    #[serde(default)]
    pub guest_os_features: Vec<Feature>,
}

/// How far an image is out of use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Deprecation {
    /// DEPRECATED, OBSOLETE or DELETED.
    #[serde(default)]
    pub state: String,
}

/// Something that the system of an image can do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Feature {
    /// Its name.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Image {
    /// Whether a TD can boot it.
    pub fn is_tdx_capable(&self) -> bool {
        self.guest_os_features.iter().any(|feature| feature.kind == "TDX_CAPABLE")
    }
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// Its number.
    #[serde(default)]
    pub id: String,
    /// Its name.
    pub name: String,
    /// PROVISIONING, STAGING, RUNNING, STOPPING, TERMINATED and others.
    #[serde(default)]
    pub status: String,
    /// Why it is in that state, where that is said.
    pub status_message: Option<String>,
    /// When it was made.
    pub creation_timestamp: Option<String>,
    /// Address of its zone.
    #[serde(default)]
    pub zone: String,
    /// What its maker wrote on it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its disks.
    #[serde(default)]
    pub disks: Vec<Attached>,
    /// Its links to networks.
    #[serde(default)]
    pub network_interfaces: Vec<Interface>,
}

/// A disk as a machine has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attached {
    /// Address of the disk.
    #[serde(default)]
    pub source: String,
    /// Whether the machine boots from it.
    #[serde(default)]
    pub boot: bool,
}

/// A link to a network.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// How it is reached from elsewhere.
    #[serde(default)]
    pub access_configs: Vec<Access>,
}

/// How a machine is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Access {
    /// Its address on the internet, once it has one.
    #[serde(rename = "natIP")]
    pub nat_ip: Option<Ipv4Addr>,
}

impl Instance {
    /// The zone it is in.
    pub fn in_zone(&self) -> Option<Zone> {
        Zone::of_link(&self.zone)
    }

    /// Its address on the internet.
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.network_interfaces.iter().flat_map(|link| &link.access_configs).find_map(|access| access.nat_ip)
    }

    /// The name of the disk that it boots from.
    pub fn boot_disk(&self) -> Option<Name> {
        self.disks.iter().find(|disk| disk.boot).and_then(|disk| Name::of_link(&disk.source))
    }
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// Its number.
    #[serde(default)]
    pub id: String,
    /// Address of the image that it was made from.
    #[serde(default)]
    pub source_image: String,
    /// Number of that image.
    #[serde(default)]
    pub source_image_id: String,
}

/// A rule of a network's firewall.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Firewall {
    /// Its number.
    #[serde(default)]
    pub id: String,
    /// Its name.
    pub name: String,
    /// What its maker wrote on it.
    #[serde(default)]
    pub description: String,
    /// When it was made.
    pub creation_timestamp: Option<String>,
}

/// A part of a network in one region.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Subnetwork {
    /// Its name.
    pub name: String,
    /// Address of its network.
    pub network: String,
}

/// What a machine wrote to a serial port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Serial {
    /// The text.
    #[serde(default)]
    pub contents: String,
}
