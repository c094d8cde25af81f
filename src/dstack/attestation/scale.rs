//! Version 0: SCALE. A zero byte, the platform's number, then the fields in order, each list and text behind its length as
//! a compact number.

use parity_scale_codec::{Compact, Decode as _, Encode as _};

use super::{Attestation, AttestationError, Entry, Form, MAX_EVENTS, Problem, RuntimeEvent, fault};

/// The platforms, by number. Only the first is read.
const PLATFORMS: [&str; 5] = ["TDX", "TDX on Google Cloud", "AWS Nitro Enclaves", "AMD SEV-SNP", "AWS NitroTPM"];

/// Fewest bytes of an event in the log: register, type, and three empty lists.
const LEAST_EVENT: usize = 11;
/// Fewest bytes of a run-time event: two empty lists.
const LEAST_RUNTIME_EVENT: usize = 2;

type Fallible<T> = Result<T, AttestationError>;

pub(super) fn decode(bytes: &[u8]) -> Fallible<Attestation> {
    let mut reader = Reader { left: bytes };
    reader.take("version", 1)?;
    platform(&mut reader)?;
    let quote = reader.bytes("quote")?.to_vec();
    let mut events = Vec::new();
    for index in 0..reader.count("event_log", LEAST_EVENT)? {
        let field = |name: &str| format!("event_log[{index}].{name}");
        events.push(Entry {
            register: reader.u32(&field("imr"))?,
            event_type: reader.u32(&field("event_type"))?,
            digest: reader.bytes(&field("digest"))?.to_vec(),
            name: reader.text(&field("event"))?,
            payload: reader.bytes(&field("event_payload"))?.to_vec(),
            version: None,
            preimage: None,
        });
    }
    let mut runtime_events = Vec::new();
    for index in 0..reader.count("runtime_events", LEAST_RUNTIME_EVENT)? {
        let field = |name: &str| format!("runtime_events[{index}].{name}");
        let name = reader.text(&field("event"))?;
        let payload = reader.bytes(&field("payload"))?.to_vec();
        runtime_events.push(RuntimeEvent { name, payload, version: None });
    }
    let mut report_data = [0; 64];
    report_data.copy_from_slice(reader.take("report_data", 64)?);
    let config = reader.text("config")?;
    match reader.left.len() {
        0 => {
            Ok(Attestation { form: Form::Scale, quote, events, runtime_events, report_data: Some(report_data), config })
        }
        rest => Err(fault(Form::Scale, "end", Problem::Trailing(rest))),
    }
}

pub(super) fn encode(attestation: &Attestation) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    attestation.quote.encode_to(&mut bytes);
    length(attestation.events.len(), &mut bytes);
    for event in &attestation.events {
        event.register.encode_to(&mut bytes);
        event.event_type.encode_to(&mut bytes);
        event.digest.encode_to(&mut bytes);
        event.name.encode_to(&mut bytes);
        event.payload.encode_to(&mut bytes);
    }
    length(attestation.runtime_events.len(), &mut bytes);
    for event in &attestation.runtime_events {
        event.name.encode_to(&mut bytes);
        event.payload.encode_to(&mut bytes);
    }
    bytes.extend(attestation.report_data.unwrap_or([0; 64]));
    attestation.config.encode_to(&mut bytes);
    bytes
}

/// A list's length. One that no compact number holds is longer than any attestation.
fn length(entries: usize, bytes: &mut Vec<u8>) {
    Compact(u32::try_from(entries).unwrap_or(u32::MAX)).encode_to(bytes);
}

fn platform(reader: &mut Reader<'_>) -> Fallible<()> {
    let number = reader.take("platform", 1)?.first().copied().unwrap_or_default();
    match PLATFORMS.get(usize::from(number)) {
        Some(_) if number == 0 => Ok(()),
        Some(name) => {
            let (form, platform) = (Form::Scale, (*name).to_owned());
            Err(AttestationError::Platform { form, field: "platform", platform })
        }
        None => {
            let problem = Problem::Unexpected { expected: "0 (TDX)", actual: number.to_string() };
            Err(fault(Form::Scale, "platform", problem))
        }
    }
}

struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, field: &str, count: usize) -> Fallible<&'a [u8]> {
        let left = self.left.len();
        let (taken, rest) = self.left.split_at_checked(count).ok_or_else(|| {
            let problem = Problem::Truncated { needed: count, left };
            fault(Form::Scale, field, problem)
        })?;
        self.left = rest;
        Ok(taken)
    }

    fn u32(&mut self, field: &str) -> Fallible<u32> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(field, 4)?);
        Ok(u32::from_le_bytes(bytes))
    }

    /// A compact number of 32 bits, written as short as it can be.
    fn compact(&mut self, field: &str) -> Fallible<u32> {
        let shown = hex::encode(self.left.get(..5).unwrap_or(self.left));
        let Compact(number) = Compact::<u32>::decode(&mut self.left).map_err(|_| {
            let actual = if shown.is_empty() { "nothing".to_owned() } else { format!("the bytes {shown}") };
            let expected = "a length: a compact number of 32 bits, in its shortest form";
            fault(Form::Scale, field, Problem::Unexpected { expected, actual })
        })?;
        Ok(number)
    }

    fn bytes(&mut self, field: &str) -> Fallible<&'a [u8]> {
        let length = self.compact(field)?;
        self.take(field, usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn text(&mut self, field: &str) -> Fallible<String> {
        let bytes = self.bytes(field)?;
        str::from_utf8(bytes).map(str::to_owned).map_err(|_| fault(Form::Scale, field, Problem::NotText))
    }

    /// The length of a list whose entries have `least` bytes or more: nothing is set aside for more than there can be.
    fn count(&mut self, field: &str, least: usize) -> Fallible<usize> {
        let stated = self.compact(field)?;
        let count = usize::try_from(stated).unwrap_or(usize::MAX);
        if count > MAX_EVENTS || count > self.left.len() / least {
            return Err(fault(Form::Scale, field, Problem::TooMany(stated.into())));
        }
        Ok(count)
    }
}
