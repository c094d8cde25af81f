//! What a VM measures of itself, and how its KMS attests its keys.

use aws_lc_rs::digest::{SHA384, SHA512, digest};

use super::{Flaw, Host};
use crate::{
    attestation::{
        event_log::Entry,
        measurement::{MEASUREMENT_LEN, Measurement, Register, Registers},
        quote::Quote,
    },
    digest::Sha256,
    dstack::attestation::{Attestation, Form, RuntimeEvent},
    error::Result,
    sandbox::tdx::{BootRegister, DEBUG, Event, EventLog, EventVersion, Fault, QuoteRequest},
};

/// What gives a guest the key of its disk, with a local key provider.
const KEY_PROVIDER: &[u8] = br#"{"name":"local-sgx","id":"73616e64626f78"}"#;

/// What a VM measured.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    mrtd: Measurement,
    log: EventLog,
    runtime: Vec<(&'static str, Vec<u8>)>,
    image: Sha256,
}

impl Measured {
    /// Of an image on a machine with so many processors and so much memory, which runs `app_compose`.
    pub(super) fn new(image: &str, vcpu: u64, memory: u64, app_compose: &str, instance_id: &[u8]) -> Self {
        let hash = Sha256::of(app_compose.as_bytes());
        let app_id = hash.as_bytes().iter().copied().take(20).collect::<Vec<u8>>();
        let image_hash = Sha256::of(image.as_bytes());
        let runtime = vec![
            ("system-preparing", Vec::new()),
            ("app-id", app_id),
            ("compose-hash", hash.as_bytes().to_vec()),
            ("instance-id", instance_id.to_vec()),
            ("boot-mr-done", Vec::new()),
            ("os-image-hash", image_hash.as_bytes().to_vec()),
            ("key-provider", KEY_PROVIDER.to_vec()),
            ("storage-fs", b"zfs".to_vec()),
            ("system-ready", Vec::new()),
        ];
        let boot = |register, what: String| Event::boot(register, what.as_bytes());
        let firmware = [
            boot(BootRegister::Rtmr0, format!("{image}, {vcpu} processors, {memory} MiB")),
            boot(BootRegister::Rtmr1, format!("{image} kernel")),
            boot(BootRegister::Rtmr2, format!("{image} command line and initrd")),
        ];
        let measured = runtime.iter().map(|(name, payload)| Event::runtime(EventVersion::V1, name, payload));
        let events: Vec<Event> = firmware.into_iter().chain(measured).collect();
        let mut mrtd = [0; MEASUREMENT_LEN];
        let of = digest(&SHA384, format!("{image} firmware").as_bytes());
        mrtd.iter_mut().zip(of.as_ref()).for_each(|(to, from)| *to = *from);
        Self { mrtd: Measurement::from_bytes(mrtd), log: EventLog::new(&events), runtime, image: image_hash }
    }

    /// The SHA-256 of its five registers: what an allow-list holds.
    pub(super) fn aggregated(&self) -> String {
        let registers = self.registers();
        let all: Vec<u8> = Register::ALL.into_iter().flat_map(|one| *registers.get(one).as_bytes()).collect();
        Sha256::of(&all).to_string()
    }

    /// The guest image.
    pub(super) fn os_image_hash(&self) -> String {
        self.image.to_string()
    }

    /// What the webhook is told of it, beside who it is.
    pub(super) fn system(&self) -> String {
        let registers = self.registers();
        let first = Register::ALL.into_iter().filter(|one| *one != Register::Rtmr3);
        let mut all: Vec<u8> = first.flat_map(|one| *registers.get(one).as_bytes()).collect();
        all.extend(Sha256::of(KEY_PROVIDER).as_bytes());
        Sha256::of(&all).to_string()
    }

    /// A payload of what was measured at run time, hex.
    pub(super) fn runtime(&self, name: &str) -> String {
        let found = self.runtime.iter().find(|(one, _)| *one == name);
        found.map(|(_, payload)| hex::encode(payload)).unwrap_or_default()
    }

    fn registers(&self) -> Registers<Measurement> {
        self.log.registers(self.mrtd)
    }

    /// An attestation over `report_data`, as a KMS of the host's version writes it.
    ///
    /// # Errors
    /// Internal: the sandbox is broken.
    pub(super) fn attest(&self, host: &Host, report_data: [u8; 64]) -> Result<Vec<u8>> {
        let mut request = QuoteRequest::new(self.registers(), report_data);
        if host.has(Flaw::DebugTd) {
            request.attributes |= DEBUG;
        }
        let quote = if host.has(Flaw::OtherRoot) {
            host.platform.twin()?.with_fault(Fault::WrongRoot)?.quote(&request)
        } else {
            host.platform.quote(&request)
        };
        let attestation = Attestation {
            form: Form::Scale,
            quote,
            events: self.log.entries.iter().map(entry).collect(),
            runtime_events: self
                .runtime
                .iter()
                .map(|(name, payload)| RuntimeEvent {
                    name: (*name).to_owned(),
                    payload: payload.clone(),
                    version: None,
                })
                .collect(),
            report_data: Some(report_data),
            config: format!(r#"{{"spec_version":1,"os_image_hash":"{}"}}"#, self.image),
        };
        Ok(attestation.encode())
    }
}

/// The machine's own name, hex: the hash of the number that its processor has.
pub(super) fn device_id(host: &Host) -> String {
    let quote =
        host.platform.quote(&QuoteRequest::new(Registers::from_fn(|_| Measurement::from_bytes([0; 48])), [0; 64]));
    let platform = Quote::parse(&quote).ok().and_then(|quote| quote.certification.platform().ok());
    platform.map(|platform| Sha256::of(&platform.ppid).to_string()).unwrap_or_default()
}

/// An entry of a log, as an attestation holds it.
fn entry(of: &serde_json::Value) -> Entry {
    let number = |name: &str| of.get(name).and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok());
    let text = |name: &str| of.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let bytes = |name: &str| hex::decode(text(name)).unwrap_or_default();
    Entry {
        register: number("imr").unwrap_or_default(),
        event_type: number("event_type").unwrap_or_default(),
        digest: bytes("digest"),
        name: text("event").to_owned(),
        payload: bytes("event_payload"),
        version: None,
        preimage: None,
    }
}

/// What a certificate's attestation is made for.
pub(super) fn of_certificate(spki: &[u8]) -> [u8; 64] {
    let mut data = [0; 64];
    let hash = digest(&SHA512, &[b"ratls-cert:", spki].concat());
    data.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    data
}
