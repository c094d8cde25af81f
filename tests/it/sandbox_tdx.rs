//! The sandbox's TDX platform, judged by verifiers that other people wrote.

use dcap_qvl::{
    QuoteCollateralV3,
    quote::Report,
    verify::{QuoteVerifier, VerifiedReport},
};
use jiff::Timestamp;
use merotee::attestation::{
    dcap::Plain,
    measurement::{Measurement, Register, Registers, TcbStatus},
    verdict,
};
use merotee::sandbox::tdx::{
    App, BootRegister, DEBUG, Event, EventLog, EventVersion, Fault, ISSUED_BEFORE, Platform, QuoteRequest,
    QuoteVersion, SEPT_VE_DISABLE, VALID_FOR,
};

mod bits;
mod commands;
mod dcap_rs;
mod flips;
mod forms;
mod http;
mod openssl;
mod ours;
mod serve;
mod standing;
mod tolerance;
mod vouching;

/// 2026-03-01T00:00:00Z.
const NOW: i64 = 1_772_323_200;

fn platform() -> Platform {
    Platform::new(7, Timestamp::from_second(NOW).unwrap()).unwrap()
}

fn measurement(byte: u8) -> Measurement {
    Measurement::from_bytes([byte; 48])
}

/// A boot of firmware, kernel and dstack application.
fn log(version: EventVersion) -> EventLog {
    let mut events = vec![
        Event::boot(BootRegister::Rtmr0, b"firmware configuration"),
        Event::boot(BootRegister::Rtmr1, b"kernel"),
        Event::boot(BootRegister::Rtmr2, b"command line"),
        Event::boot(BootRegister::Rtmr2, b"initrd"),
    ];
    events.extend(App::new([0xc0; 32]).boot(version));
    platform().event_log(&events)
}

fn request(version: QuoteVersion) -> QuoteRequest {
    let registers = log(EventVersion::V1).registers(measurement(0xaa));
    QuoteRequest::new(registers, [0x5a; 64]).version(version)
}

fn collateral(platform: &Platform) -> QuoteCollateralV3 {
    serde_json::from_str(&platform.collateral_json().unwrap()).unwrap()
}

fn verify(root: &[u8], quote: &[u8], collateral: &QuoteCollateralV3, time: i64) -> Result<VerifiedReport, String> {
    let time = u64::try_from(time).unwrap();
    QuoteVerifier::<Plain>::new_with_config(root.to_vec()).verify(quote, collateral, time).map_err(|e| format!("{e:#}"))
}

/// The verdict on a version 4 quote of the platform at its own time.
fn judge(platform: &Platform) -> Result<VerifiedReport, String> {
    judge_at(platform, NOW)
}

fn judge_at(platform: &Platform, time: i64) -> Result<VerifiedReport, String> {
    let quote = platform.quote(&request(QuoteVersion::V4));
    verify(platform.root_der(), &quote, &collateral(platform), time)
}

#[test]
fn a_quote_of_every_version_verifies_and_states_what_was_asked() {
    let platform = platform();
    for version in QuoteVersion::ALL {
        let request = request(version);
        let quote = platform.quote(&request);
        let report = verify(platform.root_der(), &quote, &collateral(&platform), NOW).unwrap();
        assert_eq!(report.status, "UpToDate", "{version:?}");
        assert!(report.advisory_ids.is_empty());
        match (version, &report.report) {
            (QuoteVersion::V4 | QuoteVersion::V5Td10, Report::TD10(_)) | (QuoteVersion::V5Td15, Report::TD15(_)) => {}
            (version, report) => panic!("{version:?}: {report:?}"),
        }
        let td = report.report.as_td10().unwrap();
        assert_eq!(&td.mr_td, request.measurements.get(Register::Mrtd).as_bytes());
        assert_eq!(&td.rt_mr0, request.measurements.get(Register::Rtmr0).as_bytes());
        assert_eq!(&td.rt_mr1, request.measurements.get(Register::Rtmr1).as_bytes());
        assert_eq!(&td.rt_mr2, request.measurements.get(Register::Rtmr2).as_bytes());
        assert_eq!(&td.rt_mr3, request.measurements.get(Register::Rtmr3).as_bytes());
        assert_eq!(td.report_data, request.report_data);
        assert_eq!(u64::from_le_bytes(td.td_attributes), SEPT_VE_DISABLE);
    }
}

#[test]
fn the_registers_lie_where_the_specification_puts_them() {
    let mut registers = Registers::from_fn(|_| measurement(0));
    for (byte, register) in (1..).zip(Register::ALL) {
        *registers.get_mut(register) = measurement(byte);
    }
    let request = QuoteRequest::new(registers, [9; 64]);
    for (version, mrtd, report) in
        [(QuoteVersion::V4, 184, 584), (QuoteVersion::V5Td10, 190, 584), (QuoteVersion::V5Td15, 190, 648)]
    {
        let quote = platform().quote(&request.clone().version(version));
        assert_eq!(&quote[mrtd..mrtd + 48], &[1; 48], "{version:?}");
        for number in 0..4 {
            let from = mrtd + 192 + 48 * number;
            assert_eq!(&quote[from..from + 48], &[2 + number as u8; 48], "{version:?} RTMR{number}");
        }
        assert_eq!(&quote[mrtd + 384..mrtd + 448], &[9; 64], "{version:?}");
        if version != QuoteVersion::V4 {
            assert_eq!(u32::from_le_bytes(quote[50..54].try_into().unwrap()), report);
        }
    }
}

#[test]
fn nothing_verifies_under_intels_root() {
    let platform = platform();
    for version in QuoteVersion::ALL {
        let quote = platform.quote(&request(version));
        let intel = verdict::DcapVerifier::intel().unwrap();
        let error = verify(intel.root().der(), &quote, &collateral(&platform), NOW).unwrap_err();
        assert!(error.contains("SignatureForPublicKey"), "{error}");
    }
}

#[test]
fn every_status_is_reported_with_its_advisories_and_revoked_is_refused() {
    for (status, spelling) in [
        (TcbStatus::UpToDate, "UpToDate"),
        (TcbStatus::SwHardeningNeeded, "SWHardeningNeeded"),
        (TcbStatus::ConfigurationNeeded, "ConfigurationNeeded"),
        (TcbStatus::ConfigurationAndSwHardeningNeeded, "ConfigurationAndSWHardeningNeeded"),
        (TcbStatus::OutOfDate, "OutOfDate"),
        (TcbStatus::OutOfDateConfigurationNeeded, "OutOfDateConfigurationNeeded"),
        (TcbStatus::Revoked, "Revoked"),
    ] {
        let platform = platform().with_status(status, &["INTEL-SA-00001", "INTEL-SA-00002"]).unwrap();
        for version in QuoteVersion::ALL {
            let quote = platform.quote(&request(version));
            let verdict = verify(platform.root_der(), &quote, &collateral(&platform), NOW);
            if status == TcbStatus::Revoked {
                assert_eq!(verdict.unwrap_err(), "TCB status is invalid: Revoked");
                continue;
            }
            let report = verdict.unwrap();
            assert_eq!(report.status, spelling, "{version:?}");
            assert_eq!(report.advisory_ids, ["INTEL-SA-00001", "INTEL-SA-00002"]);
        }
    }
}

/// What dcap-qvl says of each fault; nothing where it does not look. Our own verifier finds those too (`ours`).
fn refusal(fault: Fault) -> Option<&'static str> {
    let said = match fault {
        Fault::MismatchedPceId | Fault::UnknownTcbInfoVersion | Fault::UnknownTcbType => return None,
        Fault::ExpiredTcbInfo => "TCBInfo expired",
        Fault::ExpiredQeIdentity => "QE Identity expired",
        Fault::ExpiredRootCrl | Fault::ExpiredPckCrl => "CrlExpired",
        Fault::ExpiredPckCertificate | Fault::ExpiredTcbSigner => "CertExpired",
        Fault::RevokedPck | Fault::RevokedPlatformCa | Fault::RevokedTcbSigner => "CertRevoked",
        Fault::WrongRoot => "SignatureForPublicKey",
        Fault::DebugAttribute => "Debug mode is enabled",
        Fault::MismatchedFmspc => "Fmspc mismatch",
        Fault::BadQeReportHash => "QE report hash mismatch",
        Fault::BadQeReportSignature => "Signature is invalid for qe_report",
        Fault::BadQuoteSignature => "ISV enclave report signature is invalid",
        Fault::BadTcbInfoSignature => "Signature is invalid for tcb_info",
        Fault::BadQeIdentitySignature => "Signature is invalid for qe_identity",
        Fault::SgxTcbInfo => "TDX quote with non-TDX TCB info",
        Fault::MissingTdxComponents => "TDX component count mismatch",
        Fault::MissingTdxModule => "missing tdxModule field",
        Fault::UnknownTcbStatus => "Unrecognized TCB status TDRelaunchAdvised in TCB Info",
        Fault::SgxQeIdentity => "Unsupported QE Identity id/version",
        Fault::MissingQeLevels => "No TCB levels found in QE Identity",
    };
    Some(said)
}

#[test]
fn dcap_qvl_finds_every_fault_it_looks_for_and_calls_it_what_it_is() {
    for fault in Fault::ALL {
        let platform = platform().with_fault(fault).unwrap();
        for version in QuoteVersion::ALL {
            let quote = platform.quote(&request(version));
            match (refusal(fault), verify(platform.root_der(), &quote, &collateral(&platform), NOW)) {
                (Some(said), Err(error)) => assert!(error.contains(said), "{fault:?}, {version:?}: {error}"),
                (None, Ok(report)) => assert_eq!(report.status, "UpToDate", "{fault:?}, {version:?}"),
                (said, outcome) => panic!("{fault:?}, {version:?}: expected {said:?}, got {outcome:?}"),
            }
        }
    }
}

#[test]
fn a_fault_spoils_nothing_else() {
    let good = platform();
    for fault in [Fault::ExpiredTcbInfo, Fault::MismatchedFmspc, Fault::BadTcbInfoSignature, Fault::ExpiredPckCrl] {
        let faulty = platform().with_fault(fault).unwrap();
        // A quote of the faulty platform is sound; only the collateral is not.
        let quote = faulty.quote(&request(QuoteVersion::V4));
        verify(good.root_der(), &quote, &collateral(&good), NOW).unwrap();
    }
    for fault in [Fault::DebugAttribute, Fault::BadQuoteSignature, Fault::BadQeReportHash] {
        let faulty = platform().with_fault(fault).unwrap();
        let quote = good.quote(&request(QuoteVersion::V4));
        verify(good.root_der(), &quote, &collateral(&faulty), NOW).unwrap();
    }
    // A verifier told to allow debugging finds nothing else wrong.
    let quote = platform().with_fault(Fault::DebugAttribute).unwrap().quote(&request(QuoteVersion::V4));
    let time = u64::try_from(NOW).unwrap();
    let allowing = QuoteVerifier::<Plain>::new_with_config(good.root_der().to_vec()).allow_debug(true);
    allowing.verify(&quote, &collateral(&good), time).unwrap();
}

#[test]
fn faults_have_names_of_their_own_that_read_back() {
    let names: std::collections::BTreeSet<_> = Fault::ALL.map(Fault::name).into();
    assert_eq!(names.len(), Fault::ALL.len());
    for fault in Fault::ALL {
        assert_eq!(Fault::parse(fault.name()).unwrap(), fault);
        assert!(!fault.description().is_empty());
    }
    assert_eq!(Fault::parse("none").unwrap_err().class(), merotee::error::Class::Usage);
}

#[test]
fn collateral_is_valid_for_its_window_and_not_a_second_longer() {
    let platform = platform();
    let (from, until) = (NOW - ISSUED_BEFORE, NOW - ISSUED_BEFORE + VALID_FOR);
    judge_at(&platform, from).unwrap();
    judge_at(&platform, until - 1).unwrap();
    assert!(judge_at(&platform, from - 1).unwrap_err().contains("in the future"));
    // At its `nextUpdate` a list counts as expired already; TCB info and QE identity would a second later.
    assert!(judge_at(&platform, until).unwrap_err().contains("CrlExpired"));
    assert!(judge_at(&platform, until + 1).unwrap_err().contains("CrlExpired"));
}

#[test]
fn a_debug_td_may_be_asked_for_by_its_attribute() {
    let platform = platform();
    let request = QuoteRequest { attributes: SEPT_VE_DISABLE | DEBUG, ..request(QuoteVersion::V4) };
    let quote = platform.quote(&request);
    let error = verify(platform.root_der(), &quote, &collateral(&platform), NOW).unwrap_err();
    assert_eq!(error, "Debug mode is enabled");
}

#[test]
fn the_same_seed_and_time_give_the_same_bytes_and_others_give_others() {
    let bytes = |platform: &Platform| {
        (
            platform.collateral_json().unwrap(),
            platform.quote(&request(QuoteVersion::V5Td15)),
            platform.root_der().to_vec(),
        )
    };
    let (collateral, quote, root) = bytes(&platform());
    assert_eq!((collateral.clone(), quote.clone(), root.clone()), bytes(&platform()));

    let other = bytes(&Platform::new(8, Timestamp::from_second(NOW).unwrap()).unwrap());
    assert_ne!(root, other.2);
    assert_ne!(quote, other.1);

    // Time changes what is dated and nothing else: quotes of yesterday verify with collateral of today.
    let later = bytes(&Platform::new(7, Timestamp::from_second(NOW + 60).unwrap()).unwrap());
    assert_ne!(collateral, later.0);
    assert_eq!((&quote, &root), (&later.1, &later.2));
}

#[test]
fn the_platform_and_the_sigstore_instance_share_a_seed_and_no_key() {
    let now = Timestamp::from_second(NOW).unwrap();
    let sigstore = merotee::sandbox::sigstore::Instance::new(7, now).unwrap().trusted_root_json("http://127.0.0.1");
    use base64::{Engine, engine::general_purpose::STANDARD};
    let root = STANDARD.encode(platform().root_der());
    assert!(!sigstore.contains(&root));
}

#[test]
fn a_platform_too_near_the_epoch_is_the_callers_error() {
    let error = Platform::new(7, Timestamp::UNIX_EPOCH).err().unwrap();
    assert_eq!(error.class(), merotee::error::Class::Usage);
}

/// Replays entries as a verifier would: by their digests, without a look at how they were made.
fn replay(entries: &[serde_json::Value], register: u64) -> Measurement {
    use aws_lc_rs::digest::{SHA384, digest};
    let mut value = vec![0; 48];
    for entry in entries.iter().filter(|e| e["imr"] == register) {
        value.extend(hex::decode(entry["digest"].as_str().unwrap()).unwrap());
        value = digest(&SHA384, &value).as_ref().to_vec();
    }
    Measurement::from_bytes(value.try_into().unwrap())
}

#[test]
fn a_log_of_either_version_replays_to_the_registers_of_the_quote() {
    for version in [EventVersion::V1, EventVersion::V2] {
        let log = log(version);
        let registers = log.registers(measurement(0xaa));
        for (number, register) in (0..).zip([Register::Rtmr0, Register::Rtmr1, Register::Rtmr2, Register::Rtmr3]) {
            assert_eq!(replay(&log.entries, number), *registers.get(register), "{version:?} {register}");
            assert!(!registers.get(register).is_zero());
        }
        assert_eq!(*registers.get(Register::Mrtd), measurement(0xaa));
        assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(&log.to_json()).unwrap(), log.entries);
    }
    let [v1, v2] = [EventVersion::V1, EventVersion::V2].map(|v| *log(v).registers(measurement(0)).get(Register::Rtmr3));
    assert_ne!(v1, v2);
}

#[test]
fn digests_are_made_as_dstack_makes_them() {
    use aws_lc_rs::digest::{SHA384, digest};
    let of = |event: Event| EventLog::new(&[event]).entries.remove(0);
    let v1 = of(Event::runtime(EventVersion::V1, "compose-hash", &[0xab, 0xcd]));
    let preimage = b"\x01\x00\x00\x08:compose-hash:\xab\xcd";
    assert_eq!(v1["digest"], hex::encode(digest(&SHA384, preimage)));
    assert_eq!(v1["event_type"], 134_217_729);
    assert_eq!(v1["event_payload"], "abcd");
    assert!(v1.get("version").is_none());

    let v2 = of(Event::runtime(EventVersion::V2, "a \"name\"\n", &[0xab, 0xcd]));
    let preimage = br#"{"name":"a \"name\"\n","payload":"abcd","type":134217729}"#;
    assert_eq!(v2["digest"], hex::encode(digest(&SHA384, preimage)));
    assert_eq!(v2["version"], 2);
}

#[test]
fn our_digests_are_those_of_a_real_machine() {
    let Some(corpus) = crate::corpus::corpus("tdx") else { return };
    let text = std::fs::read_to_string(corpus.join("eventlogs/near-mpc.tcb_info.json")).unwrap();
    let info: serde_json::Value = serde_json::from_str(&text).unwrap();
    let log = &info["event_log"];
    let real: Vec<serde_json::Value> = match log.as_str() {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => log.as_array().unwrap().clone(),
    };
    let runtime: Vec<_> = real.iter().filter(|e| e["imr"] == 3).collect();
    let events: Vec<_> = runtime
        .iter()
        .map(|e| {
            let payload = hex::decode(e["event_payload"].as_str().unwrap()).unwrap();
            Event::runtime(EventVersion::V1, e["event"].as_str().unwrap(), &payload)
        })
        .collect();
    let ours = EventLog::new(&events);
    for (ours, real) in ours.entries.iter().zip(&runtime) {
        assert_eq!(&ours, real);
    }
    assert_eq!(ours.registers(measurement(0)).get(Register::Rtmr3).to_string(), info["rtmr3"].as_str().unwrap());
}
