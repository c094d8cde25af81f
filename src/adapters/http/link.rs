//! How a service is reached where its address alone does not say it: over a unix socket, or by TLS that one key certifies.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, crypto::aws_lc_rs};
use rustls_pki_types::TrustAnchor;

use super::{
    HttpOptions,
    own::{OwnCertificate, Use},
};
use crate::error::{Error, Result};

const USER_AGENT: &str = concat!("merotee/", env!("CARGO_PKG_VERSION"));
/// Longest path of a unix socket, in bytes: the system's field has one more, for the zero at the end.
const MAX_SOCKET_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How a service is reached.
#[derive(Debug, Clone, Default)]
pub(crate) enum Link {
    /// At its address, certified as the system has it.
    #[default]
    Address,
    /// Over a unix socket; the address is a formality.
    Socket(PathBuf),
    /// At addresses that are known, certified by one authority and no other.
    Certified(Certified),
}

/// A server that one authority certifies under its name.
#[derive(Debug, Clone)]
pub(crate) struct Certified {
    /// The authority.
    pub(crate) authority: TrustAnchor<'static>,
    /// What its certificate is made for.
    pub(crate) made_for: Use,
    /// The server's name.
    pub(crate) name: String,
    /// Where it is, whatever DNS says of the name.
    pub(crate) at: Vec<SocketAddr>,
}

impl Link {
    /// One over a unix socket.
    ///
    /// # Errors
    /// Usage: the path is longer than the system allows.
    pub(crate) fn socket(path: &Path) -> Result<Self> {
        let length = path.as_os_str().len();
        if length > MAX_SOCKET_PATH {
            let message = format!(
                "the path of the socket has {length} bytes, and this system allows {MAX_SOCKET_PATH}: {}",
                path.display()
            );
            return Err(Error::usage(message).help("name it by a shorter path: relative, or through a symbolic link"));
        }
        Ok(Self::Socket(path.to_owned()))
    }

    /// Whether no proxy can stand in between.
    pub(super) fn is_direct(&self) -> bool {
        !matches!(self, Self::Address)
    }

    /// A client over it.
    pub(super) fn client(&self, options: &HttpOptions, direct: bool, upload: bool) -> Result<Client> {
        let mut builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .connect_timeout(options.connect_timeout);
        if !upload {
            builder = builder.read_timeout(options.read_timeout);
        }
        let builder = self.apply(if direct { builder.no_proxy() } else { builder })?;
        builder.build().map_err(|e| Error::internal("the HTTP client").because(e))
    }

    fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder> {
        match self {
            Self::Address => Ok(builder),
            #[cfg(unix)]
            Self::Socket(path) => Ok(builder.unix_socket(path.as_path())),
            #[cfg(not(unix))]
            Self::Socket(_) => Err(Error::usage("this system has no unix sockets")),
            Self::Certified(Certified { authority, made_for, name, at }) => {
                Ok(builder.resolve_to_addrs(name, at).tls_backend_preconfigured(certified_by(authority, *made_for)?))
            }
        }
    }
}

/// TLS that trusts one authority, and of its certificates those for one use.
fn certified_by(authority: &TrustAnchor<'static>, made_for: Use) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let own = OwnCertificate::new(authority, made_for, Arc::clone(&provider))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::internal("TLS cannot be set up").because(e))?;
    // It asks more than the verifier that it stands for, and leaves nothing out.
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(own)).with_no_client_auth())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_socket_whose_path_is_too_long_is_refused_before_it_is_opened() {
        assert!(Link::socket(Path::new("/run/vmm.sock")).is_ok());
        let long = Path::new("/").join("x".repeat(MAX_SOCKET_PATH));
        let refused = Link::socket(&long).unwrap_err();
        assert!(refused.to_string().contains("this system allows"), "{refused}");
    }
}
