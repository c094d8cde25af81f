//! Every service gives advice of its own, and no other's.

use std::time::Duration;

use super::*;

const ALL: [Service; 16] = [
    Service::GitHub,
    Service::Rekor,
    Service::Pccs,
    Service::Kms,
    Service::Document,
    Service::Fulcio,
    Service::SigningLog,
    Service::Timestamp,
    Service::IdToken,
    Service::Ita,
    Service::ItaPortal,
    Service::Phala,
    Service::Compute,
    Service::GoogleToken,
    Service::Metadata,
    Service::Node,
];

/// Every kind of failure that a server or the way to it can cause.
fn reasons() -> Vec<Reason> {
    let unreachable = |cause| Reason::Unreachable { cause, words: String::new() };
    let status = |code: u16| Reason::Status {
        status: StatusCode::from_u16(code).unwrap_or_default(),
        said: None,
        pause: None,
        storage: false,
    };
    let limited = |secondary| Reason::RateLimited { secondary, said: None, pause: None };
    let causes = [Cause::Refused, Cause::NoSuchHost, Cause::Tls, Cause::Other];
    causes
        .map(unreachable)
        .into_iter()
        .chain([400, 401, 403, 404, 407, 418, 429, 500, 502, 503].map(status))
        .chain([true, false].map(limited))
        .chain([Reason::TimedOut(Duration::ZERO), Reason::Broken(String::new()), Reason::TooLarge(1)])
        .collect()
}

fn all(service: Service) -> Vec<(Reason, Ours, String)> {
    let mut told = Vec::new();
    for (token, loopback) in [(false, false), (false, true), (true, false), (true, true)] {
        for reason in reasons() {
            let ours = Ours { token, loopback };
            if let Some(advice) = service.advice(&reason, ours) {
                told.push((reason, ours, advice));
            }
        }
    }
    told
}

#[test]
fn only_github_is_spoken_of_with_its_token() {
    for service in ALL {
        let speaks = all(service).iter().any(|(_, _, advice)| advice.contains("GH_TOKEN") || advice.contains("GitHub"));
        assert_eq!(speaks, service == Service::GitHub, "{service:?}");
    }
}

#[test]
fn no_proxy_is_named_for_a_server_on_this_machine() {
    for service in ALL {
        for (reason, ours, advice) in all(service) {
            assert!(!(ours.loopback && advice.contains("PROXY")), "{service:?} {reason:?}: {advice}");
        }
    }
}

#[test]
fn a_fault_of_tls_names_the_variable_for_a_ca_and_a_refusal_the_option_for_the_address() {
    for (service, option) in [
        (Service::GitHub, "--api-url"),
        (Service::Rekor, "--rekor-url"),
        (Service::Pccs, "--pccs"),
        (Service::Kms, "--url"),
        (Service::Document, "its address"),
        (Service::Fulcio, "--signing-config"),
        (Service::SigningLog, "--signing-config"),
        (Service::Timestamp, "--signing-config"),
        (Service::IdToken, "ACTIONS_ID_TOKEN_REQUEST_URL"),
        (Service::Phala, "--phala-api-url"),
        (Service::Compute, "--compute-url"),
        (Service::GoogleToken, "the credentials file"),
        (Service::Metadata, "GCE_METADATA_HOST"),
        (Service::Node, "the machine's address"),
    ] {
        for loopback in [true, false] {
            let ours = Ours { token: false, loopback };
            let reach = |cause| service.reach(cause, ours);
            assert!(reach(Cause::Tls).contains("SSL_CERT_FILE") && reach(Cause::Tls).contains(option), "{service:?}");
            assert!(reach(Cause::Refused).contains(option), "{service:?}");
            assert!(!reach(Cause::Refused).contains("SSL_CERT_FILE"), "{service:?}");
        }
    }
}

#[test]
fn no_service_is_advised_to_use_another_services_option() {
    let options = ["--api-url", "--rekor-url", "--pccs", "--url ", "--signing-config"];
    for (service, own) in [
        (Service::GitHub, 0),
        (Service::Rekor, 1),
        (Service::Pccs, 2),
        (Service::Kms, 3),
        (Service::Fulcio, 4),
        (Service::SigningLog, 4),
        (Service::Timestamp, 4),
        (Service::Document, 5),
        (Service::IdToken, 5),
        (Service::Phala, 5),
        (Service::Compute, 5),
        (Service::GoogleToken, 5),
        (Service::Metadata, 5),
        (Service::Node, 5),
    ] {
        for (reason, _, advice) in all(service) {
            for (at, option) in options.iter().enumerate() {
                assert!(at == own || !advice.contains(option), "{service:?} {reason:?}: {advice}");
            }
        }
    }
}
