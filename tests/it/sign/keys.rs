//! `sign --key`. The keys are made by openssl, and the encrypted ones by a script of Python's hashlib and PyNaCl, which
//! stands in `keys/README.md`: none of them by us.

use crate::binary::Place;

const KEYS: [(&str, &str); 4] = [
    ("p256-pkcs8", include_str!("keys/p256-pkcs8.pem")),
    ("p256-sec1", include_str!("keys/p256-sec1.pem")),
    ("p256-ecparam", include_str!("keys/p256-ecparam.pem")),
    ("ed25519", include_str!("keys/ed25519.pem")),
];

/// Encrypted with `correct horse`, of the ages of cosign.
const ENCRYPTED: [(&str, &str); 3] = [
    ("sigstore", include_str!("keys/encrypted-sigstore.pem")),
    ("cosign", include_str!("keys/encrypted-cosign.pem")),
    ("ed25519", include_str!("keys/encrypted-ed25519.pem")),
];

const P256: &str = include_str!("keys/p256.pub");
const ED25519: &str = include_str!("keys/ed25519.pub");

fn place(key: &str, public: &str) -> Place {
    let place = Place::new();
    place.write("key.pem", key);
    place.write("key.pub", public);
    place.write("blob", "a release asset\n");
    place
}

/// Verifies `blob.sig`, also with openssl where it is P-256.
#[track_caller]
fn verifies(place: &Place) {
    let verify = ["verify-blob", "blob", "--signature", "blob.sig", "--key", "key.pub"];
    place.merotee(verify).run().expect(0);
    place.write("other", "another asset\n");
    let verify = ["verify-blob", "other", "--signature", "blob.sig", "--key", "key.pub"];
    place.merotee(verify).run().expect(10);
    if place.read("key.pub") == P256 && crate::binary::usable("openssl", &["version"]) {
        let script = "base64 -d blob.sig > raw && openssl dgst -sha256 -verify key.pub -signature raw blob";
        place.program("sh", ["-c", script]).run().expect(0).says(&["Verified OK"]);
    }
}

#[test]
fn keys_of_every_supported_form_sign_what_their_public_half_verifies() {
    for (name, key) in KEYS {
        let place = place(key, if name == "ed25519" { ED25519 } else { P256 });
        let run = place.merotee(["sign", "blob", "--key", "key.pem"]).run().expect(0);
        run.says(&["[PASS] signature", "write   blob.sig"]);
        verifies(&place);
        place.merotee(["sign", "blob", "--key", "key.pem"]).run().expect(0).says(&["keep"]);
    }
}

#[test]
fn a_signature_that_may_be_by_another_key_is_replaced_with_force_alone() {
    let place = place(KEYS[0].1, P256);
    place.write("ed25519.pem", KEYS[3].1);
    place.merotee(["sign", "blob", "--key", "ed25519.pem"]).run().expect(0);
    let other = place.read("blob.sig");
    let refused = place.merotee(["sign", "blob", "--key", "key.pem"]).run().expect(10);
    refused.says(&["blob.sig is there, and not by the key given", "--force"]);
    assert_eq!(place.read("blob.sig"), other);
    place.merotee(["sign", "blob", "--key", "key.pem", "--force"]).run().expect(0).says(&["replace"]);
    verifies(&place);
}

#[test]
fn keys_that_cosign_encrypted_open_with_their_password_alone() {
    for (name, key) in ENCRYPTED {
        let place = place(key, if name == "ed25519" { ED25519 } else { P256 });
        let sign = || place.merotee(["sign", "blob", "--key", "key.pem"]);
        sign().run().expect(2).says(&["COSIGN_PASSWORD gives none", "give the key's password"]);
        let wrong = sign().env("COSIGN_PASSWORD", "battery staple").run().expect(2);
        assert!(!wrong.shown().contains("battery"), "{}", wrong.shown());
        wrong.says(&["COSIGN_PASSWORD does not open this key"]);
        assert_eq!(place.names("."), ["blob", "key.pem", "key.pub"]);
        sign().env("COSIGN_PASSWORD", "correct horse").run().expect(0);
        verifies(&place);
    }
}

#[test]
fn a_release_signed_with_a_key_verifies_by_its_public_half() {
    let place = place(KEYS[0].1, P256);
    place.kept("mero-tee-v1.2.0");
    let folder = "kept/mero-tee-v1.2.0";
    std::fs::remove_file(place.path(folder).join("checksums.sha256.sigstore.json")).unwrap();
    place.merotee(["sign", "--dir", folder, "--key", "key.pem"]).run().expect(0).says(&["checksums.sha256.sig"]);
    let verify = ["verify-release-assets", "mero-tee-v1.2.0", "--dir", folder, "--key", "key.pub"];
    place.sandbox(verify).run().expect(0);
}

#[test]
fn a_signature_with_a_certificate_is_not_replaced_by_one_with_a_key() {
    let place = place(KEYS[0].1, P256);
    place.write("blob.sig", "AAAA");
    place.write("blob.pem", "a certificate");
    let run = place.merotee(["sign", "blob", "--key", "key.pem"]).run().expect(10);
    run.says(&["it is signed already, with the certificate in blob.pem", "--force"]);
    assert_eq!(place.read("blob.sig"), "AAAA");
}

#[test]
fn what_is_no_usable_private_key_is_refused_with_what_it_is() {
    let json = |n: u64| {
        let json = format!(
            r#"{{"kdf":{{"name":"scrypt","params":{{"N":{n},"r":8,"p":1}},"salt":"AAAA"}},"cipher":{{"name":"nacl/secretbox","nonce":"AAAA"}},"ciphertext":"AAAA"}}"#
        );
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let tag = "ENCRYPTED SIGSTORE PRIVATE KEY";
        format!("-----BEGIN {tag}-----\n{}\n-----END {tag}-----\n", STANDARD.encode(json))
    };
    let cases = [
        (String::new(), "not a PEM private key"),
        (P256.to_owned(), "holds a public key; signing needs the private one"),
        (format!("{}{}", KEYS[0].1, KEYS[3].1), "holds several PEM blocks"),
        (include_str!("keys/p384.pem").to_owned(), "not a private key of a kind that is supported"),
        (KEYS[0].1.replace("MIGH", "AAAA"), "not a private key of a kind that is supported"),
        (KEYS[0].1.replace("-----END", "-----ENDE"), "a PEM block is cut short"),
        (json(1 << 30), "its scrypt parameters N=1073741824, r=8, p=1 are none that cosign writes"),
        (json(0), "its scrypt parameters N=0"),
        (json(65_536), "its nonce is not of 24 bytes"),
    ];
    for (key, says) in cases {
        let place = place(&key, P256);
        place.merotee(["sign", "blob", "--key", "key.pem"]).run().expect(2).says(&["key.pem: ", says]);
        assert_eq!(place.names("."), ["blob", "key.pem", "key.pub"]);
    }
}
