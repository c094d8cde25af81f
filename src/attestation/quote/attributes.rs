//! TD attributes: the switches a TD was started with.

use std::fmt;

/// The 64 attribute bits of a TD. Meaning: Intel TDX Module ABI specification 348551, table 3.23.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TdAttributes(u64);

/// Bits that have a name, lowest first.
const NAMES: [(u32, &str); 13] = [
    (0, "DEBUG"),
    (4, "HGS_PLUS_PROF"),
    (5, "PERF_PROF"),
    (6, "PMT_PROF"),
    (16, "ICSSD"),
    (17, "SERVTD_EXT"),
    (27, "LASS"),
    (28, "SEPT_VE_DISABLE"),
    (29, "MIGRATABLE"),
    (30, "PKS"),
    (31, "KL"),
    (62, "TPA"),
    (63, "PERFMON"),
];

impl TdAttributes {
    /// Wraps the bits, bit 0 lowest.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits, bit 0 lowest.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// Whether the host may read and change the TD's memory and registers (bit 0).
    pub fn is_debug(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether any bit of the group TUD is set (bits 0–7): debug itself, or profiling that leaks what the TD
    /// does. Intel: such a TD is untrusted.
    pub fn is_under_debug(self) -> bool {
        self.0 & 0xff != 0
    }

    /// The names of the bits that are set; `bit N` where it has none.
    pub fn names(self) -> Vec<String> {
        let name = |bit: u32| {
            NAMES.iter().find(|(b, _)| *b == bit).map_or_else(|| format!("bit {bit}"), |(_, n)| (*n).to_owned())
        };
        (0..u64::BITS).filter(|bit| self.0 >> bit & 1 == 1).map(name).collect()
    }
}

impl fmt::Display for TdAttributes {
    /// The eight bytes as they stand in the quote, and the names of what is set.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", hex::encode(self.0.to_le_bytes()))?;
        let names = self.names();
        if names.is_empty() { Ok(()) } else { write!(f, " ({})", names.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_named_and_debug_and_profiling_count_as_under_debug() {
        let usual = TdAttributes::from_bits(1 << 28);
        assert_eq!(usual.to_string(), "0000001000000000 (SEPT_VE_DISABLE)");
        assert!(!usual.is_debug() && !usual.is_under_debug());
        let debug = TdAttributes::from_bits(1 | 1 << 28);
        assert_eq!(debug.names(), ["DEBUG", "SEPT_VE_DISABLE"]);
        assert!(debug.is_debug() && debug.is_under_debug());
        let profiled = TdAttributes::from_bits(1 << 5);
        assert!(!profiled.is_debug() && profiled.is_under_debug());
        assert_eq!(TdAttributes::from_bits(1 << 40).names(), ["bit 40"]);
        assert_eq!(TdAttributes::from_bits(0).to_string(), "0000000000000000");
    }
}
