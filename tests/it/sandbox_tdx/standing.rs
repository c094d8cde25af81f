//! The TCB status of a machine: the worst that platform, TDX module and quoting enclave imply, in every combination.

use std::collections::BTreeSet;

use merotee::{
    attestation::{
        quote::Quote,
        verdict::{Collateral, Concern, DcapVerifier, Rejection, Verdict},
    },
    sandbox::tdx::Lag,
};

use super::*;

/// What each part can have, by the documents that say so.
const OF_MODULES: [TcbStatus; 3] = [TcbStatus::UpToDate, TcbStatus::OutOfDate, TcbStatus::Revoked];
const OF_ENCLAVES: [TcbStatus; 5] = [
    TcbStatus::UpToDate,
    TcbStatus::ConfigurationNeeded,
    TcbStatus::OutOfDate,
    TcbStatus::OutOfDateConfigurationNeeded,
    TcbStatus::Revoked,
];

fn judged(platform: &Platform, version: QuoteVersion) -> Result<Verdict, Rejection> {
    let quote = Quote::parse(&platform.quote(&request(version))).unwrap();
    let collateral = Collateral::from_json(platform.collateral_json().unwrap().as_bytes()).unwrap();
    DcapVerifier::new(platform.root_der()).unwrap().verify(&quote, &collateral, NOW.cast_unsigned())
}

/// What is wrong with a machine of this status, in words of this test's own.
fn flaws(status: TcbStatus) -> BTreeSet<&'static str> {
    let all = ["hardening", "configuration", "outdated", "revoked"];
    let word = match status {
        TcbStatus::UpToDate => "",
        TcbStatus::SwHardeningNeeded => "hardening",
        TcbStatus::ConfigurationNeeded => "configuration",
        TcbStatus::ConfigurationAndSwHardeningNeeded => "configuration hardening",
        TcbStatus::OutOfDate => "outdated",
        TcbStatus::OutOfDateConfigurationNeeded => "outdated configuration",
        TcbStatus::Revoked => "revoked",
    };
    all.into_iter().filter(|flaw| word.contains(flaw)).collect()
}

#[test]
fn the_worst_of_platform_module_and_enclave_counts_in_each_of_105_combinations() {
    let mut combinations = 0;
    for platform_status in TcbStatus::ALL {
        for module in OF_MODULES {
            for enclave in OF_ENCLAVES {
                combinations += 1;
                let what = format!("{platform_status}, {module}, {enclave}");
                let machine = platform()
                    .with_status(platform_status, &["INTEL-SA-00001"])
                    .and_then(|p| p.with_module_status(module, &["INTEL-SA-00002"]))
                    .and_then(|p| p.with_enclave_status(enclave, &["INTEL-SA-00003", "INTEL-SA-00001"]))
                    .unwrap();
                let mut expected = flaws(platform_status);
                expected.extend(flaws(module));
                expected.extend(flaws(enclave));
                let outcome = judged(&machine, QuoteVersion::V5Td15);
                if expected.contains("revoked") {
                    assert_eq!(outcome.unwrap_err(), Rejection::TcbRevoked, "{what}");
                    continue;
                }
                let verdict = outcome.unwrap_or_else(|e| panic!("{what}: {e}"));
                let mut found = flaws(verdict.tcb);
                // Outdated firmware needs an update, whatever software mitigations it needs now.
                if found.contains("outdated") {
                    found.extend(expected.get("hardening"));
                }
                assert_eq!(found, expected, "{what}: {}", verdict.tcb);
                let advisories: Vec<_> = verdict.advisories.iter().map(ToString::to_string).collect();
                assert_eq!(advisories, ["INTEL-SA-00001", "INTEL-SA-00002", "INTEL-SA-00003"], "{what}");
            }
        }
    }
    assert_eq!(combinations, 105);
}

#[test]
fn a_quoting_enclave_that_needs_configuration_is_never_passed_over_in_any_version() {
    for enclave in [TcbStatus::ConfigurationNeeded, TcbStatus::OutOfDateConfigurationNeeded] {
        let machine = platform().with_enclave_status(enclave, &[]).unwrap();
        for version in QuoteVersion::ALL {
            assert_eq!(judged(&machine, version).unwrap().tcb, enclave, "{version:?}");
        }
        // The library, as Intel's, reads over it.
        assert_eq!(judge(&machine).unwrap().status, "UpToDate");
    }
}

#[test]
fn a_status_that_no_module_and_no_enclave_can_have_is_a_fault_of_the_collateral() {
    for status in TcbStatus::ALL.into_iter().filter(|status| !OF_MODULES.contains(status)) {
        let rejection = judged(&platform().with_module_status(status, &[]).unwrap(), QuoteVersion::V4).unwrap_err();
        assert_eq!(rejection.concern(), Concern::Collateral, "{rejection}");
        assert!(rejection.to_string().contains("tdxModuleIdentities[0].tcbLevels[1].tcbStatus"), "{rejection}");
    }
    for status in [TcbStatus::SwHardeningNeeded, TcbStatus::ConfigurationAndSwHardeningNeeded] {
        let rejection = judged(&platform().with_enclave_status(status, &[]).unwrap(), QuoteVersion::V4).unwrap_err();
        assert_eq!(rejection.concern(), Concern::Collateral, "{rejection}");
        assert!(rejection.to_string().starts_with("the QE identity: tcbLevels[1].tcbStatus"), "{rejection}");
    }
}

#[test]
fn a_td_counts_as_outdated_whether_it_was_at_launch_or_is_now() {
    for (lag, relaunch) in [(Lag::AtLaunch, true), (Lag::Now, false)] {
        let machine = platform().with_lag(lag).unwrap();
        let verdict = judged(&machine, QuoteVersion::V5Td15).unwrap();
        assert_eq!((verdict.tcb, verdict.relaunch_advised), (TcbStatus::OutOfDate, relaunch), "{lag:?}");
        let configured = machine.with_status(TcbStatus::ConfigurationNeeded, &[]).unwrap();
        let verdict = judged(&configured, QuoteVersion::V5Td15).unwrap();
        assert_eq!(verdict.tcb, TcbStatus::OutOfDateConfigurationNeeded, "{lag:?}");
    }
    // Reports of TDX 1.0 tell of the launch alone.
    assert_eq!(judged(&platform().with_lag(Lag::Now).unwrap(), QuoteVersion::V4).unwrap().tcb, TcbStatus::UpToDate);
    let launched = judged(&platform().with_lag(Lag::AtLaunch).unwrap(), QuoteVersion::V4).unwrap();
    assert_eq!((launched.tcb, launched.relaunch_advised), (TcbStatus::OutOfDate, false));
}
