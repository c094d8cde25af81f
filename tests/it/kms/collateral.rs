//! Collateral: asked for once, kept until it expires, renewed before, and never used after.

use std::{fs, path::Path, sync::Arc, time::Duration};

use futures_util::future::join_all;
use merotee::{
    adapters::{
        http::HttpOptions,
        pccs::{CollateralCache, Pccs},
    },
    attestation::{
        measurement::{Measurement, Registers},
        quote::Quote,
        verdict::Collateral,
    },
    kms::{
        Parts,
        collateral::{CollateralSource, CollateralStore},
    },
    sandbox::tdx::{Fault, ISSUED_BEFORE, QuoteRequest, VALID_FOR},
};
use tokio::time::Instant;

use super::{
    log::Log,
    site::{NOW, Service, Site, platform},
};

/// Seconds from now until the site's collateral has expired.
const LIFE: u64 = (VALID_FOR - ISSUED_BEFORE).cast_unsigned();
const DAY: u64 = 24 * 3600;

/// A service that keeps collateral in this folder.
async fn caching(site: &Site, folder: &Path) -> Service {
    let cache = CollateralCache::new(folder.to_owned());
    site.serve_with(Parts { collateral: site.collateral(Some(cache), Vec::new()), ..site.parts() }).await
}

async fn preloaded(site: &Site, sets: Vec<Collateral>) -> Service {
    site.serve_with(Parts { collateral: site.collateral(None, sets), ..site.parts() }).await
}

fn published(site: &Site) -> Collateral {
    Collateral::from_json(site.platform.collateral_json().unwrap().as_bytes()).unwrap()
}

/// Asserts that the node gets its key.
async fn serves(site: &Site, service: &Service) {
    let node = site.node();
    assert_eq!(service.key(&node).await.key(), site.storage_key(&node.peer()));
}

/// Asserts that it does not, for want of collateral.
async fn starves(site: &Site, service: &Service, log: &Log, cause: &str) {
    log.nothing_refused();
    let answer = service.key(&site.node()).await;
    assert_eq!((answer.status, answer.text.as_str()), (503, r#"{"error":"service_unavailable"}"#));
    let line = log.refusal("/get-key", 503, "service_unavailable");
    assert!(line.contains(cause), "no {cause:?} in {line}");
}

/// The one file of a cache.
fn cached(folder: &Path) -> std::path::PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    file.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn for_32_nodes_that_come_at_the_same_time_each_document_is_asked_for_once_and_then_no_more() {
    let mut site = Site::new().await;
    let service = site.serve().await;
    let nodes: Vec<_> = (1..=32).map(|number| site.node().renamed(number)).collect();
    for round in 0..2 {
        let answers = join_all(nodes.iter().map(|node| service.key(node))).await;
        for (node, answer) in nodes.iter().zip(answers) {
            assert_eq!(answer.key(), site.storage_key(&node.peer()), "{round}");
        }
        assert_eq!(site.pccs.asked(), [1; 4], "{round}");
    }
    site.pccs.end().await;
    serves(&site, &service).await;
}

#[tokio::test]
async fn what_was_fetched_lies_on_disk_for_the_next_start_without_a_service() {
    let (log, _heard) = Log::of_this_thread();
    let mut site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    serves(&site, &caching(&site, folder.path()).await).await;
    site.pccs.end().await;
    serves(&site, &caching(&site, folder.path()).await).await;
    assert_eq!(site.pccs.asked(), [1; 4]);
    // Without that folder there is nothing to judge by, and no key.
    starves(&site, &site.serve().await, &log, "collateral").await;
    // Nor with it, once it is too old.
    site.pass(LIFE + 1);
    starves(&site, &caching(&site, folder.path()).await, &log, "collateral").await;
}

#[tokio::test]
async fn preloaded_collateral_needs_no_service_at_all_and_is_refused_like_any_when_it_has_expired() {
    let (log, _heard) = Log::of_this_thread();
    let mut site = Site::new().await;
    site.pccs.end().await;
    let service = preloaded(&site, vec![published(&site)]).await;
    serves(&site, &service).await;
    assert_eq!(site.pccs.asked(), [0; 4]);
    site.pass(LIFE - 1);
    serves(&site, &service).await;
    site.pass(1);
    starves(&site, &service, &log, "could not reach 127.0.0.1:").await;

    let other = platform(NOW).with_fault(Fault::MismatchedFmspc).unwrap().collateral_json().unwrap();
    let other = Collateral::from_json(other.as_bytes()).unwrap();
    starves(&site, &preloaded(&site, vec![other]).await, &log, "could not reach 127.0.0.1:").await;
}

#[tokio::test]
async fn expired_collateral_releases_no_key_until_it_is_renewed() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let service = site.serve().await;
    serves(&site, &service).await;
    site.pass(LIFE);
    // The service still gives the same, which counts no more.
    starves(&site, &service, &log, "the root CRL expired").await;
    assert_eq!(site.pccs.asked(), [2; 4]);
    // Nobody is asked again at once, however many nodes come.
    starves(&site, &service, &log, "asked 0 s ago").await;
    assert_eq!(site.pccs.asked(), [2; 4]);
    // The next look at what has to be renewed finds it.
    site.pccs.publish(platform(site.now()));
    service.kms.renew_collateral().await;
    serves(&site, &service).await;
    assert_eq!(site.pccs.asked(), [3; 4]);
}

#[tokio::test]
async fn collateral_near_its_end_is_renewed_before_a_node_has_to_wait_for_it() {
    let (log, _heard) = Log::of_this_thread();
    let mut site = Site::new().await;
    let service = site.serve().await;
    service.kms.renew_collateral().await;
    assert_eq!(site.pccs.asked(), [0; 4], "nobody has asked for any yet");
    serves(&site, &service).await;
    service.kms.renew_collateral().await;
    assert_eq!(site.pccs.asked(), [1; 4], "it is fresh");

    site.pass(LIFE - DAY);
    site.pccs.publish(platform(site.now()));
    service.kms.renew_collateral().await;
    assert_eq!(site.pccs.asked(), [2; 4]);
    site.pccs.end().await;
    site.pass(2 * DAY);
    serves(&site, &service).await;

    // A renewal that fails is logged, and what is there is used as long as it counts.
    site.pass(LIFE - 2 * DAY - 1);
    service.kms.renew_collateral().await;
    assert!(log.text().contains("expires soon and cannot be renewed"), "{}", log.text());
    serves(&site, &service).await;
    site.pass(1);
    starves(&site, &service, &log, "collateral").await;
}

#[tokio::test]
async fn a_spoilt_cache_is_replaced() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    serves(&site, &caching(&site, folder.path()).await).await;
    let file = cached(folder.path());
    let good = fs::read(&file).unwrap();
    for spoilt in [&b""[..], b"nonsense", &good[..good.len() / 2], b"{}"] {
        fs::write(&file, spoilt).unwrap();
        serves(&site, &caching(&site, folder.path()).await).await;
        assert_eq!(fs::read(&file).unwrap(), good);
    }
    // What can be read and is not signed by Intel is not used either, and nobody has to wait for a better one.
    for fault in [Fault::BadTcbInfoSignature, Fault::BadQeIdentitySignature, Fault::MismatchedPceId, Fault::WrongRoot] {
        let forged = platform(NOW).with_fault(fault).unwrap().collateral_json().unwrap();
        fs::write(&file, forged).unwrap();
        serves(&site, &caching(&site, folder.path()).await).await;
        assert_eq!(fs::read(&file).unwrap(), good, "{fault:?}");
    }
    log.nothing_refused();
}

#[tokio::test]
async fn a_service_that_gives_forged_collateral_lets_nobody_in_is_not_asked_for_every_node_and_spoils_no_cache() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    site.pccs.publish(platform(NOW).with_fault(Fault::BadTcbInfoSignature).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let service = caching(&site, folder.path()).await;
    for cause in ["the signature over the TCB info is not valid", "asked 0 s ago", "asked 0 s ago"] {
        starves(&site, &service, &log, cause).await;
    }
    assert_eq!(site.pccs.asked(), [1; 4]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "what fails is not kept");
}

/// Faults of collateral, each of which would make every quote fail.
const SPOILT: [Fault; 14] = [
    Fault::ExpiredTcbInfo,
    Fault::ExpiredQeIdentity,
    Fault::ExpiredRootCrl,
    Fault::ExpiredPckCrl,
    Fault::ExpiredTcbSigner,
    Fault::WrongRoot,
    Fault::MismatchedFmspc,
    Fault::MismatchedPceId,
    Fault::UnknownTcbType,
    Fault::SgxTcbInfo,
    Fault::MissingTdxComponents,
    Fault::SgxQeIdentity,
    Fault::BadTcbInfoSignature,
    Fault::BadQeIdentitySignature,
];

#[tokio::test]
async fn a_renewed_set_that_fails_never_takes_the_place_of_one_that_counts_in_memory_or_on_disk() {
    let (log, _heard) = Log::of_this_thread();
    for fault in SPOILT {
        let site = Site::new().await;
        let folder = tempfile::tempdir().unwrap();
        let service = caching(&site, folder.path()).await;
        serves(&site, &service).await;
        let good = fs::read(cached(folder.path())).unwrap();
        site.pass(LIFE - DAY);
        site.pccs.publish(platform(site.now()).with_fault(fault).unwrap());
        service.kms.renew_collateral().await;
        assert_eq!(site.pccs.asked(), [2; 4], "{fault:?}");
        assert!(log.text().contains("the service's collateral is not acceptable"), "{fault:?}: {}", log.text());
        serves(&site, &service).await;
        assert_eq!(fs::read(cached(folder.path())).unwrap(), good, "{fault:?}");
        serves(&site, &caching(&site, folder.path()).await).await;
        // The next renewal brings a good one.
        site.pccs.publish(platform(site.now()));
        service.kms.renew_collateral().await;
        site.pass(2 * DAY);
        serves(&site, &service).await;
        assert_ne!(fs::read(cached(folder.path())).unwrap(), good, "{fault:?}");
    }
}

#[tokio::test]
async fn a_renewed_list_that_revokes_takes_effect() {
    for fault in [Fault::RevokedPck, Fault::RevokedPlatformCa, Fault::RevokedTcbSigner] {
        let site = Site::new().await;
        let service = site.serve().await;
        serves(&site, &service).await;
        site.pass(LIFE - DAY);
        site.pccs.publish(platform(site.now()).with_fault(fault).unwrap());
        service.kms.renew_collateral().await;
        let answer = service.key(&site.node()).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (401, &"attestation_verification_failed".into()),
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn preloaded_collateral_that_fails_is_passed_over_for_what_the_service_gives() {
    for fault in SPOILT {
        let site = Site::new().await;
        let spoilt = platform(NOW).with_fault(fault).unwrap().collateral_json().unwrap();
        let service = preloaded(&site, vec![Collateral::from_json(spoilt.as_bytes()).unwrap()]).await;
        serves(&site, &service).await;
        assert_eq!(site.pccs.asked(), [1; 4], "{fault:?}");
    }
}

/// Lets that much time pass on the clock that pauses are measured by, all at once.
async fn leap(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn after_its_pause_a_service_that_failed_is_asked_again() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    site.pccs.publish(platform(NOW).with_fault(Fault::ExpiredTcbInfo).unwrap());
    let service = site.serve().await;
    starves(&site, &service, &log, "the TCB info expired").await;
    site.pccs.publish(platform(NOW));
    starves(&site, &service, &log, "asked 0 s ago").await;
    assert_eq!(site.pccs.asked(), [1; 4]);
    leap(Duration::from_secs(5)).await;
    serves(&site, &service).await;
    assert_eq!(site.pccs.asked(), [2; 4]);
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_waited_for_twenty_seconds() {
    let site = Site::new().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    let hour = Duration::from_secs(3600);
    let options =
        HttpOptions { connect_timeout: hour, read_timeout: hour, request_timeout: hour, ..HttpOptions::default() };
    let store = Arc::new(CollateralStore::new(CollateralSource {
        pccs: Pccs::new(&url, options).unwrap(),
        cache: None,
        preloaded: Vec::new(),
        verifier: site.parts().verifier,
    }));
    let registers = Registers::from_fn(|_| Measurement::from_bytes([1; 48]));
    let quote = Quote::parse(&site.platform.quote(&QuoteRequest::new(registers, [0; 64]))).unwrap();
    let machine = quote.certification.platform().unwrap();
    // Nothing else is due, so the clock leaps to the end of the wait.
    tokio::time::pause();
    let began = Instant::now();
    let error = store.get(&machine, NOW).await.unwrap_err();
    assert_eq!(error.to_string(), "no collateral within 20 s");
    assert_eq!(began.elapsed().as_secs(), 20);
    let again = store.get(&machine, NOW).await.unwrap_err().to_string();
    assert_eq!(again, "no collateral: asked 0 s ago: no collateral within 20 s");
    assert_eq!(began.elapsed().as_secs(), 20, "nobody was asked");
}
