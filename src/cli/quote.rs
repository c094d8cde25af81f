//! Arguments of `quote inspect` and `quote verify`, and the values they are written as.

use std::{path::PathBuf, str::FromStr};

use base64::{Engine as _, engine::general_purpose};
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use url::Url;

use super::{choice, examples};
use crate::subject::{profile::Profile, role::Role};

/// `quote …`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum QuoteCommand {
    /// Show everything a quote says; no verdict
    #[command(after_help = examples::QUOTE_INSPECT)]
    Inspect {
        /// The quote; `-` is standard input
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
    },
    /// Say whether a quote is genuine, and what is known of its machine
    #[command(after_help = examples::QUOTE_VERIFY)]
    Verify(Box<QuoteVerifyArgs>),
}

/// Arguments of `quote verify`.
#[derive(Debug, Args)]
pub struct QuoteVerifyArgs {
    /// The quote; `-` is standard input
    #[arg(value_name = "FILE|-")]
    pub file: PathBuf,
    /// By what it is judged.
    #[command(flatten)]
    pub by: JudgementArgs,
    /// Whether the machine is a KMS or a node [default: what the policy states, or what the answer came from]
    #[arg(long, alias = "side", value_parser = choice::named::<RoleArg>(), requires = "expect_policy", help_heading = "Judgement")]
    pub role: Option<RoleArg>,
    /// 32 bytes that the first half of the report data must hold
    #[arg(long, value_name = "B64|HEX", help_heading = "Judgement")]
    pub nonce: Option<Half>,
    /// 32 bytes that the second half of the report data must hold
    #[arg(long, value_name = "B64|HEX", help_heading = "Judgement")]
    pub binding: Option<Half>,
    /// Make no network call at all (needs --collateral or --cache)
    #[arg(long, help_heading = "Judgement")]
    pub offline: bool,
    /// How often and how long to ask.
    #[command(flatten)]
    pub network: super::NetworkArgs,
}

/// By what a quote is judged.
#[derive(Debug, Args, Default)]
#[command(next_help_heading = "Judgement")]
pub struct JudgementArgs {
    /// Judge by the collateral in this file; nothing is fetched
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["cache"])]
    pub collateral: Option<PathBuf>,
    /// What every quote is judged by.
    #[command(flatten)]
    pub quotes: QuotesArgs,
    /// Judge as of this time: RFC 3339, or seconds since 1970 [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<Moment>,
    /// Compare registers and TCB status with this policy
    #[arg(long, value_name = "POLICY|-")]
    pub expect_policy: Option<PathBuf>,
    /// Which profile of the policy, when it states several
    #[arg(long, value_name = "PROFILE", requires = "expect_policy", value_parser = choice::profile())]
    pub profile: Option<Profile>,
    /// Accept a TD in debug mode, whose host can read and change everything in it
    #[arg(long)]
    pub allow_debug_td: bool,
    /// Who else judges it.
    #[command(flatten)]
    pub ita: super::ita::ItaArgs,
}

/// By what quotes over a fresh nonce are judged.
#[derive(Debug, Clone, Args, Default)]
#[command(next_help_heading = "Judgement")]
pub struct QuotesArgs {
    /// Where collateral comes from.
    #[command(flatten)]
    pub pccs: PccsArgs,
    /// Keep fetched collateral in this folder, and use it until it expires
    #[arg(long, value_name = "DIR", env = "MEROTEE_COLLATERAL_CACHE", hide_env_values = true)]
    pub cache: Option<PathBuf>,
    /// Judge by this root certificate (DER or PEM) instead of Intel's, built in
    #[arg(long, value_name = "FILE|-")]
    pub root: Option<PathBuf>,
}

/// Where collateral comes from. It has no heading of its own.
#[derive(Debug, Clone, Args, Default)]
pub struct PccsArgs {
    /// Fetch collateral from this PCCS or PCS [default: https://api.trustedservices.intel.com]
    #[arg(long, value_name = "URL", env = "PCCS_URL", hide_env_values = true)]
    pub pccs: Option<Url>,
}

impl QuotesArgs {
    /// The same, as every quote is judged.
    pub fn alone(&self) -> JudgementArgs {
        JudgementArgs { quotes: self.clone(), ..JudgementArgs::default() }
    }

    /// The same, as every quote is judged, for machines of a profile.
    pub fn judgement(&self, profile: Profile) -> JudgementArgs {
        JudgementArgs { profile: Some(profile), ..self.alone() }
    }
}

/// What a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    /// A key-management service
    Kms,
    /// A node
    Node,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Kms => Self::Kms,
            RoleArg::Node => Self::Node,
        }
    }
}

/// A time in whole seconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub u64);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected a time like 2026-01-31T12:00:00Z, or seconds since 1970";
        if let Ok(seconds) = text.parse::<u64>() {
            // The latest time that can be written with a four-digit year.
            return if seconds <= 253_402_300_799 { Ok(Self(seconds)) } else { Err(EXPECTED) };
        }
        let time: Timestamp = text.parse().map_err(|_| EXPECTED)?;
        u64::try_from(time.as_second()).map(Self).map_err(|_| "expected a time since 1970")
    }
}

/// Half of the report data: 32 bytes, written as 64 hex digits or in base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Half(pub [u8; 32]);

impl FromStr for Half {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mut bytes = [0; 32];
        if hex::decode_to_slice(digits, &mut bytes).is_ok() {
            return Ok(Self(bytes));
        }
        let unpadded = text.trim_end_matches('=');
        let decoded = general_purpose::STANDARD_NO_PAD
            .decode(unpadded)
            .or_else(|_| general_purpose::URL_SAFE_NO_PAD.decode(unpadded));
        decoded
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or("expected 32 bytes, as 64 hex digits or in base64")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_reads_as_rfc_3339_and_as_seconds() {
        for text in ["1751624655", "2025-07-04T10:24:15Z", "2025-07-04T12:24:15+02:00", "2025-07-04T10:24:15.9Z"] {
            assert_eq!(text.parse(), Ok(Moment(1_751_624_655)), "{text}");
        }
        for bad in ["", "now", "2025-07-04", "-1", "1969-12-31T23:59:59Z", "99999999999999999999", "253402300800"] {
            assert!(bad.parse::<Moment>().is_err(), "{bad}");
        }
    }

    #[test]
    fn half_of_the_report_data_reads_as_hex_and_as_base64_and_must_have_32_bytes() {
        let hex = "ab".repeat(32);
        let b64 = general_purpose::STANDARD.encode([0xfb; 32]);
        assert_eq!(hex.parse(), Ok(Half([0xab; 32])));
        assert_eq!(format!("0x{hex}").parse(), Ok(Half([0xab; 32])));
        for text in [b64.clone(), b64.trim_end_matches('=').to_owned(), b64.replace('+', "-").replace('/', "_")] {
            assert_eq!(text.parse(), Ok(Half([0xfb; 32])), "{text}");
        }
        for bad in ["", "ab", &"ab".repeat(31), &"ab".repeat(33), &"zz".repeat(32), "AAAA"] {
            assert!(bad.parse::<Half>().is_err(), "{bad}");
        }
    }
}
