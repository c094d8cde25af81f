//! Keys, trust roots and contracts that are none: a usage error, before anything is judged by them.

use merotee::sandbox::sigstore::Instance;
use serde_json::{Value, json};

use super::{BASE, BLOB, identity, now};
use crate::binary::{Place, usable};

#[test]
fn a_trust_root_of_another_kind_or_that_does_not_parse_is_a_usage_error_that_says_what_it_is() {
    let mut instance = Instance::new(7, now()).unwrap();
    let place = Place::new();
    place.write("blob", BLOB);
    place.write("bundle.json", instance.sign(BLOB, &identity(), now()).unwrap().bundle_json);
    let (root, config) = (instance.trusted_root_json(BASE), instance.client_trust_config_json(BASE));
    let with = |key: &str, value: Value| {
        let mut root: Value = serde_json::from_str(&root).unwrap();
        root[key] = value;
        root.to_string()
    };
    let without_media_type = root.replace("\"mediaType\"", "\"media_type\"");
    let config_as_root = config.replacen("clienttrustconfig.v0.1+json", "trustedroot+json;version=0.1", 1);
    for (file, named) in [
        (config.clone(), "this is a Sigstore client trust config"),
        (
            serde_json::from_str::<Value>(&config).unwrap()["signingConfig"].to_string(),
            "this is a Sigstore signing config",
        ),
        (std::fs::read_to_string(place.path("bundle.json")).unwrap(), "this is a Sigstore bundle"),
        (config_as_root, "names no transparency log"),
        (format!("{root}\n{root}\n"), "2 documents in one file"),
        (with("mediaType", json!("x")), "this is a Sigstore trusted root, with the mediaType x"),
        (with("mediaType", json!("application/vnd.dev.sigstore.trustedroot.v9+json")), "trustedroot.v9"),
        (without_media_type, "this is a Sigstore trusted root, without a mediaType"),
        (root.replacen('{', "{\"tlogs\":[],", 1), "appears twice"),
        (with("tlogs", json!([])), "names no transparency log"),
        (with("tlogs", json!([{}])), "root.json"),
        (with("certificateAuthorities", json!([{}])), "root.json"),
        (with("certificateAuthorities", json!([{"uri": "", "certChain": {"certificates": []}}])), "root.json"),
        (String::new(), "EOF"),
        ("{}".to_owned(), "this is an empty JSON object"),
        ("[]".to_owned(), "this is a JSON array"),
        ("null".to_owned(), "this is a single JSON value"),
        (r#"{"signed":{},"signatures":[]}"#.to_owned(), "this is TUF metadata"),
        ("-----BEGIN CERTIFICATE-----\n".to_owned(), "root.json"),
        ("\u{feff}{}".to_owned(), "root.json"),
    ] {
        place.write("root.json", &file);
        for command in [
            &["verify-blob", "--offline", "--bundle", "bundle.json", "--certificate-identity", "x"][..],
            &["verify-release-assets", "mero-kms-v1.2.0", "--offline", "--dir", "."],
        ] {
            let run = place.merotee(command).args(["--certificate-oidc-issuer", "y", "--trusted-root", "root.json"]);
            let run = if command[0] == "verify-blob" { run.args(["blob"]).run() } else { run.run() };
            run.expect(2).says(&["root.json: not a usable trusted root: ", named]).without_product();
        }
    }
    place.write("root.json", with("mediaType", json!("application/vnd.dev.sigstore.trustedroot.v0.2+json")));
    let san = identity().san;
    let command = ["verify-blob", "--offline", "--bundle", "bundle.json", "--trusted-root", "root.json", "blob"];
    let signer = ["--certificate-identity", &san, "--certificate-oidc-issuer", &identity().issuer];
    place.merotee(command).args(signer).run().expect(0);
}

#[test]
fn a_key_of_another_kind_or_that_does_not_parse_is_a_usage_error_that_says_what_it_is() {
    let place = Place::new();
    if !usable("openssl", &["version"]) {
        return;
    }
    let openssl = |arguments: &[&str]| place.program("openssl", arguments).run().expect(0);
    place.write("file", "x");
    place.write("file.sig", "AAAA");
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "private.pem"]);
    openssl(&["pkey", "-in", "private.pem", "-pubout", "-out", "good.pub"]);
    openssl(&["pkey", "-in", "private.pem", "-pubout", "-outform", "DER", "-out", "der.pub"]);
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521", "-out", "p521.pem"]);
    openssl(&["pkey", "-in", "p521.pem", "-pubout", "-out", "p521.pub"]);
    openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "rsa.pem"]);
    openssl(&["rsa", "-in", "rsa.pem", "-RSAPublicKey_out", "-out", "pkcs1.pub"]);
    openssl(&["pkey", "-in", "rsa.pem", "-pubout", "-out", "rsa1024.pub"]);
    openssl(&["req", "-x509", "-key", "private.pem", "-subj", "/CN=x", "-out", "certificate.pem"]);
    place.write("two.pub", place.read("good.pub").repeat(2));
    place.write("empty.pub", "");
    place.write("ssh.pub", "ssh-ed25519 AAAA dev@example.org\n");
    place.write("words.pub", "not a key\n");
    place.write("key.json", r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#);
    let verify =
        |key: &str| place.merotee(["verify-blob", "--offline", "--signature", "file.sig", "--key", key, "file"]).run();
    for (key, named) in [
        ("private.pem", "holds a private key"),
        ("der.pub", "looks like DER"),
        ("p521.pub", "curve"),
        ("pkcs1.pub", "PKCS #1"),
        ("rsa1024.pub", "1024 bits"),
        ("certificate.pem", "holds a certificate"),
        ("two.pub", "2 PEM blocks"),
        ("empty.pub", "the file is empty"),
        ("ssh.pub", "an OpenSSH public key"),
        ("words.pub", "not a PEM public key"),
        ("key.json", "a JSON Web Key"),
    ] {
        let run = verify(key).expect(2).says(&[key, named]).without_product();
        assert!(!run.stderr.contains("PRIVATE"), "{}", run.stderr);
        let release = ["verify-release-assets", "mero-kms-v1.1.0", "--offline", "--dir", ".", "--key", key];
        place.merotee(release).run().expect(2).says(&[key, named]).without_product();
    }
    verify("good.pub").expect(10).says(&["[FAIL] signature"]);
    verify("nowhere.pub").expect(1).says(&["cannot read nowhere.pub"]);
}

#[test]
fn a_contract_of_another_kind_or_that_does_not_parse_is_a_usage_error_that_says_what_it_is() {
    let place = Place::new();
    let listed = place.merotee(["verify-release-assets", "--list-contract"]).run().expect(0).stdout;
    let instance = Instance::new(7, now()).unwrap();
    for (file, named) in [
        (instance.trusted_root_json(BASE), "this is a Sigstore trusted root"),
        (instance.client_trust_config_json(BASE), "this is a Sigstore client trust config"),
        ("{}".to_owned(), "this is an empty JSON object"),
        ("[]".to_owned(), "this is a JSON array"),
        (String::new(), "EOF"),
        ("contracts: []".to_owned(), "expected value"),
        (r#"{"contracts":[]}"#.to_owned(), "schema_version"),
        (r#"{"schema_version":2,"contracts":[]}"#.to_owned(), "schema_version 2"),
        (r#"{"schema_version":1,"contracts":[]}"#.to_owned(), "holds nothing for the kms family"),
        (listed.replacen('{', "{\"schema_version\":1,", 1), "appears twice"),
        (format!("{listed}{listed}"), "trailing characters"),
        (listed.replacen("\"family\"", "\"familie\"", 1), "familie"),
    ] {
        place.write("contract.json", &file);
        let command =
            ["verify-release-assets", "mero-kms-v1.2.0", "--offline", "--dir", ".", "--contract", "contract.json"];
        let run = place.merotee(command).run().expect(2).says(&[named]).without_product();
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    }
}
