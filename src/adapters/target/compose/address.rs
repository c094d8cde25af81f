//! Where the KMS of a compose file is reached: at the port of the host that Docker publishes for the service, so that what
//! answers there is its container.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use url::{Host, Url};

use crate::{
    error::{Error, Result},
    text::excerpt,
};

/// Where a KMS is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// At the port that Docker publishes.
    Published,
    /// At this address, which must be that port.
    Held(Url),
    /// At this address, whatever answers there.
    Unchecked(Url),
}

/// An address that can be the port of a host: plain HTTP, at a number or at `localhost`.
///
/// # Errors
/// Usage: it cannot.
pub(super) fn can_be_published(url: &Url) -> Result<()> {
    let is_host = url.host().is_some_and(|host| loopback(&host).is_some());
    if url.scheme() == "http" && is_host {
        return Ok(());
    }
    Err(Error::usage(format!(
        "{url} is not a port that Docker publishes on this host: nothing ties it to the container"
    ))
    .help("leave the address out, or take whatever answers there with --unmeasured"))
}

/// The address of the port that `docker compose port` says, which must be that of `held`.
///
/// # Errors
/// Input: it says no such port. Usage: `held` differs from it.
pub(super) fn address(said: &str, held: Option<&Url>) -> Result<Url> {
    let odd = || Error::input(format!("`docker compose port` answered in an unexpected form: {}", excerpt(said)));
    let published: SocketAddr = said.trim().parse().map_err(|_| odd())?;
    let reached = match published.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip @ (IpAddr::V4(_) | IpAddr::V6(_)) => ip,
    };
    let Some(held) = held else {
        let port = SocketAddr::new(reached, published.port());
        return Url::parse(&format!("http://{port}/")).map_err(|e| odd().because(e));
    };
    let is_there = held.host().and_then(|host| loopback(&host)).is_some_and(|ip| {
        // Either loopback address leads to a port that is published on all of them.
        ip == reached || (published.ip().is_unspecified() && ip.is_loopback())
    });
    if is_there && held.scheme() == "http" && held.port_or_known_default() == Some(published.port()) {
        return Ok(held.clone());
    }
    Err(Error::usage(format!("{held} is not where the container is reached: Docker publishes {published}"))
        .help("leave the address out, or take whatever answers there with --unmeasured"))
}

fn loopback(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(*ip)),
        Host::Domain(name) => (*name == "localhost").then_some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_published_port_is_asked_on_this_host_and_any_other_address_is_refused() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (said, reached) in [
            ("0.0.0.0:32768\n", "http://127.0.0.1:32768/"),
            ("[::]:80", "http://[::1]/"),
            ("192.0.2.7:8080", "http://192.0.2.7:8080/"),
        ] {
            assert_eq!(address(said, None).unwrap(), url(reached), "{said}");
        }
        for held in ["http://localhost:8080", "http://127.0.0.1:8080/", "http://[::1]:8080/"] {
            assert_eq!(address("0.0.0.0:8080", Some(&url(held))).unwrap(), url(held));
        }
        for held in ["http://127.0.0.1:8081/", "https://127.0.0.1:8080/", "http://192.0.2.1:8080/", "http://kms:8080/"]
        {
            let error = address("0.0.0.0:8080", Some(&url(held))).unwrap_err();
            assert!(error.to_string().contains("is not where the container is reached"), "{held}");
        }
        assert!(address("192.0.2.7:8080", Some(&url("http://127.0.0.1:8080/"))).is_err());
        for odd in ["", ":0", "8080", "a:8080", "0.0.0.0:1\n0.0.0.0:2"] {
            assert!(address(odd, None).is_err(), "{odd}");
        }
        assert!(can_be_published(&url("http://localhost:1/")).is_ok());
        for held in ["https://localhost/", "http://kms.example/"] {
            assert!(can_be_published(&url(held)).is_err(), "{held}");
        }
    }
}
