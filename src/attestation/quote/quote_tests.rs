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
    assert_eq!(message(b"{}"), "the JSON has no quote: expected `quoteB64`, `data.quoteB64` or `quote`");
    assert_eq!(message(b"[1]"), message(b"{}"));
    assert!(message(b"{\"quote").starts_with("the input begins like JSON, but is not acceptable: line 1"));
    assert_eq!(message(br#"{"quote":7}"#), "`quote` is not a quote in hex: `7`");
    assert_eq!(message(br#"{"quoteB64":"%"}"#), "`quoteB64` is not a quote in base64: `\"%\"`");
    assert!(message(br#"{"quote":"04","quote":"05"}"#).contains("acceptable"), "two keys, two meanings");
    assert_eq!(message(b"0400"), "as hex: the quote ends at byte 2, but attestation key type needs bytes 2 to 4");
    assert_eq!(message(b"\x03\x00\x02\x00"), "as binary: version at byte 0 is 3, expected 4 or 5");
    assert!(message(&vec![b'a'; MAX_INPUT_BYTES + 1]).starts_with("the input has"));
}

#[test]
fn within_the_chain_only_certificates_below_the_root_are_signed() {
    let bytes = v4();
    let quote = Quote::parse(&bytes).unwrap();
    let at = V4_SIGNATURE + INNER_TYPE + 6;
    assert_eq!(quote.unsigned_ranges(), vec![at..bytes.len()], "a root alone is not signed by anybody else");
}
