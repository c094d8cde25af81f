//! Version 1: MessagePack, maps with named fields. A byte string is either one (`bin`) or a list of numbers, as serde writes
//! the two. Fields may come in any order, but `kind` comes before the `data` whose fields it decides.

use rmp::{
    Marker,
    decode::{
        Bytes, NumValueReadError, RmpReadErr, ValueReadError, read_array_len, read_bin_len, read_int, read_map_len,
        read_str_len,
    },
    encode::{self, ValueWriteError},
};

use super::{Attestation, AttestationError, Entry, Form, MAX_EVENTS, Problem, RuntimeEvent, fault};

/// Most fields of one map: twice as many as any version writes.
const MAX_FIELDS: u32 = 16;

type Fallible<T> = Result<T, AttestationError>;

pub(super) fn decode(bytes: &[u8]) -> Fallible<Attestation> {
    let mut reader = Reader { bytes: Bytes::new(bytes) };
    let (mut version, mut platform, mut stack) = (None, None, None);
    reader.map("", |reader, key, field| {
        match key {
            "version" => version = Some(reader.number::<u64>(field)?),
            "platform" => platform = Some(reader.platform(field)?),
            "stack" => stack = Some(reader.stack(field)?),
            _ => return Err(fault(Form::MessagePack, field, Problem::Unknown)),
        }
        Ok(())
    })?;
    match reader.bytes.remaining_slice().len() {
        0 => {}
        rest => return Err(fault(Form::MessagePack, "end", Problem::Trailing(rest))),
    }
    match there(version, "version")? {
        1 => {}
        other => return Err(fault(Form::MessagePack, "version", unexpected("1", other.to_string()))),
    }
    let Platform { quote, events } = there(platform, "platform")?;
    let Stack { report_data, runtime_events, config } = there(stack, "stack")?;
    Ok(Attestation { form: Form::MessagePack, quote, events, runtime_events, report_data: Some(report_data), config })
}

struct Platform {
    quote: Vec<u8>,
    events: Vec<Entry>,
}

struct Stack {
    report_data: [u8; 64],
    runtime_events: Vec<RuntimeEvent>,
    config: String,
}

struct Reader<'a> {
    bytes: Bytes<'a>,
}

impl<'a> Reader<'a> {
    /// Reads a map, handing each field's name and place to `each`, which reads the value.
    fn map(&mut self, at: &str, mut each: impl FnMut(&mut Self, &str, &str) -> Fallible<()>) -> Fallible<()> {
        let place = if at.is_empty() { "the whole" } else { at };
        let fields = read_map_len(&mut self.bytes).map_err(|e| wrong(place, "a map", &e))?;
        if fields > MAX_FIELDS {
            return Err(fault(Form::MessagePack, place, Problem::TooMany(fields.into())));
        }
        let mut seen: Vec<&str> = Vec::new();
        for _ in 0..fields {
            let key = self.text(place)?;
            let shown = crate::schema::excerpt::excerpt(key);
            let field = if at.is_empty() { shown } else { format!("{at}.{shown}") };
            if seen.contains(&key) {
                return Err(fault(Form::MessagePack, field, Problem::Twice));
            }
            seen.push(key);
            each(self, key, &field)?;
        }
        Ok(())
    }

    /// `{kind, data}`: the kind first, then what it makes of the data.
    fn tagged<T>(&mut self, at: &str, mut data: impl FnMut(&mut Self, &str, &str) -> Fallible<T>) -> Fallible<T> {
        let (mut kind, mut read) = (None, None);
        self.map(at, |reader, key, field| {
            match (key, kind) {
                ("kind", _) => kind = Some(reader.text(field)?),
                ("data", Some(kind)) => read = Some(data(reader, kind, field)?),
                ("data", None) => {
                    return Err(fault(
                        Form::MessagePack,
                        field,
                        unexpected("`kind` before it", "no kind yet".to_owned()),
                    ));
                }
                _ => return Err(fault(Form::MessagePack, field, Problem::Unknown)),
            }
            Ok(())
        })?;
        there(kind, &format!("{at}.kind"))?;
        there(read, &format!("{at}.data"))
    }

    fn platform(&mut self, at: &str) -> Fallible<Platform> {
        self.tagged(at, |reader, kind, field| {
            if kind != "tdx" {
                let platform = format!("`{}`", crate::schema::excerpt::excerpt(kind));
                return Err(AttestationError::Platform { form: Form::MessagePack, field: "platform.kind", platform });
            }
            let (mut quote, mut events) = (None, None);
            reader.map(field, |reader, key, field| {
                match key {
                    "quote" => quote = Some(reader.byte_string(field)?),
                    "event_log" => events = Some(reader.list(field, Self::event)?),
                    _ => return Err(fault(Form::MessagePack, field, Problem::Unknown)),
                }
                Ok(())
            })?;
            Ok(Platform {
                quote: there(quote, &format!("{field}.quote"))?,
                events: there(events, &format!("{field}.event_log"))?,
            })
        })
    }

    fn stack(&mut self, at: &str) -> Fallible<Stack> {
        self.tagged(at, |reader, kind, field| {
            if kind != "dstack" {
                let actual = format!("`{}`", crate::schema::excerpt::excerpt(kind));
                return Err(fault(Form::MessagePack, "stack.kind", unexpected("`dstack`", actual)));
            }
            let (mut report_data, mut runtime_events, mut config) = (None, None, None);
            reader.map(field, |reader, key, field| {
                match key {
                    "report_data" => report_data = Some(reader.report_data(field)?),
                    "runtime_events" => runtime_events = Some(reader.list(field, Self::runtime_event)?),
                    "config" => config = Some(reader.text(field)?.to_owned()),
                    _ => return Err(fault(Form::MessagePack, field, Problem::Unknown)),
                }
                Ok(())
            })?;
            Ok(Stack {
                report_data: there(report_data, &format!("{field}.report_data"))?,
                runtime_events: there(runtime_events, &format!("{field}.runtime_events"))?,
                config: there(config, &format!("{field}.config"))?,
            })
        })
    }

    fn event(&mut self, at: &str) -> Fallible<Entry> {
        let (mut register, mut event_type, mut digest, mut name, mut payload) = (None, None, Vec::new(), None, None);
        let (mut version, mut preimage) = (None, None);
        self.map(at, |reader, key, field| {
            match key {
                "imr" => register = Some(reader.number(field)?),
                "event_type" => event_type = Some(reader.number(field)?),
                "digest" => digest = reader.byte_string(field)?,
                "event" => name = Some(reader.text(field)?.to_owned()),
                "event_payload" => payload = Some(reader.byte_string(field)?),
                "version" => version = Some(reader.number(field)?),
                "hash_input" => preimage = Some(reader.byte_string(field)?),
                _ => return Err(fault(Form::MessagePack, field, Problem::Unknown)),
            }
            Ok(())
        })?;
        Ok(Entry {
            register: there(register, &format!("{at}.imr"))?,
            event_type: there(event_type, &format!("{at}.event_type"))?,
            digest,
            name: there(name, &format!("{at}.event"))?,
            payload: there(payload, &format!("{at}.event_payload"))?,
            version,
            preimage,
        })
    }

    fn runtime_event(&mut self, at: &str) -> Fallible<RuntimeEvent> {
        let (mut name, mut payload, mut version) = (None, None, None);
        self.map(at, |reader, key, field| {
            match key {
                "event" => name = Some(reader.text(field)?.to_owned()),
                "payload" => payload = Some(reader.byte_string(field)?),
                "version" => version = Some(reader.number(field)?),
                _ => return Err(fault(Form::MessagePack, field, Problem::Unknown)),
            }
            Ok(())
        })?;
        Ok(RuntimeEvent {
            name: there(name, &format!("{at}.event"))?,
            payload: there(payload, &format!("{at}.payload"))?,
            version,
        })
    }

    fn list<T>(&mut self, at: &str, read: impl Fn(&mut Self, &str) -> Fallible<T>) -> Fallible<Vec<T>> {
        let count = read_array_len(&mut self.bytes).map_err(|e| wrong(at, "a list", &e))?;
        let count = self.fitting(at, count)?;
        if count > MAX_EVENTS {
            return Err(fault(Form::MessagePack, at, Problem::TooMany(count as u64)));
        }
        (0..count).map(|index| read(self, &format!("{at}[{index}]"))).collect()
    }

    /// A stated length, where as many bytes are left: every entry has one at least.
    fn fitting(&self, at: &str, stated: u32) -> Fallible<usize> {
        let left = self.bytes.remaining_slice().len();
        let needed = usize::try_from(stated).unwrap_or(usize::MAX);
        if needed <= left { Ok(needed) } else { Err(fault(Form::MessagePack, at, Problem::Truncated { needed, left })) }
    }

    fn take(&mut self, at: &str, stated: u32) -> Fallible<&'a [u8]> {
        let count = self.fitting(at, stated)?;
        let (taken, rest) = self.bytes.remaining_slice().split_at(count);
        self.bytes = Bytes::new(rest);
        Ok(taken)
    }

    /// Bytes, or a list of numbers from 0 to 255.
    fn byte_string(&mut self, at: &str) -> Fallible<Vec<u8>> {
        const EXPECTED: &str = "bytes, or a list of numbers from 0 to 255";
        let mut ahead = self.bytes;
        if let Ok(length) = read_bin_len(&mut ahead) {
            self.bytes = ahead;
            return self.take(at, length).map(<[u8]>::to_vec);
        }
        let count = read_array_len(&mut self.bytes).map_err(|e| wrong(at, EXPECTED, &e))?;
        let count = self.fitting(at, count)?;
        (0..count).map(|_| read_int(&mut self.bytes).map_err(|e| wrong_number(at, EXPECTED, &e))).collect()
    }

    fn report_data(&mut self, at: &str) -> Fallible<[u8; 64]> {
        let bytes = self.byte_string(at)?;
        let actual = format!("{} bytes", bytes.len());
        bytes.try_into().map_err(|_| fault(Form::MessagePack, at, unexpected("64 bytes", actual)))
    }

    fn text(&mut self, at: &str) -> Fallible<&'a str> {
        let length = read_str_len(&mut self.bytes).map_err(|e| wrong(at, "text", &e))?;
        let bytes = self.take(at, length)?;
        str::from_utf8(bytes).map_err(|_| fault(Form::MessagePack, at, Problem::NotText))
    }

    fn number<T: numbers_of::FromInt>(&mut self, at: &str) -> Fallible<T> {
        T::read(&mut self.bytes).map_err(|e| wrong_number(at, T::EXPECTED, &e))
    }
}

/// The two widths of number that there are.
mod numbers_of {
    use rmp::decode::{Bytes, NumValueReadError, bytes::BytesReadError, read_int};

    pub(super) trait FromInt: Sized {
        const EXPECTED: &str;
        fn read(bytes: &mut Bytes<'_>) -> Result<Self, NumValueReadError<BytesReadError>>;
    }

    impl FromInt for u32 {
        const EXPECTED: &str = "a number of 32 bits";
        fn read(bytes: &mut Bytes<'_>) -> Result<Self, NumValueReadError<BytesReadError>> {
            read_int(bytes)
        }
    }

    impl FromInt for u64 {
        const EXPECTED: &str = "a number of 64 bits";
        fn read(bytes: &mut Bytes<'_>) -> Result<Self, NumValueReadError<BytesReadError>> {
            read_int(bytes)
        }
    }
}

fn there<T>(value: Option<T>, field: &str) -> Fallible<T> {
    value.ok_or_else(|| fault(Form::MessagePack, field, Problem::Missing))
}

fn unexpected(expected: &'static str, actual: String) -> Problem {
    Problem::Unexpected { expected, actual }
}

fn wrong<E: RmpReadErr>(at: &str, expected: &'static str, error: &ValueReadError<E>) -> AttestationError {
    let problem = match error {
        ValueReadError::TypeMismatch(marker) => unexpected(expected, kind(*marker)),
        ValueReadError::InvalidMarkerRead(_) | ValueReadError::InvalidDataRead(_) => {
            Problem::Truncated { needed: 1, left: 0 }
        }
    };
    fault(Form::MessagePack, at, problem)
}

fn wrong_number<E: RmpReadErr>(at: &str, expected: &'static str, error: &NumValueReadError<E>) -> AttestationError {
    let problem = match error {
        NumValueReadError::TypeMismatch(marker) => unexpected(expected, kind(*marker)),
        NumValueReadError::OutOfRange => unexpected(expected, "a number out of that range".to_owned()),
        NumValueReadError::InvalidMarkerRead(_) | NumValueReadError::InvalidDataRead(_) => {
            Problem::Truncated { needed: 1, left: 0 }
        }
    };
    fault(Form::MessagePack, at, problem)
}

/// What a marker begins.
fn kind(marker: Marker) -> String {
    format!("another kind of value ({marker:?})")
}

pub(super) fn encode(attestation: &Attestation) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A vector takes whatever is written to it.
    written(attestation, &mut bytes).map(|()| bytes).unwrap_or_default()
}

type Written = Result<(), ValueWriteError>;

fn written(attestation: &Attestation, to: &mut Vec<u8>) -> Written {
    encode::write_map_len(to, 3)?;
    encode::write_str(to, "version")?;
    encode::write_uint(to, 1)?;
    encode::write_str(to, "platform")?;
    tagged("tdx", to)?;
    encode::write_map_len(to, 2)?;
    encode::write_str(to, "quote")?;
    numbers(&attestation.quote, to)?;
    encode::write_str(to, "event_log")?;
    count(attestation.events.len(), to)?;
    for event in &attestation.events {
        logged(event, to)?;
    }
    encode::write_str(to, "stack")?;
    tagged("dstack", to)?;
    encode::write_map_len(to, 3)?;
    encode::write_str(to, "report_data")?;
    numbers(&attestation.report_data.unwrap_or([0; 64]), to)?;
    encode::write_str(to, "runtime_events")?;
    count(attestation.runtime_events.len(), to)?;
    for event in &attestation.runtime_events {
        encode::write_map_len(to, 2 + u32::from(event.version.is_some()))?;
        encode::write_str(to, "event")?;
        encode::write_str(to, &event.name)?;
        encode::write_str(to, "payload")?;
        encode::write_bin(to, &event.payload)?;
        versioned(event.version, to)?;
    }
    encode::write_str(to, "config")?;
    encode::write_str(to, &attestation.config)
}

fn logged(event: &Entry, to: &mut Vec<u8>) -> Written {
    let optional = u32::from(event.version.is_some()) + u32::from(event.preimage.is_some());
    encode::write_map_len(to, 5 + optional)?;
    encode::write_str(to, "imr")?;
    encode::write_uint(to, event.register.into())?;
    encode::write_str(to, "event_type")?;
    encode::write_uint(to, event.event_type.into())?;
    encode::write_str(to, "digest")?;
    encode::write_bin(to, &event.digest)?;
    encode::write_str(to, "event")?;
    encode::write_str(to, &event.name)?;
    encode::write_str(to, "event_payload")?;
    encode::write_bin(to, &event.payload)?;
    versioned(event.version, to)?;
    if let Some(preimage) = &event.preimage {
        encode::write_str(to, "hash_input")?;
        encode::write_bin(to, preimage)?;
    }
    Ok(())
}

fn versioned(version: Option<u64>, to: &mut Vec<u8>) -> Written {
    if let Some(version) = version {
        encode::write_str(to, "version")?;
        encode::write_uint(to, version)?;
    }
    Ok(())
}

fn tagged(kind: &str, to: &mut Vec<u8>) -> Written {
    encode::write_map_len(to, 2)?;
    encode::write_str(to, "kind")?;
    encode::write_str(to, kind)?;
    encode::write_str(to, "data")
}

/// Bytes as serde writes a vector of them.
fn numbers(bytes: &[u8], to: &mut Vec<u8>) -> Written {
    count(bytes.len(), to)?;
    bytes.iter().try_for_each(|byte| encode::write_uint(to, (*byte).into()).map(drop))
}

fn count(entries: usize, to: &mut Vec<u8>) -> Written {
    encode::write_array_len(to, u32::try_from(entries).unwrap_or(u32::MAX)).map(drop)
}
