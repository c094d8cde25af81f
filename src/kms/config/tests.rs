//! Settings as people write them, good and bad.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::{
    attestation::measurement::{Register, Registers, TcbStatus},
    error::{Class, chain},
};

fn given(profile: &str) -> Given {
    Given { version: Some("1.2.0".into()), profile: Some(profile.into()), ..Given::default() }
}

/// The class of the refusal and its whole text.
#[track_caller]
fn refused(given: Given) -> (Class, String) {
    let error = Settings::new(given).unwrap_err();
    (error.class(), chain(&error))
}

#[track_caller]
fn refused_as_usage(given: Given, says: &str) {
    let (class, words) = refused(given);
    assert!(class == Class::Usage && words.contains(says), "{class:?}: {words}");
}

fn filled() -> GivenLists {
    GivenLists { tcb_statuses: None, registers: Registers::from_fn(|_| Some("ab".repeat(48))) }
}

#[test]
fn with_version_and_profile_alone_everything_has_its_documented_default() {
    let settings = Settings::new(given("locked-read-only")).unwrap();
    assert_eq!(settings.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(settings.metrics_listen, None);
    assert_eq!(settings.dstack_socket, PathBuf::from("/var/run/dstack.sock"));
    assert_eq!((settings.challenge_ttl.as_secs(), settings.attempts_per_peer.get()), (60, 16));
    assert_eq!((settings.key_namespace.as_str(), settings.cors_origins.len()), ("merod/storage", 0));
    assert_eq!(settings.pccs.as_str(), "https://api.trustedservices.intel.com/");
    assert!(settings.enforce && settings.redis_url.is_none() && settings.policy_sha256.is_none());
    assert!(settings.collateral_cache.is_none() && settings.tdx_root.is_none());
    assert!(matches!(settings.policy, PolicySource::Release));
}

#[test]
fn every_spelling_of_a_version_means_the_same_release() {
    for version in ["1.2.0", "v1.2.0", "mero-kms-v1.2.0"] {
        let settings = Settings::new(Given { version: Some(version.into()), ..given("debug") }).unwrap();
        assert_eq!(settings.release.as_str(), "mero-kms-v1.2.0", "{version}");
    }
}

#[test]
fn without_version_or_profile_or_with_one_that_means_nothing_it_does_not_start() {
    refused_as_usage(Given { version: None, ..given("debug") }, "MERO_KMS_VERSION is not set");
    refused_as_usage(Given { version: Some(String::new()), ..given("debug") }, "MERO_KMS_VERSION is not set");
    refused_as_usage(Given { version: Some("latest".into()), ..given("debug") }, "`latest` is not a release tag");
    refused_as_usage(Given { version: Some("mero-tee-v1.2.0".into()), ..given("debug") }, "is a node image");
    refused_as_usage(Given { profile: None, ..given("debug") }, "MERO_KMS_PROFILE is not set");
    refused_as_usage(given("production"), "`production` is not a profile");
}

#[test]
fn the_locked_profile_takes_its_policy_from_the_release_and_enforces_it() {
    let environment = Given { use_env_policy: true, lists: filled(), ..given("locked-read-only") };
    refused_as_usage(environment, "USE_ENV_POLICY) is refused for the profile locked-read-only");
    let lax = Given { enforce_measurement_policy: Some(false), ..given("locked-read-only") };
    refused_as_usage(lax, "ENFORCE_MEASUREMENT_POLICY=false) is refused for the profile locked-read-only");
    for profile in ["debug", "debug-read-only"] {
        let environment = Given { use_env_policy: true, lists: filled(), ..given(profile) };
        assert!(matches!(Settings::new(environment).unwrap().policy, PolicySource::Environment(_)));
        let lax = Given { enforce_measurement_policy: Some(false), ..given(profile) };
        assert!(!Settings::new(lax).unwrap().enforce);
    }
}

#[test]
fn a_policy_has_one_source() {
    let url: Option<Url> = Some(Url::parse("https://a.example/p.json").unwrap());
    let file = Some(PathBuf::from("p.json"));
    let both = Given { policy_url: url.clone(), policy_file: file.clone(), ..given("debug") };
    refused_as_usage(both, "from a URL and from a file");
    for (policy_url, policy_file) in [(url, None), (None, file)] {
        let environment = Given { use_env_policy: true, policy_url, policy_file, lists: filled(), ..given("debug") };
        refused_as_usage(environment, "USE_ENV_POLICY excludes");
    }
    let pinned =
        Given { use_env_policy: true, policy_sha256: Some("ab".repeat(32)), lists: filled(), ..given("debug") };
    refused_as_usage(pinned, "is not a document");
}

#[test]
fn lists_in_the_environment_are_comma_separated_or_json_and_hold_what_a_policy_may() {
    let with = |mrtd: &str, tcb: Option<&str>| {
        let mut lists = filled();
        *lists.registers.get_mut(Register::Mrtd) = Some(mrtd.to_owned());
        lists.tcb_statuses = tcb.map(str::to_owned);
        Given { use_env_policy: true, lists, ..given("debug") }
    };
    let (one, two) = ("01".repeat(48), "02".repeat(48));
    for mrtd in [format!("{one},{two}"), format!(" {one} , 0x{two}"), format!(r#"["{one}","{two}"]"#)] {
        let settings = Settings::new(with(&mrtd, Some("UpToDate, SWHardeningNeeded"))).unwrap();
        let PolicySource::Environment(allowed) = settings.policy else { unreachable!("it was asked for") };
        assert_eq!(allowed.register(Register::Mrtd).len(), 2, "{mrtd}");
        assert_eq!(allowed.tcb(), [TcbStatus::UpToDate, TcbStatus::SwHardeningNeeded]);
    }
    let PolicySource::Environment(allowed) = Settings::new(with(&one, None)).unwrap().policy else { unreachable!() };
    assert_eq!(allowed.tcb(), [TcbStatus::UpToDate], "the strictest, when nothing is said");
    refused_as_usage(with("abcd", None), "ALLOWED_MRTD, entry 1: not a measurement");
    refused_as_usage(with(&format!("{one},"), None), "ALLOWED_MRTD, entry 2");
    refused_as_usage(with("[1]", None), "ALLOWED_MRTD is not a JSON array of strings");
    refused_as_usage(with("[]", None), "nothing in MRTD");
    refused_as_usage(with(&one, Some("fine")), "ALLOWED_TCB_STATUSES, entry 1");
    refused_as_usage(with(&one, Some("revoked")), "revoked platforms are tolerated");
}

#[test]
fn lists_may_be_empty_only_where_nothing_is_enforced() {
    let empty = Given { use_env_policy: true, ..given("debug") };
    refused_as_usage(empty.clone(), "nothing in MRTD, RTMR0, RTMR1, RTMR2, RTMR3");
    assert!(Settings::new(Given { enforce_measurement_policy: Some(false), ..empty }).is_ok());
}

#[test]
fn values_out_of_their_range_are_refused() {
    refused_as_usage(Given { challenge_ttl_secs: Some(0), ..given("debug") }, "CHALLENGE_TTL_SECS: expected 1 to 3600");
    refused_as_usage(Given { challenge_ttl_secs: Some(3601), ..given("debug") }, "got 3601");
    refused_as_usage(Given { max_pending_challenges: Some(0), ..given("debug") }, "MAX_PENDING_CHALLENGES");
    refused_as_usage(Given { policy_sha256: Some("abc".into()), ..given("debug") }, "MERO_KMS_POLICY_SHA256");
    for prefix in ["", "/merod", "merod/", "a//b", "a/../b", "a b", "a\n", &"a".repeat(129)] {
        let odd = Given { key_namespace_prefix: Some(prefix.to_owned()), ..given("debug") };
        refused_as_usage(odd, "KEY_NAMESPACE_PREFIX");
    }
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    let with = |origins: &str| Given { cors_allowed_origins: Some(origins.to_owned()), ..given("debug") };
    let settings = Settings::new(with("https://App.example/, http://localhost:3000,")).unwrap();
    assert_eq!(settings.cors_origins, ["https://app.example", "http://localhost:3000"]);
    for bad in ["*", "https://*.example", "app.example", "https://a.example/x", "https://u@a.example", "null"] {
        refused_as_usage(with(bad), "CORS_ALLOWED_ORIGINS");
    }
}

#[test]
fn a_pin_named_besides_the_images_must_hold_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image-profile");
    std::fs::write(&path, "locked-read-only\n").unwrap();
    let pinned = |profile| Given { image_profile_file: Some(path.clone()), ..given(profile) };
    assert!(Settings::new(pinned("locked-read-only")).is_ok());
    assert_eq!(refused(pinned("debug")).0, Class::Trust);
}

#[test]
fn the_password_of_redis_is_not_printed() {
    let url = SecretString::from("redis://:hunter2@redis.example");
    let settings = Settings::new(Given { redis_url: Some(url), ..given("debug") }).unwrap();
    assert!(settings.redis_url.is_some() && !format!("{settings:?}").contains("hunter2"));
}
