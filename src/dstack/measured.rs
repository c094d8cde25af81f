//! What a machine's quote and event log amount to, in the values that dstack's allow-lists are made of.

use crate::{
    attestation::{
        event_log::{EventLog, Field, IdentityError, SYSTEM_READY},
        measurement::Register,
        quote::{Quote, TdReport},
    },
    digest::{Sha256, Sha256Hasher},
    report::{CheckInfo, Finding},
};

/// The machine is the one meant.
pub const EXPECTED: CheckInfo = CheckInfo {
    id: "dstack-measurement",
    title: "mr_aggregated and mr_system of the machine are those that the caller expects",
};

/// The event by which a machine says which OS image it was started from.
pub const OS_IMAGE_HASH: &str = "os-image-hash";

/// The values. They are as good as the quote and the log they were made from: worth something once both are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// SHA-256 of MRTD and RTMR0 to RTMR3, and of what the host set, unless that is all zero: what the allow-list of a
    /// KMS holds.
    pub mr_aggregated: Sha256,
    /// SHA-256 of MRTD, RTMR0 to RTMR2, and the hash of the key provider: the machine without the application.
    pub mr_system: Sha256,
    /// The OS image, as the machine measured its name before the application was started.
    pub os_image: Option<Vec<u8>>,
    /// SHA-256 of the `app-compose.json` that was started.
    pub compose_hash: Option<Sha256>,
    /// The application's id.
    pub app_id: Option<Vec<u8>>,
    /// SHA-256 of the machine's PPID; `None` where its certificate states none.
    pub device_id: Option<Sha256>,
}

impl Measured {
    /// Makes the values of a quote and the log that belongs to it.
    ///
    /// # Errors
    /// The log leaves room for more than one reading.
    pub fn of(quote: &Quote, log: &EventLog) -> Result<Self, IdentityError> {
        let identity = log.identity()?;
        let report = &quote.report;
        let platform = quote.certification.platform().ok();
        Ok(Self {
            mr_aggregated: mr_aggregated(report),
            mr_system: mr_system(report, identity.get(Field::KeyProvider).unwrap_or_default()),
            os_image: os_image(log),
            compose_hash: identity.compose_hash(),
            app_id: identity.get(Field::AppId).map(<[u8]>::to_vec),
            device_id: platform.map(|platform| Sha256::of(&platform.ppid)),
        })
    }

    /// [`EXPECTED`]: what the caller expects, where it expects something.
    pub fn judge(&self, subject: &str, mr_aggregated: Option<Sha256>, mr_system: Option<Sha256>) -> Vec<Finding> {
        let compare = |what: &str, expected: Option<Sha256>, actual: Sha256| {
            let expected = expected?;
            Some(if expected == actual {
                EXPECTED.pass(subject, format!("{what} {actual}"))
            } else {
                EXPECTED
                    .fail(subject, format!("{what} is not the expected one"))
                    .compared(expected.to_string(), actual.to_string())
                    .help("the keys were made in another machine than the one you mean: do not use them")
            })
        };
        let aggregated = compare("mr_aggregated", mr_aggregated, self.mr_aggregated);
        aggregated.into_iter().chain(compare("mr_system", mr_system, self.mr_system)).collect()
    }
}

/// [`EXPECTED`], where nothing says which machine is meant: any genuine one would do. It must be said where the keys are about
/// to be used: of a KMS that runs.
pub fn not_compared(subject: &str, must: bool) -> Finding {
    let message = "which machine made the keys was not compared: any genuine TDX machine would do";
    let finding = if must { EXPECTED.undecided(subject, message) } else { EXPECTED.skip(subject, message) };
    finding.help("say which is meant: --mr-aggregated, --mr-system, --allow-list, --app-compose or --attestation-info")
}

/// What dstack calls `mrAggregated`. What the host sets enters only where some of it is not zero, as the versions before
/// that knew it have none of it.
pub fn mr_aggregated(report: &TdReport) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    for register in Register::ALL {
        hasher.update(report.registers.get(register).as_bytes());
    }
    let of_host = [&report.mr_config_id, &report.mr_owner, &report.mr_owner_config];
    if of_host.iter().any(|value| !value.is_zero()) {
        of_host.iter().for_each(|value| hasher.update(value.as_bytes()));
    }
    hasher.finish()
}

/// What dstack calls `mrSystem`. A machine without a key provider has 32 zero bytes in place of its hash.
pub fn mr_system(report: &TdReport, key_provider: &[u8]) -> Sha256 {
    let mut hasher = Sha256Hasher::new();
    for register in Register::ALL.into_iter().filter(|register| *register != Register::Rtmr3) {
        hasher.update(report.registers.get(register).as_bytes());
    }
    let provider = if key_provider.is_empty() { [0; 32] } else { *Sha256::of(key_provider).as_bytes() };
    hasher.update(&provider);
    hasher.finish()
}

/// The first statement of the OS image before the application could make one.
fn os_image(log: &EventLog) -> Option<Vec<u8>> {
    let bound = log.events().iter().filter(|event| event.is_bound());
    let of_system = bound.take_while(|event| event.name() != SYSTEM_READY);
    of_system.into_iter().find(|event| event.name() == OS_IMAGE_HASH).map(|event| event.payload().to_vec())
}
