//! Files that hold a public key, and files that hold something else.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;

/// A point of P-256, as RFC 6979 has it.
const P256: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UukVTCpm87pAxx6bdrMhqy2KZyPsjg84Jz6yf8bZ5A/5RAk\
    7WCUv1t7QCT6Ln3LGZcP5uFPxB3JXUfEhcmQ==\n\
    -----END PUBLIC KEY-----\n";

fn block(tag: &str, contents: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, contents))
}

fn spki(algorithm: &str, key: &[u8]) -> String {
    let mut bits = vec![0x03, u8::try_from(key.len() + 1).unwrap(), 0];
    bits.extend_from_slice(key);
    let mut body = hex::decode(algorithm).unwrap();
    body.extend(bits);
    let mut whole = vec![0x30, u8::try_from(body.len()).unwrap()];
    whole.extend(body);
    block("PUBLIC KEY", &whole)
}

fn refusal(text: &str) -> String {
    PublicKey::parse(text.as_bytes()).unwrap_err()
}

#[test]
fn a_public_key_is_read_with_words_around_it() {
    let ed25519 = spki(
        "300506032b6570",
        &hex::decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a").unwrap(),
    );
    assert!(PublicKey::parse(ed25519.as_bytes()).is_ok());
    assert!(PublicKey::parse(format!("the key of the release\n{ed25519}").as_bytes()).is_ok());
    assert!(PublicKey::parse(ed25519.replace('\n', "\r\n").as_bytes()).is_ok());
    // Bits that no byte is made of.
    assert!(PublicKey::parse(P256.replace("mQ==", "mf==").as_bytes()).is_ok());
}

#[test]
fn what_is_no_public_key_is_refused_and_named() {
    let private = block("PRIVATE KEY", b"secret bytes");
    for (text, named) in [
        (String::new(), "the file is empty"),
        ("not a key\n".to_owned(), "not a PEM public key"),
        (private.clone(), "holds a private key"),
        (block("EC PRIVATE KEY", b"x"), "holds a private key"),
        (block("RSA PRIVATE KEY", b"x"), "holds a private key"),
        (block("ENCRYPTED SIGSTORE PRIVATE KEY", b"x"), "holds a private key"),
        (block("OPENSSH PRIVATE KEY", b"x"), "holds a private key"),
        (format!("{P256}{private}"), "holds a private key"),
        (block("CERTIFICATE", b"x"), "--certificate"),
        (block("RSA PUBLIC KEY", b"x"), "PKCS #1"),
        (block("PGP PUBLIC KEY BLOCK", b"x"), "`PGP PUBLIC KEY BLOCK`"),
        (format!("{P256}{P256}"), "2 PEM blocks"),
        ("ssh-ed25519 AAAAC3 dev@example".to_owned(), "OpenSSH"),
        ("ecdsa-sha2-nistp256 AAAA".to_owned(), "OpenSSH"),
        ("untrusted comment: minisign public key\nRWQ".to_owned(), "minisign"),
        ("age1qqqq".to_owned(), "age"),
        (r#"{"kty":"EC","crv":"P-256"}"#.to_owned(), "a JSON Web Key"),
        (r#"{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}"#.to_owned(), "trusted root"),
        ("-----BEGIN PUBLIC KEY-----\n???\n-----END PUBLIC KEY-----\n".to_owned(), "not a PEM public key"),
        ("-----BEGIN PUBLIC KEY-----\nMFkw\n".to_owned(), "a PEM block is cut short"),
    ] {
        let why = refusal(&text);
        assert!(why.contains(named), "{named}: {why}");
        assert!(!why.contains("secret bytes"), "{why}");
    }
    assert!(PublicKey::parse(b"0\x59\x30\x13").unwrap_err().contains("DER"));
    assert!(PublicKey::parse(b"\xff\xfe").unwrap_err().contains("not a PEM public key"));
}

#[test]
fn a_key_of_a_kind_or_size_that_is_not_supported_is_refused() {
    let p256 = "301306072a8648ce3d020106082a8648ce3d030107";
    let off_the_curve = [&[4][..], &[1; 64]].concat();
    let rsa1024 = {
        // SEQUENCE { modulus of 1024 bits, exponent 65537 }
        let mut key = vec![0x30, 0x81, 0x89, 0x02, 0x81, 0x81, 0x00];
        key.extend([0xff; 128]);
        key.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
        let mut whole = hex::decode("30819f300d06092a864886f70d010101050003818d00").unwrap();
        whole.extend(key);
        block("PUBLIC KEY", &whole)
    };
    for (text, why) in [
        (spki(p256, &[4; 66]), "66 bytes, not 65"),
        (spki(p256, &[2; 33]), "uncompressed"),
        (spki(p256, &[]), "unsupported"),
        (spki("301006072a8648ce3d020106052b8104000a", &off_the_curve), "curve"),
        (spki("300506032b6570", &[1; 31]), "31 bytes, not 32"),
        (spki("300506032b656f", &[1; 56]), "OID"),
        (rsa1024, "1024 bits"),
        (block("PUBLIC KEY", b""), "Invalid SPKI"),
        (block("PUBLIC KEY", b"0"), "Invalid SPKI"),
    ] {
        let refusal = refusal(&text);
        assert!(refusal.starts_with("unsupported public key: ") && refusal.contains(why), "{why}: {refusal}");
    }
}
