//! The node's side of a peer: the key it signs with. Responsible for reading it from a file, and for not showing it.

use std::{fmt, io::Read as _, path::Path};

use aws_lc_rs::rand;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use libp2p_identity::{Keypair, PublicKey, ed25519};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{
    adapters::file,
    error::{Error, Result},
    kms::wire::{GetKeyRequest, signed_payload},
};

/// Largest key file, in bytes. The longest form takes 128 digits.
const MAX_FILE_BYTES: u64 = 4096;
/// What a secret key takes, alone and with its public key behind it, in bytes.
const SEED_BYTES: usize = 32;
const PAIR_BYTES: usize = 64;

/// A node's Ed25519 key. Never prints.
pub struct NodeIdentity(ed25519::Keypair);

impl NodeIdentity {
    /// Reads a key file: one line, in one of the forms of [`Self::parse`].
    ///
    /// # Errors
    /// When it can't be read, or holds something else. The message names the file and shows nothing of it.
    pub fn from_file(path: &Path) -> Result<Self> {
        let shown = file::source_name(path);
        // Room for all of it: what grows leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE_BYTES as usize + 1));
        file::open_source(path)
            .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
            .map_err(|e| Error::input(format!("cannot read the node's key {shown}")).because(e))?;
        let key = (text.len() as u64 <= MAX_FILE_BYTES).then(|| Self::read(&text)).flatten();
        key.ok_or_else(|| malformed(&format!("the file {shown}")))
    }

    /// Reads a key in one of three forms, white space around it left out:
    /// - base58 of libp2p's protobuf of the key pair, as `identity.keypair` in merod's `config.toml` has it;
    /// - the same protobuf in base64, as other libp2p tools write it;
    /// - hex of 32 bytes (the secret key, RFC 8032) or 64 (with the public key behind it).
    ///
    /// # Errors
    /// When it is none of these, or the public key in it is not the secret key's. The message shows nothing of it.
    pub fn parse(text: &SecretString) -> Result<Self> {
        Self::read(text.expose_secret()).ok_or_else(|| malformed("the node's key"))
    }

    /// A new key.
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn generate() -> Result<Self> {
        let mut seed = Zeroizing::new([0; SEED_BYTES]);
        rand::fill(seed.as_mut_slice()).map_err(|_| Error::internal("the system gives no random bytes"))?;
        Self::from_bytes(seed.as_mut_slice()).ok_or_else(|| Error::internal("32 bytes are not an Ed25519 key"))
    }

    /// The peer id, base58: `12D3KooW…`.
    pub fn peer_id(&self) -> String {
        self.public().to_peer_id().to_base58()
    }

    /// The public key as libp2p's protobuf, 36 bytes.
    pub fn public_key_protobuf(&self) -> Vec<u8> {
        self.public().encode_protobuf()
    }

    /// The request for a key that answers a challenge: this node's quote over `nonce`, signed with both.
    pub fn request_key(&self, challenge_id: String, nonce: &[u8; 32], quote: &[u8]) -> GetKeyRequest {
        let peer_id = self.peer_id();
        let payload = signed_payload(&challenge_id, nonce, quote, &peer_id);
        GetKeyRequest {
            challenge_id,
            quote_b64: STANDARD.encode(quote),
            peer_id,
            peer_public_key_b64: STANDARD.encode(self.public_key_protobuf()),
            signature_b64: STANDARD.encode(self.sign(&payload)),
        }
    }

    /// The signature over `payload`, 64 bytes.
    pub fn sign(&self, payload: &[u8]) -> Vec<u8> {
        self.0.sign(payload)
    }

    fn public(&self) -> PublicKey {
        self.0.public().into()
    }

    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        // The forms exclude each other: 68 bytes end in `=` in base64, and take 92 digits or more in base58.
        let mut bytes = Zeroizing::new([0; PAIR_BYTES]);
        let (whole, seed) = (text.len() == PAIR_BYTES * 2, text.len() == SEED_BYTES * 2);
        let bytes = bytes.get_mut(..text.len() / 2).filter(|_| whole || seed);
        if let Some(bytes) = bytes
            && hex::decode_to_slice(text, bytes).is_ok()
        {
            return Self::from_bytes(bytes);
        }
        let decoded = bs58::decode(text).into_vec().ok().or_else(|| STANDARD.decode(text).ok());
        let keypair = Keypair::from_protobuf_encoding(&Zeroizing::new(decoded?)).ok()?;
        keypair.try_into_ed25519().ok().map(Self)
    }

    fn from_bytes(bytes: &mut [u8]) -> Option<Self> {
        match bytes.len() {
            SEED_BYTES => ed25519::SecretKey::try_from_bytes(bytes).ok().map(|secret| Self(secret.into())),
            PAIR_BYTES => ed25519::Keypair::try_from_bytes(bytes).ok().map(Self),
            _ => None,
        }
    }
}

impl fmt::Debug for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NodeIdentity").field(&self.peer_id()).finish()
    }
}

fn malformed(what: &str) -> Error {
    Error::usage(format!("{what} does not hold a node's Ed25519 key"))
        .help("give identity.keypair of merod's config.toml (base58), the same in base64, or 32 or 64 bytes in hex")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::error::{Class, chain};

    /// Key pair and public key of the test vectors of libp2p's specification of peer ids.
    const PAIR: &str = "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d\
                        1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
    const PEER: &str = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq";

    fn protobuf() -> Vec<u8> {
        [vec![8, 1, 0x12, 0x40], hex::decode(PAIR).unwrap()].concat()
    }

    fn forms() -> [String; 5] {
        [
            bs58::encode(protobuf()).into_string(),
            STANDARD.encode(protobuf()),
            PAIR.to_owned(),
            PAIR[..64].to_owned(),
            format!("\n {}\n", PAIR.to_uppercase()),
        ]
    }

    fn parse(text: &str) -> Result<NodeIdentity> {
        NodeIdentity::parse(&SecretString::from(text))
    }

    #[test]
    fn every_form_is_the_key_of_the_specification() {
        for form in forms() {
            let node = parse(&form).unwrap();
            assert_eq!(node.peer_id(), PEER, "{form}");
            assert_eq!(hex::encode(node.public_key_protobuf()), format!("08011220{}", &PAIR[64..]));
        }
    }

    #[test]
    fn a_file_holds_one_of_the_forms_and_its_errors_show_its_name_and_nothing_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.key");
        for form in forms() {
            std::fs::write(&path, format!("{form}\n")).unwrap();
            assert_eq!(NodeIdentity::from_file(&path).unwrap().peer_id(), PEER);
        }
        for (content, class) in [
            (format!("{PAIR}00"), Class::Usage),
            (format!("{PAIR}{}", " ".repeat(4096)), Class::Usage),
            (format!("{}{}", &PAIR[..64], &PAIR[..64]), Class::Usage),
            (String::new(), Class::Usage),
        ] {
            std::fs::write(&path, content).unwrap();
            let error = NodeIdentity::from_file(&path).unwrap_err();
            assert_eq!(error.class(), class);
            assert!(error.to_string().contains("node.key"), "{error}");
            let shown = format!("{} {error:?}", chain(&error));
            assert!(!shown.contains(&PAIR[..8]), "{shown}");
        }
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(NodeIdentity::from_file(&path).unwrap_err().class(), Class::Input);
        assert_eq!(NodeIdentity::from_file(&folder.path().join("none")).unwrap_err().class(), Class::Input);
    }

    #[test]
    fn a_key_of_another_kind_or_length_is_refused() {
        let secp256k1 = [vec![8, 2, 0x12, 0x20], vec![7; 32]].concat();
        for text in [&STANDARD.encode(secp256k1), &PAIR[..62], "key", &STANDARD.encode(&protobuf()[..67])] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn it_prints_its_peer_id_and_no_secret() {
        assert_eq!(format!("{:?}", parse(PAIR).unwrap()), format!("NodeIdentity({PEER:?})"));
    }

    #[test]
    fn generated_keys_differ() {
        assert_ne!(NodeIdentity::generate().unwrap().peer_id(), NodeIdentity::generate().unwrap().peer_id());
    }
}
