//! The SGX extension of a PCK certificate: which machine it is and at which patch level.
//!
//! Structure as in Intel's "SGX PCK Certificate and Certificate Revocation List Profile Specification", section 1.5.

use const_oid::ObjectIdentifier;
use der::asn1::{Any, OctetString};
use der::{Encode, Sequence, Tag};
use x509_cert::ext::Extension;

use super::machine::Machine;
use crate::error::Result;
use crate::sandbox::certificate::{encoding, raw_extension};

/// The extension and the arc all its fields hang from.
const SGX_EXTENSION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");
/// "Scalable": what a multi-package server, the only kind with TDX, says.
const SGX_TYPE: [u8; 1] = [1];

/// `{OID, value}`: the shape of every field, at both depths.
#[derive(Sequence)]
struct Field {
    id: ObjectIdentifier,
    value: Any,
}

/// The extension of the machine's certificate. Not critical: it describes, and constrains nothing.
pub(super) fn sgx_extension(machine: &Machine) -> Result<Extension> {
    let fields = vec![
        field(SGX_EXTENSION, 1, &octets(&machine.ppid)?)?,
        field(SGX_EXTENSION, 2, &tcb(machine)?)?,
        field(SGX_EXTENSION, 3, &octets(&machine.pce_id)?)?,
        field(SGX_EXTENSION, 4, &octets(&machine.fmspc)?)?,
        field(SGX_EXTENSION, 5, &Any::new(Tag::Enumerated, SGX_TYPE).map_err(encoding)?)?,
        field(SGX_EXTENSION, 6, &octets(&machine.instance_id)?)?,
        field(SGX_EXTENSION, 7, &configuration()?)?,
    ];
    raw_extension(SGX_EXTENSION, false, fields.to_der().map_err(encoding)?)
}

/// Sixteen component SVNs, PCESVN and CPUSVN.
fn tcb(machine: &Machine) -> Result<Vec<Field>> {
    let arc = child(SGX_EXTENSION, 2)?;
    let mut fields = Vec::with_capacity(18);
    for (number, svn) in (1..).zip(machine.cpu_svn) {
        fields.push(field(arc, number, &svn)?);
    }
    fields.push(field(arc, 17, &machine.pce_svn)?);
    fields.push(field(arc, 18, &octets(&machine.cpu_svn)?)?);
    Ok(fields)
}

/// Dynamic platform, cached keys, SMT: all three set, as on the clouds' machines.
fn configuration() -> Result<Vec<Field>> {
    let arc = child(SGX_EXTENSION, 7)?;
    (1..=3).map(|number| field(arc, number, &true)).collect()
}

fn field(arc: ObjectIdentifier, number: u32, value: &impl Encode) -> Result<Field> {
    let value = value.to_der().and_then(|der| der::Decode::from_der(&der)).map_err(encoding)?;
    Ok(Field { id: child(arc, number)?, value })
}

fn child(arc: ObjectIdentifier, number: u32) -> Result<ObjectIdentifier> {
    arc.push_arc(number).map_err(|e| encoding(e.into()))
}

fn octets(bytes: &[u8]) -> Result<OctetString> {
    OctetString::new(bytes).map_err(encoding)
}
