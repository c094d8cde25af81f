//! Intel Trust Authority as the second judge of a quote: a token is asked for, or taken from a file, and judged.

use std::path::Path;

use jiff::Timestamp;
use url::Url;

use crate::{
    adapters::{
        file,
        http::has_credentials,
        ita::{Answer, Ita, portal_of},
        tdx_root,
    },
    attestation::{
        ita::{self, Evidence, ItaVerdict, ItaVerifier, List, MAX_JWKS_BYTES, MAX_TOKEN_BYTES, PolicyId},
        quote::Quote,
        verdict::{Expectation, Opinion, QuoteVerifier as _},
    },
    cli::ita::ItaArgs,
    context::{Context, ItaEndpoints},
    error::{Error, Result},
    report::{Fact, Finding},
};

/// Largest revocation list read, in bytes.
const MAX_LIST_BYTES: u64 = 1 << 20;

/// The second judge. Everything that is a file has been read.
pub(super) struct SecondJudge {
    verifier: ItaVerifier,
    source: Source,
}

/// Where tokens come from.
enum Source {
    /// The service.
    Service(Box<Ita>),
    /// Files.
    Files(Evidence),
}

/// What came of it.
pub(super) struct Judged {
    pub(super) facts: Vec<Fact>,
    /// What a reader must know of this verdict.
    pub(super) caveats: Vec<String>,
    pub(super) findings: Vec<Finding>,
    pub(super) opinion: Opinion,
}

impl SecondJudge {
    /// The judge, where the arguments ask for one. `offline` forbids asking the service.
    ///
    /// # Errors
    /// Usage: there is no key, it is not known where the portal is, or a file cannot be used.
    pub(super) fn new(args: &ItaArgs, allow_debug: bool, context: &Context, offline: bool) -> Result<Option<Self>> {
        let policies = &args.service.ita_policy_id;
        if !args.asks() {
            if policies.is_empty() {
                return Ok(None);
            }
            let what = "--ita-policy-id is about Intel Trust Authority, which is not asked";
            return Err(
                Error::usage(what).help("add --ita, or judge a token you have: --ita-token FILE --ita-jwks FILE")
            );
        }
        if policies.len() > PolicyId::MAX {
            let what = format!("Intel Trust Authority takes {} policies at a time", PolicyId::MAX);
            return Err(Error::usage(what).help("give fewer --ita-policy-id"));
        }
        let endpoints = &context.endpoints.ita;
        let portal = portal(endpoints)?;
        let source = match (&args.ita_token, &args.ita_jwks) {
            (Some(token), Some(jwks)) => Source::Files(evidence(token, jwks, &args.ita_crl)?),
            (_, _) if offline => {
                let what = "--ita asks Intel Trust Authority, and --offline forbids it";
                return Err(Error::usage(what).help("judge a token you have: --ita-token FILE --ita-jwks FILE"));
            }
            (_, _) => Source::Service(Box::new(service(endpoints, &portal, context)?)),
        };
        let mut verifier = ItaVerifier::new(portal.as_str());
        if let Some(path) = &endpoints.root {
            let der = tdx_root::certificate(path)?;
            verifier = verifier.pinned(&der).map_err(|e| not_a_root(path, &e))?;
        }
        let verifier = verifier.asking(policies.clone()).allow_debug(allow_debug);
        Ok(Some(Self { verifier, source }))
    }

    /// Has a quote judged at `now`.
    ///
    /// # Errors
    /// Remote: the service cannot be asked.
    pub(super) async fn judge(
        &self,
        name: &str,
        quote: &Quote,
        now: u64,
        expected: Option<&Expectation>,
    ) -> Result<Judged> {
        let asked = !self.verifier.policies().is_empty();
        let (evidence, mut facts) = match &self.source {
            Source::Files(evidence) => (evidence.clone(), Vec::new()),
            Source::Service(service) => match service.attest(quote, self.verifier.policies()).await? {
                Answer::Token(token, names) => {
                    let facts = names.into_iter().map(|(name, value)| Fact::named(name, value)).collect();
                    (self.around(service, token, now).await?, facts)
                }
                Answer::Refused(words) => {
                    let findings = ita::judge_refused(name, &words, asked);
                    let opinion = Opinion::Refuses(words);
                    return Ok(Judged { facts: Vec::new(), caveats: Vec::new(), findings, opinion });
                }
            },
        };
        let outcome = self.verifier.verify(quote, &evidence, now);
        let mut caveats = Vec::new();
        if let Ok(vouched) = &outcome {
            facts.extend(stated(vouched));
            caveats = self.caveats(vouched);
        }
        let findings = ita::judge(name, &outcome, expected, asked);
        Ok(Judged { facts, caveats, findings, opinion: ItaVerifier::opinion(&outcome) })
    }

    /// A token with the keys and revocation lists that it is judged by.
    async fn around(&self, service: &Ita, token: String, now: u64) -> Result<Evidence> {
        let jwks = service.keys().await?;
        let lists = match self.verifier.places(&token, &jwks, now) {
            Ok(places) => service.lists(&places, self.verifier.is_pinned()).await,
            // The verdict says why.
            Err(_) => Vec::new(),
        };
        Ok(Evidence { token, jwks, lists })
    }

    fn caveats(&self, vouched: &ItaVerdict) -> Vec<String> {
        let announced = (!self.verifier.is_pinned()).then(|| {
            format!(
                "no root is pinned for Intel Trust Authority (--ita-root): its portal itself named the root with SHA-256 {}",
                vouched.root
            )
        });
        let unknown = vouched.revocation.iter().filter(|one| one.unknown.is_some());
        announced.into_iter().chain(unknown.map(ToString::to_string)).collect()
    }
}

/// The service's client.
fn service(endpoints: &ItaEndpoints, portal: &Url, context: &Context) -> Result<Ita> {
    let key = endpoints.key.as_ref().ok_or_else(|| {
        Error::usage("--ita needs a key of Intel Trust Authority").help(
            "set ITA_API_KEY to an attestation API key (it is never taken from the command line), or judge a token you have: --ita-token FILE --ita-jwks FILE",
        )
    })?;
    Ita::new(&endpoints.api_url, portal, key, context.http.clone())
}

/// The portal that was said, or that of Intel's own API.
fn portal(endpoints: &ItaEndpoints) -> Result<Url> {
    let given = endpoints.portal_url.clone().or_else(|| portal_of(&endpoints.api_url));
    let portal = given.ok_or_else(|| {
        Error::usage("it is not known which portal publishes the keys of this Intel Trust Authority API")
            .help("name it with --ita-portal-url (ITA_PORTAL_URL)")
    })?;
    if has_credentials(&portal) {
        return Err(Error::usage("the URL of Intel Trust Authority's portal must not carry a user name or password"));
    }
    Ok(portal)
}

/// What files say in the service's place.
fn evidence(token: &Path, jwks: &Path, lists: &[std::path::PathBuf]) -> Result<Evidence> {
    let text = file::read_source(token, MAX_TOKEN_BYTES as u64)?;
    let text = String::from_utf8(text)
        .map_err(|_| Error::input(format!("{}: not a token: it is not text", file::source_name(token))))?;
    let list = |path: &std::path::PathBuf| {
        let bytes = file::read_source(path, MAX_LIST_BYTES)?;
        Ok(List { address: file::source_name(path), outcome: Ok(bytes) })
    };
    let lists = lists.iter().map(list).collect::<Result<Vec<_>>>()?;
    Ok(Evidence { token: text.trim().to_owned(), jwks: file::read_source(jwks, MAX_JWKS_BYTES as u64)?, lists })
}

fn not_a_root(path: &Path, error: &impl std::fmt::Display) -> Error {
    Error::usage(format!("{}: not a root certificate: {error}", file::source_name(path)))
}

/// What a report states of a token that counts.
fn stated(vouched: &ItaVerdict) -> Vec<Fact> {
    let until = i64::try_from(vouched.verdict.until.validity.until).ok();
    let until = until.and_then(|seconds| Timestamp::from_second(seconds).ok()).map(|time| time.to_string());
    let matched: Vec<_> = vouched.matched.iter().map(ToString::to_string).collect();
    [
        Some(Fact::named("ITA token", vouched.form.clone())),
        Some(Fact::named("ITA root", vouched.root.clone())),
        (!vouched.id.is_empty()).then(|| Fact::named("ITA token id", vouched.id.clone())),
        until.map(|until| Fact::named("ITA token until", until)),
        (!matched.is_empty()).then(|| Fact::named("ITA policies matched", matched.join(", "))),
    ]
    .into_iter()
    .flatten()
    .collect()
}
