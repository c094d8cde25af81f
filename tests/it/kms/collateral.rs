//! Collateral: asked for once, kept until it expires, renewed before, and never used after.

use std::{fs, path::Path};

use futures_util::future::join_all;
use merotee::{
    adapters::pccs::CollateralCache,
    attestation::verdict::Collateral,
    kms::Parts,
    sandbox::tdx::{Fault, ISSUED_BEFORE, VALID_FOR},
};

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
    starves(&site, &service, &log, "collateral does not count now").await;
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
    // What can be read and is not Intel's lets nobody in, and is fetched anew: the next attempt succeeds.
    let forged = platform(NOW).with_fault(Fault::BadTcbInfoSignature).unwrap().collateral_json().unwrap();
    fs::write(&file, forged).unwrap();
    let service = caching(&site, folder.path()).await;
    log.nothing_refused();
    let answer = service.key(&site.node()).await;
    assert_eq!((answer.status, &answer.json()["error"]), (401, &"attestation_verification_failed".into()));
    let line = log.refusal("/get-key", 401, "attestation_verification_failed");
    assert!(line.contains("the signature over the TCB info is not valid"), "{line}");
    serves(&site, &service).await;
    assert_eq!(fs::read(&file).unwrap(), good);
}

#[tokio::test]
async fn a_service_that_gives_forged_collateral_lets_nobody_in_and_is_not_asked_for_every_node() {
    let site = Site::new().await;
    site.pccs.publish(platform(NOW).with_fault(Fault::BadTcbInfoSignature).unwrap());
    let service = site.serve().await;
    for _ in 0..5 {
        assert_eq!(service.key(&site.node()).await.json()["error"], "attestation_verification_failed");
    }
    // Once for the first node, and once for doubt.
    assert_eq!(site.pccs.asked(), [2; 4]);
}
