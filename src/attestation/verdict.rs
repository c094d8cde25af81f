//! Whether a quote is genuine: made by a TDX machine that Intel vouches for, under a trust root and at a given time.
//!
//! A function of values: quote, [`Collateral`], root and time. Steps, in the order of [`DcapVerifier::verify`]:
//! 1. Every document the verdict rests on counts at that time. Done first and by ourselves, so that collateral that has
//!    merely expired is never reported as a forgery.
//! 2. The `dcap-qvl` library judges: certificate chains and revocation lists, TCB information and QE identity, the
//!    quoting enclave, the signature over the quote, the platform's TCB status.
//! 3. TCB info and QE identity are for TDX and for this machine. The library reads over some of it.
//! 4. What the library read is what we read.
//! 5. The TD does not run in debug mode, unless that is allowed by name.
//! 6. The TCB status is the worst that platform, TDX module and quoting enclave imply.
//!
//! A policy says whether that status will do: see [`violations`] and [`judge_tcb`].

mod admission;
mod classify;
mod collateral;
mod crl;
mod findings;
mod fit;
mod rejection;
mod standing;
mod verifier;
mod vouching;

use dcap_qvl::{TcbInfo, verify::VerifiedReport};

pub use self::{
    admission::{Violation, objections, violations},
    collateral::{Collateral, CollateralError, CollateralParts},
    crl::revocation_list,
    findings::{
        COLLATERAL, DEBUG, Expectation, ExpectedBinding, POLICY, REPORT_DATA, RULES, SIGNATURE, TCB, judge_debug,
        judge_policy, judge_report_data, judge_tcb, judge_verdict,
    },
    rejection::{AttributeFault, Concern, Dated, Document, Rejection, Signed},
    verifier::{AGREEMENT, Opinion, QuoteVerifier, judge_agreement},
};

pub(in crate::attestation) use self::findings::tolerated;

use self::{
    classify::Evidence,
    fit::{MachineKind, fits},
    standing::Standing,
};
use super::{
    dcap::Remembering,
    measurement::{Register, TcbStatus},
    quote::{Certificate, CertificateError, Platform, Quote},
};

/// Intel's SGX and TDX root, "Intel SGX Root CA". SHA-256 fingerprint
/// `44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3`.
const INTEL_ROOT: &[u8] = include_bytes!("verdict/intel-sgx-root.der");

/// An Intel security advisory: `INTEL-SA-01192`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Advisory(pub(in crate::attestation) String);

impl std::fmt::Display for Advisory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an authority says of a genuine quote's machine: Intel's collateral, or Intel Trust Authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The status of platform, TDX module and quoting enclave together. Never [`TcbStatus::Revoked`]: that is a
    /// rejection.
    pub tcb: TcbStatus,
    /// The TD was started on outdated firmware that has been updated under it since: a restart would cure it. `tcb` is
    /// then `outofdate` or `outofdateconfigurationneeded`, as it was at the start.
    pub relaunch_advised: bool,
    /// Advisories that apply, as the collateral lists them.
    pub advisories: Vec<Advisory>,
    /// The document that ceases to count first. After that second the verdict must be renewed.
    pub until: Dated,
}

/// Judges quotes by Intel's collateral, under one trust root.
pub struct DcapVerifier {
    library: dcap_qvl::verify::QuoteVerifier<Remembering>,
    root: Certificate,
    allow_debug: bool,
}

impl DcapVerifier {
    /// Under Intel's root, built in.
    ///
    /// # Errors
    /// Never, short of a defect in the build.
    pub fn intel() -> Result<Self, CertificateError> {
        Self::new(INTEL_ROOT)
    }

    /// Under another root, in DER. Nothing proves then that the machine is one of Intel's: say so in every report.
    ///
    /// # Errors
    /// It is not a DER certificate.
    pub fn new(root_der: &[u8]) -> Result<Self, CertificateError> {
        let root = Certificate::from_der(root_der)?;
        // The TD's attributes are judged here, so that a debug TD's signature is still called good.
        let library = dcap_qvl::verify::QuoteVerifier::new_with_config(root_der.to_vec()).allow_debug(true);
        Ok(Self { library, root, allow_debug: false })
    }

    /// Accepts TDs in debug mode, whose host can read and change everything in them.
    #[must_use]
    pub fn allow_debug(mut self, allow: bool) -> Self {
        self.allow_debug = allow;
        self
    }

    /// Whether the root is Intel's.
    pub fn is_intel(&self) -> bool {
        self.root.der() == INTEL_ROOT
    }

    /// The root.
    pub fn root(&self) -> &Certificate {
        &self.root
    }

    /// Whether the quote's PCK chain is signed up to this root: only then is it worth asking anybody about the machine
    /// it names. Judges neither dates nor revocation, so it is not a verdict.
    pub fn vouches_for_chain_of(&self, quote: &Quote) -> bool {
        let chain = quote.certification.chain();
        let signed = chain.iter().zip(chain.iter().skip(1)).all(|(one, issuer)| one.is_signed_by(issuer));
        signed && chain.last().is_some_and(|last| *last == self.root)
    }

    /// Judges `quote` by `collateral` at `now`, in seconds since 1970 UTC.
    ///
    /// The PCK certificate chain is always the quote's own; one that the collateral holds is ignored.
    ///
    /// # Errors
    /// [`Rejection`]: why the quote is rejected, or could not be judged by this collateral.
    pub fn verify(&self, quote: &Quote, collateral: &Collateral, now: u64) -> Result<Verdict, Rejection> {
        // 1. Documents.
        let until = self.current(quote.certification.chain(), collateral, now)?;
        // 2. The library. It goes on to the quote when the documents are signed, and only then to what they say: so a
        //    document that is not what it must be goes before whatever else it found.
        let evidence = Evidence { quote, collateral, root: &self.root };
        let judged = self.library.verify(quote.as_bytes(), collateral.library(), now);
        let judged = judged.map_err(|error| classify::rejection(&format!("{error:#}"), &evidence));
        if let Err(rejection) = &judged
            && rejection.concern() == Concern::Collateral
            && !matches!(rejection, Rejection::Collateral(_))
        {
            return Err(rejection.clone());
        }
        // 3. Fit.
        let tcb_info = fitting(quote, collateral)?;
        let report = judged?;
        // 4. The same quote.
        agree(quote, &report)?;
        // 5. Debug.
        if quote.report.attributes.is_under_debug() && !self.allow_debug {
            return Err(Rejection::Debug(quote.report.attributes));
        }
        // 6. Status.
        let Standing { tcb, relaunch_advised, advisories } = Standing::of(&report, quote, tcb_info)?;
        Ok(Verdict { tcb, relaunch_advised, advisories, until })
    }

    /// Whether `collateral` by itself is trustworthy at `now`: every document is valid, signed under the root, and for
    /// machines like `platform`. To be asked before collateral takes the place of other. What it says of such machines,
    /// for example that one is revoked, is for [`Self::verify`].
    ///
    /// # Errors
    /// The first fault.
    pub fn vouches_for(&self, collateral: &Collateral, platform: &Platform, now: u64) -> Result<(), Rejection> {
        self.current(&[], collateral, now)?;
        vouching::vouched(collateral, &self.root, platform)
    }

    /// The document that ceases to count first, when all count at `now`.
    fn current(&self, pck_chain: &[Certificate], collateral: &Collateral, now: u64) -> Result<Dated, Rejection> {
        let root = Dated { document: Document::Root, validity: self.root.validity() };
        let mut documents = vec![root];
        documents.extend_from_slice(collateral.dated());
        for certificate in pck_chain {
            // Intel's root and CA stand in the collateral as well, most likely.
            let validity = certificate.validity();
            documents.push(Dated { document: Document::PckChain, validity });
        }
        let earliest = documents.iter().min_by_key(|dated| dated.validity.until).copied().unwrap_or(root);
        documents.retain(|dated| !dated.validity.contains(now));
        if documents.is_empty() { Ok(earliest) } else { Err(Rejection::outside_validity(now, documents)) }
    }
}

impl QuoteVerifier for DcapVerifier {
    const AUTHORITY: &'static str = "DCAP";
    type Evidence = Collateral;
    type Verdict = Verdict;
    type Rejection = Rejection;

    fn verify(&self, quote: &Quote, evidence: &Collateral, now: u64) -> Result<Verdict, Rejection> {
        Self::verify(self, quote, evidence, now)
    }

    fn opinion(outcome: &Result<Verdict, Rejection>) -> Opinion {
        match outcome {
            Ok(verdict) => Opinion::Accepts(verdict.tcb),
            // Documents that do not count say nothing of the quote.
            Err(rejection) if rejection.concern() == Concern::Collateral => Opinion::Unknown,
            Err(rejection) => Opinion::Refuses(rejection.to_string()),
        }
    }
}

/// Two readers that disagree about a quote's bytes must not be played against each other.
fn agree(quote: &Quote, report: &VerifiedReport) -> Result<(), Rejection> {
    let theirs = report.report.as_td10().ok_or(Rejection::Disagreement)?;
    let registers = |register: &Register| match register {
        Register::Mrtd => &theirs.mr_td,
        Register::Rtmr0 => &theirs.rt_mr0,
        Register::Rtmr1 => &theirs.rt_mr1,
        Register::Rtmr2 => &theirs.rt_mr2,
        Register::Rtmr3 => &theirs.rt_mr3,
    };
    let ours = &quote.report;
    let same = Register::ALL.iter().all(|r| ours.registers.get(*r).as_bytes() == registers(r))
        && ours.report_data == theirs.report_data
        && ours.attributes.bits().to_le_bytes() == theirs.td_attributes;
    if same { Ok(()) } else { Err(Rejection::Disagreement) }
}

/// The TCB info, when it and the QE identity are for machines like the one that made the quote.
fn fitting<'c>(quote: &Quote, collateral: &'c Collateral) -> Result<&'c TcbInfo, Rejection> {
    let extension = quote.certification.sgx_extension().map_err(|e| {
        let document = Some(Document::PckChain);
        Rejection::BadChain { document, reason: e.to_string() }
    })?;
    fits(collateral, MachineKind { fmspc: &extension.fmspc, pce_id: &extension.pce_id })?;
    collateral.tcb_info.as_ref().map_err(|why| Rejection::Collateral(why.clone()))
}

impl std::fmt::Debug for DcapVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DcapVerifier")
            .field("root", &self.root)
            .field("allow_debug", &self.allow_debug)
            .finish_non_exhaustive()
    }
}
