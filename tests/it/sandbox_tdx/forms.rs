//! Quotes and collateral in the forms people have them in: read, or called by their name, by the commands themselves.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::*;
use crate::binary::{
    Place, Run,
    loopback::{Answer, Server},
};

fn quote() -> Vec<u8> {
    platform().quote(&request(QuoteVersion::V4))
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(unit).collect()
}

fn lines(text: &str, newline: &str) -> String {
    text.as_bytes().chunks(64).map(|line| format!("{}{newline}", str::from_utf8(line).unwrap())).collect()
}

#[test]
fn quote_inspect_and_verify_read_every_form_and_say_which() {
    let place = Place::new();
    place.write("collateral.json", platform().collateral_json().unwrap());
    place.write("root.der", platform().root_der());
    let (hex, b64) = (hex::encode(quote()), STANDARD.encode(quote()));
    let marked = "after a byte order mark";
    let forms: [(&str, Vec<u8>, &[&str]); 20] = [
        ("bin", quote(), &["form binary"]),
        ("hex", hex.clone().into(), &["form hex"]),
        ("0x", format!("0x{hex}\n").into(), &["form hex"]),
        ("wrapped.hex", lines(&hex, "\r\n").into(), &["form hex"]),
        ("b64", b64.clone().into(), &["form base64"]),
        ("b64url", URL_SAFE_NO_PAD.encode(quote()).into(), &["form base64"]),
        ("wrapped.b64", lines(&b64, "\n").into(), &["form base64"]),
        ("marked.hex", format!("\u{feff}{hex}").into(), &["form hex", marked]),
        ("utf16le.hex", utf16(&hex, u16::to_le_bytes), &["form hex", "UTF-16 (little-endian)"]),
        ("utf16be.b64", utf16(&b64, u16::to_be_bytes), &["form base64", "UTF-16 (big-endian)"]),
        ("string.json", json!(hex).to_string().into(), &["JSON of a single value"]),
        ("bytes.json", json!(quote()).to_string().into(), &["JSON of a single value"]),
        ("marked.json", format!("\u{feff}{}", json!({"quote": hex})).into(), &["dstack GetQuote", marked]),
        ("utf16.json", utf16(&json!({"quoteB64": b64}).to_string(), u16::to_le_bytes), &["KMS attest", "UTF-16"]),
        ("twice.json", json!(json!({"quote": hex}).to_string()).to_string().into(), &["dstack GetQuote"]),
        ("attest.json", json!({"attestation": hex}).to_string().into(), &["dstack attestation (attestation)"]),
        ("ita.json", json!({"tdx": {"quote": b64}}).to_string().into(), &["JSON (tdx.quote)"]),
        ("rpc.json", json!({"result": {"quote": hex}}).to_string().into(), &["JSON (result.quote)"]),
        ("node.json", json!({"data": {"quote_b64": b64}}).to_string().into(), &["node attest response"]),
        ("both.json", json!({"quote": hex, "quoteB64": b64}).to_string().into(), &["KMS attest response"]),
    ];
    let now = NOW.to_string();
    for (name, bytes, said) in forms {
        place.write(name, bytes);
        let said: Vec<_> = said.iter().map(|words| words.trim_start_matches("form ")).collect();
        place.merotee(["quote", "inspect", name]).run().expect(0).says(&said);
        let words = ["quote", "verify", name, "--collateral", "collateral.json", "--root", "root.der", "--at", &now];
        place.merotee(words).run().expect(0).says(&said);
    }
}

#[test]
fn damaged_text_ends_with_1_and_another_kind_of_thing_with_2_and_both_are_called_what_they_are() {
    let place = Place::new();
    let hex = hex::encode(quote());
    let hcl = [&b"HCLA\x02\0\0\0"[..], &[0; 1216], &[4], &[0; 1000]].concat();
    let sgx = [&[3, 0, 2, 0][..], &[0; 432]].concat();
    let pem = "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n";
    let cases: [(&str, Vec<u8>, i32, &str); 13] = [
        ("odd.hex", hex[1..].into(), 1, "damaged hex: an odd number of digits"),
        ("digit.hex", hex.replacen('a', "g", 1).into(), 1, "is not a hex digit"),
        ("utf16.hex", utf16(&hex[1..], u16::to_le_bytes), 1, "damaged hex: an odd number of digits"),
        ("cut.b64", STANDARD.encode(quote())[..6001].into(), 1, "damaged base64"),
        ("odd.json", json!({"quote": &hex[1..]}).to_string().into(), 1, "`quote` holds no quote: damaged hex"),
        ("two.json", json!({"quote": hex, "tdx_quote": "0400"}).to_string().into(), 1, "two different quotes"),
        ("none.json", json!({"verified": true}).to_string().into(), 1, "the JSON has no quote"),
        ("hcl.bin", hcl.clone(), 2, "an Azure HCL report (vTPM) with a TD report in it"),
        ("hcl.b64", STANDARD.encode(&hcl).into(), 2, "an Azure HCL report (vTPM) with a TD report in it"),
        ("sgx.bin", sgx.clone(), 2, "an SGX quote (version 3), not a TDX quote"),
        ("sgx.json", json!({"quote": hex::encode(&sgx)}).to_string().into(), 2, "an SGX quote (version 3)"),
        ("crl.pem", pem.into(), 2, "PEM (a certificate, key or revocation list), not a quote"),
        ("quote.gz", b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), 2, "a compressed file, not a quote"),
    ];
    for (name, bytes, code, said) in cases {
        place.write(name, bytes);
        let run = place.merotee(["quote", "inspect", name]).run().expect(code).without_product().says(&[name, said]);
        assert!(!run.stderr.contains("as base64"), "{}", run.stderr);
    }
}

/// A revocation list of the platform's collateral.
fn list(document: &Value, field: &str) -> Vec<u8> {
    hex::decode(document[field].as_str().unwrap()).unwrap()
}

fn pem(der: Vec<u8>, label: &str) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

fn verify(place: &Place, more: &[&str]) -> Run {
    let now = NOW.to_string();
    place.merotee(["quote", "verify", "quote.bin", "--root", "root.der", "--at", &now]).args(more).run()
}

fn place() -> Place {
    let place = Place::new();
    place.write("quote.bin", quote());
    place.write("root.der", platform().root_der());
    place
}

#[test]
fn a_collateral_file_is_read_with_its_lists_in_every_form_and_in_every_charset() {
    let place = place();
    let whole: Value = serde_json::from_str(&platform().collateral_json().unwrap()).unwrap();
    type Form = fn(Vec<u8>) -> Value;
    let forms: [Form; 8] = [
        |der| json!(hex::encode(der)),
        |der| json!(format!("0x{}\n", hex::encode_upper(der))),
        |der| json!(lines(&hex::encode(der), "\n")),
        |der| json!(STANDARD.encode(der)),
        |der| json!(URL_SAFE_NO_PAD.encode(der)),
        |der| json!(pem(der, "X509 CRL")),
        |der| json!(STANDARD.encode(pem(der, "X509 CRL"))),
        |der| json!(der),
    ];
    for (index, form) in forms.into_iter().enumerate() {
        let mut document = whole.clone();
        for field in ["root_ca_crl", "pck_crl"] {
            document[field] = form(list(&whole, field));
        }
        place.write("collateral.json", document.to_string());
        let run = verify(&place, &["--collateral", "collateral.json"]);
        assert_eq!(run.code, 0, "{index}: {}", run.stderr);
    }
    for bytes in [
        format!("\u{feff}{whole}").into_bytes(),
        utf16(&whole.to_string(), u16::to_le_bytes),
        utf16(&whole.to_string(), u16::to_be_bytes),
    ] {
        place.write("collateral.json", bytes);
        verify(&place, &["--collateral", "collateral.json"]).expect(0);
    }
}

#[test]
fn a_list_that_is_damaged_or_something_else_is_named_with_its_field() {
    let place = place();
    let whole: Value = serde_json::from_str(&platform().collateral_json().unwrap()).unwrap();
    let hex = whole["pck_crl"].as_str().unwrap();
    for (value, said) in [
        (json!(&hex[1..]), "damaged hex: an odd number of digits"),
        (json!(hex.replacen("30", "3x", 1)), "damaged hex: `x` at line 1, column 2 is not a hex digit"),
        (json!(pem(list(&whole, "pck_crl"), "CERTIFICATE")), "a PEM CERTIFICATE, expected X509 CRL"),
        (json!("-----BEGIN X509 CRL-----\n"), "broken PEM"),
        (json!("see attachment"), "not PEM, hex or base64: `see attachment`"),
        (json!(""), "pck_crl: empty"),
        (json!("3000"), "not a DER revocation list"),
        (json!(null), "not text"),
        (json!([1, 2, 300]), "neither hex nor base64"),
    ] {
        let mut document = whole.clone();
        document["pck_crl"] = value;
        place.write("collateral.json", document.to_string());
        let run = verify(&place, &["--collateral", "collateral.json"]).expect(1).without_product();
        run.says(&["collateral.json cannot be used", "pck_crl", said]);
    }
}

#[test]
fn a_service_may_give_its_lists_in_any_form_and_what_fails_is_not_cached() {
    let good = platform();
    type Form = fn(Vec<u8>) -> Vec<u8>;
    let forms: [(Form, bool); 6] = [
        (|der| der, true),
        (|der| hex::encode(der).into_bytes(), true),
        (|der| pem(der, "X509 CRL").into_bytes(), true),
        (|der| STANDARD.encode(der).into_bytes(), true),
        (|der| format!("{}\r\n", hex::encode_upper(der)).into_bytes(), true),
        // Its first bytes read as a list's; the rest is another's.
        (
            |mut der| {
                if let Some(last) = der.last_mut() {
                    *last ^= 1;
                }
                der
            },
            false,
        ),
    ];
    for (index, (form, sound)) in forms.into_iter().enumerate() {
        let c = serde_json::from_str::<Value>(&good.collateral_json().unwrap()).unwrap();
        let server = Server::start(move |path, _| {
            let text = |field: &str| c[field].as_str().unwrap().to_owned();
            let chain = |name: &str, field: &str| {
                format!("{name}: {}\r\n", utf8_percent_encode(&text(field), NON_ALPHANUMERIC))
            };
            let signed = |key: &str, field: &str| {
                let signature = text(&format!("{field}_signature"));
                format!("{{\"{key}\":{},\"signature\":\"{signature}\"}}", text(field)).into_bytes()
            };
            let (headers, body) = match path.split('?').next().unwrap() {
                "/tdx/certification/v4/tcb" => {
                    (chain("TCB-Info-Issuer-Chain", "tcb_info_issuer_chain"), signed("tcbInfo", "tcb_info"))
                }
                "/tdx/certification/v4/qe/identity" => (
                    chain("SGX-Enclave-Identity-Issuer-Chain", "qe_identity_issuer_chain"),
                    signed("enclaveIdentity", "qe_identity"),
                ),
                "/sgx/certification/v4/pckcrl" => {
                    (chain("SGX-PCK-CRL-Issuer-Chain", "pck_crl_issuer_chain"), form(list(&c, "pck_crl")))
                }
                "/sgx/certification/v4/rootcacrl" => (String::new(), form(list(&c, "root_ca_crl"))),
                other => panic!("asked for {other}"),
            };
            Answer::Reply("200 OK", headers, body)
        });
        let place = place();
        let run = verify(&place, &["--pccs", &server.url, "--cache", "cache"]);
        assert_eq!(run.code, if sound { 0 } else { 10 }, "{index}: {}{}", run.stdout, run.stderr);
        let cached = place.work().join("cache").exists();
        assert_eq!(cached, sound, "{index}: {}", run.stderr);
        if !sound {
            run.says(&["collateral is not cached: the signature over the root CRL is not valid"]);
        }
    }
}

#[test]
fn a_cached_set_that_fails_is_fetched_anew_and_replaced_and_one_that_counts_is_kept() {
    let serve = crate::binary::serve::Serve::start();
    let [quote, root, pccs] = ["MEROTEE_TDX_QUOTE", "MEROTEE_TDX_ROOT", "PCCS_URL"].map(|name| serve.export(name));
    let place = Place::new();
    let verify = |more: &[&str]| {
        let words = ["quote", "verify", quote, "--root", root, "--pccs", pccs, "--cache", "cache"];
        place.merotee(words).args(more).run()
    };
    verify(&[]).expect(0);
    let names = place.names("cache");
    let [name] = names.as_slice() else { panic!("{names:?}") };
    let file = format!("cache/{name}");
    let good = place.read(&file);
    // What fails is replaced.
    let forged = good.replacen("UpToDate", "OutOfDate", 1);
    assert_ne!(forged, good);
    place.write(&file, &forged);
    verify(&[]).expect(0).says(&["is not used: the signature over the TCB info is not valid"]);
    assert_eq!(place.read(&file), good);
    // At a time when neither counts, the one that counts now stays.
    verify(&["--at", "2001-01-01T00:00:00Z"]).expect(10);
    assert_eq!(place.read(&file), good);
}
