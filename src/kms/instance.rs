//! One running service: its listeners, the work it does by itself, and an orderly end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::http::HeaderValue;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::watch,
};

use super::{
    Clock, Kms, Parts,
    challenge::{ConsumedChallenges, PeerAttempts},
    collateral::{CollateralSource, CollateralStore},
    config::Settings,
    http,
    policy::NodePolicy,
    server::{self, Limits},
};
use crate::{
    adapters::{
        dstack::GuestAgent,
        file,
        http::HttpOptions,
        pccs::{CollateralCache, Pccs},
        tdx_root,
    },
    attestation::verdict::Collateral,
    error::{Error, Result},
};

/// How often it is looked for collateral that expires soon.
const RENEWAL: Duration = Duration::from_secs(600);
/// Connections that the system holds until they are accepted: a flood must not fill that before the service looks. The
/// system's own bound holds as well.
const BACKLOG: u32 = 4096;
/// Connections for metrics: a few scrapers. All others are for callers.
const FOR_METRICS: Limits = Limits { places: 64, served: 16 };
/// Largest preloaded collateral file, in bytes.
const MAX_COLLATERAL_BYTES: u64 = 4 << 20;

/// A service that listens and answers nothing yet.
#[derive(Debug)]
pub struct Instance {
    kms: Arc<Kms>,
    origins: Vec<HeaderValue>,
    listener: TcpListener,
    metrics: Option<TcpListener>,
}

impl Instance {
    /// Makes a service of its settings and begins to listen.
    ///
    /// # Errors
    /// Usage or trust: a setting that turns out to mean nothing, like a root that is none. Input: an address that cannot
    /// be had, or a file that cannot be read.
    pub async fn bind(settings: &Settings) -> Result<Self> {
        let kms = Arc::new(Kms::new(parts(settings)?));
        let origins = settings.cors_origins.iter().map(|origin| {
            HeaderValue::from_str(origin)
                .map_err(|_| Error::usage(format!("{origin}: not an origin that a browser would send")))
        });
        let origins = origins.collect::<Result<_>>()?;
        let listener = listen(settings.listen)?;
        let metrics = match settings.metrics_listen {
            Some(address) => Some(listen(address)?),
            None => None,
        };
        Ok(Self { kms, origins, listener, metrics })
    }

    /// The service.
    pub fn kms(&self) -> &Arc<Kms> {
        &self.kms
    }

    /// Where it listens: with port 0 in the settings, the port that was given to it.
    ///
    /// # Errors
    /// Input, when the system does not say.
    pub fn address(&self) -> Result<SocketAddr> {
        address(&self.listener)
    }

    /// Where it tells its metrics, when it does.
    ///
    /// # Errors
    /// As [`Self::address`].
    pub fn metrics_address(&self) -> Result<Option<SocketAddr>> {
        self.metrics.as_ref().map(address).transpose()
    }

    /// Serves until `stop` ends. Until `policy` arrives every request for a key is refused with 503; if it does not, the
    /// service ends with its error.
    ///
    /// # Errors
    /// Why there is no policy.
    pub async fn run(
        self,
        policy: impl Future<Output = Result<NodePolicy>>,
        stop: impl Future<Output = ()>,
    ) -> Result<()> {
        let (ending, _) = watch::channel(false);
        let ended = || {
            let mut ended = ending.subscribe();
            async move {
                // The sender outlives every receiver.
                let _ = ended.wait_for(|ended| *ended).await;
            }
        };
        let mut serving = vec![tokio::spawn(server::serve(
            self.listener,
            http::router(Arc::clone(&self.kms), &self.origins),
            ended(),
        ))];
        if let Some(listener) = self.metrics {
            let router = http::metrics_router(Arc::clone(&self.kms));
            serving.push(tokio::spawn(server::serve_within(FOR_METRICS, listener, router, ended())));
        }
        let renewing = tokio::spawn(renew(Arc::clone(&self.kms)));
        let outcome = until_stopped(&self.kms, policy, stop).await;
        renewing.abort();
        // There is no listener any more only when every server has ended already.
        let _ = ending.send(true);
        for server in serving {
            // A server that panicked is at its end as well.
            let _ = server.await;
        }
        outcome
    }
}

async fn until_stopped(
    kms: &Kms,
    policy: impl Future<Output = Result<NodePolicy>>,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    tokio::pin!(stop);
    tokio::select! {
        policy = policy => kms.set_policy(policy?)?,
        () = &mut stop => return Ok(()),
    }
    stop.await;
    Ok(())
}

async fn renew(kms: Arc<Kms>) {
    let mut ticks = tokio::time::interval(RENEWAL);
    loop {
        ticks.tick().await;
        kms.renew_collateral().await;
    }
}

/// What a service of these settings is made of. No service is asked yet.
///
/// # Errors
/// As [`Instance::bind`].
pub fn parts(settings: &Settings) -> Result<Parts> {
    let pccs = Pccs::new(&settings.pccs, bounds())?;
    let preloaded = settings.collateral.iter().map(|path| {
        let bytes = file::read_source(path, MAX_COLLATERAL_BYTES)?;
        Collateral::from_json(&bytes)
            .map_err(|e| Error::usage(format!("{} is not collateral", file::source_name(path))).because(e))
    });
    let verifier = Arc::new(tdx_root::verifier(settings.tdx_root.as_deref())?);
    let collateral = CollateralStore::new(CollateralSource {
        pccs,
        cache: settings.collateral_cache.clone().map(CollateralCache::new),
        preloaded: preloaded.collect::<Result<_>>()?,
        verifier: Arc::clone(&verifier),
    });
    let consumed = match &settings.redis_url {
        Some(url) => ConsumedChallenges::in_redis(url)?,
        None => ConsumedChallenges::in_memory(),
    };
    let ttl = settings.challenge_ttl.as_secs();
    Ok(Parts {
        version: settings.release.version().clone(),
        profile: settings.profile,
        key_namespace: settings.key_namespace.clone(),
        challenge_ttl: ttl,
        agent: GuestAgent::new(&settings.dstack_socket),
        verifier,
        collateral: Arc::new(collateral),
        consumed,
        attempts: PeerAttempts::new(settings.attempts_per_peer.get(), ttl),
        clock: Clock::system(),
    })
}

/// Bounds on asking for collateral: a node waits meanwhile.
fn bounds() -> HttpOptions {
    HttpOptions {
        connect_timeout: Duration::from_secs(5),
        read_timeout: Duration::from_secs(8),
        request_timeout: Duration::from_secs(10),
        attempts: 2,
        backoff: Duration::from_millis(250),
        ..HttpOptions::default()
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listen = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A service that is started anew need not wait until the old one's connections are forgotten.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|e| Error::input(format!("cannot listen on {address}")).because(e))
}

fn address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|e| Error::input("the system does not say which port it gave").because(e))
}
