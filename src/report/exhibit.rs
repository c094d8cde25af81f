//! What a verdict rests on, as tables: the assets of a release, the registers its policies accept, its signatures.
//!
//! An exhibit judges nothing. It shows what the findings speak of side by side, so that a reader can follow them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Status;

/// A table beside the findings of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// The checks whose findings it helps to follow: where one of them did not pass, it is shown unasked.
    pub checks: &'static [&'static str],
    /// What it shows.
    pub table: Table,
}

/// What an exhibit shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Table {
    /// One row an asset.
    Assets(Vec<AssetRow>),
    /// Which profile accepts which register values.
    Registers(RegisterMatrix),
    /// One row a signature.
    Signatures(Vec<SignatureRow>),
    /// One row a node that asked a KMS for its key, or would.
    Trials(Vec<TrialRow>),
    /// One row a time at which a service was sampled.
    Samples(Vec<SampleRow>),
}

impl Table {
    /// Whether a reader is shown it unasked: a matrix is looked at whether all of it is well or not.
    pub(super) fn is_the_point(&self) -> bool {
        match self {
            Self::Trials(_) | Self::Samples(_) => true,
            Self::Assets(_) | Self::Registers(_) | Self::Signatures(_) => false,
        }
    }
}

/// A node before a KMS: what should come of it, and what did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialRow {
    /// Version and profile of the KMS.
    pub kms: String,
    /// Version and profile of the node image.
    pub node: String,
    /// What must come of it.
    pub expected: String,
    /// What came of it.
    pub got: String,
    /// What it rests on, where the rows differ in that.
    pub basis: Option<&'static str>,
    /// What that amounts to.
    pub status: Status,
}

/// What was seen of a service at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRow {
    /// What was going on.
    pub during: &'static str,
    /// When.
    pub at: Timestamp,
    /// Whether it was healthy.
    pub healthy: bool,
    /// Requests that were made.
    pub requests: u32,
    /// Those of them that failed.
    pub errors: u32,
    /// How long an answer took, in milliseconds; `None` where none came.
    pub latency_ms: Option<u32>,
}

impl SampleRow {
    /// What it amounts to by itself.
    pub fn status(&self) -> Status {
        if self.healthy && self.errors == 0 { Status::Pass } else { Status::Warn }
    }

    /// Its cells: what was going on, time, health, failed requests, latency.
    pub(super) fn cells(&self) -> [String; 5] {
        let at = Timestamp::from_second(self.at.as_second()).unwrap_or(self.at);
        let latency = self.latency_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms"));
        let health = if self.healthy { "healthy" } else { "NOT healthy" };
        let failed = format!("{} of {}", self.errors, self.requests);
        [self.during.to_owned(), at.to_string(), health.to_owned(), failed, latency]
    }
}

/// The headings of [`SampleRow::cells`].
pub(super) const SAMPLE_HEADINGS: [&str; 5] = ["During", "Time", "Health", "Failed requests", "Latency"];

/// An asset and what vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetRow {
    /// Its name.
    pub name: String,
    /// What came of comparing its checksum; `None` where the checksums file does not list it.
    pub checksum: Option<Status>,
    /// What came of its own signatures; `None` where it has none.
    pub signature: Option<Status>,
    /// Who signed it, in its own name or that of the checksums file which lists it.
    pub signer: Option<String>,
}

/// A signature and its entry in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRow {
    /// The asset that is signed.
    pub asset: String,
    /// The files that hold the signature.
    pub evidence: String,
    /// Who signed, as the certificate says; `None` for a bare key.
    pub signer: Option<String>,
    /// When, as the log or a timestamp authority says.
    pub signed_at: Option<Timestamp>,
    /// The entry in the transparency log.
    pub log_index: Option<u64>,
    /// Address of that log, as the trust root has it.
    pub log: Option<String>,
    /// From when until when the certificate is valid.
    pub valid: Option<(Timestamp, Timestamp)>,
}

/// Register values by profile. A value is lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RegisterMatrix {
    /// Names of the registers, in column order.
    pub registers: Vec<&'static str>,
    /// One a profile (and role).
    pub rows: Vec<RegisterRow>,
}

/// What one profile accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRow {
    /// The profile, with its role where there are several: one word, and behind it what states the values.
    pub profile: String,
    /// The kind of machine, where rows of several stand together: no value may be shared between them.
    pub role: Option<&'static str>,
    /// The values accepted, a list a register.
    pub values: Vec<Vec<String>>,
}

impl RegisterMatrix {
    /// A name (`A`, `B`, … `Z`, `A1`, …) for each value that more than one row accepts in the same register, in the order
    /// they are met. With it come the register and the rows, by number.
    pub fn shared(&self) -> Vec<SharedValue<'_>> {
        let mut met: BTreeMap<(usize, &str), Vec<usize>> = BTreeMap::new();
        let mut order = Vec::new();
        for (row, of) in self.rows.iter().enumerate() {
            for (register, values) in of.values.iter().enumerate() {
                for value in values {
                    let rows = met.entry((register, value)).or_default();
                    if rows.is_empty() {
                        order.push((register, value.as_str()));
                    }
                    if rows.last() != Some(&row) {
                        rows.push(row);
                    }
                }
            }
        }
        let shared = order.into_iter().filter_map(|key| Some((key, met.remove(&key).filter(|rows| rows.len() > 1)?)));
        let named = |(index, ((register, value), rows))| SharedValue { name: name_of(index), register, value, rows };
        shared.enumerate().map(named).collect()
    }
}

/// A register value that several rows of a matrix accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedValue<'a> {
    /// The name given to it.
    pub name: String,
    /// The register, by its place in [`RegisterMatrix::registers`].
    pub register: usize,
    /// The value.
    pub value: &'a str,
    /// The rows that accept it, by their place in [`RegisterMatrix::rows`].
    pub rows: Vec<usize>,
}

fn name_of(index: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    match index / 26 {
        0 => letter.to_string(),
        round => format!("{letter}{round}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(profile: &str, values: &[&[&str]]) -> RegisterRow {
        let owned = |values: &&[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        RegisterRow { profile: profile.to_owned(), role: None, values: values.iter().map(owned).collect() }
    }

    #[test]
    fn a_value_is_shared_when_two_rows_accept_it_in_the_same_register() {
        let rows = vec![
            row("debug", &[&["aa", "aa"], &["bb"]]),
            row("debug-read-only", &[&["cc"], &["bb"]]),
            row("locked-read-only", &[&["bb"], &["dd", "bb"]]),
        ];
        let matrix = RegisterMatrix { registers: vec!["MRTD", "RTMR0"], rows };
        let shared = SharedValue { name: "A".to_owned(), register: 1, value: "bb", rows: vec![0, 1, 2] };
        assert_eq!(matrix.shared(), [shared]);
    }

    #[test]
    fn names_do_not_run_out() {
        assert_eq!([0, 25, 26, 52].map(name_of), ["A", "Z", "A1", "A2"]);
    }
}
