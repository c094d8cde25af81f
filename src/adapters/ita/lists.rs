//! Revocation lists, from where certificates say they are. Where that is decides who is asked, so it is looked at first:
//! a key set whose root is not pinned could name any address, and no one has vouched for it.

use reqwest::Url;
use url::Host;

use super::Ita;
use crate::{
    adapters::http::{Http, HttpOptions, Service, has_credentials, is_http},
    attestation::ita::{List, Place},
    error,
};

/// Largest list read, in bytes.
const MAX_LIST_BYTES: u64 = 1 << 20;
/// Tries of one list: without it there is a verdict, with a caveat.
const ATTEMPTS: usize = 2;

impl Ita {
    /// What comes of asking for the lists at these places, each once. `pinned`: the certificates that name them lead to a
    /// root that the caller chose.
    pub async fn lists(&self, places: &[Place], pinned: bool) -> Vec<List> {
        let mut lists: Vec<List> = Vec::new();
        for place in places {
            for address in &place.addresses {
                let known = lists.iter().find(|list| list.address == *address).map(|list| list.outcome.is_ok());
                let had = match known {
                    Some(had) => had,
                    None => {
                        let outcome = self.list(address, pinned).await;
                        let had = outcome.is_ok();
                        lists.push(List { address: address.clone(), outcome });
                        had
                    }
                };
                // All addresses of one certificate lead to the same list.
                if had {
                    break;
                }
            }
        }
        lists
    }

    async fn list(&self, address: &str, pinned: bool) -> Result<Vec<u8>, String> {
        const SUBJECT: &str = "a revocation list";
        let url = Url::parse(address).map_err(|_| "it is not an address".to_owned())?;
        if let Some(why) = objection(&url, self.portal.base(), pinned) {
            return Err(format!("not asked: {why}"));
        }
        let attempts = self.options.attempts.min(ATTEMPTS);
        let options = HttpOptions { max_json_bytes: MAX_LIST_BYTES, attempts, ..self.options.clone() };
        let client = Http::new(Service::Document, url.clone(), None, options).map_err(|e| error::chain(&e))?;
        match client.fetch(&url, "*/*", SUBJECT).await {
            Ok(Some(fetched)) => Ok(fetched.body),
            Ok(None) => Err("the server answered 404 (not found)".to_owned()),
            Err(e) => Err(error::chain(&e)),
        }
    }
}

/// Why an address in a certificate is not asked. Plain http is common for lists, which are signed.
fn objection(url: &Url, portal: &Url, pinned: bool) -> Option<&'static str> {
    if !is_http(url) || url.host().is_none() {
        return Some("its address is neither http nor https");
    }
    if has_credentials(url) {
        return Some("its address has credentials in it");
    }
    let is_portal = url.host() == portal.host() && (url.port() == portal.port() || url.port().is_none());
    if !pinned && !is_portal {
        return Some("it is on another host than the portal, and no root is pinned that would vouch for the address");
    }
    if is_internal(url) && !is_portal {
        return Some("its address is of a private network, and the portal's is another");
    }
    None
}

/// Whether an address is of this machine or of a private network, as far as it says so itself.
fn is_internal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost") || !name.contains('.')
        }
        Some(Host::Ipv4(address)) => {
            address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified()
        }
        Some(Host::Ipv6(address)) => {
            let mapped = address.to_ipv4_mapped();
            let inner = mapped.is_some_and(|v4| v4.is_loopback() || v4.is_private() || v4.is_link_local());
            let local = address.is_unique_local() || address.is_unicast_link_local();
            address.is_loopback() || address.is_unspecified() || local || inner
        }
        None => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn without_a_pinned_root_the_portal_alone_is_asked_and_private_addresses_never() {
        let portal = Url::parse("https://portal.example").unwrap();
        let objects = |text: &str, pinned| objection(&Url::parse(text).unwrap(), &portal, pinned).is_some();
        for own in ["https://portal.example/a.crl", "http://portal.example/a.crl"] {
            assert!(!objects(own, false) && !objects(own, true), "{own}");
        }
        for elsewhere in ["http://crl.example/a.crl", "https://portal.example:8443/a.crl", "http://8.8.8.8/a.crl"] {
            assert!(objects(elsewhere, false) && !objects(elsewhere, true), "{elsewhere}");
        }
        for never in [
            "http://127.0.0.1/a",
            "http://localhost/a",
            "http://metadata/a",
            "http://169.254.169.254/latest",
            "http://10.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[fd00::1]/",
            "http://0.0.0.0/",
            "ldap://crl.example/a",
            "file:///etc/passwd",
            "https://u:p@portal.example/a.crl",
        ] {
            assert!(objects(never, false) && objects(never, true), "{never}");
        }
    }

    #[test]
    fn a_portal_on_this_machine_may_have_its_own_lists() {
        let portal = Url::parse("http://127.0.0.1:4000").unwrap();
        let objects = |text: &str| objection(&Url::parse(text).unwrap(), &portal, false).is_some();
        assert!(!objects("http://127.0.0.1:4000/crl"));
        assert!(objects("http://127.0.0.1:4001/crl"));
    }
}
