//! Where the KMS on a machine may be reached, as far as that can be trusted with a question.

use url::Url;

use super::{Cvm, Phala};
use crate::{adapters::http::is_loopback, probe::kms::PORT};

impl Phala {
    /// Addresses that are encrypted, or of this machine where the service itself is; the service's own first.
    pub fn addresses(&self, cvm: &Cvm) -> Vec<Url> {
        let near = self.is_near();
        let named = cvm.endpoints.iter().flat_map(|endpoint| [&endpoint.app, &endpoint.instance]).flatten().cloned();
        let derived = || {
            let (app, domain) = (cvm.app_id.as_ref()?, cvm.gateway.as_ref()?.base_domain.as_ref()?);
            Url::parse(&format!("https://{app}-{PORT}.{domain}")).ok()
        };
        let mut found: Vec<Url> = Vec::new();
        for url in named.chain(derived()) {
            let trusted = url.scheme() == "https" || (near && is_loopback(&url));
            if trusted && !found.contains(&url) {
                found.push(url);
            }
        }
        found
    }
}
