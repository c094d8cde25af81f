//! The one machine of the platform: its identities and patch levels. What a certificate, a quote and the collateral say
//! of it comes from here, so that they agree unless a fault makes them differ.

use crate::sandbox::key::Seed;

/// Family, model, stepping, platform and custom SKU of the machine: the ASCII letters `SANDBX`, which Intel assigns to no
/// processor, so that a cache of collateral can't take the sandbox's for a real machine's.
pub const FMSPC: [u8; 6] = *b"SANDBX";

/// Product number of Intel's TD quoting enclave.
pub(super) const QE_PRODUCT: u16 = 2;
/// Patch level of the quoting enclave.
pub(super) const QE_SVN: u16 = 7;

/// What identifies the machine and says how far it is patched.
pub(super) struct Machine {
    /// Provisioning id: who the machine is to Intel.
    pub(super) ppid: [u8; 16],
    /// Platform instance id.
    pub(super) instance_id: [u8; 16],
    pub(super) fmspc: [u8; 6],
    pub(super) pce_id: [u8; 2],
    /// SVNs of the sixteen SGX components; the raw CPUSVN repeats them.
    pub(super) cpu_svn: [u8; 16],
    pub(super) pce_svn: u16,
    /// SVNs of the sixteen TDX components: the module's SVN, the module's version, the microcode's SVN.
    pub(super) tee_tcb_svn: [u8; 16],
    /// Measurement of the TDX module.
    pub(super) mr_seam: [u8; 48],
    /// Who signed the TDX module: zeros stand for Intel.
    pub(super) mr_signer_seam: [u8; 48],
    /// Measurement of the quoting enclave.
    pub(super) qe_mr_enclave: [u8; 32],
    /// Who signed the quoting enclave.
    pub(super) qe_mr_signer: [u8; 32],
    /// Id of the quoting enclave's instance, in the header of quotes.
    pub(super) qe_id: [u8; 16],
}

impl Machine {
    pub(super) fn new(seed: Seed) -> Self {
        Self {
            ppid: seed.bytes("ppid", 0),
            instance_id: seed.bytes("platform instance", 0),
            fmspc: FMSPC,
            pce_id: [0; 2],
            cpu_svn: [4, 4, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
            pce_svn: 11,
            tee_tcb_svn: [11, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            mr_seam: seed.bytes("tdx module", 0),
            mr_signer_seam: [0; 48],
            qe_mr_enclave: seed.bytes("qe measurement", 0),
            qe_mr_signer: seed.bytes("qe signer", 0),
            qe_id: seed.bytes("qe id", 0),
        }
    }
}
