//! What collateral says of a genuine machine's firmware: the worst of platform, TDX module and quoting enclave.
//!
//! The library merges the three as Intel's does, which passes over a quoting enclave that needs configuration, and over
//! what runs now where that is worse than what the TD was started on. Here everything counts. Which level a machine
//! matches is still the library's judgement, down to the comparison of versions.

use std::cmp::Reverse;

use dcap_qvl::{TcbInfo, tcb_info::TcbLevel, verify::VerifiedReport};

use super::{Advisory, Rejection};
use crate::attestation::{measurement::TcbStatus, quote::Quote};

/// The state of a machine's firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) tcb: TcbStatus,
    pub(super) relaunch_advised: bool,
    pub(super) advisories: Vec<Advisory>,
}

impl Standing {
    /// The standing of the machine that made `quote`, which the library verified with the result `report`. `info` is the
    /// TCB info it was verified by.
    ///
    /// # Errors
    /// The machine is revoked, or a status is one that no machine has.
    pub(super) fn of(report: &VerifiedReport, quote: &Quote, info: &TcbInfo) -> Result<Self, Rejection> {
        use dcap_qvl::TcbStatus::{TDRelaunchAdvised, TDRelaunchAdvisedConfigurationNeeded};
        let mut advisories: Vec<Advisory> = report.advisory_ids.iter().cloned().map(Advisory).collect();
        // Of the launch, the TDX module's status in it; what ran before an update may have leaked already.
        let mut tcb = known(report.platform_status.status)?.worst(known(report.qe_status.status)?);
        if let Some(current) = current(quote, info)? {
            tcb = tcb.worst(current.tcb);
            for advisory in current.advisories {
                if !advisories.contains(&advisory) {
                    advisories.push(advisory);
                }
            }
        }
        if tcb == TcbStatus::Revoked {
            return Err(Rejection::TcbRevoked);
        }
        let words = [TDRelaunchAdvised, TDRelaunchAdvisedConfigurationNeeded].map(|status| status.to_string());
        Ok(Self { tcb, relaunch_advised: words.contains(&report.status), advisories })
    }
}

/// The standing of what runs now, where the report of the TD says it beside what the TD was started on.
fn current(quote: &Quote, info: &TcbInfo) -> Result<Option<Standing>, Rejection> {
    let Some(service) = &quote.report.service else { return Ok(None) };
    let extension = quote.certification.sgx_extension().map_err(|e| Rejection::Other(e.to_string()))?;
    let svn = &service.tee_tcb_svn2;
    let meets = |level: &&TcbLevel| {
        let shortfalls = level.shortfalls(&extension.cpu_svn, extension.pce_svn, Some(svn));
        shortfalls.is_ok_and(|missing| missing.is_empty())
    };
    let platform = best_first(info).into_iter().find(meets).ok_or(Rejection::NoTcbLevel)?;
    let mut tcb = known(platform.tcb_status)?;
    let mut advisories: Vec<_> = platform.advisory_ids.iter().cloned().map(Advisory).collect();
    let module = Rejection::TdxModule;
    if let Some(identity) = info.tdx_module_identity(svn).map_err(|e| module(e.to_string()))? {
        let level = identity.tcb_levels.iter().find(|level| level.shortfall(svn).is_none());
        let level = level.ok_or_else(|| module(format!("ISVSVN {} is below every level", svn[0])))?;
        tcb = tcb.worst(known(level.tcb_status)?);
        advisories.extend(level.advisory_ids.iter().cloned().map(Advisory));
    }
    Ok(Some(Standing { tcb, relaunch_advised: false, advisories }))
}

/// The levels in the order they are tried: highest versions first, whatever the document's order, as Intel's library
/// sorts them.
fn best_first(info: &TcbInfo) -> Vec<&TcbLevel> {
    let mut levels: Vec<_> = info.tcb_levels.iter().collect();
    let key =
        |level: &&TcbLevel| (level.tcb.sgx_components.clone(), level.tcb.pce_svn, level.tcb.tdx_components.clone());
    levels.sort_by_cached_key(|level| Reverse(key(level)));
    levels
}

/// One of the seven statuses a machine can have.
fn known(status: dcap_qvl::TcbStatus) -> Result<TcbStatus, Rejection> {
    use dcap_qvl::TcbStatus as Theirs;
    match status {
        Theirs::UpToDate => Ok(TcbStatus::UpToDate),
        Theirs::SWHardeningNeeded => Ok(TcbStatus::SwHardeningNeeded),
        Theirs::ConfigurationNeeded => Ok(TcbStatus::ConfigurationNeeded),
        Theirs::ConfigurationAndSWHardeningNeeded => Ok(TcbStatus::ConfigurationAndSwHardeningNeeded),
        Theirs::OutOfDate => Ok(TcbStatus::OutOfDate),
        Theirs::OutOfDateConfigurationNeeded => Ok(TcbStatus::OutOfDateConfigurationNeeded),
        Theirs::Revoked => Ok(TcbStatus::Revoked),
        // The library's own conclusion; no document gives it.
        Theirs::TDRelaunchAdvised | Theirs::TDRelaunchAdvisedConfigurationNeeded => {
            Err(Rejection::Other(format!("a TCB level has the status {status}, which no level can have")))
        }
    }
}
