//! The timestamp authority: RFC 3161 requests in, responses out.
//!
//! Times are whole seconds, because some readers refuse fractions.

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::ID_KP_TIME_STAMPING;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::ID_SHA_256;
use der::asn1::{Any, BitString, GeneralizedTime, Int, OctetString, SetOfVec};
use der::{Decode, Encode, Sequence};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, KeyUsages};

use super::certificate::{
    Authority, Template, distinguished_name, ecdsa_sha256, encoding, extension, instance_validity,
    subject_key_identifier, unix_duration,
};
use super::key::{Key, Seed};
use crate::digest::Sha256;
use crate::error::{Error, Result};

/// RFC 3161 §2.4.2: id-ct-TSTInfo.
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// RFC 5035 §3: id-aa-signingCertificateV2.
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
/// The policy Sigstore's own authorities name.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.2");
/// PKIStatus granted.
const GRANTED: u8 = 0;

/// The authority and how many tokens it has issued.
pub(super) struct TimestampAuthority {
    seed: Seed,
    root: Authority,
    key: Key,
    certificate: Certificate,
    issued: u64,
}

impl TimestampAuthority {
    pub(super) fn new(seed: Seed) -> Result<Self> {
        let root = Authority::root(
            seed.key("tsa root", 0)?,
            "CN=tsa-root,O=merotee sandbox",
            seed.bytes("tsa root serial", 0),
            0,
        )?;
        let key = seed.key("tsa", 0)?;
        let certificate = root.sign(root.to_be_signed(Template {
            serial: seed.bytes("tsa serial", 0),
            subject: distinguished_name("CN=tsa,O=merotee sandbox")?,
            validity: instance_validity()?,
            public_key: key.spki().clone(),
            extensions: vec![
                extension(&KeyUsage(KeyUsages::DigitalSignature.into()), true)?,
                // RFC 3161 §2.3: critical, and the only usage.
                extension(&ExtendedKeyUsage(vec![ID_KP_TIME_STAMPING]), true)?,
                subject_key_identifier(key.spki())?,
            ],
        })?)?;
        Ok(Self { seed, root, key, certificate, issued: 0 })
    }

    /// The signing certificate and its root.
    pub(super) fn chain(&self) -> [&Certificate; 2] {
        [&self.certificate, self.root.certificate()]
    }

    /// Timestamps the SHA-256 of `message` at `time` (Unix seconds), with the authority's certificate in the token.
    /// Returns a DER TimeStampResp.
    pub(super) fn timestamp(&mut self, message: &[u8], time: i64) -> Result<Vec<u8>> {
        self.of_message(message, true, time)
    }

    fn of_message(&mut self, message: &[u8], embed: bool, time: i64) -> Result<Vec<u8>> {
        let hash = OctetString::new(Sha256::of(message).as_bytes().to_vec()).map_err(encoding)?;
        let imprint = MessageImprint { hash_algorithm: sha256(), hashed_message: hash };
        self.respond(imprint, None, embed, time)
    }

    /// The same, with no certificate in the token, as GitHub's own authority leaves it out.
    pub(super) fn bare_timestamp(&mut self, message: &[u8], time: i64) -> Result<Vec<u8>> {
        self.of_message(message, false, time)
    }

    /// Answers a DER TimeStampReq at `time` (Unix seconds).
    ///
    /// # Errors
    /// A usage error when the request is not one, or asks for another hash than SHA-256.
    pub(super) fn answer(&mut self, request: &[u8], time: i64) -> Result<Vec<u8>> {
        let request = TimeStampReq::from_der(request)
            .map_err(|e| Error::usage("the timestamp request is malformed").because(e))?;
        let imprint = request.message_imprint;
        if imprint.hash_algorithm.oid != ID_SHA_256 || imprint.hashed_message.as_bytes().len() != 32 {
            return Err(Error::usage("only SHA-256 digests can be timestamped here"));
        }
        self.respond(imprint, request.nonce, request.cert_req, time)
    }

    fn respond(&mut self, imprint: MessageImprint, nonce: Option<Int>, embed: bool, time: i64) -> Result<Vec<u8>> {
        let serial: [u8; 16] = self.seed.bytes("tsa token serial", self.issued);
        self.issued = self.issued.saturating_add(1);
        let info = TstInfo {
            version: 1,
            policy: POLICY,
            message_imprint: imprint,
            serial_number: der::asn1::Uint::new(&serial).map_err(encoding)?.into(),
            gen_time: GeneralizedTime::from_unix_duration(unix_duration(time)?).map_err(encoding)?,
            accuracy: Some(Accuracy { seconds: Some(1) }),
            ordering: false,
            nonce,
        };
        let token = self.signed_data(&info.to_der().map_err(encoding)?, embed)?;
        let token = ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(&token).map_err(encoding)? };
        let response = TimeStampResp {
            status: PkiStatusInfo { status: GRANTED, status_string: None, fail_info: None },
            time_stamp_token: Some(Any::encode_from(&token).map_err(encoding)?),
        };
        response.to_der().map_err(encoding)
    }

    /// CMS SignedData over a TSTInfo, as RFC 3161 §2.4.2 profiles it.
    fn signed_data(&self, info: &[u8], embed: bool) -> Result<SignedData> {
        let content = OctetString::new(info).map_err(encoding)?;
        let certificates = if embed {
            let certificates = vec![CertificateChoices::Certificate(self.certificate.clone())];
            Some(CertificateSet(SetOfVec::try_from(certificates).map_err(encoding)?))
        } else {
            None
        };
        Ok(SignedData {
            version: CmsVersion::V3,
            digest_algorithms: SetOfVec::try_from(vec![sha256()]).map_err(encoding)?,
            encap_content_info: EncapsulatedContentInfo {
                econtent_type: TST_INFO,
                econtent: Some(Any::encode_from(&content).map_err(encoding)?),
            },
            certificates,
            crls: None,
            signer_infos: SignerInfos(SetOfVec::try_from(vec![self.signer_info(info)?]).map_err(encoding)?),
        })
    }

    fn signer_info(&self, info: &[u8]) -> Result<SignerInfo> {
        let certificate = self.certificate.to_der().map_err(encoding)?;
        let signing_certificate =
            SigningCertificateV2 { certs: vec![EssCertIdV2 { cert_hash: digest_octets(&certificate)? }] };
        let attributes = SetOfVec::try_from(vec![
            attribute(ID_CONTENT_TYPE, &TST_INFO)?,
            attribute(ID_MESSAGE_DIGEST, &digest_octets(info)?)?,
            attribute(SIGNING_CERTIFICATE_V2, &signing_certificate)?,
        ])
        .map_err(encoding)?;
        // RFC 5652 §5.4: what is signed is the attributes as a SET OF, not under their [0] tag.
        let signature = self.key.sign(&attributes.to_der().map_err(encoding)?);
        let issuer = &self.certificate.tbs_certificate;
        Ok(SignerInfo {
            version: CmsVersion::V1,
            sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
                issuer: issuer.issuer.clone(),
                serial_number: issuer.serial_number.clone(),
            }),
            digest_alg: sha256(),
            signed_attrs: Some(attributes),
            signature_algorithm: ecdsa_sha256(),
            signature: OctetString::new(signature).map_err(encoding)?,
            unsigned_attrs: None,
        })
    }
}

fn sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: None }
}

fn digest_octets(bytes: &[u8]) -> Result<OctetString> {
    OctetString::new(Sha256::of(bytes).as_bytes().to_vec()).map_err(encoding)
}

fn attribute(oid: ObjectIdentifier, value: &(impl der::EncodeValue + der::Tagged)) -> Result<Attribute> {
    let values = SetOfVec::try_from(vec![Any::encode_from(value).map_err(encoding)?]).map_err(encoding)?;
    Ok(Attribute { oid, values })
}

fn absent() -> bool {
    false
}

/// RFC 3161 §2.4.1.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct MessageImprint {
    hash_algorithm: AlgorithmIdentifierOwned,
    hashed_message: OctetString,
}

/// RFC 3161 §2.4.1.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TimeStampReq {
    version: u8,
    message_imprint: MessageImprint,
    #[asn1(optional = "true")]
    req_policy: Option<ObjectIdentifier>,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(default = "absent")]
    cert_req: bool,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

/// RFC 3161 §2.4.2.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TimeStampResp {
    status: PkiStatusInfo,
    #[asn1(optional = "true")]
    time_stamp_token: Option<Any>,
}

/// RFC 3161 §2.4.2.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct PkiStatusInfo {
    status: u8,
    #[asn1(optional = "true")]
    status_string: Option<Vec<String>>,
    #[asn1(optional = "true")]
    fail_info: Option<BitString>,
}

/// RFC 3161 §2.4.2, without the name and the extensions, which are not needed here.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct TstInfo {
    version: u8,
    policy: ObjectIdentifier,
    message_imprint: MessageImprint,
    serial_number: Int,
    gen_time: GeneralizedTime,
    #[asn1(optional = "true")]
    accuracy: Option<Accuracy>,
    #[asn1(default = "absent")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
}

/// RFC 3161 §2.4.2, to the second.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct Accuracy {
    #[asn1(optional = "true")]
    seconds: Option<u64>,
}

/// RFC 5035 §3, without policies.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct SigningCertificateV2 {
    certs: Vec<EssCertIdV2>,
}

/// RFC 5035 §4: the hash algorithm is left out because SHA-256 is the default.
#[derive(Clone, Debug, Eq, PartialEq, Sequence)]
struct EssCertIdV2 {
    cert_hash: OctetString,
}
