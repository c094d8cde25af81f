//! Google Cloud as far as a probe of a node goes: Compute Engine with an account of its own, the services that give out
//! tokens, and the network on which its machines are reached. A machine is a node ([`super::node`]) on the world's TDX
//! platform, and measures what the release of its image publishes.
//!
//! `account` has the rules and speaks no HTTP; `compute` and `tokens` have the HTTP and no rules. Shapes follow the REST
//! reference of Compute Engine v1. The ledger has what was made and deleted.

mod account;
mod agents;
mod compute;
mod flaw;
mod hold;
mod image;
mod refusal;
pub mod tokens;
mod vm;
mod watch;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use aws_lc_rs::{encoding::AsDer as _, rsa::KeyPair, rsa::KeySize};

pub(super) use self::vm::Vm;
pub use self::{account::Entry, flaw::Flaw, hold::Hold, image::Image};
use self::{account::State, agents::Agents};
use super::{
    dstack::Sockets,
    key::Seed,
    tdx::{Fault, Platform},
    trouble::{Record, Troubles},
};
use crate::{
    error::{Error, Result},
    subject::{profile::Profile, tag::Tag},
};

/// The project of the sandbox's account.
pub const PROJECT: &str = "merotee-sandbox";
/// Zones that have TDX machines.
pub const ZONES: [&str; 2] = ["europe-west4-a", "europe-west4-b"];
/// An access token that the account takes, for a command that is given one.
pub const ACCESS_TOKEN: &str = "ya29.sandbox-access-token-0123456789abcdefghijklmnop";
/// The service account.
pub const SERVICE_ACCOUNT: &str = "probe@merotee-sandbox.iam.gserviceaccount.com";
/// Release whose images a test probes by their names.
pub const RELEASE: &str = "mero-tee-v1.2.0";

/// A cloud on loopback.
pub struct Cloud {
    state: Mutex<State>,
    troubles: Troubles,
    record: Record,
    hold: Hold,
    platform: Arc<Platform>,
    agents: Agents,
    /// What the account's own key is, made when it is first needed: that takes a while.
    key: OnceLock<Option<KeyPair>>,
    tokens: Mutex<BTreeSet<String>>,
    seed: Seed,
}

type Shared = Arc<Cloud>;

impl Cloud {
    /// An account without machines.
    ///
    /// # Errors
    /// Internal: the platform cannot be built.
    pub(super) fn new(seed: u64, platform: &Arc<Platform>, flaw: Option<Flaw>, sockets: Arc<Sockets>) -> Result<Self> {
        let platform = match flaw {
            Some(Flaw::OtherRoot) => Arc::new(platform.twin()?.with_fault(Fault::WrongRoot)?),
            Some(_) | None => Arc::clone(platform),
        };
        let seed = Seed::new("gcp", seed);
        let state = Mutex::new(State::new(seed, flaw)?);
        let tokens = Mutex::new(BTreeSet::from([ACCESS_TOKEN.to_owned()]));
        let (troubles, record, hold, key) = Default::default();
        Ok(Self { state, troubles, record, hold, platform, agents: Agents::new(sockets), key, tokens, seed })
    }

    /// Requests that go wrong.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// What was asked.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The request that gets no answer.
    pub fn hold(&self) -> &Hold {
        &self.hold
    }

    /// What was made and deleted, in order.
    pub fn ledger(&self) -> Vec<Entry> {
        self.lock().ledger().to_vec()
    }

    /// Names of what costs money or lets somebody in: machines, disks, rules of the firewall.
    pub fn standing(&self) -> Vec<String> {
        self.lock().standing()
    }

    /// Lets so many seconds pass for the account: machines that may run no longer are deleted.
    pub fn advance(&self, seconds: i64) {
        self.lock().advance(seconds);
    }

    /// Ends what is wrong with the account; a platform of another root stays one.
    pub fn heal(&self) {
        self.lock().heal();
    }

    /// Answers 404 so many times where a machine that is made from now on is asked for.
    pub fn delay_machines(&self, looks: u32) {
        self.lock().delay(looks);
    }

    /// Lets the operation of a machine that is made from now on be asked for so many times before it is over; until then the
    /// machine is not there.
    pub fn slow_down_machines(&self, looks: u32) {
        self.lock().slow_down(looks);
    }

    /// The same of a rule of the firewall.
    pub fn slow_down_rules(&self, looks: u32) {
        self.lock().slow_down_rules(looks);
    }

    /// Adds a rule that is none of a probe's.
    pub fn add_foreign_rule(&self, name: &str) {
        self.lock().add_foreign_rule(name);
    }

    /// Makes an access token worthless.
    pub fn revoke(&self, token: &str) {
        self.tokens().remove(token);
    }

    /// Makes every token worthless.
    pub fn revoke_all(&self) {
        self.tokens().clear();
    }

    /// The image of a release's profile.
    pub fn image_name(release: &Tag, profile: Profile) -> String {
        format!("mero-tee-{profile}-{}", release.version().to_string().replace('.', "-"))
    }

    /// The key file of the service account, JSON.
    ///
    /// # Errors
    /// Internal: there is no key.
    pub fn key_file(&self) -> Result<String> {
        let der = self.key()?.as_der().map_err(|_| Error::internal("a key cannot be written"))?;
        let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", der.as_ref()));
        let file = serde_json::json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "0123456789abcdef0123456789abcdef01234567",
            "private_key": pem,
            "client_email": SERVICE_ACCOUNT,
            "token_uri": "https://oauth2.googleapis.com/token",
            "universe_domain": "googleapis.com",
        });
        Ok(format!("{file:#}\n"))
    }

    fn key(&self) -> Result<&KeyPair> {
        let key = self.key.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).ok());
        key.as_ref().ok_or_else(|| Error::internal("the system gives no random bytes"))
    }

    /// A new access token that is taken.
    fn issue(&self, kind: &str) -> String {
        let mut tokens = self.tokens();
        let number = u64::try_from(tokens.len()).unwrap_or_default();
        let token = format!("ya29.{kind}-{}", hex::encode(self.seed.bytes::<24>("token", number)));
        tokens.insert(token.clone());
        token
    }

    fn takes(&self, token: &str) -> bool {
        self.tokens().contains(token)
    }

    fn tokens(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the guest agents to what the account holds.
    fn tend_agents(&self) {
        let running = self.lock().running();
        self.agents.tend(&running, &self.platform);
    }

    /// The machine that a packet of this host to an address reaches.
    pub(super) fn reached(&self, address: std::net::Ipv4Addr, port: u16) -> Option<Vm> {
        self.lock().reached(address, port)
    }

    pub(super) fn platform(&self) -> &Platform {
        &self.platform
    }

    pub(super) fn flaw(&self) -> Option<Flaw> {
        self.lock().flaw()
    }
}

/// Compute Engine and the token services.
pub(super) fn router(cloud: Shared) -> axum::Router {
    compute::router(Arc::clone(&cloud))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&cloud), watch::watched))
        .merge(tokens::router(cloud))
}
