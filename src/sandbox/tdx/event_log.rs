//! Event logs as a dstack guest writes them, and the registers they replay to.
//!
//! An entry is `{"imr","event_type","digest","event","event_payload"}`, digest and payload in hex, with `"version":2` on
//! events of the second version. A register is the SHA-384 chain over the digests of its events.

use aws_lc_rs::digest::{SHA384, digest};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    attestation::measurement::{MEASUREMENT_LEN, Measurement, Register, Registers},
    subject::profile::Profile,
};

/// Type of the events that dstack and applications add at run time, all of them in RTMR3.
const RUNTIME_EVENT: u32 = 0x0800_0001;
/// `EV_EFI_PLATFORM_FIRMWARE_BLOB2` and its like are of this class; the sandbox's boot events all use it.
const BOOT_EVENT: u32 = 0x8000_000a;
/// `EV_EVENT_TAG`: what a host's own software measures.
const TAG_EVENT: u32 = 6;

/// How a run-time event's digest is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventVersion {
    /// SHA-384 of type (4 bytes, little-endian) ‖ `:` ‖ name ‖ `:` ‖ payload.
    V1,
    /// SHA-384 of the RFC 8785 JSON `{"name","payload","type"}`, payload in hex.
    V2,
}

/// Something measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    register: u8,
    kind: u32,
    version: EventVersion,
    name: String,
    payload: Vec<u8>,
}

/// Which boot register an event extends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BootRegister {
    /// Firmware configuration.
    Rtmr0,
    /// Kernel.
    Rtmr1,
    /// Kernel command line and initrd.
    Rtmr2,
}

impl Event {
    /// What firmware or boot loader measured: the digest is the SHA-384 of `data`.
    pub fn boot(register: BootRegister, data: &[u8]) -> Self {
        let register = match register {
            BootRegister::Rtmr0 => 0,
            BootRegister::Rtmr1 => 1,
            BootRegister::Rtmr2 => 2,
        };
        Self { register, kind: BOOT_EVENT, version: EventVersion::V1, name: String::new(), payload: data.to_vec() }
    }

    /// What dstack, or after `system-ready` the application, measured into RTMR3.
    pub fn runtime(version: EventVersion, name: &str, payload: &[u8]) -> Self {
        Self { register: 3, kind: RUNTIME_EVENT, version, name: name.to_owned(), payload: payload.to_vec() }
    }

    /// How a node image says which profile it runs: RTMR3 is extended with the SHA-384 of a text. dstack has no part in it.
    pub fn profile(profile: Profile) -> Self {
        let payload = format!("mero-tee:profile:{profile}").into_bytes();
        Self { register: 3, kind: TAG_EVENT, version: EventVersion::V1, name: String::new(), payload }
    }

    fn digest(&self) -> [u8; MEASUREMENT_LEN] {
        if self.kind != RUNTIME_EVENT {
            return sha384(&[&self.payload]);
        }
        match self.version {
            EventVersion::V1 => sha384(&[&self.kind.to_le_bytes(), b":", self.name.as_bytes(), b":", &self.payload]),
            EventVersion::V2 => sha384(&[self.preimage().as_bytes()]),
        }
    }

    /// RFC 8785: members sorted by name, no space, and strings escaped as serde_json escapes them.
    fn preimage(&self) -> String {
        #[derive(Serialize)]
        struct Preimage<'a> {
            name: &'a str,
            payload: String,
            r#type: u32,
        }
        let preimage = Preimage { name: &self.name, payload: hex::encode(&self.payload), r#type: self.kind };
        // Strings and a number: there is nothing that could fail to serialise.
        serde_json::to_string(&preimage).unwrap_or_default()
    }

    fn entry(&self, digest: &[u8]) -> Value {
        let mut entry = json!({
            "imr": self.register,
            "event_type": self.kind,
            "digest": hex::encode(digest),
            "event": self.name,
            "event_payload": hex::encode(&self.payload),
        });
        if let (EventVersion::V2, Some(entry)) = (self.version, entry.as_object_mut()) {
            entry.insert("version".to_owned(), json!(2));
        }
        entry
    }
}

/// What identifies an application to dstack: the events every guest logs before `system-ready`.
#[derive(Debug, Clone)]
pub struct App {
    /// SHA-256 of the `app-compose.json` bytes.
    pub compose_hash: [u8; 32],
    /// 20 bytes; dstack takes the first of the compose hash.
    pub app_id: [u8; 20],
    /// 20 bytes, different for every machine; `None` with `no_instance_id`, which makes RTMR3 repeat.
    pub instance_id: Option<[u8; 20]>,
    /// Where the disk key comes from, as JSON text.
    pub key_provider: String,
}

impl App {
    /// An application without an instance id whose id follows from its compose hash.
    pub fn new(compose_hash: [u8; 32]) -> Self {
        let mut app_id = [0; 20];
        app_id.iter_mut().zip(compose_hash).for_each(|(to, from)| *to = from);
        Self { compose_hash, app_id, instance_id: None, key_provider: r#"{"name":"kms","id":""}"#.to_owned() }
    }

    /// The guest's boot, from `system-preparing` to `system-ready`.
    pub fn boot(&self, version: EventVersion) -> Vec<Event> {
        let event = |name: &str, payload: &[u8]| Event::runtime(version, name, payload);
        vec![
            event("system-preparing", b""),
            event("app-id", &self.app_id),
            event("compose-hash", &self.compose_hash),
            event("instance-id", self.instance_id.as_ref().map_or(&[][..], |id| id)),
            event("boot-mr-done", b""),
            event("key-provider", self.key_provider.as_bytes()),
            event("system-ready", b""),
        ]
    }
}

/// A log and the registers it replays to.
#[derive(Debug, Clone)]
pub struct EventLog {
    /// The entries, in order.
    pub entries: Vec<Value>,
    /// RTMR0–3.
    rtmrs: [[u8; MEASUREMENT_LEN]; 4],
}

impl EventLog {
    /// Measures `events` in order.
    pub fn new(events: &[Event]) -> Self {
        let mut rtmrs = [[0; MEASUREMENT_LEN]; 4];
        let mut entries = Vec::with_capacity(events.len());
        for event in events {
            let digest = event.digest();
            if let Some(register) = rtmrs.get_mut(usize::from(event.register)) {
                *register = sha384(&[register.as_slice(), &digest]);
            }
            entries.push(event.entry(&digest));
        }
        Self { entries, rtmrs }
    }

    /// The registers of a machine that logged this, booted from the firmware that `mrtd` measures.
    pub fn registers(&self, mrtd: Measurement) -> Registers<Measurement> {
        let [rtmr0, rtmr1, rtmr2, rtmr3] = self.rtmrs.map(Measurement::from_bytes);
        Registers::from_fn(|register| match register {
            Register::Mrtd => mrtd,
            Register::Rtmr0 => rtmr0,
            Register::Rtmr1 => rtmr1,
            Register::Rtmr2 => rtmr2,
            Register::Rtmr3 => rtmr3,
        })
    }

    /// The log as a guest agent and a KMS send it: JSON text of the entries.
    pub fn to_json(&self) -> String {
        json!(self.entries).to_string()
    }
}

fn sha384(parts: &[&[u8]]) -> [u8; MEASUREMENT_LEN] {
    let mut bytes = [0; MEASUREMENT_LEN];
    // SHA-384 gives 48 bytes: the zip takes them all.
    bytes.iter_mut().zip(digest(&SHA384, &parts.concat()).as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}
