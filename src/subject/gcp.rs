//! Names of Google Cloud, syntactically valid: they can be put into a path, a body and a filter as they are.

// An address is a number with dots: `core` has no sockets.
use core::net::Ipv4Addr;
use std::{fmt, str::FromStr};

/// Longest name of a resource.
const MAX_NAME: usize = 63;

/// The text is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}")]
pub struct Invalid {
    text: String,
    what: &'static str,
}

impl Invalid {
    fn new(text: &str, what: &'static str) -> Self {
        Self { text: text.chars().take(100).collect(), what }
    }
}

/// Defines a name that is checked when it is read.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// As it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(Invalid::new(text, $what)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A project: `my-project`, or one of a domain, `example.com:my-project`.
    Project,
    "a project's id: lower-case letters, digits and `-`, 6 to 30 of them, starting with a letter",
    is_project
);
name!(
    /// A zone, such as `europe-west4-a`.
    Zone,
    "a zone, such as europe-west4-a",
    |text| is_name(text) && text.split('-').count() >= 3
);
name!(
    /// A region, such as `europe-west4`.
    Region,
    "a region, such as europe-west4",
    |text| is_name(text) && text.contains('-')
);
name!(
    /// The name of an image, an instance, a subnetwork, a rule of the firewall, a machine type.
    Name,
    "a resource's name: lower-case letters, digits and `-`, at most 63 of them, starting with a letter",
    is_name
);

impl Zone {
    /// The region it is in.
    pub fn region(&self) -> Region {
        let region = self.0.rsplit_once('-').map_or(self.0.as_str(), |(region, _)| region);
        Region(region.to_owned())
    }

    /// The zone at the end of a resource's address, `…/zones/europe-west4-a`.
    pub fn of_link(link: &str) -> Option<Self> {
        after(link, "zones").and_then(|zone| zone.parse().ok())
    }
}

impl Name {
    /// The name at the end of a resource's address.
    pub fn of_link(link: &str) -> Option<Self> {
        link.rsplit('/').next().and_then(|name| name.parse().ok())
    }
}

impl Project {
    /// The project in a resource's address, `…/projects/my-project/…`.
    pub fn of_link(link: &str) -> Option<Self> {
        after(link, "projects").and_then(|project| project.parse().ok())
    }
}

/// The segment behind the segment `what`.
fn after<'a>(link: &'a str, what: &str) -> Option<&'a str> {
    let mut segments = link.split('/').skip_while(|segment| *segment != what);
    segments.next()?;
    segments.next()
}

/// RFC 1035, as Compute Engine has it: `[a-z]([-a-z0-9]{0,61}[a-z0-9])?`.
fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_project(text: &str) -> bool {
    let (domain, id) = text.rsplit_once(':').map_or((None, text), |(domain, id)| (Some(domain), id));
    let labels = |domain: &str| domain.len() <= 63 && domain.split('.').count() >= 2 && domain.split('.').all(is_name);
    is_name(id) && (6..=30).contains(&id.len()) && domain.is_none_or(labels)
}

/// Addresses that may reach a machine: a range of IPv4, no wider than a person's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: Ipv4Addr,
    length: u8,
}

impl Cidr {
    /// The widest range: more addresses than one provider gives one customer are not the caller's own.
    pub const WIDEST: u8 = 16;
    const WHAT: &'static str = "a range of IPv4 addresses such as 203.0.113.7/32, at most as wide as a /16";

    /// Whether an address is in it.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        masked(address, self.length) == self.network
    }
}

/// The address with all bits behind the first `length` cleared.
fn masked(address: Ipv4Addr, length: u8) -> Ipv4Addr {
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length.into())).unwrap_or_default();
    Ipv4Addr::from(u32::from(address) & mask)
}

impl FromStr for Cidr {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || Invalid::new(text, Self::WHAT);
        let (address, length) = text.split_once('/').unwrap_or((text, "32"));
        let address: Ipv4Addr = address.parse().map_err(|_| invalid())?;
        let length: u8 = length.parse().map_err(|_| invalid())?;
        if !(Self::WIDEST..=32).contains(&length) || masked(address, length) != address {
            return Err(invalid());
        }
        Ok(Self { network: address, length })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.length)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_name_holds_nothing_that_means_something_in_a_path() {
        for good in ["a", "tdx-e2e-1", "c3-standard-4", &"a".repeat(63)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", "1a", "-a", "a-", "A", "a_b", "a/b", "a.b", "..", "a?x", "a%2f", "a\n", "ä", &"a".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn projects_and_zones_are_told_from_other_names() {
        for good in ["calimero-p2p-development", "cloud-486420", "example.com:my-project"] {
            assert!(good.parse::<Project>().is_ok(), "{good}");
        }
        for bad in
            ["short", "a-project-whose-id-is-far-too-long", "x:my-project", "a/b-project", "example.com:", ".:aaaaaa"]
        {
            assert!(bad.parse::<Project>().is_err(), "{bad}");
        }
        let zone: Zone = "europe-west4-a".parse().unwrap();
        assert_eq!(zone.region().as_str(), "europe-west4");
        assert_eq!("us-central1-ai1a".parse::<Zone>().unwrap().region().as_str(), "us-central1");
        assert!("europe-west4".parse::<Zone>().is_err());
    }

    #[test]
    fn parts_are_read_from_an_address() {
        let link = "https://www.googleapis.com/compute/v1/projects/my-project/zones/europe-west4-a/disks/d1";
        assert_eq!(Zone::of_link(link).unwrap().as_str(), "europe-west4-a");
        assert_eq!(Project::of_link(link).unwrap().as_str(), "my-project");
        assert_eq!(Name::of_link(link).unwrap().as_str(), "d1");
        assert_eq!((Zone::of_link("zones"), Name::of_link("a/..")), (None, None));
    }

    #[test]
    fn a_range_is_written_as_a_network_and_is_never_everyone() {
        for (text, shown) in [("203.0.113.7", "203.0.113.7/32"), ("10.1.0.0/16", "10.1.0.0/16")] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), shown);
        }
        for bad in ["", "0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/16", "::1/128", "1.2.3.4/33", "1.2.3.4/", "1.2.3/24"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
        let range: Cidr = "10.1.0.0/16".parse().unwrap();
        assert!(range.contains("10.1.255.9".parse().unwrap()) && !range.contains("10.2.0.1".parse().unwrap()));
    }
}
