//! The TD report inside a quote: what the TDX module measured.

use super::{QuoteError, TdAttributes, Version, reader::Reader};
use crate::attestation::measurement::{Measurement, Register, Registers};

/// Which report a quote holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyType {
    /// TDX 1.0: 584 bytes. The only one in a quote of version 4.
    Td10,
    /// TDX 1.5: 648 bytes.
    Td15,
    /// TDX 1.5 with service-TD and instance fields: 885 bytes.
    Td15Ex,
}

impl BodyType {
    /// The report's length in bytes.
    pub fn size(self) -> usize {
        match self {
            Self::Td10 => 584,
            Self::Td15 => 648,
            Self::Td15Ex => 885,
        }
    }

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Td10 => "TD 1.0",
            Self::Td15 => "TD 1.5",
            Self::Td15Ex => "TD 1.5 extended",
        }
    }
}

/// What a TD 1.5 report adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTds {
    /// TCB of the TDX module now; differs from `tee_tcb_svn` after an update under a running TD.
    pub tee_tcb_svn2: [u8; 16],
    /// Hash of the service TDs bound to this one (migration, for example). Zero when there are none.
    pub mr_service_td: Measurement,
    /// The rest of a TD 1.5 extended report, uninterpreted: 237 bytes.
    pub extension: Option<Vec<u8>>,
}

/// What the TDX module says of a TD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TdReport {
    /// Which report this is.
    pub body: BodyType,
    /// TCB of the TDX module when the TD was started: component versions, the module's first.
    pub tee_tcb_svn: [u8; 16],
    /// Measurement of the TDX module.
    pub mr_seam: Measurement,
    /// Signer of the TDX module; zero for Intel's.
    pub mr_signer_seam: Measurement,
    /// Attributes of the TDX module.
    pub seam_attributes: u64,
    /// Switches the TD was started with.
    pub attributes: TdAttributes,
    /// CPU features the TD may use (XFAM).
    pub xfam: u64,
    /// MRTD and RTMR0–3.
    pub registers: Registers<Measurement>,
    /// Identifier of the TD's configuration, set by its host.
    pub mr_config_id: Measurement,
    /// Identifier of the TD's owner, set by its host.
    pub mr_owner: Measurement,
    /// Identifier of the owner's configuration, set by its host.
    pub mr_owner_config: Measurement,
    /// 64 bytes the TD put in: for a KMS a nonce and a binding.
    pub report_data: [u8; 64],
    /// What only TD 1.5 reports hold.
    pub service: Option<ServiceTds>,
}

impl TdReport {
    /// Reads the descriptor, where the version has one, and the report.
    pub(super) fn read(reader: &mut Reader<'_>, version: Version) -> Result<Self, QuoteError> {
        let body = match version {
            Version::V4 => BodyType::Td10,
            Version::V5 => descriptor(reader)?,
        };
        let tee_tcb_svn = reader.array("TEE_TCB_SVN")?;
        let mr_seam = measurement(reader, "MRSEAM")?;
        let mr_signer_seam = measurement(reader, "MRSIGNERSEAM")?;
        let seam_attributes = reader.u64("SEAMATTRIBUTES")?;
        let attributes = TdAttributes::from_bits(reader.u64("TDATTRIBUTES")?);
        let xfam = reader.u64("XFAM")?;
        let mrtd = measurement(reader, "MRTD")?;
        let mr_config_id = measurement(reader, "MRCONFIGID")?;
        let mr_owner = measurement(reader, "MROWNER")?;
        let mr_owner_config = measurement(reader, "MROWNERCONFIG")?;
        let rtmr0 = measurement(reader, "RTMR0")?;
        let rtmr1 = measurement(reader, "RTMR1")?;
        let rtmr2 = measurement(reader, "RTMR2")?;
        let rtmr3 = measurement(reader, "RTMR3")?;
        let registers = Registers::from_fn(|register| match register {
            Register::Mrtd => mrtd,
            Register::Rtmr0 => rtmr0,
            Register::Rtmr1 => rtmr1,
            Register::Rtmr2 => rtmr2,
            Register::Rtmr3 => rtmr3,
        });
        let report_data = reader.array("report data")?;
        let service = match body {
            BodyType::Td10 => None,
            BodyType::Td15 | BodyType::Td15Ex => Some(service(reader, body)?),
        };
        Ok(Self {
            body,
            tee_tcb_svn,
            mr_seam,
            mr_signer_seam,
            seam_attributes,
            attributes,
            xfam,
            registers,
            mr_config_id,
            mr_owner,
            mr_owner_config,
            report_data,
            service,
        })
    }

    /// The first half of the report data: the nonce, in a KMS's or a node's layout.
    pub fn nonce(&self) -> [u8; 32] {
        let mut half = [0; 32];
        half.copy_from_slice(self.report_data.split_at(32).0);
        half
    }

    /// The second half of the report data: the binding, in a KMS's or a node's layout.
    pub fn binding(&self) -> [u8; 32] {
        let mut half = [0; 32];
        half.copy_from_slice(self.report_data.split_at(32).1);
        half
    }
}

/// The six bytes between header and report in version 5.
fn descriptor(reader: &mut Reader<'_>) -> Result<BodyType, QuoteError> {
    let offset = reader.at();
    let body = match reader.u16("body type")? {
        2 => BodyType::Td10,
        3 => BodyType::Td15,
        4 => BodyType::Td15Ex,
        other => return Err(QuoteError::unsupported("body type", offset, other, "2, 3 or 4 (a TD report)")),
    };
    let offset = reader.at();
    let found = reader.length("body size")?;
    if found != body.size() {
        return Err(QuoteError::Length { field: "body size", offset, found, expected: body.size() });
    }
    Ok(body)
}

fn service(reader: &mut Reader<'_>, body: BodyType) -> Result<ServiceTds, QuoteError> {
    let tee_tcb_svn2 = reader.array("TEE_TCB_SVN2")?;
    let mr_service_td = measurement(reader, "MRSERVICETD")?;
    let extension = match body {
        BodyType::Td10 | BodyType::Td15 => None,
        BodyType::Td15Ex => {
            let rest = BodyType::Td15Ex.size() - BodyType::Td15.size();
            Some(reader.take(rest, "TD 1.5 extension")?.to_vec())
        }
    };
    Ok(ServiceTds { tee_tcb_svn2, mr_service_td, extension })
}

fn measurement(reader: &mut Reader<'_>, field: &'static str) -> Result<Measurement, QuoteError> {
    reader.array(field).map(Measurement::from_bytes)
}
