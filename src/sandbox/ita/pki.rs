//! Who certifies the keys of tokens: root → signing authority → signer; and what the first two have revoked.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use der::{Decode as _, Sequence, asn1::UintRef};
use jiff::Timestamp;
use serde_json::{Value, json};
use spki::SubjectPublicKeyInfoOwned;
use x509_cert::{
    Certificate,
    ext::pkix::{BasicConstraints, KeyUsage, KeyUsages},
};

use super::{Fault, Signing, spoilt};
use crate::{
    error::{Error, Result},
    sandbox::{
        certificate::{
            Authority, Template, der as encoded, distinguished_name, encoding, extension, instance_validity,
            subject_key_identifier, validity,
        },
        key::Seed,
        revocation::{listed_at, revocation_list_with},
    },
};

/// A day, in seconds.
const DAY: i64 = 86_400;

/// Root and signing authority, and others of the same names.
pub(super) struct Authorities {
    good: Pair,
    other: Pair,
    root_der: Vec<u8>,
    portal: String,
    seed: Seed,
}

struct Pair {
    root: Authority,
    signing: Authority,
}

/// An RSA key pair.
pub(super) struct Signer {
    pub(super) keys: KeyPair,
    spki: SubjectPublicKeyInfoOwned,
    signing: Signing,
}

/// The keys of tokens: one for each algorithm, and a stranger's.
pub(super) struct Signers {
    pub(super) ps384: Signer,
    pub(super) rs256: Signer,
    pub(super) stranger: Signer,
}

/// An RSA public key: RFC 8017, appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

impl Authorities {
    pub(super) fn new(seed: Seed, portal: &str) -> Result<Self> {
        let good = pair(seed, 0, portal)?;
        let root_der = encoded(good.root.certificate())?;
        Ok(Self { good, other: pair(seed, 1, portal)?, root_der, portal: portal.to_owned(), seed })
    }

    pub(super) fn root_der(&self) -> &[u8] {
        &self.root_der
    }

    pub(super) fn root_list(&self, now: Timestamp, faults: &[Fault]) -> Result<Vec<u8>> {
        let pair = self.pair(faults);
        let revoked = faults.contains(&Fault::AuthorityRevoked);
        let serial = pair.signing.certificate().tbs_certificate.serial_number.clone();
        self.list(&pair.root, &self.other.root, now, faults, revoked.then_some(serial))
    }

    pub(super) fn signing_list(&self, now: Timestamp, faults: &[Fault]) -> Result<Vec<u8>> {
        let pair = self.pair(faults);
        let revoked = faults.contains(&Fault::LeafRevoked);
        let serials = [Signing::Ps384, Signing::Rs256].map(|signing| self.serial(signing));
        let mut all = Vec::new();
        for serial in serials.into_iter().filter(|_| revoked) {
            all.push(serial?);
        }
        self.list(&pair.signing, &self.other.signing, now, faults, all)
    }

    fn list(
        &self,
        issuer: &Authority,
        forger: &Authority,
        now: Timestamp,
        faults: &[Fault],
        revoked: impl IntoIterator<Item = x509_cert::serial_number::SerialNumber>,
    ) -> Result<Vec<u8>> {
        let now = now.as_second();
        let expired = faults.contains(&Fault::ListExpired);
        let window = if expired { (now - 3 * DAY, now - DAY) } else { (now - DAY, now + 30 * DAY) };
        let by = if faults.contains(&Fault::ListForged) { forger } else { issuer };
        revocation_list_with(by, window, revoked.into_iter(), spoilt::list(faults)?)
    }

    fn pair(&self, faults: &[Fault]) -> &Pair {
        if faults.contains(&Fault::OtherRoot) { &self.other } else { &self.good }
    }

    /// The serial number of the signer's certificate, as [`Authorities::certificate`] issues it.
    fn serial(&self, signing: Signing) -> Result<x509_cert::serial_number::SerialNumber> {
        let mut serial = self.seed.bytes::<16>(signing.as_str(), 0);
        if let Some(first) = serial.first_mut() {
            *first = (*first & 0x7f) | 0x40;
        }
        x509_cert::serial_number::SerialNumber::new(&serial).map_err(encoding)
    }

    /// The certificates of a signer's key: its own, then those above it.
    fn chain(&self, signer: &Signer, faults: &[Fault]) -> Result<Vec<Certificate>> {
        let Pair { root, signing } = self.pair(faults);
        let mut above = vec![spoilt::authority(root, signing, faults)?, root.certificate().clone()];
        if faults.contains(&Fault::TooManyAuthorities) {
            let (key, serial) = (self.seed.key("further authority", 0)?, self.seed.bytes("further authority", 0));
            let further = signing.subordinate(key, "CN=Further CA,O=merotee sandbox", serial, Vec::new())?;
            above.insert(0, further.certificate().clone());
            above.insert(0, self.certificate(&further, signer, faults)?);
        } else {
            above.insert(0, self.certificate(signing, signer, faults)?);
        }
        Ok(above)
    }

    /// The certificate of a signer's key.
    fn certificate(&self, issuer: &Authority, signer: &Signer, faults: &[Fault]) -> Result<Certificate> {
        let now = Timestamp::now().as_second();
        let ended = faults.contains(&Fault::LeafExpired);
        let is_authority = faults.contains(&Fault::LeafIsAuthority);
        let mut unsigned = issuer.to_be_signed(Template {
            serial: self.seed.bytes(signer.signing.as_str(), 0),
            subject: distinguished_name("CN=Attestation Token Signer,O=merotee sandbox")?,
            validity: if ended { validity(now - 30 * DAY, now - DAY)? } else { instance_validity()? },
            public_key: signer.spki.clone(),
            extensions: vec![
                extension(&KeyUsage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation), true)?,
                extension(&BasicConstraints { ca: is_authority, path_len_constraint: None }, true)?,
                subject_key_identifier(&signer.spki)?,
                listed_at(&format!("{}/crl/signing.crl", self.portal))?,
            ],
        })?;
        unsigned.extensions.get_or_insert_default().extend(spoilt::leaf(faults)?);
        issuer.sign(unsigned)
    }
}

/// The `number`-th root of the seed with its signing authority: all have the same names.
fn pair(seed: Seed, number: u64, portal: &str) -> Result<Pair> {
    let key = seed.key("root", number)?;
    let root = Authority::root(key, "CN=ATS Root CA,O=merotee sandbox", seed.bytes("root serial", number), 1)?;
    let signing = root.subordinate(
        seed.key("signing authority", number)?,
        "CN=ATS Token Signing CA,O=merotee sandbox",
        seed.bytes("signing authority serial", number),
        vec![listed_at(&format!("{portal}/crl/root.crl"))?],
    )?;
    Ok(Pair { root, signing })
}

impl Signer {
    fn new(signing: Signing) -> Result<Self> {
        let cannot = || Error::internal("cannot make an RSA key of the sandbox");
        let keys = KeyPair::generate(KeySize::Rsa2048).map_err(|_| cannot())?;
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(keys.public_key()).map_err(|_| cannot())?;
        let spki = SubjectPublicKeyInfoOwned::from_der(der.as_ref()).map_err(encoding)?;
        Ok(Self { keys, spki, signing })
    }

    /// The name of the key, as tokens and the key set have it.
    pub(super) fn kid(&self) -> String {
        crate::digest::Sha256::of(self.spki.subject_public_key.raw_bytes()).to_string()
    }

    /// The public key as PKCS #1 has it, DER.
    pub(super) fn public(&self) -> &[u8] {
        self.spki.subject_public_key.raw_bytes()
    }

    fn numbers(&self) -> Result<(String, String)> {
        let public = RsaPublicKey::from_der(self.public()).map_err(encoding)?;
        let text = |number: UintRef<'_>| URL_SAFE_NO_PAD.encode(number.as_bytes());
        Ok((text(public.modulus), text(public.exponent)))
    }
}

impl Signers {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            ps384: Signer::new(Signing::Ps384)?,
            rs256: Signer::new(Signing::Rs256)?,
            stranger: Signer::new(Signing::Ps384)?,
        })
    }

    /// The one that signs with an algorithm.
    pub(super) fn of(&self, signing: Signing) -> &Signer {
        match signing {
            Signing::Ps384 => &self.ps384,
            Signing::Rs256 => &self.rs256,
        }
    }

    pub(super) fn jwks(&self, authorities: &Authorities, faults: &[Fault]) -> Result<Value> {
        let mut keys = Vec::new();
        for signer in [&self.ps384, &self.rs256] {
            let shown = if faults.contains(&Fault::KeyUnlikeLeaf) { &self.stranger } else { signer };
            let (n, e) = shown.numbers()?;
            let chain = authorities.chain(signer, faults)?;
            let x5c = chain.iter().map(|one| Ok(STANDARD.encode(encoded(one)?))).collect::<Result<Vec<_>>>()?;
            let alg = signer.signing.as_str();
            keys.push(
                json!({ "kty": "RSA", "use": "sig", "alg": alg, "kid": signer.kid(), "n": n, "e": e, "x5c": x5c }),
            );
        }
        if faults.contains(&Fault::TwoKeys) {
            keys.extend(keys.clone());
        }
        Ok(json!({ "keys": keys }))
    }
}
