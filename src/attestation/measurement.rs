//! Registers, measurements and TCB statuses: the values a quote states and a policy allows.
//!
//! Only values and their spellings. Where they come from (quotes, event logs) and whether a set of them is safe
//! (policies) is decided elsewhere.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// Length of a measurement in bytes: SHA-384, as in every TDX register.
pub const MEASUREMENT_LEN: usize = 48;

/// The value of one register. Prints as 96 lowercase hex digits; reads either case, with or without `0x`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Measurement([u8; MEASUREMENT_LEN]);

/// The text is not 96 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMeasurement {
    /// Too few or too many characters after an optional `0x`.
    #[error("not a measurement: expected 96 hex digits (48 bytes), got {0} characters")]
    Length(usize),
    /// The right number of characters, not all of them hex digits.
    #[error("not a measurement: expected 96 hex digits (48 bytes), got other characters among them")]
    NotHex,
}

impl Measurement {
    /// Wraps the bytes of a register.
    pub fn from_bytes(bytes: [u8; MEASUREMENT_LEN]) -> Self {
        Self(bytes)
    }

    /// The 48 bytes.
    pub fn as_bytes(&self) -> &[u8; MEASUREMENT_LEN] {
        &self.0
    }

    /// Whether the register was never extended. For an RTMR that means nothing was measured into it.
    pub fn is_zero(&self) -> bool {
        self.0 == [0; MEASUREMENT_LEN]
    }

    /// The first 16 hex digits and `…`: enough to tell values apart in a sentence, never to compare them.
    pub fn short(&self) -> String {
        let mut text: String = self.to_string().chars().take(16).collect();
        text.push('…');
        text
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measurement({self})")
    }
}

impl FromStr for Measurement {
    type Err = InvalidMeasurement;

    fn from_str(text: &str) -> Result<Self, InvalidMeasurement> {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        let mut bytes = [0; MEASUREMENT_LEN];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| match digits.chars().count() {
            count if count == 2 * MEASUREMENT_LEN => InvalidMeasurement::NotHex,
            count => InvalidMeasurement::Length(count),
        })?;
        Ok(Self(bytes))
    }
}

impl Serialize for Measurement {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A register a policy constrains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Register {
    /// Build-time measurement of the TD: the virtual firmware.
    Mrtd,
    /// Firmware configuration.
    Rtmr0,
    /// Kernel.
    Rtmr1,
    /// Kernel command line and initrd.
    Rtmr2,
    /// Run-time events: the documented discriminator between profiles.
    Rtmr3,
}

impl Register {
    /// All five, in the order documents list them.
    pub const ALL: [Self; 5] = [Self::Mrtd, Self::Rtmr0, Self::Rtmr1, Self::Rtmr2, Self::Rtmr3];

    /// The name as it ends a document's field: `allowed_rtmr3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mrtd => "mrtd",
            Self::Rtmr0 => "rtmr0",
            Self::Rtmr1 => "rtmr1",
            Self::Rtmr2 => "rtmr2",
            Self::Rtmr3 => "rtmr3",
        }
    }

    /// The name as people write it: `RTMR3`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mrtd => "MRTD",
            Self::Rtmr0 => "RTMR0",
            Self::Rtmr1 => "RTMR1",
            Self::Rtmr2 => "RTMR2",
            Self::Rtmr3 => "RTMR3",
        }
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One `T` a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Registers<T> {
    mrtd: T,
    rtmr0: T,
    rtmr1: T,
    rtmr2: T,
    rtmr3: T,
}

impl<T> Registers<T> {
    /// Calls `make` for every register, in order.
    pub fn from_fn(mut make: impl FnMut(Register) -> T) -> Self {
        Self {
            mrtd: make(Register::Mrtd),
            rtmr0: make(Register::Rtmr0),
            rtmr1: make(Register::Rtmr1),
            rtmr2: make(Register::Rtmr2),
            rtmr3: make(Register::Rtmr3),
        }
    }

    /// The value of `register`.
    pub fn get(&self, register: Register) -> &T {
        match register {
            Register::Mrtd => &self.mrtd,
            Register::Rtmr0 => &self.rtmr0,
            Register::Rtmr1 => &self.rtmr1,
            Register::Rtmr2 => &self.rtmr2,
            Register::Rtmr3 => &self.rtmr3,
        }
    }

    /// The value of `register`, to change.
    pub fn get_mut(&mut self, register: Register) -> &mut T {
        match register {
            Register::Mrtd => &mut self.mrtd,
            Register::Rtmr0 => &mut self.rtmr0,
            Register::Rtmr1 => &mut self.rtmr1,
            Register::Rtmr2 => &mut self.rtmr2,
            Register::Rtmr3 => &mut self.rtmr3,
        }
    }
}

/// What Intel's collateral says of a platform's firmware. Seven values, as in the DCAP specification; documents hold
/// them lowercase without separators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TcbStatus {
    /// Current.
    UpToDate,
    /// Needs software mitigations.
    SwHardeningNeeded,
    /// Needs a configuration change.
    ConfigurationNeeded,
    /// Needs both.
    ConfigurationAndSwHardeningNeeded,
    /// Firmware with known flaws.
    OutOfDate,
    /// Firmware with known flaws, and a configuration change is needed.
    OutOfDateConfigurationNeeded,
    /// Intel no longer vouches for it.
    Revoked,
}

/// The text names no TCB status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a TCB status: expected uptodate, swhardeningneeded, configurationneeded, configurationandswhardeningneeded, \
     outofdate, outofdateconfigurationneeded or revoked"
)]
pub struct InvalidTcbStatus;

impl TcbStatus {
    /// All seven, from best to worst.
    pub const ALL: [Self; 7] = [
        Self::UpToDate,
        Self::SwHardeningNeeded,
        Self::ConfigurationNeeded,
        Self::ConfigurationAndSwHardeningNeeded,
        Self::OutOfDate,
        Self::OutOfDateConfigurationNeeded,
        Self::Revoked,
    ];

    /// The word documents hold.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UpToDate => "uptodate",
            Self::SwHardeningNeeded => "swhardeningneeded",
            Self::ConfigurationNeeded => "configurationneeded",
            Self::ConfigurationAndSwHardeningNeeded => "configurationandswhardeningneeded",
            Self::OutOfDate => "outofdate",
            Self::OutOfDateConfigurationNeeded => "outofdateconfigurationneeded",
            Self::Revoked => "revoked",
        }
    }

    /// The status of a machine one part of which has this status and another part `other`: whatever is wrong with either
    /// is wrong with the machine. Outdated firmware needs an update anyway, so software mitigations are no longer named.
    ///
    /// Where the other part is a quoting enclave or TDX module that is `OutOfDate` or `Revoked`, that is how Intel's
    /// library merges them (`convergeTcbStatuses`). It passes over an enclave that needs configuration; this does not.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let has = |flaw: fn(Self) -> bool| flaw(self) || flaw(other);
        match (has(Self::is_outdated), has(Self::needs_configuration), has(Self::needs_hardening)) {
            _ if has(|status| status == Self::Revoked) => Self::Revoked,
            (true, true, _) => Self::OutOfDateConfigurationNeeded,
            (true, false, _) => Self::OutOfDate,
            (false, true, true) => Self::ConfigurationAndSwHardeningNeeded,
            (false, true, false) => Self::ConfigurationNeeded,
            (false, false, true) => Self::SwHardeningNeeded,
            (false, false, false) => Self::UpToDate,
        }
    }

    fn is_outdated(self) -> bool {
        matches!(self, Self::OutOfDate | Self::OutOfDateConfigurationNeeded)
    }

    fn needs_configuration(self) -> bool {
        matches!(
            self,
            Self::ConfigurationNeeded | Self::ConfigurationAndSwHardeningNeeded | Self::OutOfDateConfigurationNeeded
        )
    }

    fn needs_hardening(self) -> bool {
        matches!(self, Self::SwHardeningNeeded | Self::ConfigurationAndSwHardeningNeeded)
    }
}

impl fmt::Display for TcbStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TcbStatus {
    type Err = InvalidTcbStatus;

    /// Reads `UpToDate`, `up-to-date`, `UP_TO_DATE` and `up to date` alike: Intel, ITA and upstream each spell their own.
    fn from_str(text: &str) -> Result<Self, InvalidTcbStatus> {
        let word: String =
            text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).take(40).map(|c| c.to_ascii_lowercase()).collect();
        Self::ALL.into_iter().find(|s| s.as_str() == word).ok_or(InvalidTcbStatus)
    }
}

/// What a policy lets one kind of machine be: the product of five lists, and the firmware states it tolerates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowed {
    registers: Registers<Vec<Measurement>>,
    tcb: Vec<TcbStatus>,
}

impl Allowed {
    /// The lists of every register and the tolerated TCB statuses, in document order.
    pub fn new(registers: Registers<Vec<Measurement>>, tcb: Vec<TcbStatus>) -> Self {
        Self { registers, tcb }
    }

    /// The values allowed for `register`. An empty list admits no machine: see [`Self::admits`].
    pub fn register(&self, register: Register) -> &[Measurement] {
        self.registers.get(register)
    }

    /// The same registers with other TCB statuses.
    #[must_use]
    pub fn with_tcb(self, tcb: Vec<TcbStatus>) -> Self {
        Self { tcb, ..self }
    }

    /// The tolerated TCB statuses.
    pub fn tcb(&self) -> &[TcbStatus] {
        &self.tcb
    }

    /// Whether `value` is one of those allowed for `register`. An empty list admits nothing.
    pub fn admits(&self, register: Register, value: &Measurement) -> bool {
        self.register(register).contains(value)
    }

    /// Whether `status` is one of the tolerated ones. An empty list tolerates none.
    pub fn tolerates(&self, status: TcbStatus) -> bool {
        self.tcb.contains(&status)
    }

    /// Whether all five register lists are empty.
    pub fn has_no_measurement(&self) -> bool {
        Register::ALL.iter().all(|r| self.register(*r).is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_reads_both_cases_and_the_prefix_and_prints_lowercase() {
        let lower = "ab".repeat(48);
        for text in [lower.clone(), lower.to_uppercase(), format!("0x{lower}"), format!("0X{}", lower.to_uppercase())] {
            assert_eq!(text.parse::<Measurement>().map(|m| m.to_string()), Ok(lower.clone()), "{text}");
        }
        assert!("00".repeat(48).parse::<Measurement>().is_ok_and(|m| m.is_zero()));
        assert!(lower.parse::<Measurement>().is_ok_and(|m| !m.is_zero() && m.short() == "abababababababab…"));
    }

    #[test]
    fn a_malformed_measurement_says_what_is_wrong() {
        let message = |text: &str| text.parse::<Measurement>().err().map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(message("abcd"), "not a measurement: expected 96 hex digits (48 bytes), got 4 characters");
        assert!(message(&"zz".repeat(48)).ends_with("got other characters among them"));
        for bad in [String::new(), "0x".to_owned(), format!(" {}", "a".repeat(96)), "a".repeat(95), "é".repeat(48)] {
            assert!(bad.parse::<Measurement>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_worst_of_two_statuses_has_the_flaws_of_both_whatever_their_order() {
        use TcbStatus::*;
        for (one, other, both) in [
            (UpToDate, UpToDate, UpToDate),
            (UpToDate, SwHardeningNeeded, SwHardeningNeeded),
            (UpToDate, ConfigurationNeeded, ConfigurationNeeded),
            (SwHardeningNeeded, ConfigurationNeeded, ConfigurationAndSwHardeningNeeded),
            (ConfigurationAndSwHardeningNeeded, SwHardeningNeeded, ConfigurationAndSwHardeningNeeded),
            (UpToDate, OutOfDate, OutOfDate),
            (SwHardeningNeeded, OutOfDate, OutOfDate),
            (ConfigurationNeeded, OutOfDate, OutOfDateConfigurationNeeded),
            (ConfigurationAndSwHardeningNeeded, OutOfDate, OutOfDateConfigurationNeeded),
            (UpToDate, OutOfDateConfigurationNeeded, OutOfDateConfigurationNeeded),
            (SwHardeningNeeded, OutOfDateConfigurationNeeded, OutOfDateConfigurationNeeded),
            (OutOfDate, OutOfDateConfigurationNeeded, OutOfDateConfigurationNeeded),
        ] {
            assert_eq!((one.worst(other), other.worst(one)), (both, both), "{one} and {other}");
        }
        for status in TcbStatus::ALL {
            assert_eq!((status.worst(status), status.worst(UpToDate)), (status, status));
            assert_eq!((status.worst(Revoked), Revoked.worst(status)), (Revoked, Revoked));
        }
    }

    #[test]
    fn a_tcb_status_reads_every_spelling_and_nothing_else() {
        for text in ["UpToDate", "up-to-date", "UP_TO_DATE", "up to date", "uptodate"] {
            assert_eq!(text.parse(), Ok(TcbStatus::UpToDate), "{text}");
        }
        for status in TcbStatus::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
        for bad in ["", "ok", "uptodat", "uptodate\n", &"outofdate".repeat(100)] {
            assert_eq!(bad.parse::<TcbStatus>(), Err(InvalidTcbStatus), "{bad:?}");
        }
    }
}
