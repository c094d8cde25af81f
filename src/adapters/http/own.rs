//! A server's own certificate: made by one authority itself, and for one use. An authority below that one, such as every
//! application of a dstack KMS has, certifies none that could answer in the server's place.

use std::{fmt, sync::Arc};

use der::{
    Decode as _,
    asn1::{ObjectIdentifier, OctetString},
};
use rustls::{
    CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use x509_cert::Certificate;

use crate::error::{Error, Result};

/// What a certificate says it is for, in an extension that holds an octet string.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// The extension.
    pub(crate) extension: ObjectIdentifier,
    /// What stands in it.
    pub(crate) value: &'static str,
}

/// Takes the certificates that one authority made itself, for one use.
#[derive(Debug)]
pub(super) struct OwnCertificate {
    web: Arc<WebPkiServerVerifier>,
    made_for: Use,
}

/// A certificate that the authority made for something else.
#[derive(Debug)]
struct MadeForElse(&'static str);

impl fmt::Display for MadeForElse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it was not made for {}", self.0)
    }
}

impl std::error::Error for MadeForElse {}

impl OwnCertificate {
    /// Those of `authority`, for `made_for`.
    ///
    /// # Errors
    /// Internal: no verifier can be made.
    pub(super) fn new(authority: &TrustAnchor<'static>, made_for: Use, provider: Arc<CryptoProvider>) -> Result<Self> {
        let roots = Arc::new(RootCertStore { roots: vec![authority.clone()] });
        let web = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        Ok(Self { web: web.map_err(|e| Error::internal("TLS cannot be set up").because(e))?, made_for })
    }
}

impl Use {
    /// Whether a certificate says so, once.
    fn is_of(self, certificate: &[u8]) -> bool {
        let Ok(certificate) = Certificate::from_der(certificate) else { return false };
        let mut stated =
            certificate.tbs_certificate.extensions.iter().flatten().filter(|e| e.extn_id == self.extension);
        let (Some(first), None) = (stated.next(), stated.next()) else { return false };
        OctetString::from_der(first.extn_value.as_bytes()).is_ok_and(|value| value.as_bytes() == self.value.as_bytes())
    }
}

impl ServerCertVerifier for OwnCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        // Without intermediates nothing but a certificate by the authority itself leads to it.
        let verified = self.web.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)?;
        if self.made_for.is_of(end_entity) {
            Ok(verified)
        } else {
            let why = OtherError(Arc::new(MadeForElse(self.made_for.value)));
            Err(rustls::Error::InvalidCertificate(CertificateError::Other(why)))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.web.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.web.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.web.supported_verify_schemes()
    }
}
