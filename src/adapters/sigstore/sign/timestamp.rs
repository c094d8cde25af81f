//! Timestamps of a signature, RFC 3161 over HTTP. What a token proves, the verification of the bundle says; here it must
//! be granted and answer our very question.

use cms::{content_info::ContentInfo, signed_data::SignedData};
use const_oid::{
    ObjectIdentifier,
    db::{rfc5911::ID_SIGNED_DATA, rfc5912::ID_SHA_256},
};
use der::{
    Any, Decode as _, Encode as _, Sequence, Tag, Tagged as _,
    asn1::{OctetString, Uint},
};
use reqwest::{Method, StatusCode};
use sigstore_types::SignatureBytes;
use url::Url;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{
    adapters::http::{Body, Http, HttpOptions, Request, Service, host},
    digest::Sha256,
    error::{Error, Result},
};

/// What is asked for, in messages.
const SUBJECT: &str = "a timestamp";
/// id-ct-TSTInfo.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// PKIStatus granted, and granted with modifications.
const GRANTED: [&[u8]; 2] = [&[0], &[1]];
/// Fields of a TSTInfo before those that may be left out: version, policy, imprint, serial number, time.
const FIXED_FIELDS: usize = 5;

/// An authority that tells the time.
pub(super) struct Authority {
    http: Http,
    url: Url,
}

#[derive(Sequence)]
struct MessageImprint {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

/// TimeStampReq without the fields we never send.
#[derive(Sequence)]
struct Question {
    version: u8,
    imprint: MessageImprint,
    nonce: Uint,
    certificates: bool,
}

impl Authority {
    pub(super) fn new(url: &Url, http: &HttpOptions) -> Result<Self> {
        Ok(Self { http: Http::new(Service::Timestamp, url.clone(), None, http.clone())?, url: url.clone() })
    }

    /// A timestamp of the signature: a TimeStampResp, DER. It may be asked for again: another one does no harm.
    pub(super) async fn timestamp(&self, signature: &SignatureBytes) -> Result<Vec<u8>> {
        let nonce = nonce()?;
        let request = Request {
            body: Body::Bytes("application/timestamp-query", question(signature, &nonce)?),
            idempotent: true,
            accept: "application/timestamp-reply",
            accepted: &[StatusCode::CREATED],
            ..Request::new(Method::POST, &self.url)
        };
        let answer = self.http.ask(&request, SUBJECT).await?;
        let at = host(&self.url);
        let answer =
            answer.ok_or_else(|| Error::remote(format!("cannot get {SUBJECT}: {at} has no such authority (404)")))?;
        match answered(&answer.body, &nonce) {
            Ok(()) => Ok(answer.body),
            Err(Fault::Form(why)) => Err(Error::remote(format!("cannot get {SUBJECT} of {at}: {why}"))),
            Err(Fault::Answer(why)) => Err(Error::trust(format!("the timestamp of {at} is refused: {why}"))),
        }
    }
}

fn nonce() -> Result<Uint> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::internal("the system gives no random bytes"))?;
    Uint::new(&bytes).map_err(|e| Error::internal("cannot write a nonce").because(e))
}

fn question(signature: &SignatureBytes, nonce: &Uint) -> Result<Vec<u8>> {
    let cannot = |e: der::Error| Error::internal("cannot write a timestamp request").because(e);
    let hash_algorithm = AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: None };
    let hashed_message = OctetString::new(Sha256::of(signature.as_bytes()).as_bytes().to_vec()).map_err(cannot)?;
    let imprint = MessageImprint { hash_algorithm, hashed_message };
    Question { version: 1, imprint, nonce: nonce.clone(), certificates: true }.to_der().map_err(cannot)
}

/// What is wrong with an answer.
enum Fault {
    /// It is not a timestamp.
    Form(String),
    /// It is one, to another question.
    Answer(&'static str),
}

/// Whether an answer grants a token with our nonce.
fn answered(response: &[u8], nonce: &Uint) -> Result<(), Fault> {
    let form = |what: &'static str| move |e: der::Error| Fault::Form(format!("{what}: {e}"));
    let parts = Vec::<Any>::from_der(response).map_err(form("the answer is not a TimeStampResp"))?;
    let status = parts.first().and_then(|status| status.decode_as::<Vec<Any>>().ok());
    let granted = status.as_ref().and_then(|status| status.first()).is_some_and(|s| GRANTED.contains(&s.value()));
    if !granted {
        return Err(Fault::Form("the authority does not grant it".to_owned()));
    }
    let token = parts.get(1).ok_or_else(|| Fault::Form("the answer holds no token".to_owned()))?;
    let token: ContentInfo = token.decode_as().map_err(form("the token is not CMS"))?;
    if token.content_type != ID_SIGNED_DATA {
        return Err(Fault::Form("the token is not signed data".to_owned()));
    }
    let signed: SignedData = token.content.decode_as().map_err(form("the token is not signed data"))?;
    let content = signed.encap_content_info;
    let info = content.econtent.filter(|_| content.econtent_type == TST_INFO);
    let info = info.ok_or_else(|| Fault::Form("the token holds no TSTInfo".to_owned()))?;
    let info: OctetString = info.decode_as().map_err(form("the token holds no TSTInfo"))?;
    let fields = Vec::<Any>::from_der(info.as_bytes()).map_err(form("its TSTInfo cannot be read"))?;
    // After the fixed fields accuracy, ordering, nonce, name and extensions may follow; one of them is an INTEGER.
    match fields.iter().skip(FIXED_FIELDS).find(|field| field.tag() == Tag::Integer) {
        Some(stated) if stated.decode_as::<Uint>().is_ok_and(|stated| stated == *nonce) => Ok(()),
        Some(_) => Err(Fault::Answer("it holds another nonce than ours")),
        None => Err(Fault::Answer("it does not hold our nonce")),
    }
}
