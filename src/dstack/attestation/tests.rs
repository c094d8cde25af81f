//! Attestations as literals, and whatever is not one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::{
    collection::vec,
    prelude::{ProptestConfig, any},
    prop_assert, prop_assert_eq, proptest,
};

use super::*;

/// An attestation of 22 events' worth of nothing: small, and with every kind of field.
fn sample(form: Form) -> Attestation {
    let event = |register, event_type, name: &str, payload: &[u8]| Entry {
        register,
        event_type,
        digest: vec![7; 48],
        name: name.to_owned(),
        payload: payload.to_vec(),
        ..Entry::default()
    };
    let version = (form == Form::MessagePack).then_some(2);
    Attestation {
        form,
        quote: vec![4, 0, 2, 0, 0x81],
        events: vec![
            event(0, 0x8000_000b, "", &[0; 200]),
            Entry {
                version,
                preimage: version.map(|_| b"{}".to_vec()),
                ..event(3, 0x0800_0001, "app-id", b"\x01\x02")
            },
        ],
        runtime_events: vec![RuntimeEvent { name: "app-id".to_owned(), payload: vec![1, 2], version }],
        report_data: Some([9; 64]),
        config: "{\"vm_config\":\"é\"}".to_owned(),
    }
}

fn error(bytes: &[u8]) -> String {
    Attestation::decode(bytes).unwrap_err().to_string()
}

#[test]
fn what_is_written_reads_as_the_same_in_every_form() {
    for form in [Form::Scale, Form::MessagePack] {
        let sample = sample(form);
        assert_eq!(Attestation::decode(&sample.encode()), Ok(sample), "{form}");
    }
    let bare = Attestation::of_quote(vec![5, 0, 2, 0]);
    assert_eq!(Attestation::decode(&bare.encode()), Ok(bare));
}

#[test]
fn scale_is_laid_out_as_dstack_writes_it() {
    let small = Attestation {
        form: Form::Scale,
        quote: vec![4, 0],
        events: vec![Entry {
            register: 3,
            event_type: 0x0800_0001,
            name: "a".to_owned(),
            payload: vec![5],
            ..Entry::default()
        }],
        runtime_events: vec![RuntimeEvent { name: "a".to_owned(), payload: vec![5], version: None }],
        report_data: Some([1; 64]),
        config: "{}".to_owned(),
    };
    let expected = format!("0000 080400 04 03000000 01000008 00 0461 0405 04 0461 0405 {} 087b7d", "01".repeat(64));
    assert_eq!(hex::encode(small.encode()), expected.replace(' ', ""));
}

#[test]
fn every_beginning_of_an_attestation_is_refused_by_the_name_of_a_field() {
    for form in [Form::Scale, Form::MessagePack] {
        let whole = sample(form).encode();
        for end in 1..whole.len() {
            let message = error(whole.get(..end).unwrap());
            assert!(message.starts_with(form.as_str()), "{end}: {message}");
        }
        let message = error(&[whole.as_slice(), b"\0"].concat());
        assert!(message.ends_with("end: 1 byte follows the end of the attestation"), "{message}");
    }
}

#[test]
fn lengths_that_nothing_can_hold_are_refused_before_anything_is_set_aside() {
    // A quote of 1 GiB, a log of a million events, a list of 2^32 numbers, a text as long.
    for (bytes, field) in [
        ("0000feffffff", "quote: the bytes end within it: it needs 1073741823 more, and 0 are left"),
        ("000000 02093d00", "event_log: it states 1000000 entries"),
        (
            "83a7 76657273696f6e 01 a8 706c6174666f726d 82 a4 6b696e64 a3 746478 a4 64617461 81 a5 71756f7465 ddffffffff",
            "platform.data.quote",
        ),
        ("81a6 737461636b21", "stack!: not a field"),
        ("dfffffffff", "the whole: it states 4294967295 entries"),
        ("81dbffffffff", "the whole: the bytes end within it"),
    ] {
        let message = error(&hex::decode(bytes.replace(' ', "")).unwrap());
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn a_number_that_is_not_in_its_shortest_form_is_refused() {
    // SCALE has one spelling of each number, and MessagePack several.
    assert!(error(&[0, 0, 0x15, 0]).contains("quote: expected a length: a compact number of 32 bits"));
    let mut long = sample(Form::MessagePack).encode();
    let at = long.windows(7).position(|w| w == b"version").unwrap() + 7;
    long.splice(at..=at, [0xcc, 1]);
    assert_eq!(Attestation::decode(&long), Ok(sample(Form::MessagePack)));
}

#[test]
fn other_platforms_and_other_forms_are_called_by_their_names() {
    for (bytes, expected) in [
        (
            &[0, 1][..],
            "versioned attestation 0 (SCALE): platform: an attestation of TDX on Google Cloud; only TDX can be judged",
        ),
        (&[0, 3], "versioned attestation 0 (SCALE): platform: an attestation of AMD SEV-SNP; only TDX can be judged"),
        (&[0, 9], "versioned attestation 0 (SCALE): platform: expected 0 (TDX), got 9"),
        (&[1], "it begins with byte 0x01; expected 0x00 (SCALE)"),
        (&[0x7b], "it begins with byte 0x7b"),
        (&[], "it is empty: the KMS was told to make no quote"),
    ] {
        let message = error(bytes);
        assert!(message.starts_with(expected), "{message}");
    }
    let packed = sample(Form::MessagePack).encode();
    let with = |from: &[u8], to: &[u8]| {
        let at = packed.windows(from.len()).position(|window| window == from).unwrap();
        let mut changed = packed.clone();
        changed.splice(at..at + from.len(), to.iter().copied());
        error(&changed)
    };
    assert!(
        with(b"\xa3tdx", b"\xa7sev-snp")
            .ends_with("platform.kind: an attestation of `sev-snp`; only TDX can be judged")
    );
    assert!(with(b"\xa6dstack", b"\xaadstack-pod").ends_with("stack.kind: expected `dstack`, got `dstack-pod`"));
    assert!(with(b"version\x01", b"version\x02").ends_with("version: expected 1, got 2"));
    assert!(with(b"\xa6config", b"\xa6konfig").ends_with("stack.data.konfig: not a field of this attestation"));
    assert!(
        with(b"\xa3imr\x00", b"\xa3imr\xc0").contains("platform.data.event_log[0].imr: expected a number of 32 bits")
    );
    assert!(with(b"\xabreport_data", b"\xa6config\x80\xabreport_data").contains("expected text"));
}

#[test]
fn a_field_left_out_or_given_twice_is_refused() {
    let map = |fields: &[(&str, &[u8])]| {
        let mut bytes = vec![0x80 | u8::try_from(fields.len()).unwrap()];
        for (name, value) in fields {
            bytes.push(0xa0 | u8::try_from(name.len()).unwrap());
            bytes.extend(name.as_bytes());
            bytes.extend(*value);
        }
        bytes
    };
    assert!(error(&map(&[("version", &[1])])).ends_with("platform: it is missing"));
    assert!(error(&map(&[("version", &[1]), ("version", &[1])])).ends_with("version: it is there twice"));
    let kind_last = map(&[("platform", &map(&[("data", &[0x80]), ("kind", b"\xa3tdx")]))]);
    assert!(error(&kind_last).ends_with("platform.data: expected `kind` before it, got no kind yet"));
}

#[test]
fn too_large_an_attestation_is_not_looked_at() {
    assert_eq!(error(&vec![0; MAX_BYTES + 1]), "it has 10485761 bytes; at most 10485760 are read");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..400)) {
        for first in [0x00, 0x80, 0x83, 0xde, 0xdf, 0x04] {
            let with_first = [&[first], bytes.as_slice()].concat();
            if let Ok(read) = Attestation::decode(&with_first) {
                prop_assert_eq!(Attestation::decode(&read.encode()), Ok(read));
            }
        }
    }

    #[test]
    fn a_changed_byte_is_read_as_something_else_or_refused(at in any::<proptest::sample::Index>(), flip in 1u8..) {
        for form in [Form::Scale, Form::MessagePack] {
            let sample = sample(form);
            let mut bytes = sample.encode();
            let index = at.index(bytes.len());
            if let Some(byte) = bytes.get_mut(index) {
                *byte ^= flip;
            }
            if let Ok(read) = Attestation::decode(&bytes) {
                // MessagePack has several spellings of one number.
                prop_assert!(read != sample || form == Form::MessagePack);
            }
        }
    }

    #[test]
    fn whatever_is_written_reads_as_the_same(
        quote in vec(any::<u8>(), 0..300),
        names in vec(".{0,40}", 0..6),
        payload in vec(any::<u8>(), 0..300),
        config in ".{0,100}",
        scale in any::<bool>(),
    ) {
        let form = if scale { Form::Scale } else { Form::MessagePack };
        let events = names.iter().zip(0..).map(|(name, register)| Entry {
            register,
            event_type: u32::MAX - register,
            digest: payload.iter().copied().take(48).collect(),
            name: name.clone(),
            payload: payload.clone(),
            ..Entry::default()
        });
        let runtime = names.iter().map(|name| RuntimeEvent { name: name.clone(), payload: payload.clone(), version: None });
        let written = Attestation {
            form,
            quote,
            events: events.collect(),
            runtime_events: runtime.collect(),
            report_data: Some([3; 64]),
            config,
        };
        prop_assert_eq!(Attestation::decode(&written.encode()), Ok(written));
    }
}
