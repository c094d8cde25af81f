//! openssl, as a second opinion on the certificates, the revocation lists and the SGX extension.

use std::path::Path;
use std::process::{Command, Output};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

/// The files of a platform, or `None` with a line on stderr where openssl is absent; required when
/// `MEROTEE_REQUIRE_INTEROP=1`.
fn files(platform: &Platform) -> Option<tempfile::TempDir> {
    if Command::new("openssl").arg("version").output().is_err() {
        let message = "no openssl on PATH";
        assert!(std::env::var_os("MEROTEE_REQUIRE_INTEROP").is_none_or(|value| value != "1"), "{message}");
        eprintln!("SKIPPED: {message}");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let collateral = platform.collateral();
    let quote = dcap_qvl::quote::Quote::parse(&platform.quote(&request(QuoteVersion::V4))).unwrap();
    let chain = String::from_utf8(quote.raw_cert_chain().unwrap().to_vec()).unwrap();
    write("root.pem", pem("CERTIFICATE", platform.root_der()).as_bytes());
    // openssl takes the first certificate as the one to judge and the others as what may lead to a root.
    write("pck-chain.pem", chain.trim_end_matches('\0').as_bytes());
    write("platform-ca-chain.pem", collateral.pck_crl_issuer_chain.as_bytes());
    write("tcb-chain.pem", collateral.tcb_info_issuer_chain.as_bytes());
    write("root-crl.pem", pem("X509 CRL", &hex::decode(&collateral.root_ca_crl).unwrap()).as_bytes());
    write("pck-crl.pem", pem("X509 CRL", &hex::decode(&collateral.pck_crl).unwrap()).as_bytes());
    Some(folder)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn openssl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .output()
        .unwrap()
}

/// Both streams of a run that must succeed.
fn ok(folder: &Path, arguments: &[&str]) -> String {
    let output = openssl(folder, arguments);
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "openssl {arguments:?}: {text}");
    text
}

/// Judges a certificate at the platform's time with both lists checked along the whole chain.
fn judgement(folder: &Path, chain: &str) -> Result<(), String> {
    let time = NOW.to_string();
    let lists = ["-CRLfile", "root-crl.pem", "-CRLfile", "pck-crl.pem", "-crl_check_all"];
    let rest = ["-CAfile", "root.pem", "-untrusted", chain, "-x509_strict", "-attime", &time, chain];
    let output = openssl(folder, &[&["verify"][..], &lists, &rest].concat());
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() { Ok(()) } else { Err(text) }
}

#[test]
fn openssl_accepts_both_chains_with_both_lists_checked() {
    let Some(folder) = files(&platform()) else { return };
    for chain in ["pck-chain.pem", "platform-ca-chain.pem", "tcb-chain.pem"] {
        judgement(folder.path(), chain).unwrap();
    }
}

#[test]
fn openssl_finds_what_the_faults_do_to_certificates_and_lists() {
    for (fault, chain, complaint) in [
        (Fault::RevokedPck, "pck-chain.pem", "certificate revoked"),
        (Fault::RevokedPlatformCa, "platform-ca-chain.pem", "certificate revoked"),
        (Fault::RevokedTcbSigner, "tcb-chain.pem", "certificate revoked"),
        (Fault::ExpiredRootCrl, "tcb-chain.pem", "CRL has expired"),
        (Fault::ExpiredPckCrl, "pck-chain.pem", "CRL has expired"),
        (Fault::ExpiredPckCertificate, "pck-chain.pem", "certificate has expired"),
        (Fault::ExpiredTcbSigner, "tcb-chain.pem", "certificate has expired"),
        // Same name, same position, other key.
        (Fault::WrongRoot, "pck-chain.pem", "verification failed"),
    ] {
        let Some(folder) = files(&platform().with_fault(fault).unwrap()) else { return };
        let error = judgement(folder.path(), chain).unwrap_err();
        assert!(error.contains(complaint), "{fault:?}: {error}");
    }
}

#[test]
fn openssl_reads_the_lists_as_version_2_with_number_and_next_update() {
    let Some(folder) = files(&platform()) else { return };
    for (list, issuer) in [("root-crl.pem", "root.pem"), ("pck-crl.pem", "platform-ca-chain.pem")] {
        assert!(ok(folder.path(), &["crl", "-in", list, "-noout", "-CAfile", issuer, "-verify"]).contains("verify OK"));
        let text = ok(folder.path(), &["crl", "-in", list, "-noout", "-text"]);
        for part in
            ["Version 2", "Next Update: Mar 30 00:00:00 2026 GMT", "X509v3 CRL Number", "No Revoked Certificates"]
        {
            assert!(text.contains(part), "{list}: {text}");
        }
    }
    let Some(folder) = files(&platform().with_fault(Fault::RevokedPck).unwrap()) else { return };
    let text = ok(folder.path(), &["crl", "-in", "pck-crl.pem", "-noout", "-text"]);
    assert!(text.contains("Key Compromise"), "{text}");
}

/// One line of `asn1parse`.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    depth: usize,
    kind: String,
    value: String,
}

/// Reads a line such as `   22:d=4  hl=2 l=  10 prim: OBJECT            :1.2.840.113741.1.13.1.1`.
fn node(line: &str) -> Node {
    let (head, rest) = line.split_once(": ").unwrap();
    let depth = head.split_once("d=").unwrap().1.split_whitespace().next().unwrap().parse().unwrap();
    // The kind fills 18 columns.
    let (kind, value) = rest.split_at(rest.len().min(18));
    let value = value.rsplit(':').next().unwrap_or_default();
    Node { depth, kind: kind.trim().to_owned(), value: value.to_owned() }
}

/// The SGX extension of a file's first certificate as openssl parses it.
fn extension_of(folder: &Path, certificate: &str) -> Vec<Node> {
    let outer = ok(folder, &["asn1parse", "-in", certificate]);
    let mut lines = outer.lines().skip_while(|line| !line.ends_with(":1.2.840.113741.1.13.1"));
    assert!(lines.next().is_some(), "{outer}");
    // No BOOLEAN between: the extension is not critical.
    let octets = lines.next().unwrap();
    assert_eq!(node(octets).kind, "OCTET STRING");
    let offset = octets.split(':').next().unwrap().trim();
    ok(folder, &["asn1parse", "-in", certificate, "-strparse", offset]).lines().map(node).collect()
}

/// Every field: its depth, its identifier below the extension's, the kind of its value.
fn fields(nodes: &[Node]) -> Vec<(usize, String, String)> {
    nodes
        .iter()
        .zip(&nodes[1..])
        .filter(|(id, _)| id.kind == "OBJECT")
        .map(|(id, value)| {
            let suffix = id.value.strip_prefix("1.2.840.113741.1.13.1.").unwrap().to_owned();
            (id.depth, suffix, value.kind.clone())
        })
        .collect()
}

#[test]
fn openssl_sees_the_sgx_extension_in_intels_structure() {
    let Some(folder) = files(&platform()) else { return };
    let field = |depth, id: &str, kind: &str| (depth, id.to_owned(), kind.to_owned());
    let mut expected = vec![field(2, "1", "OCTET STRING"), field(2, "2", "SEQUENCE")];
    expected.extend((1..=17).map(|n| field(4, &format!("2.{n}"), "INTEGER")));
    expected.extend([field(4, "2.18", "OCTET STRING"), field(2, "3", "OCTET STRING")]);
    expected.extend([field(2, "4", "OCTET STRING"), field(2, "5", "ENUMERATED")]);
    expected.extend([field(2, "6", "OCTET STRING"), field(2, "7", "SEQUENCE")]);
    expected.extend((1..=3).map(|n| field(4, &format!("7.{n}"), "BOOLEAN")));
    assert_eq!(fields(&extension_of(folder.path(), "pck-chain.pem")), expected);
}

#[test]
fn openssl_sees_the_same_structure_in_a_real_certificate() {
    let Some(corpus) = crate::corpus::corpus("tdx") else { return };
    let Some(folder) = files(&platform()) else { return };
    let text = std::fs::read_to_string(corpus.join("collateral/near_mpc.json")).unwrap();
    let real: QuoteCollateralV3 = serde_json::from_str(&text).unwrap();
    std::fs::write(folder.path().join("real.pem"), real.pck_certificate_chain.unwrap()).unwrap();
    let shape = |certificate| -> Vec<(usize, String)> {
        extension_of(folder.path(), certificate).into_iter().map(|node| (node.depth, node.kind)).collect()
    };
    assert_eq!(shape("pck-chain.pem"), shape("real.pem"));
    let fields = |certificate| fields(&extension_of(folder.path(), certificate));
    assert_eq!(fields("pck-chain.pem"), fields("real.pem"));
}

/// Checks a raw `r‖s` signature with a public key file.
fn signed(folder: &Path, key: &str, message: &[u8], signature: &[u8]) -> bool {
    std::fs::write(folder.join("message"), message).unwrap();
    std::fs::write(folder.join("signature"), der_signature(signature)).unwrap();
    openssl(folder, &["dgst", "-sha256", "-verify", key, "-signature", "signature", "message"]).status.success()
}

/// `SEQUENCE {INTEGER, INTEGER}`, which openssl wants.
fn der_signature(raw: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let mut value: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        if value.first().is_none_or(|byte| byte & 0x80 != 0) {
            value.insert(0, 0);
        }
        [&[2, value.len() as u8][..], &value].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [&[0x30, body.len() as u8][..], &body].concat()
}

/// SubjectPublicKeyInfo of a point on P-256, PEM.
fn public_key(point: &[u8]) -> String {
    let head = hex::decode("3059301306072a8648ce3d020106082a8648ce3d03010703420004").unwrap();
    pem("PUBLIC KEY", &[&head, point].concat())
}

/// The four signatures beneath a quote, checked by openssl at offsets taken from the specification.
#[test]
fn openssl_verifies_every_signature_of_a_quote_and_its_collateral() {
    let platform = platform();
    let Some(folder) = files(&platform) else { return };
    let folder = folder.path();
    for (certificate, key) in [("pck-chain.pem", "pck.pub"), ("tcb-chain.pem", "tcb.pub")] {
        let key_pem = ok(folder, &["x509", "-in", certificate, "-noout", "-pubkey"]);
        std::fs::write(folder.join(key), key_pem).unwrap();
    }
    let collateral = platform.collateral();
    for (document, signature) in [
        (&collateral.tcb_info, &collateral.tcb_info_signature),
        (&collateral.qe_identity, &collateral.qe_identity_signature),
    ] {
        assert!(signed(folder, "tcb.pub", document.as_bytes(), &hex::decode(signature).unwrap()));
    }
    for (version, end) in [(QuoteVersion::V4, 632), (QuoteVersion::V5Td10, 638), (QuoteVersion::V5Td15, 702)] {
        let quote = platform.quote(&request(version));
        let data = &quote[end + 4..];
        std::fs::write(folder.join("attestation.pub"), public_key(&data[64..128])).unwrap();
        assert!(signed(folder, "attestation.pub", &quote[..end], &data[..64]), "{version:?}: quote");
        assert!(!signed(folder, "attestation.pub", &quote[..end - 1], &data[..64]), "{version:?}: less of it");
        let qe_report = &data[134..518];
        assert!(signed(folder, "pck.pub", qe_report, &data[518..582]), "{version:?}: QE report");
        // The report vouches for the attestation key and the 32 bytes beside it.
        let vouched = [&data[64..128], &data[584..616]].concat();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &vouched);
        assert_eq!(digest.as_ref(), &qe_report[320..352], "{version:?}");
        assert_eq!(qe_report[352..], [0; 32], "{version:?}");
    }
}
