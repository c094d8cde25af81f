//! Whether what Intel publishes can be used to judge a quote: TCB info and QE identity are of the kind, version and shape
//! that TDX needs, and the TCB info is about the machine's kind.
//!
//! The library looks at some of this late, after the quote's signatures, and at the PCE id and TCB type not at all. Who
//! signed the documents is not asked here, nor what they say of the machine's firmware.

use std::fmt::Display;

use dcap_qvl::{QeIdentity, TcbInfo, TcbStatus, tcb_info::TdxModuleIdentity};
use jiff::Timestamp;

use super::{Collateral, Document, Rejection};
use crate::schema::excerpt::excerpt;

/// What TCB info for TDX says of itself: Intel PCS API v4, `/tdx/certification/v4/tcb`.
const TCB_INFO: (&str, u8, u32) = ("TDX", 3, 0);
/// What the QE identity for TDX says of itself: `/tdx/certification/v4/qe/identity`.
const QE_ID: &str = "TD_QE";
const QE_VERSIONS: [u8; 2] = [2, 3];
/// Components of a TCB level, of SGX and of TDX alike.
const COMPONENTS: usize = 16;
/// Bytes of a TDX module's MRSIGNER, and of its attributes and their mask.
const MRSIGNER_BYTES: usize = 48;
const ATTRIBUTE_BYTES: usize = 8;

/// The statuses that each structure can give, as Intel's library reads them.
const OF_PLATFORMS: [TcbStatus; 7] = [
    TcbStatus::UpToDate,
    TcbStatus::SWHardeningNeeded,
    TcbStatus::ConfigurationNeeded,
    TcbStatus::ConfigurationAndSWHardeningNeeded,
    TcbStatus::OutOfDate,
    TcbStatus::OutOfDateConfigurationNeeded,
    TcbStatus::Revoked,
];
const OF_MODULES: [TcbStatus; 3] = [TcbStatus::UpToDate, TcbStatus::OutOfDate, TcbStatus::Revoked];
const OF_ENCLAVES: [TcbStatus; 5] = [
    TcbStatus::UpToDate,
    TcbStatus::ConfigurationNeeded,
    TcbStatus::OutOfDate,
    TcbStatus::OutOfDateConfigurationNeeded,
    TcbStatus::Revoked,
];

/// The kind of machine that TCB info is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct MachineKind<'a> {
    pub(super) fmspc: &'a [u8; 6],
    pub(super) pce_id: &'a [u8],
}

/// Judges both documents of `collateral` for a machine of this kind.
///
/// # Errors
/// The first fault, with the document and the field.
pub(super) fn fits(collateral: &Collateral, machine: MachineKind<'_>) -> Result<(), Rejection> {
    let unreadable =
        |document: Document, why: &String| Rejection::Collateral(format!("{document} cannot be read: {why}"));
    let tcb_info = collateral.tcb_info.as_ref().map_err(|why| unreadable(Document::TcbInfo, why))?;
    let qe_identity = collateral.qe_identity.as_ref().map_err(|why| unreadable(Document::QeIdentity, why))?;
    is_for(tcb_info, machine)?;
    levels(tcb_info)?;
    modules(tcb_info)?;
    enclave(qe_identity)
}

fn is_for(info: &TcbInfo, machine: MachineKind<'_>) -> Result<(), Rejection> {
    let (id, version, kind) = TCB_INFO;
    tcb("id", id, &info.id, info.id == id)?;
    tcb("version", version, info.version, info.version == version)?;
    tcb("tcbType", kind, info.tcb_type, info.tcb_type == kind)?;
    let is = |text: &str, bytes: &[u8]| hex::decode(text).is_ok_and(|stated| stated == bytes);
    if !is(&info.fmspc, machine.fmspc) {
        let collateral = excerpt(&info.fmspc.to_ascii_lowercase());
        return Err(Rejection::FmspcMismatch { quote: hex::encode(machine.fmspc), collateral });
    }
    if !is(&info.pce_id, machine.pce_id) {
        let collateral = excerpt(&info.pce_id.to_ascii_lowercase());
        return Err(Rejection::PceIdMismatch { quote: hex::encode(machine.pce_id), collateral });
    }
    Ok(())
}

fn levels(info: &TcbInfo) -> Result<(), Rejection> {
    tcb("tcbLevels", "at least one level", "an empty list", !info.tcb_levels.is_empty())?;
    for (index, level) in info.tcb_levels.iter().enumerate() {
        let at = |field: &str| format!("tcbLevels[{index}].{field}");
        let components = [
            ("tcb.sgxtcbcomponents", level.tcb.sgx_components.len()),
            ("tcb.tdxtcbcomponents", level.tcb.tdx_components.len()),
        ];
        for (name, count) in components {
            let found = if count == 0 { "absent or empty".to_owned() } else { format!("{count} components") };
            tcb(at(name), format!("{COMPONENTS} components"), found, count == COMPONENTS)?;
        }
        status(Document::TcbInfo, at("tcbStatus"), level.tcb_status, &OF_PLATFORMS)?;
        date(Document::TcbInfo, at("tcbDate"), &level.tcb_date)?;
    }
    Ok(())
}

fn modules(info: &TcbInfo) -> Result<(), Rejection> {
    let Some(module) = &info.tdx_module else {
        return tcb("tdxModule", "the TDX module's signer and attributes", "absent", false);
    };
    signer("tdxModule", [&module.mrsigner, &module.attributes, &module.attributes_mask])?;
    for (index, identity) in info.tdx_module_identities.iter().enumerate() {
        let TdxModuleIdentity { mrsigner, attributes, attributes_mask, tcb_levels, .. } = identity;
        let place = format!("tdxModuleIdentities[{index}]");
        signer(&place, [mrsigner, attributes, attributes_mask])?;
        for (level, entry) in tcb_levels.iter().enumerate() {
            let at = |field: &str| format!("{place}.tcbLevels[{level}].{field}");
            status(Document::TcbInfo, at("tcbStatus"), entry.tcb_status, &OF_MODULES)?;
            date(Document::TcbInfo, at("tcbDate"), &entry.tcb_date)?;
        }
    }
    Ok(())
}

fn signer(place: &str, [mrsigner, attributes, mask]: [&String; 3]) -> Result<(), Rejection> {
    let fields = [
        ("mrsigner", mrsigner, MRSIGNER_BYTES),
        ("attributes", attributes, ATTRIBUTE_BYTES),
        ("attributesMask", mask, ATTRIBUTE_BYTES),
    ];
    for (name, text, bytes) in fields {
        let well_formed = hex::decode(text).is_ok_and(|decoded| decoded.len() == bytes);
        let found = format!("`{}`", excerpt(text));
        tcb(format!("{place}.{name}"), format!("{bytes} bytes in hex"), found, well_formed)?;
    }
    Ok(())
}

fn enclave(identity: &QeIdentity) -> Result<(), Rejection> {
    let qe =
        |field: &str, expected: &str, found: String, holds| demand(Document::QeIdentity, field, expected, found, holds);
    qe("id", QE_ID, excerpt(&identity.id), identity.id == QE_ID)?;
    qe("version", "2 or 3", identity.version.to_string(), QE_VERSIONS.contains(&identity.version))?;
    qe("tcbLevels", "at least one level", "an empty list".to_owned(), !identity.tcb_levels.is_empty())?;
    for (index, level) in identity.tcb_levels.iter().enumerate() {
        let at = |field: &str| format!("tcbLevels[{index}].{field}");
        status(Document::QeIdentity, at("tcbStatus"), level.tcb_status, &OF_ENCLAVES)?;
        date(Document::QeIdentity, at("tcbDate"), &level.tcb_date)?;
    }
    Ok(())
}

fn tcb(field: impl Into<String>, expected: impl Display, found: impl Display, holds: bool) -> Result<(), Rejection> {
    demand(Document::TcbInfo, field, expected, found, holds)
}

fn status(document: Document, field: String, found: TcbStatus, known: &[TcbStatus]) -> Result<(), Rejection> {
    demand(document, field, "a status that Intel uses here", found, known.contains(&found))
}

fn date(document: Document, field: String, text: &str) -> Result<(), Rejection> {
    let found = format!("`{}`", excerpt(text));
    demand(document, field, "an RFC 3339 time", found, text.parse::<Timestamp>().is_ok())
}

fn demand(
    document: Document,
    field: impl Into<String>,
    expected: impl Display,
    found: impl Display,
    holds: bool,
) -> Result<(), Rejection> {
    if holds {
        return Ok(());
    }
    let (field, expected, found) = (field.into(), expected.to_string(), excerpt(&found.to_string()));
    Err(Rejection::Unfit { document, field, expected, found })
}
