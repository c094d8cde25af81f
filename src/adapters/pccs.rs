//! Collateral from Intel's provisioning certification service (PCS, API v4), or from a cache of it (PCCS) that speaks
//! the same paths and headers.
//!
//! What comes back is not trusted: everything in it is signed, and judged together with a quote. So no token is sent,
//! and any server will do.

mod cache;

use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

pub use self::cache::CollateralCache;

use super::http::{Fetched, Http, HttpOptions, Service, excerpt, host};
use crate::{
    attestation::{
        quote::{PckCa, Platform},
        verdict::{Collateral, CollateralParts, revocation_list},
    },
    error::{Error, Result},
};

/// Intel's own service, which has no path for the root's revocation list: that lies on another host.
const INTEL_PCS: &str = "api.trustedservices.intel.com";
/// The root's revocation list, as the root certificate itself names the place.
const INTEL_ROOT_CRL: &str = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";
/// Largest answer read, in bytes. The largest seen, TCB information, has some 20,000.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// A service to ask.
#[derive(Debug)]
pub struct Pccs {
    http: Http,
    base: Url,
    /// Tells this service's collateral from others' in a cache.
    tag: String,
}

/// Answer of `tcb`. The signature covers the value's bytes as they stand.
#[derive(Deserialize)]
struct TcbAnswer<'a> {
    #[serde(borrow, rename = "tcbInfo")]
    document: &'a RawValue,
    signature: &'a str,
}

/// Answer of `qe/identity`.
#[derive(Deserialize)]
struct IdentityAnswer<'a> {
    #[serde(borrow, rename = "enclaveIdentity")]
    document: &'a RawValue,
    signature: &'a str,
}

impl Pccs {
    /// A client of the service at `base`, with or without `/sgx/certification/v4` at its end.
    ///
    /// # Errors
    /// Usage: the URL is not an http(s) URL or carries credentials.
    pub fn new(base: &Url, options: HttpOptions) -> Result<Self> {
        let options = HttpOptions { max_json_bytes: MAX_ANSWER_BYTES, ..options };
        let http = Http::new(Service::Pccs, base.clone(), None, options)?;
        let tag = crate::digest::Sha256::of(base.as_str().as_bytes()).to_string();
        Ok(Self { http, base: base.clone(), tag: tag.chars().take(12).collect() })
    }

    /// Everything needed to judge a TDX quote of `platform`.
    ///
    /// # Errors
    /// Remote: the service cannot be asked, does not know the platform, or answers with something else.
    pub async fn collateral(&self, platform: &Platform) -> Result<Collateral> {
        let (tcb, identity, pck_crl, root_crl) = futures_util::future::try_join4(
            self.get("tdx", "tcb", &[("fmspc", &hex::encode_upper(platform.fmspc))]),
            self.get("tdx", "qe/identity", &[]),
            self.get("sgx", "pckcrl", &[("ca", platform.ca.as_str()), ("encoding", "der")]),
            self.root_crl(),
        )
        .await?;
        let tcb_answer: TcbAnswer<'_> = parsed(&tcb, "tcbInfo and signature")?;
        let identity_answer: IdentityAnswer<'_> = parsed(&identity, "enclaveIdentity and signature")?;
        let parts = CollateralParts {
            pck_crl_issuer_chain: chain(&pck_crl, &["SGX-PCK-CRL-Issuer-Chain"])?,
            root_ca_crl: list(&root_crl)?,
            tcb_info_issuer_chain: chain(&tcb, &["TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"])?,
            tcb_info: tcb_answer.document.get().to_owned(),
            tcb_info_signature: signature(&tcb, tcb_answer.signature)?,
            qe_identity_issuer_chain: chain(&identity, &["SGX-Enclave-Identity-Issuer-Chain"])?,
            qe_identity: identity_answer.document.get().to_owned(),
            qe_identity_signature: signature(&identity, identity_answer.signature)?,
            pck_crl: list(&pck_crl)?,
        };
        let host = host(&self.base);
        Collateral::from_parts(parts)
            .map_err(|e| Error::remote(format!("{host} answered with collateral that cannot be read")).because(e))
    }

    /// The name and place collateral of `platform` is cached under: one per service, kind of machine and authority.
    pub fn cache_key(&self, platform: &Platform) -> String {
        format!("tdx-{}-{}-{}", hex::encode(platform.fmspc), PckCa::as_str(platform.ca), self.tag)
    }

    async fn root_crl(&self) -> Result<Fetched> {
        if self.base.host_str() != Some(INTEL_PCS) {
            return self.get("sgx", "rootcacrl", &[]).await;
        }
        let url = Url::parse(INTEL_ROOT_CRL).map_err(|e| Error::internal("the root CRL's address").because(e))?;
        let http = Http::new(Service::Pccs, url.clone(), None, self.http.options().clone())?;
        fetched(&http, &url, "the root CRL").await
    }

    async fn get(&self, tee: &str, path: &str, query: &[(&str, &str)]) -> Result<Fetched> {
        let url = self.endpoint(tee, path, query)?;
        fetched(&self.http, &url, &format!("collateral ({tee} {path})")).await
    }

    fn endpoint(&self, tee: &str, path: &str, query: &[(&str, &str)]) -> Result<Url> {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        let base = url.path().trim_end_matches('/');
        let known = ["/sgx/certification/v4", "/tdx/certification/v4"];
        let base = known.iter().find_map(|tail| base.strip_suffix(tail)).unwrap_or(base).to_owned();
        url.set_path(&format!("{base}/{tee}/certification/v4/{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}

async fn fetched(http: &Http, url: &Url, subject: &str) -> Result<Fetched> {
    http.fetch(url, "*/*", subject).await?.ok_or_else(|| {
        Error::remote(format!("{subject}: {} answered 404: it does not know this platform, or this path", host(url)))
            .help("give the collateral with --collateral, or another service with --pccs")
    })
}

fn parsed<'a, T: Deserialize<'a>>(answer: &'a Fetched, expected: &str) -> Result<T> {
    serde_json::from_slice(&answer.body)
        .map_err(|e| Error::remote(format!("{} did not answer with JSON of {expected}", host(&answer.url))).because(e))
}

fn signature(answer: &Fetched, text: &str) -> Result<Vec<u8>> {
    hex::decode(text).map_err(|_| {
        Error::remote(format!("{} answered with a signature that is not hex: `{}`", host(&answer.url), excerpt(text)))
    })
}

/// A certificate chain from a header: PEM, percent-encoded.
fn chain(answer: &Fetched, names: &[&str]) -> Result<String> {
    let missing = || Error::remote(format!("{} answered without the header {}", host(&answer.url), names.join(" or ")));
    let value = names.iter().find_map(|name| answer.headers.get(*name)).ok_or_else(missing)?;
    let text = value.to_str().map_err(|_| missing())?;
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| missing())?;
    Ok(decoded.into_owned())
}

/// A revocation list in DER, which some services send in hex, base64 or PEM.
fn list(answer: &Fetched) -> Result<Vec<u8>> {
    revocation_list(&answer.body).map_err(|why| {
        Error::remote(format!("{} answered with a revocation list that cannot be read: {why}", host(&answer.url)))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_intels_whether_or_not_the_base_names_the_api() {
        for base in [
            "https://pccs.example",
            "https://pccs.example/",
            "https://pccs.example/sgx/certification/v4/",
            "https://pccs.example/tdx/certification/v4?x=1#y",
        ] {
            let pccs = Pccs::new(&Url::parse(base).unwrap(), HttpOptions::default()).unwrap();
            let url = pccs.endpoint("tdx", "tcb", &[("fmspc", "B0C06F000000")]).unwrap();
            assert_eq!(url.as_str(), "https://pccs.example/tdx/certification/v4/tcb?fmspc=B0C06F000000", "{base}");
        }
        let below = Pccs::new(&Url::parse("http://127.0.0.1:1/mirror").unwrap(), HttpOptions::default()).unwrap();
        let url = below.endpoint("sgx", "rootcacrl", &[]).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:1/mirror/sgx/certification/v4/rootcacrl");
    }

    #[test]
    fn a_service_url_with_credentials_is_a_usage_error() {
        let error =
            Pccs::new(&Url::parse("https://u:secret@pccs.example").unwrap(), HttpOptions::default()).unwrap_err();
        assert_eq!(error.class(), crate::error::Class::Usage);
        assert!(!crate::error::chain(&error).contains("secret"));
    }
}
