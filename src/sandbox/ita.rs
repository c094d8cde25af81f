//! Intel Trust Authority on loopback: it verifies quotes really, by the sandbox platform's collateral, and vouches for them
//! with tokens in the real one's form, signed with RSA keys that its own root certifies.
//!
//! Its RSA keys are made when the first token or key set is asked for, and are new in every world: a seed gives none.

mod claims;
mod fault;
mod http;
mod pki;
mod signing;
mod spoilt;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

pub use self::{
    fault::Fault,
    http::{api, portal},
    signing::Signing,
};

use self::pki::{Authorities, Signers};
use super::{key::Seed, tdx::Platform};
use crate::{
    attestation::{
        quote::Quote,
        verdict::{Collateral, DcapVerifier, Verdict},
    },
    error::{Error, Result},
};

/// The one API key that is good here.
pub const API_KEY: &str = "sandbox-attestation-key-of-intel-trust-authority";
/// The one policy that is known here: every genuine quote matches it.
pub const POLICY: &str = "5e0c1a3e-6f0b-4d4e-9a55-2f1b7f0c9d11";
/// How long a token counts, in seconds: as long as Intel's.
const LIFETIME: i64 = 300;

/// The layout of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Version 1: all flat, and an issuer with a name.
    One,
    /// Version 2: those of the machine under `tdx`, and the portal as issuer.
    Two,
}

/// A request, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its path.
    pub path: String,
    /// Whether it carried anything in `x-api-key` or `authorization`.
    pub keyed: bool,
    /// Bytes of the quote in it.
    pub quote: Option<usize>,
    /// Policies it asks for.
    pub policies: Vec<String>,
}

/// API and portal.
pub struct Ita {
    platform: Arc<Platform>,
    portal: String,
    authorities: Authorities,
    signers: Mutex<Option<Arc<Signers>>>,
    manner: Mutex<Manner>,
    seen: Mutex<Vec<Seen>>,
}

/// How it behaves at present.
#[derive(Debug, Clone)]
struct Manner {
    faults: Vec<Fault>,
    layout: Layout,
    signing: Signing,
}

impl Ita {
    /// A flawless one for the quotes of a platform, whose portal is at this address. Claims have version 2, signatures are
    /// PS384.
    ///
    /// # Errors
    /// Internal: a certificate cannot be made.
    pub fn new(platform: Arc<Platform>, seed: u64, portal: &str) -> Result<Self> {
        let manner = Manner { faults: Vec::new(), layout: Layout::Two, signing: Signing::Ps384 };
        Ok(Self {
            platform,
            portal: portal.to_owned(),
            authorities: Authorities::new(Seed::new("ita", seed), portal)?,
            signers: Mutex::new(None),
            manner: Mutex::new(manner),
            seen: Mutex::default(),
        })
    }

    /// The root certificate to pin, DER.
    pub fn root_der(&self) -> &[u8] {
        self.authorities.root_der()
    }

    /// Has it fail in one more way from now on.
    pub fn fail(&self, fault: Fault) {
        held(&self.manner).faults.push(fault);
    }

    /// Ends all failing.
    pub fn recover(&self) {
        held(&self.manner).faults.clear();
    }

    /// How its tokens look from now on.
    pub fn speak(&self, layout: Layout, signing: Signing) {
        let mut manner = held(&self.manner);
        (manner.layout, manner.signing) = (layout, signing);
    }

    /// What it was asked, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        held(&self.seen).clone()
    }

    /// A token for a quote at `now`, as the API would give it: its claims after `change`.
    ///
    /// # Errors
    /// Input: the quote is not one of this platform. Internal: the token cannot be made.
    pub fn token(&self, quote: &[u8], now: Timestamp, change: impl FnOnce(&mut Value)) -> Result<String> {
        let (quote, verdict) = self.appraised(quote, now)?;
        let manner = self.manner();
        let mut claims = claims::of(&quote, &verdict, &self.portal, now.as_second(), &manner);
        change(&mut claims);
        token::signed(&claims, &*self.signers()?, &manner)
    }

    /// The key set, as the portal publishes it.
    ///
    /// # Errors
    /// Internal: the keys cannot be made.
    pub fn jwks(&self) -> Result<Value> {
        self.signers()?.jwks(&self.authorities, &self.manner().faults)
    }

    /// The revocation lists of root and signing authority at `now`, DER.
    ///
    /// # Errors
    /// Internal: they cannot be made.
    pub fn lists(&self, now: Timestamp) -> Result<[Vec<u8>; 2]> {
        let faults = self.manner().faults;
        Ok([self.authorities.root_list(now, &faults)?, self.authorities.signing_list(now, &faults)?])
    }

    /// The quote and what the platform's collateral says of it.
    fn appraised(&self, quote: &[u8], now: Timestamp) -> Result<(Quote, Verdict)> {
        let refused = |why: String| Error::input(format!("quote verification failed: {why}"));
        let quote = Quote::parse(quote).map_err(|e| refused(e.to_string()))?;
        let collateral = self.platform.collateral_json()?;
        let collateral = Collateral::from_json(collateral.as_bytes()).map_err(|e| refused(e.to_string()))?;
        let verifier = DcapVerifier::new(self.platform.root_der()).map_err(|e| refused(e.to_string()))?;
        let now = u64::try_from(now.as_second()).unwrap_or_default();
        // What is debuggable is vouched for as debuggable.
        let verdict =
            verifier.allow_debug(true).verify(&quote, &collateral, now).map_err(|e| refused(e.to_string()))?;
        Ok((quote, verdict))
    }

    /// The signers, made when they are asked for first.
    fn signers(&self) -> Result<Arc<Signers>> {
        let mut signers = held(&self.signers);
        match &*signers {
            Some(made) => Ok(Arc::clone(made)),
            None => Ok(Arc::clone(signers.insert(Arc::new(Signers::new()?)))),
        }
    }

    fn manner(&self) -> Manner {
        held(&self.manner).clone()
    }
}

/// Whatever a panic elsewhere left behind is still good.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
