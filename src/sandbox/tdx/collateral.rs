//! What Intel publishes about machines: TCB info (version 3) and QE identity (version 2), signed by the TCB signer.
//!
//! A signature covers the exact bytes of the inner document, so each is serialised once, from structs whose fields stand in
//! Intel's order, and carried as text from then on. No map is involved: the order of a map's keys is not ours to choose.

use serde::Serialize;

use super::Window;
use super::fault::Fault;
use super::machine::{Machine, QE_PRODUCT, QE_SVN};
use super::pki::Pki;
use super::status::{Levels, TcbLevel};
use crate::attestation::measurement::TcbStatus;
use crate::error::{Error, Result};
use crate::sandbox::certificate::rfc3339;
use crate::sandbox::key::Key;

/// Number of the TCB recovery event that the documents belong to.
const EVALUATION: u32 = 20;
/// Of the quoting enclave's attributes, INIT and 64-bit mode must be set, DEBUG must not, PROVISIONKEY may.
const QE_ATTRIBUTES: &str = "11000000000000000000000000000000";
const QE_ATTRIBUTES_MASK: &str = "FBFFFFFFFFFFFFFF0000000000000000";

/// Everything a verifier needs beside quote, root and time. Serialises in the shape of dcap-qvl's `QuoteCollateralV3`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Collateral {
    /// PEM: platform CA, root.
    pub pck_crl_issuer_chain: String,
    /// Hex of the DER.
    pub root_ca_crl: String,
    /// Hex of the DER.
    pub pck_crl: String,
    /// PEM: TCB signer, root.
    pub tcb_info_issuer_chain: String,
    /// The signed bytes.
    pub tcb_info: String,
    /// Hex of `r‖s`, 64 bytes.
    pub tcb_info_signature: String,
    /// PEM: TCB signer, root.
    pub qe_identity_issuer_chain: String,
    /// The signed bytes.
    pub qe_identity: String,
    /// Hex of `r‖s`, 64 bytes.
    pub qe_identity_signature: String,
}

impl Collateral {
    pub(super) fn new(pki: &Pki, machine: &Machine, levels: &Levels, window: Window, faults: &[Fault]) -> Result<Self> {
        let has = |fault| faults.contains(&fault);
        let dates = |fault| Dates::of(if has(fault) { window.passed() } else { window });
        let tcb_info = TcbInfo::new(machine, levels, &dates(Fault::ExpiredTcbInfo)?);
        let tcb_info = text(&tcb_info.spoilt(has))?;
        let qe_identity = QeIdentity::new(machine, &levels.enclave, &dates(Fault::ExpiredQeIdentity)?);
        let qe_identity = text(&qe_identity.spoilt(has))?;
        let signature = |document: &str, fault| {
            // A sound signature by a key that has no business signing this.
            let key: &Key = if has(fault) { &pki.pck } else { &pki.tcb_signer };
            hex::encode(key.sign_fixed(document.as_bytes()))
        };
        Ok(Self {
            pck_crl_issuer_chain: pki.platform_ca_chain.clone(),
            root_ca_crl: hex::encode(&pki.root_crl),
            pck_crl: hex::encode(&pki.pck_crl),
            tcb_info_issuer_chain: pki.tcb_signer_chain.clone(),
            tcb_info_signature: signature(&tcb_info, Fault::BadTcbInfoSignature),
            tcb_info,
            qe_identity_issuer_chain: pki.tcb_signer_chain.clone(),
            qe_identity_signature: signature(&qe_identity, Fault::BadQeIdentitySignature),
            qe_identity,
        })
    }

    /// The answer of a PCCS to a request for TCB info.
    pub(super) fn tcb_info_response(&self) -> String {
        format!(r#"{{"tcbInfo":{},"signature":"{}"}}"#, self.tcb_info, self.tcb_info_signature)
    }

    /// The answer of a PCCS to a request for the QE identity.
    pub(super) fn qe_identity_response(&self) -> String {
        format!(r#"{{"enclaveIdentity":{},"signature":"{}"}}"#, self.qe_identity, self.qe_identity_signature)
    }
}

fn text(document: &impl Serialize) -> Result<String> {
    serde_json::to_string(document).map_err(|e| Error::internal("cannot write sandbox collateral").because(e))
}

struct Dates {
    issue: String,
    next_update: String,
}

impl Dates {
    fn of(window: Window) -> Result<Self> {
        Ok(Self { issue: rfc3339(window.from)?, next_update: rfc3339(window.until)? })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TcbInfo {
    id: &'static str,
    version: u8,
    issue_date: String,
    next_update: String,
    fmspc: String,
    pce_id: String,
    tcb_type: u8,
    tcb_evaluation_data_number: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    tdx_module: Option<ModuleSigner>,
    tdx_module_identities: Vec<ModuleIdentity>,
    tcb_levels: Vec<Level<PlatformTcb>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModuleSigner {
    mrsigner: String,
    attributes: &'static str,
    attributes_mask: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModuleIdentity {
    id: String,
    #[serde(flatten)]
    signer: ModuleSigner,
    tcb_levels: Vec<Level<EnclaveTcb<u8>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Level<T> {
    tcb: T,
    tcb_date: String,
    tcb_status: &'static str,
    #[serde(rename = "advisoryIDs", skip_serializing_if = "Vec::is_empty")]
    advisory_ids: Vec<String>,
}

#[derive(Serialize)]
struct PlatformTcb {
    sgxtcbcomponents: Vec<Component>,
    pcesvn: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tdxtcbcomponents: Vec<Component>,
}

#[derive(Serialize)]
struct Component {
    svn: u8,
}

#[derive(Serialize)]
struct EnclaveTcb<T> {
    isvsvn: T,
}

impl TcbInfo {
    fn new(machine: &Machine, levels: &Levels, dates: &Dates) -> Self {
        let [module_svn, module_version, ..] = machine.tee_tcb_svn;
        let mut module_levels = own_levels(&levels.module, module_svn, module_svn.saturating_add(1), dates);
        if levels.lag.is_some() {
            let behind = TcbLevel::new(TcbStatus::OutOfDate, Vec::new());
            module_levels.push(at_level(&behind, EnclaveTcb { isvsvn: module_svn.saturating_sub(1) }, dates));
        }
        let identity = ModuleIdentity {
            id: format!("TDX_{module_version:02X}"),
            signer: ModuleSigner::of(machine),
            tcb_levels: module_levels,
        };
        let mut tcb_levels = platform_levels(machine, &levels.platform, dates);
        if levels.lag.is_some() {
            // Components 0 and 1 are the module identity's to judge, but some verifiers look at them here too.
            for level in &mut tcb_levels {
                level.tcb.tdxtcbcomponents.iter_mut().take(1).for_each(|module| module.svn = 0);
            }
        }
        Self {
            id: "TDX",
            version: 3,
            issue_date: dates.issue.clone(),
            next_update: dates.next_update.clone(),
            fmspc: hex::encode_upper(machine.fmspc),
            pce_id: hex::encode_upper(machine.pce_id),
            tcb_type: 0,
            tcb_evaluation_data_number: EVALUATION,
            tdx_module: Some(ModuleSigner::of(machine)),
            tdx_module_identities: vec![identity],
            tcb_levels,
        }
    }

    /// The same with those of the faults that are of TCB info.
    fn spoilt(mut self, has: impl Fn(Fault) -> bool) -> Self {
        if has(Fault::MismatchedFmspc) {
            self.fmspc = hex::encode_upper(b"OTHER1");
        }
        if has(Fault::MismatchedPceId) {
            self.pce_id = "0001".to_owned();
        }
        if has(Fault::SgxTcbInfo) {
            self.id = "SGX";
        }
        if has(Fault::UnknownTcbInfoVersion) {
            self.version = 4;
        }
        if has(Fault::UnknownTcbType) {
            self.tcb_type = 1;
        }
        if has(Fault::MissingTdxModule) {
            self.tdx_module = None;
        }
        for level in &mut self.tcb_levels {
            if has(Fault::MissingTdxComponents) {
                level.tcb.tdxtcbcomponents.clear();
            }
            if has(Fault::UnknownTcbStatus) {
                level.tcb_status = "TDRelaunchAdvised";
            }
        }
        self
    }
}

/// The level of a part at this version, and above it one that it falls short of, unless it is up to date.
fn own_levels<T>(level: &TcbLevel, svn: T, newer: T, dates: &Dates) -> Vec<Level<EnclaveTcb<T>>> {
    let newer = (!level.is_current()).then(|| current(EnclaveTcb { isvsvn: newer }, dates));
    newer.into_iter().chain([at_level(level, EnclaveTcb { isvsvn: svn }, dates)]).collect()
}

fn at_level<T>(level: &TcbLevel, tcb: T, dates: &Dates) -> Level<T> {
    Level {
        tcb,
        tcb_date: dates.issue.clone(),
        tcb_status: level.spelling(),
        advisory_ids: level.advisories().to_vec(),
    }
}

/// Where the microcode's SVN stands among the sixteen components of SGX, and among those of TDX.
const MICROCODE: (usize, usize) = (0, 2);

/// The machine's level, and above it one that it falls short of, unless the machine is up to date.
///
/// It falls short of its microcode, which Intel counts in both lists of components: its TCB recoveries raise the two
/// together, and some verifiers look at the second alone.
fn platform_levels(machine: &Machine, level: &TcbLevel, dates: &Dates) -> Vec<Level<PlatformTcb>> {
    let required = |sgx: [u8; 16], tdx: [u8; 16]| PlatformTcb {
        sgxtcbcomponents: components(&sgx),
        pcesvn: machine.pce_svn,
        tdxtcbcomponents: components(&tdx),
    };
    let mut levels = Vec::new();
    if !level.is_current() {
        let newer = required(raised(machine.cpu_svn, MICROCODE.0), raised(machine.tee_tcb_svn, MICROCODE.1));
        levels.push(current(newer, dates));
    }
    levels.push(at_level(level, required(machine.cpu_svn, machine.tee_tcb_svn), dates));
    levels
}

/// The components, one of them a patch level further.
fn raised(mut svns: [u8; 16], component: usize) -> [u8; 16] {
    if let Some(svn) = svns.get_mut(component) {
        *svn = svn.saturating_add(1);
    }
    svns
}

fn current<T>(tcb: T, dates: &Dates) -> Level<T> {
    Level { tcb, tcb_date: dates.issue.clone(), tcb_status: "UpToDate", advisory_ids: Vec::new() }
}

fn components(svns: &[u8; 16]) -> Vec<Component> {
    svns.iter().map(|&svn| Component { svn }).collect()
}

impl ModuleSigner {
    fn of(machine: &Machine) -> Self {
        Self {
            mrsigner: hex::encode_upper(machine.mr_signer_seam),
            attributes: "0000000000000000",
            attributes_mask: "FFFFFFFFFFFFFFFF",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QeIdentity {
    id: &'static str,
    version: u8,
    issue_date: String,
    next_update: String,
    tcb_evaluation_data_number: u32,
    miscselect: &'static str,
    miscselect_mask: &'static str,
    attributes: &'static str,
    attributes_mask: &'static str,
    mrsigner: String,
    isvprodid: u16,
    tcb_levels: Vec<Level<EnclaveTcb<u16>>>,
}

impl QeIdentity {
    fn new(machine: &Machine, level: &TcbLevel, dates: &Dates) -> Self {
        Self {
            id: "TD_QE",
            version: 2,
            issue_date: dates.issue.clone(),
            next_update: dates.next_update.clone(),
            tcb_evaluation_data_number: EVALUATION,
            miscselect: "00000000",
            miscselect_mask: "FFFFFFFF",
            attributes: QE_ATTRIBUTES,
            attributes_mask: QE_ATTRIBUTES_MASK,
            mrsigner: hex::encode_upper(machine.qe_mr_signer),
            isvprodid: QE_PRODUCT,
            tcb_levels: own_levels(level, QE_SVN, QE_SVN.saturating_add(1), dates),
        }
    }

    /// The same with those of the faults that are of QE identities.
    fn spoilt(mut self, has: impl Fn(Fault) -> bool) -> Self {
        if has(Fault::SgxQeIdentity) {
            self.id = "QE";
        }
        if has(Fault::MissingQeLevels) {
            self.tcb_levels.clear();
        }
        self
    }
}
