//! From the library's words to a typed [`Rejection`].
//!
//! `dcap-qvl` says why it refuses a quote in text alone, and its version is pinned, so the text is matched here, in one
//! place. An unknown sentence becomes [`Rejection::Other`]: how a rejection is called can go stale, that it is one
//! cannot. Where the text does not say which document is meant, the evidence is looked at again.

use super::{AttributeFault, Collateral, Document, Rejection, Signed, vouching::leads_to};
use crate::{
    attestation::quote::{Certificate, Quote},
    schema::excerpt::excerpt,
};

/// What the library looked at.
pub(super) struct Evidence<'a> {
    pub(super) quote: &'a Quote,
    pub(super) collateral: &'a Collateral,
    pub(super) root: &'a Certificate,
}

/// The rejection that the library's `message` (the whole chain of causes) stands for.
pub(super) fn rejection(message: &str, evidence: &Evidence<'_>) -> Rejection {
    let says = |words: &str| message.contains(words);
    let is_about_trust = ["root CA CRL", "certificate chain", "InvalidSignatureForPublicKey", "UnknownIssuer"];
    if is_about_trust.iter().any(|words| says(words))
        && let Some(document) = evidence.of_another_root()
    {
        return Rejection::WrongRoot(document);
    }
    if says("CertRevoked") {
        return evidence.revoked(message);
    }
    if says("Failed to parse root CA CRL") {
        return Rejection::BadSignature(Signed::Document(Document::RootCrl));
    }
    if says("InvalidCrlSignatureForPublicKey") {
        return Rejection::BadSignature(Signed::Document(Document::PckCrl));
    }
    if says("UnknownRevocationStatus") {
        let reason = "it has no revocation list by the issuer of a certificate".to_owned();
        return Rejection::Collateral(reason);
    }
    if says("Failed to verify certificate chain") || says("must be issued directly by the root CA") {
        return evidence.broken_chain(message);
    }
    if says("Fmspc mismatch") {
        let quote = evidence.quote.certification.platform().map(|platform| hex::encode(platform.fmspc));
        let collateral = excerpt(evidence.collateral.fmspc());
        return Rejection::FmspcMismatch { quote: quote.unwrap_or_default(), collateral };
    }
    if says("Invalid key length")
        && let Some(document) = evidence.with_a_cut_signature()
    {
        return Rejection::BadSignature(Signed::Document(document));
    }
    stated(message)
}

/// What the library says of TCB info and QE identity that no machine can be judged by.
const OF_COLLATERAL: [&str; 17] = [
    "Failed to parse PCK CRL",
    "Failed to parse TCB Info leaf certificate",
    "Failed to parse QE Identity leaf certificate",
    "Failed to decode TcbInfo",
    "Failed to decode QeIdentity",
    "Failed to decode TCB FMSPC",
    "Unsupported QE Identity",
    "non-TDX TCB info",
    "component count mismatch",
    "Unrecognized TCB status",
    "Invalid TDX module tcbDate",
    "Invalid TCB level tcbDate",
    "missing tdxModule field",
    "Failed to decode tdxModule",
    "tdxModule.",
    "tdxModuleIdentity.",
    "No TCB levels found in QE Identity",
];

/// Sentences that say by themselves what is wrong.
fn stated(message: &str) -> Rejection {
    let says = |words: &str| message.contains(words);
    let signatures = [
        ("Signature is invalid for tcb_info", Signed::Document(Document::TcbInfo)),
        ("Signature is invalid for qe_identity", Signed::Document(Document::QeIdentity)),
        ("Signature is invalid for qe_report", Signed::QeReport),
        ("QE report hash mismatch", Signed::AttestationKey),
        ("ISV enclave report signature is invalid", Signed::Quote),
    ];
    if let Some((_, signed)) = signatures.iter().find(|(words, _)| says(words)) {
        return Rejection::BadSignature(*signed);
    }
    let attributes = [
        ("Reserved bits in TD attributes", AttributeFault::Reserved),
        ("TD migration is enabled", AttributeFault::Migratable),
        ("SERVTD_EXT is enabled", AttributeFault::ServiceTd),
        ("Invalid MR service TD", AttributeFault::ServiceTd),
        ("SEPT_VE_DISABLE is not enabled", AttributeFault::SeptVe),
    ];
    if let Some((_, fault)) = attributes.iter().find(|(words, _)| says(words)) {
        return Rejection::Attributes(*fault);
    }
    if says("No matching TCB level found") {
        return Rejection::NoTcbLevel;
    }
    if says("TCB status is invalid: Revoked") {
        return Rejection::TcbRevoked;
    }
    if OF_COLLATERAL.iter().any(|words| says(words)) {
        return Rejection::Collateral(excerpt(message));
    }
    if says("TDX module") || says("tdxModule") {
        return Rejection::TdxModule(excerpt(message));
    }
    let enclave =
        ["QE MRSIGNER", "QE ISVPRODID", "QE MISCSELECT", "QE ATTRIBUTES", "QE ISVSVN", "QE report validation"];
    if enclave.iter().any(|words| says(words)) {
        return Rejection::QuotingEnclave(excerpt(message));
    }
    Rejection::Other(excerpt(message))
}

impl Evidence<'_> {
    /// The three chains, in the order they are verified in.
    fn chains(&self) -> [(Document, &[Certificate]); 3] {
        [
            (Document::TcbSigningChain, &self.collateral.tcb_chain),
            (Document::QeSigningChain, &self.collateral.qe_chain),
            (Document::PckChain, self.quote.certification.chain()),
        ]
    }

    /// The signed document, if any, whose signature is not r and s of 32 bytes each.
    fn with_a_cut_signature(&self) -> Option<Document> {
        let documents = self.collateral.library();
        let signatures = [
            (Document::TcbInfo, &documents.tcb_info_signature),
            (Document::QeIdentity, &documents.qe_identity_signature),
        ];
        signatures.into_iter().find(|(_, signature)| signature.len() != 64).map(|(document, _)| document)
    }

    /// The first chain that brings a root with another key.
    fn of_another_root(&self) -> Option<Document> {
        let foreign = |c: &Certificate| c.is_self_issued() && c.public_key() != self.root.public_key();
        self.chains().into_iter().find(|(_, chain)| chain.iter().any(foreign)).map(|(document, _)| document)
    }

    /// Which certificate is revoked: the platform's by its authority's list, any other by the root's.
    fn revoked(&self, message: &str) -> Rejection {
        if self.collateral.root_revokes(self.root) {
            return Rejection::Revoked { document: Document::Root, serial: self.root.serial() };
        }
        for (document, chain) in self.chains() {
            for (index, certificate) in chain.iter().enumerate() {
                let by_authority = document == Document::PckChain && index == 0;
                let revoked = if by_authority {
                    self.collateral.pck_ca_revokes(certificate)
                } else {
                    self.collateral.root_revokes(certificate)
                };
                if revoked {
                    return Rejection::Revoked { document, serial: certificate.serial() };
                }
            }
        }
        Rejection::Other(excerpt(message))
    }

    /// Which chain does not hold: the first whose signatures do not lead to the root, else the reason as given.
    fn broken_chain(&self, message: &str) -> Rejection {
        let broken = self.chains().into_iter().find(|(_, chain)| !leads_to(chain, self.root));
        match broken {
            Some((document, _)) => Rejection::BadSignature(Signed::Document(document)),
            None => {
                // Keys and signatures are fine, so a rule about certificates is broken.
                let document = if message.contains("TCB Info signer") {
                    Some(Document::TcbSigningChain)
                } else if message.contains("QE Identity signer") {
                    Some(Document::QeSigningChain)
                } else {
                    None
                };
                Rejection::BadChain { document, reason: excerpt(message) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_library_says_becomes_a_typed_reason() {
        let document = |document| Rejection::BadSignature(Signed::Document(document));
        let cases = [
            ("Signature is invalid for tcb_info in quote_collateral", document(Document::TcbInfo)),
            ("Signature is invalid for qe_identity in quote_collateral", document(Document::QeIdentity)),
            ("Signature is invalid for qe_report in quote", Rejection::BadSignature(Signed::QeReport)),
            ("QE report hash mismatch", Rejection::BadSignature(Signed::AttestationKey)),
            ("ISV enclave report signature is invalid", Rejection::BadSignature(Signed::Quote)),
            ("Reserved bits in TD attributes are set", Rejection::Attributes(AttributeFault::Reserved)),
            ("TD migration is enabled", Rejection::Attributes(AttributeFault::Migratable)),
            ("SERVTD_EXT is enabled", Rejection::Attributes(AttributeFault::ServiceTd)),
            ("Invalid MR service TD", Rejection::Attributes(AttributeFault::ServiceTd)),
            ("SEPT_VE_DISABLE is not enabled", Rejection::Attributes(AttributeFault::SeptVe)),
            ("No matching TCB level found", Rejection::NoTcbLevel),
            ("TCB status is invalid: Revoked", Rejection::TcbRevoked),
        ];
        for (message, expected) in cases {
            assert_eq!(stated(message), expected, "{message}");
        }
        let module = "TDX module TCB level check: TDX module ISVSVN 3 is below minimum required";
        assert!(matches!(stated(module), Rejection::TdxModule(_)));
        assert!(matches!(stated("QE ISVSVN 3 is below minimum required 4"), Rejection::QuotingEnclave(_)));
        for message in [
            "Failed to decode TcbInfo: expected value",
            "TDX component count mismatch: expected 16, got 0",
            "SGX component count mismatch: expected 16, got 15",
            "TDX module TCB level check: Unrecognized TCB status TDRelaunchAdvised in TDX module identity",
            "TDX module identity check: TDX TCB Info is missing tdxModule field",
            "TDX module identity check: Failed to decode tdxModule.mrsigner as hex: odd number of digits",
            "TDX module identity check: tdxModuleIdentity.attributes has invalid length 7, expected 8",
            "Invalid TDX module tcbDate: premature end of input",
            "No TCB levels found in QE Identity",
        ] {
            assert!(matches!(stated(message), Rejection::Collateral(_)), "{message}");
        }
    }

    #[test]
    fn an_unknown_sentence_is_a_rejection_all_the_same() {
        let long = "x".repeat(1000);
        let Rejection::Other(shown) = stated(&long) else { unreachable!("{long}") };
        assert!(shown.chars().count() < 100);
    }
}
