//! The one port of a dstack KMS: plain connections while it waits, TLS once it serves.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    Flaw, attested,
    keys::{Identity, Keys},
    kms::{Kms, Phase},
};
use crate::error::{Error, Result};

/// How long a handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A listener that speaks as its KMS does.
pub(super) struct Port {
    pub(super) listener: TcpListener,
    pub(super) kms: Arc<Kms>,
    pub(super) config: Option<Arc<ServerConfig>>,
}

/// A connection, whatever it speaks.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl axum::serve::Listener for Port {
    type Io = Stream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Stream, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            match self.kms.phase() {
                Phase::Waits => return (Stream::Plain(stream), address),
                Phase::Serves => {
                    if let Some(stream) = self.secured(stream).await {
                        return (stream, address);
                    }
                }
                // Nothing is behind the port any more.
                Phase::Ended => drop(stream),
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Port {
    async fn secured(&mut self, stream: TcpStream) -> Option<Stream> {
        if self.config.is_none() {
            match config(&self.kms) {
                Ok(config) => self.config = Some(Arc::new(config)),
                Err(error) => tracing::error!("the sandbox's KMS cannot serve: {}", crate::error::chain(&error)),
            }
        }
        let acceptor = TlsAcceptor::from(Arc::clone(self.config.as_ref()?));
        let secured = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await;
        secured.ok()?.ok().map(|stream| Stream::Tls(Box::new(stream)))
    }
}

/// The certificate that a KMS serves with, and TLS by it.
fn config(kms: &Kms) -> Result<ServerConfig> {
    let host = &kms.host;
    let (keys, domain) = {
        let disk = kms.disk();
        (disk.keys.clone(), disk.domain.clone())
    };
    let keys = keys.ok_or_else(|| Error::internal("a KMS without keys"))?;
    let number = host.next_keys();
    let attestation = kms.measured().attest(host, attested::of_certificate(&number.to_le_bytes()))?;
    let is_other = host.has(Flaw::OtherAuthority) || host.has(Flaw::Intercepted);
    let identity = if is_other {
        Keys::new(host.seed, number)?.serving(host.seed, number, &domain, &attestation)?
    } else if host.has(Flaw::Application) {
        keys.application(host.seed, number, &domain)?
    } else {
        keys.serving(host.seed, number, &domain, &attestation)?
    };
    let Identity { chain, key } = identity;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let odd = |e: rustls::Error| Error::internal("the TLS of the sandbox's KMS").because(e);
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(odd)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(odd)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
