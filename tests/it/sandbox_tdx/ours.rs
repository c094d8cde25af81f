//! The platform judged by our own verifier: every fault by its typed reason, every status, every log.

use merotee::{
    attestation::{
        event_log::{EventLog as Log, checks},
        measurement::Registers,
        quote::Quote,
        verdict::{AttributeFault, Collateral, Concern, DcapVerifier, Document, Rejection, Signed, Verdict},
    },
    report::Status,
};

use super::*;

/// A status and the advisories of a platform that is not up to date.
const ADVISORIES: [&str; 2] = ["INTEL-SA-00001", "INTEL-SA-00002"];

fn judged_at(platform: &Platform, request: &QuoteRequest, now: i64) -> Result<Verdict, Rejection> {
    let quote = Quote::parse(&platform.quote(request)).unwrap();
    let collateral = Collateral::from_json(platform.collateral_json().unwrap().as_bytes()).unwrap();
    let verifier = DcapVerifier::new(platform.root_der()).unwrap();
    verifier.verify(&quote, &collateral, u64::try_from(now).unwrap())
}

fn judged(platform: &Platform, version: QuoteVersion) -> Result<Verdict, Rejection> {
    judged_at(platform, &request(version), NOW)
}

/// What a fault must be called.
enum Reason {
    /// Exactly these documents have expired.
    Expired(&'static [Document]),
    /// A certificate of this chain is revoked.
    Revoked(Document),
    /// Exactly this.
    Is(Rejection),
}

fn reason(fault: Fault) -> Reason {
    let signature = |signed| Reason::Is(Rejection::BadSignature(signed));
    let unfit = |document, field: &str, expected: &str, found: &str| {
        let (field, expected, found) = (field.to_owned(), expected.to_owned(), found.to_owned());
        Reason::Is(Rejection::Unfit { document, field, expected, found })
    };
    match fault {
        Fault::ExpiredTcbInfo => Reason::Expired(&[Document::TcbInfo]),
        Fault::ExpiredQeIdentity => Reason::Expired(&[Document::QeIdentity]),
        Fault::ExpiredRootCrl => Reason::Expired(&[Document::RootCrl]),
        Fault::ExpiredPckCrl => Reason::Expired(&[Document::PckCrl]),
        Fault::ExpiredPckCertificate => Reason::Expired(&[Document::PckChain]),
        // One signer for both documents.
        Fault::ExpiredTcbSigner => Reason::Expired(&[Document::TcbSigningChain, Document::QeSigningChain]),
        Fault::RevokedPck | Fault::RevokedPlatformCa => Reason::Revoked(Document::PckChain),
        Fault::RevokedTcbSigner => Reason::Revoked(Document::TcbSigningChain),
        Fault::WrongRoot => Reason::Is(Rejection::WrongRoot(Document::TcbSigningChain)),
        Fault::DebugAttribute => {
            let request = QuoteRequest { attributes: SEPT_VE_DISABLE | DEBUG, ..request(QuoteVersion::V4) };
            let quote = Quote::parse(&platform().quote(&request)).unwrap();
            Reason::Is(Rejection::Debug(quote.report.attributes))
        }
        Fault::MismatchedFmspc => Reason::Is(Rejection::FmspcMismatch {
            quote: hex::encode(merotee::sandbox::tdx::FMSPC),
            collateral: hex::encode(b"OTHER1"),
        }),
        Fault::MismatchedPceId => {
            Reason::Is(Rejection::PceIdMismatch { quote: "0000".to_owned(), collateral: "0001".to_owned() })
        }
        Fault::SgxTcbInfo => unfit(Document::TcbInfo, "id", "TDX", "SGX"),
        Fault::UnknownTcbInfoVersion => unfit(Document::TcbInfo, "version", "3", "4"),
        Fault::UnknownTcbType => unfit(Document::TcbInfo, "tcbType", "0", "1"),
        Fault::MissingTdxComponents => {
            unfit(Document::TcbInfo, "tcbLevels[0].tcb.tdxtcbcomponents", "16 components", "absent or empty")
        }
        Fault::MissingTdxModule => {
            unfit(Document::TcbInfo, "tdxModule", "the TDX module's signer and attributes", "absent")
        }
        Fault::UnknownTcbStatus => {
            let expected = "a status that Intel uses here";
            unfit(Document::TcbInfo, "tcbLevels[0].tcbStatus", expected, "TDRelaunchAdvised")
        }
        Fault::SgxQeIdentity => unfit(Document::QeIdentity, "id", "TD_QE", "QE"),
        Fault::MissingQeLevels => unfit(Document::QeIdentity, "tcbLevels", "at least one level", "an empty list"),
        Fault::BadQeReportHash => signature(Signed::AttestationKey),
        Fault::BadQeReportSignature => signature(Signed::QeReport),
        Fault::BadQuoteSignature => signature(Signed::Quote),
        Fault::BadTcbInfoSignature => signature(Signed::Document(Document::TcbInfo)),
        Fault::BadQeIdentitySignature => signature(Signed::Document(Document::QeIdentity)),
    }
}

#[test]
fn every_fault_is_rejected_for_its_own_typed_reason_in_every_version() {
    for fault in Fault::ALL {
        let platform = platform().with_fault(fault).unwrap();
        for version in QuoteVersion::ALL {
            let rejection = judged(&platform, version).unwrap_err();
            match (reason(fault), &rejection) {
                (Reason::Expired(expected), Rejection::OutsideValidity { now, documents }) => {
                    let named: Vec<_> = documents.iter().map(|dated| dated.document).collect();
                    assert_eq!((named.as_slice(), *now), (expected, u64::try_from(NOW).unwrap()), "{fault:?}");
                    assert!(documents.iter().all(|dated| dated.validity.until < *now), "{fault:?}: {documents:?}");
                }
                (Reason::Revoked(expected), Rejection::Revoked { document, serial }) => {
                    assert_eq!(*document, expected, "{fault:?}");
                    assert!(serial.len() >= 16 && serial.bytes().all(|b| b.is_ascii_hexdigit()), "{fault:?}: {serial}");
                }
                (Reason::Is(expected), rejection) => assert_eq!(*rejection, expected, "{fault:?}, {version:?}"),
                (Reason::Expired(_) | Reason::Revoked(_), other) => panic!("{fault:?}, {version:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_serial_number_of_a_revoked_certificate_is_that_of_the_certificate() {
    for (fault, index) in [(Fault::RevokedPck, 0), (Fault::RevokedPlatformCa, 1)] {
        let platform = platform().with_fault(fault).unwrap();
        let quote = Quote::parse(&platform.quote(&request(QuoteVersion::V4))).unwrap();
        let serial = quote.certification.chain()[index].serial();
        let expected = Rejection::Revoked { document: Document::PckChain, serial };
        assert_eq!(judged(&platform, QuoteVersion::V4).unwrap_err(), expected);
    }
}

#[test]
fn every_status_is_read_with_its_advisories_and_a_revoked_platform_is_rejected() {
    for status in TcbStatus::ALL {
        let platform = platform().with_status(status, &ADVISORIES).unwrap();
        for version in QuoteVersion::ALL {
            match judged(&platform, version) {
                Ok(verdict) => {
                    assert_eq!((verdict.tcb, verdict.relaunch_advised), (status, false), "{version:?}");
                    assert_eq!(verdict.advisories.iter().map(ToString::to_string).collect::<Vec<_>>(), ADVISORIES);
                }
                Err(rejection) => {
                    assert_eq!((status, &rejection), (TcbStatus::Revoked, &Rejection::TcbRevoked));
                    assert_eq!(rejection.concern(), Concern::Tcb);
                }
            }
        }
    }
}

#[test]
fn a_td_without_sept_ve_disable_is_rejected_for_that_and_a_debug_td_only_until_it_is_allowed() {
    let platform = platform();
    let open = QuoteRequest { attributes: 0, ..request(QuoteVersion::V4) };
    assert_eq!(judged_at(&platform, &open, NOW).unwrap_err(), Rejection::Attributes(AttributeFault::SeptVe));
    let debug = QuoteRequest { attributes: SEPT_VE_DISABLE | DEBUG, ..request(QuoteVersion::V4) };
    let quote = Quote::parse(&platform.quote(&debug)).unwrap();
    let collateral = Collateral::from_json(platform.collateral_json().unwrap().as_bytes()).unwrap();
    let verifier = DcapVerifier::new(platform.root_der()).unwrap().allow_debug(true);
    assert_eq!(verifier.verify(&quote, &collateral, NOW as u64).unwrap().tcb, TcbStatus::UpToDate);
}

#[test]
fn under_intels_root_every_quote_of_the_platform_leads_to_another_root() {
    let platform = platform();
    let collateral = Collateral::from_json(platform.collateral_json().unwrap().as_bytes()).unwrap();
    for version in QuoteVersion::ALL {
        let quote = Quote::parse(&platform.quote(&request(version))).unwrap();
        let rejection = DcapVerifier::intel().unwrap().verify(&quote, &collateral, NOW as u64).unwrap_err();
        assert_eq!(rejection, Rejection::WrongRoot(Document::TcbSigningChain), "{version:?}");
    }
}

#[test]
fn the_verdict_holds_from_the_first_to_the_last_second_of_the_collateral() {
    let (platform, request) = (platform(), request(QuoteVersion::V4));
    let (from, last) = (NOW - ISSUED_BEFORE, NOW - ISSUED_BEFORE + VALID_FOR - 1);
    for now in [from, last] {
        let until = judged_at(&platform, &request, now).unwrap().until;
        assert_eq!(until.validity.until, last as u64);
    }
    let documents = |now| {
        let rejection = judged_at(&platform, &request, now).unwrap_err();
        let Rejection::OutsideValidity { documents, .. } = rejection else { panic!("{rejection}") };
        documents.iter().map(|d| d.document).collect::<Vec<_>>()
    };
    assert_eq!(documents(from - 1), [Document::TcbInfo, Document::QeIdentity]);
    assert_eq!(documents(last + 1), [Document::RootCrl, Document::PckCrl]);
    assert_eq!(documents(last + 2), [Document::RootCrl, Document::TcbInfo, Document::QeIdentity, Document::PckCrl]);
}

#[test]
fn the_event_log_read_by_the_product_replays_to_the_registers_of_the_quote() {
    let platform = platform();
    for version in [EventVersion::V1, EventVersion::V2] {
        let made = log(version);
        let quote = platform.quote(&QuoteRequest::new(made.registers(measurement(0xaa)), [7; 64]));
        let registers = Quote::parse(&quote).unwrap().report.registers;
        let read = Log::parse(made.to_json().as_bytes()).unwrap();
        let findings = checks::replayed("log", &read, &registers);
        assert_eq!(findings.iter().map(|f| f.status).collect::<Vec<_>>(), [Status::Pass; 4], "{findings:#?}");
        let expected = Registers::from_fn(|r| (r != Register::Mrtd).then(|| *registers.get(r)));
        assert_eq!(read.replay(), expected);
        assert_eq!(read.identity().unwrap().compose_hash().unwrap().as_bytes(), &[0xc0; 32]);
        // One event less leads elsewhere.
        let mut entries = made.entries.clone();
        entries.pop();
        let shorter = Log::from_json(&serde_json::Value::from(entries)).unwrap();
        let statuses: Vec<_> =
            checks::replayed("log", &shorter, &registers).iter().map(|finding| finding.status).collect();
        assert_eq!(statuses, [Status::Pass, Status::Pass, Status::Pass, Status::Fail]);
    }
}
