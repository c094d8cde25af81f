//! What a dstack host is told: where its VMM listens, which ports of a VM it forwards, and what the VM is called.

use std::{fmt, path::PathBuf, str::FromStr};

use url::Url;

/// Longest name of a VM, in bytes.
const MAX_NAME: usize = 63;

/// Where a VMM listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VmmAddress {
    /// At an `http(s)` URL.
    Url(Url),
    /// On a unix socket, written `unix:PATH`.
    Socket(PathBuf),
}

/// The name of a VM: letters, digits, `-`, `_` and `.`, the first a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VmName(String);

/// A port of a VM and where its host forwards it from, written `tcp:0.0.0.0:9100:9100`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMapping {
    /// `tcp` or `udp`.
    pub protocol: Protocol,
    /// The address on the host.
    pub host_address: HostAddress,
    /// The port on the host.
    pub host_port: u16,
    /// The port in the VM.
    pub vm_port: u16,
}

/// An IPv4 address of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostAddress([u8; 4]);

/// A protocol of forwarded ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl FromStr for VmmAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err("expected a path after unix:") } else { Ok(Self::Socket(path.into())) };
        }
        let url: Url = text.parse().map_err(|_| "expected a URL such as http://127.0.0.1:9080, or unix:PATH")?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.host().is_some();
        if is_web { Ok(Self::Url(url)) } else { Err("expected an http:// or https:// URL, or unix:PATH") }
    }
}

impl fmt::Display for VmmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url.as_str().trim_end_matches('/')),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl VmName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VmName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        let starts = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        if !starts || text.len() > MAX_NAME || !text.bytes().all(allowed) {
            return Err("expected 1 to 63 letters, digits, `-`, `_` and `.`, the first a letter or digit");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for VmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Protocol {
    /// As the VMM names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

impl HostAddress {
    /// Whether it stands for every address of the host.
    pub fn is_unspecified(self) -> bool {
        self.0 == [0; 4]
    }
}

impl FromStr for HostAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected an IPv4 address such as 0.0.0.0";
        let part = |part: &str| {
            // A zero in front would be octal to some.
            let plain = part == "0" || !part.starts_with('0');
            part.parse::<u8>().ok().filter(|_| plain && part.bytes().all(|b| b.is_ascii_digit())).ok_or(EXPECTED)
        };
        let parts = text.split('.').map(part).collect::<Result<Vec<u8>, _>>()?;
        parts.try_into().map(Self).map_err(|_| EXPECTED)
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

impl FromStr for PortMapping {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected PROTOCOL:ADDRESS:HOST_PORT:VM_PORT, such as tcp:0.0.0.0:9100:9100";
        let parts: Vec<&str> = text.split(':').collect();
        let [protocol, address, host, vm] = parts.as_slice() else { return Err(EXPECTED) };
        let protocol = match *protocol {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(EXPECTED),
        };
        let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0).ok_or(EXPECTED);
        let host_address = address.parse().map_err(|_| EXPECTED)?;
        Ok(Self { protocol, host_address, host_port: port(host)?, vm_port: port(vm)? })
    }
}

impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.protocol.as_str(), self.host_address, self.host_port, self.vm_port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_or_a_socket() {
        let shown = |text: &str| text.parse::<VmmAddress>().map(|address| address.to_string());
        assert_eq!(shown("http://127.0.0.1:9080/"), Ok("http://127.0.0.1:9080".to_owned()));
        assert_eq!(shown("unix:./vmm.sock"), Ok("unix:./vmm.sock".to_owned()));
        for bad in ["", "unix:", "127.0.0.1:9080", "ftp://host/", "/run/vmm.sock"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_port_mapping_reads_back_as_it_was_written_and_nothing_else_is_one() {
        let mapping = "tcp:0.0.0.0:9100:9200".parse::<PortMapping>();
        assert_eq!(mapping.as_ref().map(ToString::to_string), Ok("tcp:0.0.0.0:9100:9200".to_owned()));
        for bad in [
            "9100",
            "tcp:9100:9100",
            "tcp:0.0.0.0:0:9100",
            "sctp:0.0.0.0:1:1",
            "tcp:0.0.0.0:1:70000",
            "tcp:::1:1",
            "tcp:0.0.0:1:1",
            "tcp:01.0.0.1:1:1",
            "tcp:256.0.0.1:1:1",
        ] {
            assert!(bad.parse::<PortMapping>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_short_and_plain() {
        assert!("kms".parse::<VmName>().is_ok() && "kms-2.a_b".parse::<VmName>().is_ok());
        for bad in ["", "-kms", "k m s", "kms/..", &"a".repeat(64)] {
            assert!(bad.parse::<VmName>().is_err(), "{bad}");
        }
    }
}
