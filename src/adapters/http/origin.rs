//! What a URL says about whom we would be talking to.

use url::{Host, Url};

/// Whether we speak its scheme.
pub(crate) fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

/// Whether it carries a user name or password, which an HTTP client would send along.
pub(crate) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Whether it carries a query or fragment: the address of a service that has none of its own may hold a secret there.
pub(crate) fn has_parameters(url: &Url) -> bool {
    url.query().is_some() || url.fragment().is_some()
}

/// Whether it names this machine. A proxy's loopback is another machine's.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognised_in_every_spelling() {
        for url in ["http://localhost:1/", "http://127.8.9.1/", "http://[::1]/", "http://api.localhost/"] {
            assert!(is_loopback(&Url::parse(url).unwrap()), "{url}");
        }
        assert!(!is_loopback(&Url::parse("http://localhost.example/").unwrap()));
    }
}
