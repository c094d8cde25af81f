//! Reading quotes: literals, every truncation, and what is signed by nobody.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::{input::*, *};
use crate::attestation::measurement::Register;

/// Where the signature data's fields begin, counted from its own beginning.
const OUTER_TYPE: usize = 128;
const INNER_TYPE: usize = OUTER_TYPE + 6 + 384 + 64 + 2 + 32;

fn root_pem() -> String {
    let der = include_bytes!("../verdict/intel-sgx-root.der");
    pem::encode_config(
        &pem::Pem::new("CERTIFICATE", *der),
        pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
    )
}

/// A quote whose structure is right and whose report bytes count up, so that a value tells its offset.
fn quote(version: u16, body: Option<(u16, usize)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(version.to_le_bytes());
    bytes.extend(2u16.to_le_bytes());
    bytes.extend(0x81u32.to_le_bytes());
    bytes.extend([7, 0, 9, 0]);
    bytes.extend(INTEL_QE_VENDOR);
    bytes.extend([0xdd; 20]);
    let length = body.map_or(584, |(body_type, length)| {
        bytes.extend(body_type.to_le_bytes());
        bytes.extend((length as u32).to_le_bytes());
        length
    });
    bytes.extend((0..length).map(|i| (i / 16) as u8));
    let pem = root_pem();
    let mut signature = vec![0xaa; 128];
    signature.extend(6u16.to_le_bytes());
    signature.extend(((384 + 64 + 2 + 32 + 6 + pem.len()) as u32).to_le_bytes());
    signature.extend([0xbb; 384 + 64]);
    signature.extend(32u16.to_le_bytes());
    signature.extend([0xcc; 32]);
    signature.extend(5u16.to_le_bytes());
    signature.extend((pem.len() as u32).to_le_bytes());
    signature.extend(pem.as_bytes());
    bytes.extend((signature.len() as u32).to_le_bytes());
    bytes.extend(signature);
    bytes
}

fn v4() -> Vec<u8> {
    quote(4, None)
}

/// Where the signature data of [`v4`] begins.
const V4_SIGNATURE: usize = 48 + 584 + 4;

#[test]
fn registers_stand_at_184_in_version_4_and_at_190_in_version_5() {
    for (bytes, body, mrtd) in [
        (v4(), BodyType::Td10, 184),
        (quote(5, Some((2, 584))), BodyType::Td10, 190),
        (quote(5, Some((3, 648))), BodyType::Td15, 190),
        (quote(5, Some((4, 885))), BodyType::Td15Ex, 190),
    ] {
        let quote = Quote::parse(&bytes).unwrap();
        assert_eq!(quote.report.body, body);
        assert_eq!(quote.report.registers.get(Register::Mrtd).as_bytes(), &bytes[mrtd..mrtd + 48]);
        for (index, register) in Register::ALL.into_iter().skip(1).enumerate() {
            let at = mrtd + 192 + 48 * index;
            assert_eq!(quote.report.registers.get(register).as_bytes(), &bytes[at..at + 48], "{body:?} {register}");
        }
        assert_eq!(quote.report.report_data, bytes[mrtd + 384..mrtd + 448]);
        assert_eq!((quote.header.qe_svn, quote.header.pce_svn), (7, 9));
        assert_eq!(quote.report.service.is_some(), body != BodyType::Td10);
        let extension = quote.report.service.and_then(|s| s.extension).map(|e| e.len());
        assert_eq!(extension, (body == BodyType::Td15Ex).then_some(237));
    }
}

#[test]
fn a_quote_cut_anywhere_is_an_error_that_says_where() {
    for bytes in [v4(), quote(5, Some((4, 885)))] {
        for length in 0..bytes.len() {
            let error = Quote::parse(&bytes[..length]).unwrap_err();
            assert!(matches!(error, QuoteError::Truncated { end, .. } if end == length), "{length}: {error}");
        }
    }
    let error = Quote::parse(&v4()[..200]).unwrap_err();
    assert_eq!(error.to_string(), "the quote ends at byte 200, but MRTD needs bytes 184 to 232");
}

#[test]
fn zeros_behind_the_quote_are_padding_and_anything_else_is_refused() {
    let mut bytes = v4();
    let end = bytes.len();
    bytes.resize(8000, 0);
    let quote = Quote::parse(&bytes).unwrap();
    assert_eq!((quote.as_bytes().len(), quote.padding()), (end, 8000 - end));
    assert_eq!(quote.unsigned_ranges().last(), Some(&(end..8000)));
    bytes[7990] = 1;
    assert_eq!(Quote::parse(&bytes), Err(QuoteError::Trailing { offset: 7990 }));
}

#[test]
fn fields_that_can_have_one_value_are_refused_with_another() {
    for (offset, field) in [
        (0, "version"),
        (2, "attestation key type"),
        (4, "TEE type"),
        (12, "QE vendor id"),
        (V4_SIGNATURE + OUTER_TYPE, "certification data type"),
        (V4_SIGNATURE + OUTER_TYPE + 6 + 448, "QE authentication data size"),
        (V4_SIGNATURE + INNER_TYPE, "inner certification data type"),
    ] {
        let mut bytes = v4();
        bytes[offset] ^= 0x10;
        let error = Quote::parse(&bytes).unwrap_err();
        assert!(
            matches!(error, QuoteError::Unsupported { field: f, offset: o, .. } if (f, o) == (field, offset)),
            "{error}"
        );
    }
    let mut sgx = v4();
    sgx[4] = 0;
    assert_eq!(Quote::parse(&sgx).unwrap_err().to_string(), "TEE type at byte 4 is 0 (SGX), expected 0x81 (TDX)");
}

#[test]
fn lengths_that_disagree_are_refused_also_where_padding_would_fill_the_gap() {
    let mut padded = v4();
    padded.resize(8000, 0);
    for (offset, field) in [
        (V4_SIGNATURE + OUTER_TYPE + 2, "certification data size"),
        (V4_SIGNATURE + INNER_TYPE + 2, "inner certification data size"),
    ] {
        for flip in [1, 0x80] {
            let mut bytes = padded.clone();
            bytes[offset] ^= flip;
            let error = Quote::parse(&bytes).unwrap_err();
            assert!(matches!(error, QuoteError::Length { field: f, .. } if f == field), "{error}");
        }
    }
    let mut longer = padded.clone();
    longer[V4_SIGNATURE - 4] = longer[V4_SIGNATURE - 4].wrapping_add(1);
    assert!(matches!(Quote::parse(&longer), Err(QuoteError::Length { field: "certification data size", .. })));
    let mut huge = padded;
    huge[V4_SIGNATURE - 1] = 0xff;
    assert!(matches!(Quote::parse(&huge), Err(QuoteError::Truncated { field: "signature data", .. })));
    let body = quote(5, Some((3, 584)));
    assert!(matches!(Quote::parse(&body), Err(QuoteError::Length { field: "body size", offset: 50, .. })));
}

#[test]
fn a_chain_that_holds_no_certificate_is_named_as_such() {
    let mut bytes = v4();
    let at = V4_SIGNATURE + INNER_TYPE + 6;
    bytes[at] = b'+';
    let error = Quote::parse(&bytes).unwrap_err();
    assert!(matches!(error, QuoteError::Chain { offset, .. } if offset == at), "{error}");
    // The root alone is a chain, and no platform's.
    let platform = Quote::parse(&v4()).unwrap().certification.platform().unwrap_err();
    assert!(platform.to_string().contains("the platform's certificate"), "{platform}");
}

#[test]
fn noise_is_an_error_and_never_a_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(1 << 20)
    .collect();
    assert_eq!(Quote::parse(&noise), Err(QuoteError::TooLarge { len: 1 << 20 }));
    assert!(matches!(Input::read(&noise), Err(InputError::Quote { form: Form::Binary, .. })));
    // Behind a beginning that is right.
    for start in [48, 632, 700, 1200] {
        let head = v4();
        noise[..start].copy_from_slice(&head[..start]);
        assert!(Quote::parse(&noise[..8000]).is_err());
    }
}

/// As PowerShell's `>` writes it.
fn utf16le(text: &str) -> Vec<u8> {
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// A quote in dstack's envelope, with two bytes of something behind it.
fn scale(quote: &[u8]) -> Vec<u8> {
    let length = (u32::try_from(quote.len()).unwrap() << 2 | 0b10).to_le_bytes();
    [&[0, 0], &length[..], quote, &[0, 0]].concat()
}

#[test]
fn every_form_of_input_is_recognised_and_said() {
    use base64::{
        Engine as _,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    let bytes = v4();
    let expected = Quote::parse(&bytes).unwrap();
    let (hex, b64) = (hex::encode(&bytes), STANDARD.encode(&bytes));
    let wrapped: String =
        b64.as_bytes().chunks(76).map(|line| format!("{}\r\n", str::from_utf8(line).unwrap())).collect();
    let data = hex::encode([5; 64]);
    let cases = [
        (bytes.clone(), Form::Binary, false),
        (hex.clone().into_bytes(), Form::Hex, false),
        (format!("0x{}\n", hex.to_uppercase()).into_bytes(), Form::Hex, false),
        (b64.clone().into_bytes(), Form::Base64, false),
        (wrapped.into_bytes(), Form::Base64, false),
        (URL_SAFE_NO_PAD.encode(&bytes).into_bytes(), Form::Base64, false),
        (
            format!(r#"{{"quoteB64":"{b64}","reportDataHex":"{data}","eventLog":[]}}"#).into_bytes(),
            Form::KmsAttest,
            true,
        ),
        (format!(r#"{{"data":{{"quoteB64":"{b64}"}}}}"#).into_bytes(), Form::NodeAttest, false),
        (
            format!(r#" {{"quote":"{hex}","event_log":"[]","report_data":"{data}"}}"#).into_bytes(),
            Form::DstackGetQuote,
            true,
        ),
        (format!(r#"{{"quote":"0x{hex}","report_data":"1234"}}"#).into_bytes(), Form::DstackGetQuote, false),
        (format!("\u{feff}{{\"quote\":\"{hex}\"}}").into_bytes(), Form::DstackGetQuote, false),
        (utf16le(&hex), Form::Hex, false),
        (utf16le(&format!("{{\"quoteB64\":\"{b64}\"}}")), Form::KmsAttest, false),
        (format!("\"{hex}\"").into_bytes(), Form::JsonValue, false),
        (format!(" \"{b64}\"\r\n").into_bytes(), Form::JsonValue, false),
        (serde_json::to_vec(&bytes).unwrap(), Form::JsonValue, false),
        (serde_json::to_vec(&format!(r#"{{"quote":"{hex}"}}"#)).unwrap(), Form::DstackGetQuote, false),
        (format!(r#"{{"quote":"{b64}"}}"#).into_bytes(), Form::DstackGetQuote, false),
        (format!(r#"{{"attestation":"{hex}"}}"#).into_bytes(), Form::DstackAttestation, false),
        (format!(r#"{{"attestation":"{}"}}"#, hex::encode(scale(&bytes))).into_bytes(), Form::DstackAttestation, false),
        (scale(&bytes), Form::DstackAttestation, false),
        (format!(r#"{{"attestation":{{"quote":"{hex}"}}}}"#).into_bytes(), Form::JsonField("attestation.quote"), false),
        (format!(r#"{{"tdx":{{"quote":"{b64}"}}}}"#).into_bytes(), Form::JsonField("tdx.quote"), false),
        (format!(r#"{{"result":{{"quote":"{hex}"}}}}"#).into_bytes(), Form::JsonField("result.quote"), false),
        (format!(r#"{{"intel_quote":"{hex}","quote":null}}"#).into_bytes(), Form::JsonField("intel_quote"), false),
        // The same quote twice is not a contradiction.
        (format!(r#"{{"quote":"{hex}","quoteB64":"{b64}"}}"#).into_bytes(), Form::KmsAttest, false),
    ];
    for (input, form, stated) in cases {
        let read = Input::read(&input).unwrap();
        assert_eq!((read.form, &read.quote), (form, &expected));
        assert_eq!(read.stated_report_data, stated.then_some([5; 64]), "{form}");
    }
}

#[test]
fn what_is_no_quote_says_what_it_was_taken_for() {
    let message = |input: &[u8]| Input::read(input).unwrap_err().to_string();
    assert_eq!(message(b""), "the input is empty");
    assert_eq!(message(b" \r\n"), "the input is empty");
    assert_eq!(message(b"not a quote!"), "the input is text, but neither hex, base64 nor JSON: `not a quote!`");
    assert_eq!(message(b"{}"), "the JSON has no quote: expected `quoteB64`, `data.quoteB64`, `quote` or `attestation`");
    assert_eq!(message(b"[\"a\"]"), message(b"{}"));
    assert_eq!(message(b"[1]"), "as JSON of a single value: the quote ends at byte 1, but version needs bytes 0 to 2");
    assert!(message(b"{\"quote").starts_with("the input begins like JSON, but is not acceptable: line 1"));
    assert_eq!(message(br#"{"quote":7}"#), "`quote` holds no quote: neither hex nor base64: `7`");
    assert_eq!(message(br#"{"quoteB64":"%"}"#), "`quoteB64` holds no quote: neither hex nor base64: `%`");
    assert_eq!(message(br#"{"quote":"040"}"#), "`quote` holds no quote: damaged hex: an odd number of digits (3)");
    assert!(message(br#"{"quote":"04","quote":"05"}"#).contains("acceptable"), "two keys, two meanings");
    assert_eq!(message(b"0400"), "as hex: the quote ends at byte 2, but attestation key type needs bytes 2 to 4");
    assert_eq!(message(b"\x03\x00\x02\x00"), "as binary: version at byte 0 is 3, expected 4 or 5");
    assert!(message(&vec![b'a'; MAX_INPUT_BYTES + 1]).starts_with("the input has"));
}

#[test]
fn damaged_text_is_called_damaged_and_another_thing_by_its_name() {
    let (hex, message) = (hex::encode(v4()), |input: &[u8]| Input::read(input).unwrap_err().to_string());
    let at = |b: u8| [&hex.as_bytes()[..100], &[b], &hex.as_bytes()[101..]].concat();
    let hcl = |kind: u8| {
        let mut report = [&b"HCLA\x02\0\0\0"[..], &[0; 1700]].concat();
        report[1224] = kind;
        report
    };
    let mut td_report = vec![0; 1024];
    td_report[0] = 0x81;
    let mut sgx4 = v4();
    sgx4[4] = 0;
    let sgx3 = [&[3, 0, 2, 0][..], &[0; 432]].concat();
    let snp = [&[2, 0, 0, 0][..], &[1; 1180]].concat();
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    for (input, expected) in [
        (
            hex.as_bytes()[1..].to_vec(),
            format!("the input is damaged hex: an odd number of digits ({})", hex.len() - 1),
        ),
        (at(b'g'), "the input is damaged hex: `g` at line 1, column 101 is not a hex digit".to_owned()),
        (at(0xff), "the input is damaged hex: `\u{fffd}` at line 1, column 101 is not a hex digit".to_owned()),
        (
            utf16le(&hex)[..99].to_vec(),
            "the input is damaged UTF-16 text: it ends within a character, or holds half of one".to_owned(),
        ),
        (hcl(4), "the input is an Azure HCL report (vTPM) with a TD report in it, not a quote".to_owned()),
        (hcl(2), "the input is an Azure HCL report (vTPM) with an AMD SEV-SNP report in it, not a quote".to_owned()),
        (hcl(0), "the input is an Azure HCL report (vTPM), not a quote".to_owned()),
        (
            hex::encode(hcl(4)).into_bytes(),
            "the input is an Azure HCL report (vTPM) with a TD report in it, not a quote".to_owned(),
        ),
        (sgx3.clone(), "the input is an SGX quote (version 3), not a TDX quote".to_owned()),
        (hex::encode(&sgx3).into_bytes(), "the input is an SGX quote (version 3), not a TDX quote".to_owned()),
        (sgx4, "the input is an SGX quote (version 4), not a TDX quote".to_owned()),
        (td_report, "the input is a TD report (TDREPORT), which no quoting enclave has signed, not a quote".to_owned()),
        (snp, "the input is an AMD SEV-SNP report, not a TDX quote".to_owned()),
        (pem.as_bytes().to_vec(), "the input is PEM (a certificate, key or revocation list), not a quote".to_owned()),
        (utf16le(pem), "the input is PEM (a certificate, key or revocation list), not a quote".to_owned()),
        (vec![0x30, 0x82, 2, 0, 0x30], "the input is DER (a certificate or revocation list), not a quote".to_owned()),
        (b"\x1f\x8b\x08\0".to_vec(), "the input is a compressed file, not a quote".to_owned()),
        (
            br#"{"quote_bytes":4640,"signed_bytes":632,"unsigned_ranges":[],"quoting_enclave":{}}"#.to_vec(),
            "the input is the output of `quote inspect`, not a quote".to_owned(),
        ),
        (
            b"\x83\xa7version\x01\xa8platform".to_vec(),
            "the input is dstack's `attestation` in MessagePack, which is not read".to_owned(),
        ),
        (
            format!(r#"{{"quote":"{hex}","intel_quote":"0400"}}"#).into_bytes(),
            "`quote` and `intel_quote` hold two different quotes: which one is meant?".to_owned(),
        ),
    ] {
        assert_eq!(message(&input), expected);
        assert_eq!(
            Input::read(&input).unwrap_err().foreign().is_some(),
            !expected.contains("damaged") && !expected.contains("two")
        );
    }
}

#[test]
fn within_the_chain_only_certificates_below_the_root_are_signed() {
    let bytes = v4();
    let quote = Quote::parse(&bytes).unwrap();
    let at = V4_SIGNATURE + INNER_TYPE + 6;
    assert_eq!(quote.unsigned_ranges(), vec![at..bytes.len()], "a root alone is not signed by anybody else");
}
