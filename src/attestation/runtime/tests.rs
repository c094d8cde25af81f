//! Statements in every form that is read, and what is refused.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::*;

fn hex(byte: u8) -> String {
    hex::encode([byte; 48])
}

fn five() -> Stated {
    let mut byte = 0;
    Registers::from_fn(|_| {
        byte += 1;
        Some(Measurement::from_bytes([byte; 48]))
    })
}

#[test]
fn text_is_read_in_every_spelling() {
    let spellings = [
        format!("MRTD: {}\nRTMR0: {}\nRTMR1: {}\nRTMR2: {}\nRTMR3: {}\n", hex(1), hex(2), hex(3), hex(4), hex(5)),
        format!("mrtd={}\r\nrtmr0={}\r\nrtmr1={}\r\nrtmr2={}\r\nrtmr3={}", hex(1), hex(2), hex(3), hex(4), hex(5)),
        format!(
            "# measurements\nTDX_MRTD 0x{}\nRTMR[0]\t{}\nrtmr-1 = \"{}\",\n  RTMR_2 : {}\nuptime: 3 days\nRTMR[3]: {}",
            hex(1).to_uppercase(),
            hex(2),
            hex(3),
            hex(4),
            hex(5)
        ),
    ];
    for text in spellings {
        assert_eq!(parse(text.as_bytes(), None), Ok(five()), "{text}");
    }
}

#[test]
fn json_is_read_in_every_shape() {
    let flat = json!({"mrtd": hex(1), "rtmr0": hex(2), "rtmr1": hex(3), "rtmr2": hex(4), "rtmr3": hex(5)});
    let shapes = [
        flat.clone(),
        json!({"data": {"quote": {"body": flat, "version": 4}}}),
        json!({"ita_claims": {"tdx": {"tdx_mrtd": hex(1), "tdx_rtmr0": hex(2), "tdx_rtmr1": hex(3),
            "tdx_rtmr2": hex(4), "tdx_rtmr3": hex(5), "tdx_seamattributes": "00"}}}),
        json!({"mr_td": hex(1), "rtmrs": [hex(2), hex(3), hex(4), hex(5)]}),
        json!([{"register": "MRTD", "value": hex(1)}, {"name": "RTMR0", "digest": hex(2)},
            {"register": "rtmr1", "measurement": hex(3)}, {"register": "RTMR2", "hex": hex(4)},
            {"register": "RTMR3", "value": hex(5)}]),
    ];
    for shape in shapes {
        assert_eq!(parse(shape.to_string().as_bytes(), None), Ok(five()), "{shape}");
    }
}

#[test]
fn a_register_that_is_not_stated_is_none() {
    let stated = parse(format!("MRTD: {}", hex(1)).as_bytes(), None).expect("one register");
    assert_eq!(stated.get(Register::Rtmr3), &None);
}

#[test]
fn two_values_of_one_register_are_refused_until_a_pointer_says_which() {
    let both = json!({"expected": {"mrtd": hex(1)}, "actual": {"mrtd": hex(2)}}).to_string();
    let error = parse(both.as_bytes(), None).expect_err("two values");
    assert!(matches!(error, InvalidStatement::Contradiction { register: Register::Mrtd, .. }), "{error}");
    let stated = parse(both.as_bytes(), Some("/actual")).expect("one value");
    assert_eq!(stated.get(Register::Mrtd), &Some(Measurement::from_bytes([2; 48])));
    assert_eq!(parse(both.as_bytes(), Some("/other")), Err(InvalidStatement::NoSuchPlace("/other".into())));
    let twice = format!("MRTD: {0}\nmrtd: {0}", hex(1));
    assert!(parse(twice.as_bytes(), None).is_ok(), "the same value twice is no contradiction");
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    let message = |bytes: &[u8]| parse(bytes, None).expect_err("refused").to_string();
    assert_eq!(message(b""), "no register is named: expected MRTD and RTMR0 to RTMR3");
    assert_eq!(message(b"\xff\xfe"), "neither JSON nor UTF-8 text");
    assert!(message(b"{\"mrtd\": ").starts_with("not acceptable JSON: line 1"));
    assert!(
        message(b"{\"tdx\":{\"mrtd\":\"abcd\"}}").starts_with("tdx.mrtd: not a measurement: expected 96 hex digits")
    );
    assert!(message(b"\n\nRTMR3: 12").starts_with("line 3: not a measurement"));
    assert!(message(&vec![b' '; MAX_BYTES + 1]).contains("more than a statement"));
    assert_eq!(parse(b"MRTD: 1", Some("/x")), Err(InvalidStatement::PointerIntoText));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(parse(deep.as_bytes(), None), Err(InvalidStatement::Nothing));
}
