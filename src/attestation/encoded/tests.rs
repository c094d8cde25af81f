//! Hex and base64 as people hand them on, and every way they get damaged.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use base64::engine::general_purpose::{STANDARD as B64, URL_SAFE_NO_PAD};
use serde_json::json;

use super::*;

/// Bytes whose base64 has every kind of digit.
fn bytes() -> Vec<u8> {
    (0..=255).chain([0xfb, 0xff, 0xbf]).collect()
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(unit).collect()
}

fn wrapped(text: &str, width: usize, newline: &str) -> String {
    text.as_bytes().chunks(width).map(|line| format!("{}{newline}", str::from_utf8(line).unwrap())).collect()
}

#[test]
fn bytes_in_every_notation_are_read() {
    let (hex, b64) = (hex::encode(bytes()), B64.encode(bytes()));
    for (text, notation) in [
        (hex.clone(), Notation::Hex),
        (hex.to_uppercase(), Notation::Hex),
        (format!("0x{hex}"), Notation::Hex),
        (format!("0X{}\n", hex.to_uppercase()), Notation::Hex),
        (wrapped(&hex, 60, "\n"), Notation::Hex),
        (wrapped(&hex, 61, "\r\n"), Notation::Hex),
        (wrapped(&hex, 2, " "), Notation::Hex),
        (format!("\u{feff}{hex}"), Notation::Hex),
        (format!("{hex}\0"), Notation::Hex),
        (b64.clone(), Notation::Base64),
        (b64.trim_end_matches('=').to_owned(), Notation::Base64),
        (URL_SAFE_NO_PAD.encode(bytes()), Notation::Base64),
        (wrapped(&b64, 76, "\r\n"), Notation::Base64),
        (format!("\t{b64}\n\0"), Notation::Base64),
    ] {
        assert_eq!(decode(&text), Ok((bytes(), notation)), "{text:?}");
    }
}

#[test]
fn damaged_hex_is_called_that_with_the_place_of_the_digit() {
    let hex = hex::encode(bytes());
    let said = |text: &str| decode(text).unwrap_err().to_string();
    let with = |at: usize, c: char| {
        let mut chars: Vec<char> = hex.chars().collect();
        chars[at] = c;
        chars.into_iter().collect::<String>()
    };
    let digit = |c: &str, place: &str| format!("damaged hex: `{c}` at {place} is not a hex digit");
    for (text, expected) in [
        (hex[1..].to_owned(), "damaged hex: an odd number of digits (517)".to_owned()),
        (format!("0x{}", &hex[1..]), "damaged hex: an odd number of digits (517)".to_owned()),
        (wrapped(&hex[1..], 64, "\n"), "damaged hex: an odd number of digits (517)".to_owned()),
        (with(0, 'g'), digit("g", "line 1, column 1")),
        (with(100, 'g'), digit("g", "line 1, column 101")),
        (with(517, 'O'), digit("O", "line 1, column 518")),
        (wrapped(&with(100, 'z'), 64, "\n"), digit("z", "line 2, column 37")),
        (wrapped(&with(100, 'z'), 64, "\r\n"), digit("z", "line 2, column 37")),
        (format!("0x{}", with(0, 'x')), digit("x", "line 1, column 3")),
        (with(7, '-'), digit("-", "line 1, column 8")),
        (with(7, 'é'), digit("é", "line 1, column 8")),
        (with(7, '\u{fffd}'), digit("\u{fffd}", "line 1, column 8")),
        (with(7, '\0'), digit("\\0", "line 1, column 8")),
        ("0xzz".to_owned(), digit("z", "line 1, column 3")),
        ("0x".to_owned(), "empty".to_owned()),
        (String::new(), "empty".to_owned()),
        (" \r\n\0".to_owned(), "empty".to_owned()),
    ] {
        assert_eq!(said(&text), expected, "{text:?}");
    }
}

#[test]
fn base64_of_mostly_zeros_is_base64() {
    for zeros in [100, 1000, 10_000] {
        let bytes = [&b"HCLA"[..], &vec![0; zeros], &[0x12, 0x34, 0x56]].concat();
        assert_eq!(decode(&B64.encode(&bytes)), Ok((bytes.clone(), Notation::Base64)), "{zeros}");
        let mut hex = hex::encode(&bytes);
        hex.replace_range(40..41, "x");
        assert!(matches!(decode(&hex), Err(Undecodable::HexDigit { .. })), "{zeros}");
    }
}

#[test]
fn damaged_base64_is_called_that_and_a_sentence_is_neither() {
    let b64 = B64.encode(bytes());
    let said = |text: &str| decode(text).unwrap_err().to_string();
    assert_eq!(
        said(&b64.replacen('g', "!", 1)),
        format!("damaged base64: `!` at line 1, column {} does not belong there", b64.find('g').unwrap() + 1)
    );
    let second = wrapped(&format!("{}*{}", &b64[..80], &b64[81..]), 76, "\n");
    assert_eq!(said(&second), "damaged base64: `*` at line 2, column 5 does not belong there");
    assert_eq!(said(&b64[..b64.len() - 3]), "damaged base64: its 345 characters end within a byte");
    assert!(said(&format!("{}-{}", &b64[..50], &b64[51..])).starts_with("damaged base64: "), "two alphabets");
    for sentence in ["not a quote!", "hello, world!", "!", "é", "{\"quote\"", "quote: 0400"] {
        assert_eq!(said(sentence), format!("neither hex nor base64: `{sentence}`"));
    }
}

#[test]
fn text_is_told_from_bytes_and_read_in_every_charset() {
    let hex = hex::encode(bytes());
    let read = |bytes: &[u8]| text(bytes).map(|found| found.map(|(text, charset)| (text.into_owned(), charset)));
    let of = |charset| Ok(Some((hex.clone(), charset)));
    assert_eq!(read(hex.as_bytes()), of(Charset::Utf8));
    assert_eq!(read(&[b"\xef\xbb\xbf", hex.as_bytes()].concat()), of(Charset::Utf8Marked));
    for mark in [true, false] {
        assert_eq!(read(&utf16(&hex, u16::to_le_bytes, mark)), of(Charset::Utf16Le), "{mark}");
        assert_eq!(read(&utf16(&hex, u16::to_be_bytes, mark)), of(Charset::Utf16Be), "{mark}");
        let cut = utf16(&hex, u16::to_le_bytes, mark);
        assert_eq!(read(&cut[..cut.len() - 1]), Err(Undecodable::Utf16), "{mark}");
    }
    assert_eq!(read(b"\xff\xfe\x00\xd8"), Err(Undecodable::Utf16), "half a surrogate pair");
    // Damaged text is text.
    assert_eq!(read(&[hex.as_bytes(), b"\xff00"].concat()), Ok(Some((format!("{hex}\u{fffd}00"), Charset::Utf8))));
    assert_eq!(read(&[hex.as_bytes(), b"\0"].concat()), Ok(Some((format!("{hex}\0"), Charset::Utf8))));
    // Beginnings of quotes, certificates and reports are not.
    for bytes in
        [&[4, 0, 2, 0, 0x81, 0, 0, 0][..], &[5, 0, 2, 0], &[0x30, 0x82, 1, 0], &[0, 0, 1, 4], b"HCLA\x02\0\0\0"]
    {
        assert_eq!(read(bytes), Ok(None), "{bytes:?}");
    }
}

#[test]
fn json_holds_bytes_as_text_or_as_a_list() {
    assert_eq!(decode_json(&json!("0400")), Ok(vec![4, 0]));
    assert_eq!(decode_json(&json!("0x0400")), Ok(vec![4, 0]));
    assert_eq!(decode_json(&json!("BAACAIEAAAA=")), Ok(vec![4, 0, 2, 0, 0x81, 0, 0, 0]));
    assert_eq!(decode_json(&json!([4, 0, 255])), Ok(vec![4, 0, 255]));
    for bad in [json!(null), json!(7), json!({}), json!([]), json!([256]), json!([-1]), json!(["04"]), json!([1.5])] {
        assert!(matches!(decode_json(&bad), Err(Undecodable::Neither(_))), "{bad}");
    }
    assert_eq!(decode_json(&json!("")), Err(Undecodable::Empty));
    assert_eq!(decode_json(&json!("040")), Err(Undecodable::OddHex(3)));
}
