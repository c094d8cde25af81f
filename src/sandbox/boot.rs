//! What the machines of the sample releases boot: the events they measure, and what their guest agent says of them.
//!
//! Firmware, kernel and initrd are labels, so the measurements are well formed, distinct where real ones are, and no real
//! machine's. Which register holds what follows the real ones: firmware and kernel are the same in all profiles of a
//! release, RTMR2 is of the profile's image, and RTMR3 tells profiles and roles apart. A KMS runs under dstack, whose
//! events fill RTMR3; a node image extends RTMR3 with the name of its profile alone, the same for every version.

use aws_lc_rs::digest::{SHA384, digest};

use super::{
    app_compose,
    tdx::{App, BootRegister, Event, EventLog, EventVersion},
};
use crate::{
    attestation::measurement::{MEASUREMENT_LEN, Measurement, Registers},
    digest::Sha256,
    probe::{image::Image, kms::compose},
    subject::{
        profile::Profile,
        tag::{Family, Tag},
    },
};

/// A machine's software, as far as it is measured.
#[derive(Debug, Clone)]
pub struct Boot {
    /// What the firmware is measured as.
    pub mrtd: Measurement,
    /// What is measured into RTMR0–3, in order, until the application runs.
    pub events: Vec<Event>,
    /// What runs on it.
    pub app: Application,
}

/// What of a deployment is measured beside release and application.
#[derive(Debug, Clone, Copy)]
pub struct Deployment<'a> {
    /// Identifier of the instance, another one each time.
    pub instance_id: [u8; 20],
    /// Kind of machine.
    pub instance_type: &'a str,
}

/// The kind of machine that releases are measured on.
pub const USUAL_INSTANCE: &str = "tdx.small";

/// An application, as its guest agent knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its identifier, which it keeps when it is upgraded: keys belong to it.
    pub id: [u8; 20],
    /// Its `app-compose.json`; `None` for what dstack did not start.
    pub compose: Option<String>,
}

impl Application {
    /// SHA-256 of the `app-compose.json` bytes.
    pub fn compose_hash(&self) -> Option<Sha256> {
        self.compose.as_ref().map(|compose| Sha256::of(compose.as_bytes()))
    }
}

impl Boot {
    /// The machine of a release's profile. Any release: whether the sandbox offers it for download makes no difference.
    pub fn of_release(tag: &Tag, profile: Profile) -> Self {
        let (role, version) = (tag.family().role(), tag.version());
        let mut events = firmware(tag, profile, USUAL_INSTANCE);
        let app = Application::of_release(tag, profile);
        match app.compose_hash() {
            Some(hash) => {
                events.extend(App { app_id: app.id, ..App::new(*hash.as_bytes()) }.boot(EventVersion::V1));
            }
            None => events.push(Event::profile(profile)),
        }
        Self { mrtd: measurement(&format!("{role} {version} firmware")), events, app }
    }

    /// The machine of a release's profile on Phala Cloud: firmware and kernel as everywhere, but for what the kind of
    /// machine changes, and in RTMR3 the application as it was deployed, which repeats for no other deployment.
    pub fn deployed(tag: &Tag, profile: Profile, app: Application, on: &Deployment<'_>) -> Self {
        let mut events = firmware(tag, profile, on.instance_type);
        let runtime = |name: &str, payload: &[u8]| Event::runtime(EventVersion::V1, name, payload);
        let compose_hash = app.compose_hash().map(|hash| hash.as_bytes().to_vec()).unwrap_or_default();
        let image = Sha256::of(format!("{} {} image", tag.family().role(), tag.version()).as_bytes());
        events.extend([
            runtime("system-preparing", b""),
            runtime("app-id", &app.id),
            runtime("compose-hash", &compose_hash),
            runtime("instance-id", &on.instance_id),
            runtime("boot-mr-done", b""),
            runtime("os-image-hash", image.as_bytes()),
            runtime("key-provider", br#"{"name":"kms","id":"73616e64626f78"}"#),
            runtime("storage-fs", b"zfs"),
            runtime("system-ready", b""),
        ]);
        Self { mrtd: measurement(&format!("{} {} firmware", tag.family().role(), tag.version())), events, app }
    }

    /// The log of the boot.
    pub fn log(&self) -> EventLog {
        EventLog::new(&self.events)
    }

    /// The registers that the boot leads to.
    pub fn registers(&self) -> Registers<Measurement> {
        self.log().registers(self.mrtd)
    }
}

/// What firmware and boot loader measure. RTMR0 describes the machine: its processors, memory and disks.
fn firmware(tag: &Tag, profile: Profile, instance_type: &str) -> Vec<Event> {
    let (role, version) = (tag.family().role(), tag.version());
    let event = |register, what: &str| Event::boot(register, format!("{role} {version} {what}").as_bytes());
    let configuration = match instance_type {
        USUAL_INSTANCE => "firmware configuration".to_owned(),
        other => format!("firmware configuration of {other}"),
    };
    vec![
        event(BootRegister::Rtmr0, &configuration),
        event(BootRegister::Rtmr1, "kernel"),
        event(BootRegister::Rtmr2, &format!("{profile} command line")),
        event(BootRegister::Rtmr2, &format!("{profile} initrd")),
    ]
}

impl Application {
    fn of_release(tag: &Tag, profile: Profile) -> Self {
        let (name, compose) = match tag.family() {
            Family::Kms => ("mero-kms-phala", Some(app_compose::usual(&compose_of(tag, profile)))),
            Family::Node => ("mero-tee", None),
        };
        let mut id = [0; 20];
        let digest = Sha256::of(format!("app {name} {profile}").as_bytes());
        id.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
        Self { name: name.to_owned(), id, compose }
    }
}

/// The docker-compose file of a KMS, as it is deployed for good and for a probe.
pub fn compose_of(tag: &Tag, profile: Profile) -> String {
    let digest = Sha256::of(label(tag, profile).as_bytes());
    // The name is one: a test reads it.
    let image = Image::new("ghcr.io/calimero-network/mero-kms-phala", digest);
    image.map(|image| compose(&image, tag.version(), profile)).unwrap_or_default()
}

/// What an image is the digest of.
fn label(tag: &Tag, profile: Profile) -> String {
    format!("{tag} {profile}")
}

/// Digest of the image of a profile.
pub fn image_digest(tag: &Tag, profile: Profile) -> String {
    format!("sha256:{}", Sha256::of(label(tag, profile).as_bytes()))
}

/// SHA-384 of a label.
fn measurement(label: &str) -> Measurement {
    let mut bytes = [0; MEASUREMENT_LEN];
    // SHA-384 gives 48 bytes: the zip takes them all.
    bytes.iter_mut().zip(digest(&SHA384, label.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
    Measurement::from_bytes(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::attestation::{event_log, measurement::Register};

    const KMS: [&str; 2] = ["mero-kms-v1.1.0", "mero-kms-v1.2.0"];
    const NODE: [&str; 2] = ["mero-tee-v1.1.0", "mero-tee-v1.2.0"];

    fn boots(tags: [&str; 2]) -> Vec<Boot> {
        let of = |tag: &str| Profile::ALL.map(|profile| Boot::of_release(&tag.parse().unwrap(), profile));
        tags.into_iter().flat_map(of).collect()
    }

    fn values(boots: &[Boot], register: Register) -> usize {
        boots.iter().map(|boot| *boot.registers().get(register)).collect::<HashSet<_>>().len()
    }

    #[test]
    fn the_log_of_every_machine_replays_to_its_registers() {
        for boot in [boots(KMS), boots(NODE)].concat() {
            let log = event_log::EventLog::parse(boot.log().to_json().as_bytes()).unwrap();
            let (replay, registers) = (log.replay(), boot.registers());
            for register in Register::ALL.into_iter().filter(|r| *r != Register::Mrtd) {
                assert_eq!(replay.get(register).as_ref(), Some(registers.get(register)), "{register}");
            }
            assert!(Register::ALL.iter().all(|r| !registers.get(*r).is_zero()));
        }
    }

    #[test]
    fn a_kms_log_names_its_application_which_keeps_its_id_over_upgrades() {
        let of = |tag: &str, profile| Boot::of_release(&tag.parse().unwrap(), profile);
        let (old, new) = (of(KMS[0], Profile::Debug), of(KMS[1], Profile::Debug));
        let log = event_log::EventLog::parse(new.log().to_json().as_bytes()).unwrap();
        let identity = log.identity().unwrap();
        assert_eq!(identity.compose_hash(), new.app.compose_hash());
        assert_eq!(identity.get(event_log::Field::AppId), Some(&new.app.id[..]));
        assert_eq!(identity.get(event_log::Field::InstanceId), Some(&[][..]));
        assert_eq!(old.app.id, new.app.id);
        assert_ne!(old.app.compose_hash(), new.app.compose_hash());
        assert_ne!(new.app.id, of(KMS[1], Profile::DebugReadOnly).app.id);
    }

    #[test]
    fn the_image_of_a_compose_file_is_the_one_of_its_release() {
        let tag: Tag = KMS[1].parse().unwrap();
        let compose = compose_of(&tag, Profile::Debug);
        assert!(compose.contains(&format!("@{}\n", image_digest(&tag, Profile::Debug))), "{compose}");
    }

    #[test]
    fn rtmr3_of_a_node_is_the_profile_event_alone() {
        let boot = Boot::of_release(&NODE[1].parse().unwrap(), Profile::DebugReadOnly);
        let event = digest(&SHA384, b"mero-tee:profile:debug-read-only");
        let rtmr3 = digest(&SHA384, &[&[0; 48], event.as_ref()].concat());
        assert_eq!(boot.registers().get(Register::Rtmr3).to_string(), hex::encode(rtmr3));
        assert_eq!(boot.app.compose_hash(), None);
    }

    #[test]
    fn registers_differ_between_machines_as_they_do_in_reality() {
        let (kms, node) = (boots(KMS), boots(NODE));
        for register in [Register::Mrtd, Register::Rtmr0, Register::Rtmr1] {
            assert_eq!((values(&kms, register), values(&node, register)), (2, 2), "{register}: one a version");
        }
        assert_eq!((values(&kms, Register::Rtmr2), values(&node, Register::Rtmr2)), (6, 6));
        assert_eq!((values(&kms, Register::Rtmr3), values(&node, Register::Rtmr3)), (6, 3));
        assert_eq!(values(&[kms, node].concat(), Register::Rtmr3), 9, "no role has another's");
    }
}
