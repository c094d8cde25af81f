//! Where the VMM and the KMS are that a command asks, and where a KMS on a VMM's host is.

use url::Url;

use crate::{
    adapters::vmm::Vmm,
    context::Context,
    error::{Error, Result},
    subject::vmm::{PortMapping, Protocol, VmmAddress},
};

/// The VMM where nothing else is said.
const USUAL_VMM: &str = "http://127.0.0.1:9080";
/// The port of a KMS in its VM.
pub(super) const KMS_PORT: u16 = 9100;

/// A client of the VMM.
///
/// # Errors
/// As [`Vmm::new`].
pub(super) fn vmm(context: &Context) -> Result<Vmm> {
    let dstack = &context.endpoints.dstack;
    let address = match &dstack.vmm {
        Some(address) => address.clone(),
        None => USUAL_VMM.parse().map_err(|_| Error::internal("an address of ours"))?,
    };
    Vmm::new(address, &dstack.credentials, context.http.clone())
}

/// The KMS that a command speaks to.
///
/// # Errors
/// Usage: none is named.
pub(super) fn kms(context: &Context) -> Result<Url> {
    context.endpoints.dstack.kms_url.clone().ok_or_else(|| {
        Error::usage("no KMS is named").help("name it with --kms-url (DSTACK_KMS_URL), such as http://kms-host:9100")
    })
}

/// Where a KMS is reached whose port these mappings forward; `None` where none of them does.
pub(super) fn forwarded(vmm: &VmmAddress, ports: &[PortMapping]) -> Option<Url> {
    let port = ports.iter().find(|port| port.protocol == Protocol::Tcp && port.vm_port == KMS_PORT)?;
    let host = match vmm {
        VmmAddress::Url(url) => url.host_str()?.to_owned(),
        // On this machine: at the address that the port is bound to, where that is one.
        VmmAddress::Socket(_) if port.host_address.is_unspecified() => "127.0.0.1".to_owned(),
        VmmAddress::Socket(_) => port.host_address.to_string(),
    };
    Url::parse(&format!("http://{host}:{}", port.host_port)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(vmm: &str, port: &str) -> Option<String> {
        forwarded(&vmm.parse().unwrap(), &[port.parse().unwrap()]).map(|url| url.to_string())
    }

    #[test]
    fn a_kms_is_reached_on_the_vmm_s_host_at_the_port_that_leads_to_it() {
        assert_eq!(at("http://tdx-1:9080", "tcp:0.0.0.0:9200:9100").as_deref(), Some("http://tdx-1:9200/"));
        assert_eq!(at("unix:vmm.sock", "tcp:0.0.0.0:9100:9100").as_deref(), Some("http://127.0.0.1:9100/"));
        assert_eq!(at("unix:vmm.sock", "tcp:10.0.0.1:9100:9100").as_deref(), Some("http://10.0.0.1:9100/"));
        assert_eq!(at("http://tdx-1:9080", "udp:0.0.0.0:9100:9100"), None);
        assert_eq!(at("http://tdx-1:9080", "tcp:0.0.0.0:9100:22"), None);
    }
}
