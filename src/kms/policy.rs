//! The policy a service starts with: fetched, verified, and accepted by the auditor's own checks.
//!
//! 1. The document comes from the release of this version (`release`), a URL, a file, or the environment.
//! 2. It must be signed by the release workflow at this release's tag: through the release's checksums, or by a Sigstore
//!    bundle of its own. A local file may be vouched for by a SHA-256 pin instead.
//! 3. A pin, when there is one, must match in every case.
//! 4. [`acceptance::accept`] judges what it says: profile, release, status, lists.
//! 5. [`acceptance::accept_roles`] judges whether a KMS of any profile would pass for one of its nodes. The policies of the other
//!    profiles say what those are, where the release gives them.
//!
//! Whatever fails is an error, and no service starts without a policy. Verifying is for [`crate::adapters::evidence`] and
//! [`crate::release::vouched`]: there is one verifier, and this is not another.

mod release;

use std::fmt;

use secrecy::SecretString;
use url::Url;

use super::config::{PolicySource, Settings, refuse_in_production};
use crate::{
    adapters::{http::HttpOptions, lone_document::LoneDocument, sigstore::TrustRoot},
    attestation::measurement::{Allowed, Register},
    digest::Sha256,
    error::{Error, Result},
    policy::acceptance::{self, Objection, Unacceptable},
    release::{
        checks::source::source_commit_of,
        contract::Contracts,
        signer::GITHUB_ACTIONS_ISSUER,
        signer_rule::{Moves, SignerRule},
        vouched,
    },
    subject::{repository::Repository, tag::Family},
};

/// Who publishes policies, and by what their signatures are judged.
#[derive(Debug)]
pub struct Publisher {
    /// The repository whose workflow releases the KMS.
    pub repository: Repository,
    /// GitHub's REST API.
    pub api_url: Url,
    /// GitHub's web address, as certificates name it.
    pub server_url: Url,
    /// For GitHub's API alone.
    pub token: Option<SecretString>,
    /// The transparency log, asked only about detached signatures.
    pub rekor_url: Url,
    /// Authorities and logs that are trusted.
    pub trust_root: TrustRoot,
    /// Bounds of every request.
    pub http: HttpOptions,
}

/// What a node must be to get a key.
#[derive(Debug, Clone)]
pub struct NodePolicy {
    /// The lists.
    pub allowed: Allowed,
    /// What they are worth.
    pub standing: Standing,
    /// SHA-256 of the document; of the lists, written out, where they stand in none.
    pub digest: Sha256,
    /// Where it came from, for people: a release, a URL without its query, a path.
    pub origin: String,
}

/// What a policy's lists are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// A node that is not on them gets no key.
    Enforced,
    /// They are not settled, in a release candidate: any genuine machine gets a key, with a warning each time.
    NotReady,
    /// The operator turned enforcement off: any genuine machine gets a key, with a warning each time.
    NotEnforced,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforced => "enforced",
            Self::NotReady => "policy_not_ready",
            Self::NotEnforced => "not enforced",
        })
    }
}

/// A document that somebody vouches for, not yet judged by what it says.
struct Vouched {
    /// Its file name, which objections name.
    name: String,
    bytes: Vec<u8>,
    /// The policies of the other profiles, as well vouched for: name and bytes. Only a release gives them.
    others: Vec<(String, Vec<u8>)>,
    /// Where it came from, for people.
    origin: String,
}

/// Loads the policy of a service: from its source, verified, accepted.
///
/// # Errors
/// Trust: no sound signature of the release workflow, another digest than the pin, or a policy that the auditor's checks
/// refuse, with file and field. Remote: GitHub, the log or the URL cannot be asked or has no such release. Input: a file
/// cannot be read. Usage: an address that cannot be one.
pub async fn load(settings: &Settings, publisher: &Publisher) -> Result<NodePolicy> {
    let document = match &settings.policy {
        PolicySource::Environment(allowed) => return Ok(from_environment(settings, allowed)),
        PolicySource::Release => release::fetch(&settings.release, settings.profile, publisher).await?,
        PolicySource::Url(url) => {
            let document = LoneDocument::at_url(url, &publisher.http).await?;
            alone(settings, publisher, document, shown(url)).await?
        }
        PolicySource::File(path) => {
            let document = LoneDocument::in_file(path).await?;
            alone(settings, publisher, document, path.display().to_string()).await?
        }
    };
    let digest = Sha256::of(&document.bytes);
    check_pin(settings, &document.origin, digest)?;
    let accepted = acceptance::accept(&document.name, &document.bytes, settings.profile, &settings.release)
        .map_err(|why| refusal(&document.origin, &why))?;
    warn(&accepted.warnings);
    let apart = acceptance::accept_roles(&document.name, &document.bytes, &document.others);
    warn(&apart.map_err(|why| refusal(&document.origin, &why))?);
    let standing = match (settings.enforce, accepted.ready) {
        (false, _) => Standing::NotEnforced,
        (true, false) => Standing::NotReady,
        (true, true) => Standing::Enforced,
    };
    let policy = NodePolicy { allowed: accepted.node, standing, digest, origin: document.origin };
    announce(settings, &policy);
    Ok(policy)
}

/// Who must have signed: the workflow that releases the KMS, at the release's tag or the contract's branch.
fn signer_rule(publisher: &Publisher) -> SignerRule {
    let (server, repository) = (publisher.server_url.as_str(), publisher.repository.clone());
    // Who answers for policies is configured: what another repository has become says nothing about it.
    SignerRule::of_workflow(server, repository, GITHUB_ACTIONS_ISSUER, Moves::Ignored)
}

fn contracts() -> Result<Contracts> {
    Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e))
}

/// A document that lies by itself: vouched for by the bundle beside it or, in a file, by the pin.
async fn alone(settings: &Settings, publisher: &Publisher, document: LoneDocument, origin: String) -> Result<Vouched> {
    let pinned_file = settings.policy_sha256.is_some() && matches!(settings.policy, PolicySource::File(_));
    if pinned_file && !document.has_bundle() {
        let what = format!("an unsigned policy, only pinned ({origin}),");
        refuse_in_production(settings.profile, settings.rehearsal, &what)?;
        tracing::warn!("{origin} is not signed: only MERO_KMS_POLICY_SHA256 vouches for it");
    } else {
        let contracts = contracts()?;
        // Whatever the layout, the same workflow signs.
        let contract =
            contracts.first(Family::Kms).ok_or_else(|| Error::internal("no contract for the KMS is built in"))?;
        let expected = signer_rule(publisher).workflow(&settings.release, contract);
        let signatures = document.signatures(&publisher.trust_root).await;
        let by = vouched::alone(&signatures, &expected).map_err(|why| {
            let error = refusal(&origin, &why);
            if document.has_bundle() { error } else { error.help(no_bundle(&settings.policy)) }
        })?;
        let source = source_commit_of(&signatures, document.name(), document.bytes());
        if let Some(why) = Unacceptable::of(&source) {
            return Err(refusal(&origin, &why));
        }
        tracing::info!("{origin} is signed by {by}");
    }
    let (name, bytes) = (document.name().to_owned(), document.bytes().to_vec());
    Ok(Vouched { name, bytes, others: Vec::new(), origin })
}

fn no_bundle(source: &PolicySource) -> &'static str {
    match source {
        PolicySource::File(_) => {
            "put its Sigstore bundle beside it, as its name plus .sigstore.json, or pin it: MERO_KMS_POLICY_SHA256"
        }
        PolicySource::Url(_) | PolicySource::Release | PolicySource::Environment(_) => {
            "publish its Sigstore bundle at its address plus .sigstore.json, or leave the address out: the policy is then \
             that of the release"
        }
    }
}

fn check_pin(settings: &Settings, origin: &str, digest: Sha256) -> Result<()> {
    match settings.policy_sha256 {
        Some(pinned) if pinned != digest => {
            let message = format!("the policy is not the pinned one: expected sha256:{pinned}, got sha256:{digest}");
            let message = format!("{message}; it came from {origin}");
            Err(Error::trust(message).help("find out who changed the policy, or the pin (MERO_KMS_POLICY_SHA256)"))
        }
        Some(_) | None => Ok(()),
    }
}

fn from_environment(settings: &Settings, allowed: &Allowed) -> NodePolicy {
    let mut text = String::new();
    for register in Register::ALL {
        let values: Vec<_> = allowed.register(register).iter().map(ToString::to_string).collect();
        text.push_str(&format!("{}={}\n", register.as_str(), values.join(",")));
    }
    let statuses: Vec<_> = allowed.tcb().iter().map(|status| status.as_str()).collect();
    text.push_str(&format!("tcb_statuses={}\n", statuses.join(",")));
    let policy = NodePolicy {
        allowed: allowed.clone(),
        standing: if settings.enforce { Standing::Enforced } else { Standing::NotEnforced },
        digest: Sha256::of(text.as_bytes()),
        origin: "the environment (ALLOWED_*)".to_owned(),
    };
    tracing::warn!("the policy is from the environment: it is not signed and not bound to a release");
    // Lists that are not enforced may be incomplete; what else is to be said of them holds all the same.
    if let Ok(warnings) = acceptance::accept_lists("ALLOWED_*", allowed) {
        warn(&warnings);
    }
    announce(settings, &policy);
    policy
}

/// What an operator has to know of the policy that is now in force.
fn announce(settings: &Settings, policy: &NodePolicy) {
    let (origin, digest) = (&policy.origin, policy.digest);
    tracing::info!(
        profile = settings.profile.as_str(),
        release = settings.release.as_str(),
        "policy loaded from {origin}, sha256:{digest}"
    );
    match policy.standing {
        Standing::Enforced => {}
        Standing::NotReady => {
            tracing::warn!("the policy says policy_not_ready: every genuine machine gets a key. Never for production");
        }
        Standing::NotEnforced => {
            tracing::warn!("ENFORCE_MEASUREMENT_POLICY is off: every genuine machine gets a key. Never for production");
        }
    }
}

fn warn(objections: &[Objection]) {
    objections.iter().for_each(|objection| tracing::warn!("{objection}"));
}

/// The error a refusal ends in. It names the first reason, and that before what may be long; where there are several, the
/// log has each on a line.
fn refusal(origin: &str, why: &Unacceptable) -> Error {
    let objections = why.objections();
    if objections.len() > 1 {
        objections.iter().for_each(|objection| tracing::error!("{objection}"));
    }
    let first = objections.first().map_or_else(|| "nothing vouches for it".to_owned(), ToString::to_string);
    let more = match objections.len() {
        0 | 1 => String::new(),
        number => format!(" and {} more", number - 1),
    };
    let error = match why {
        Unacceptable::Refused(_) => {
            Error::trust(format!("the policy is refused: {first}{more}; it came from {origin}"))
        }
        Unacceptable::Undecided(_) => {
            Error::remote(format!("the policy could not be verified: {first}{more}; it came from {origin}"))
        }
    };
    match objections.iter().find_map(|objection| objection.help.as_deref()) {
        Some(help) => error.help(help),
        None => error,
    }
}

/// A URL for people: its query may hold what is good for downloads.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}
