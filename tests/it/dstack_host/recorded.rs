//! The recorded traffic of real dstack programs, understood by the clients: each file is served as it was recorded.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode},
};
use merotee::{
    adapters::{
        dstack_kms::{Answered, Onboarding, authority},
        http::HttpOptions,
        vmm::{Channel, Vmm, VmmCredentials},
    },
    dstack::bootstrap_info::BootstrapInfo,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _};

use crate::corpus::corpus;

type Recorded = Arc<BTreeMap<&'static str, (u16, Vec<u8>)>>;

/// Status and body of a recorded exchange.
fn exchange(folder: &Path, name: &str) -> (u16, Vec<u8>) {
    let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, rest) = text.replace("\r\n", "\n").split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let body = rest.rsplit_once("\n[time_total").unwrap().0;
    (status, body.as_bytes().to_vec())
}

async fn served(folder: &Path, files: &[(&'static str, &str)]) -> url::Url {
    let recorded: Recorded =
        Arc::new(files.iter().map(|(path, name)| (*path, exchange(folder, name))).collect::<BTreeMap<_, _>>());
    let answer = |State(recorded): State<Recorded>, request: Request| async move {
        let (status, body) = recorded.get(request.uri().path()).cloned().unwrap_or((404, Vec::new()));
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer).with_state(recorded)).await });
    url
}

fn options() -> HttpOptions {
    HttpOptions { attempts: 1, ..HttpOptions::default() }
}

#[tokio::test]
async fn every_answer_of_the_vmm_is_understood() {
    let Some(folder) = corpus("dstack") else { return };
    let url = served(
        &folder,
        &[
            ("/prpc/Version", "43-vmm-version"),
            ("/prpc/ListImages", "42-vmm-images"),
            ("/prpc/Status", "41-vmm-status"),
            ("/prpc/GetInfo", "50-vmm-getinfo"),
            ("/prpc/RemoveVm", "54-vmm-remove"),
            ("/prpc/StartVm", "53-vmm-stop"),
            ("/logs", "57-vmm-logs"),
        ],
    )
    .await;
    let vmm = Vmm::new(url.as_str().parse().unwrap(), &VmmCredentials::None, options()).unwrap();
    assert_eq!(vmm.version().await.unwrap().0.version, "0.6.0");
    assert_eq!(vmm.images().await.unwrap()[0].name, "dstack-0.5.7");
    assert!(vmm.vms().await.unwrap().is_empty());
    let vm = vmm.info("4d9c1a80-d4ff-4714-b43e-09450d1b7711").await.unwrap().unwrap();
    assert!(vm.is_running() && !vm.never_ran());
    assert_eq!(vm.app_id.as_deref(), Some("ae98b019435cb0c5b5bb60355bd786d4530b24ab"));
    let compose = std::fs::read_to_string(folder.join("app-compose.json")).unwrap();
    assert_eq!(vm.configuration.unwrap().compose_file, compose);
    assert!(matches!(vmm.remove("x").await.unwrap(), merotee::adapters::vmm::Answered::Done(())));
    assert!(vmm.log("x", Channel::Serial, 10).await.unwrap().is_none());
    let url = served(
        &folder,
        &[
            ("/prpc/GetInfo", "51-vmm-getinfo-missing"),
            ("/prpc/RemoveVm", "55-vmm-remove-again"),
            ("/prpc/CreateVm", "56-vmm-badimage"),
            ("/prpc/Version", "40-vmm-noauth"),
        ],
    )
    .await;
    let vmm = Vmm::new(url.as_str().parse().unwrap(), &VmmCredentials::None, options()).unwrap();
    assert!(vmm.info("x").await.unwrap().is_none());
    let merotee::adapters::vmm::Answered::Refused(refused) = vmm.remove("x").await.unwrap() else { panic!("removed") };
    assert!(refused.to_string().contains("Failed to remove VM: VM not found"), "{refused}");
    assert!(vmm.version().await.unwrap_err().to_string().contains("401"));
}

#[tokio::test]
async fn every_answer_of_a_kms_that_waits_is_understood() {
    let Some(folder) = corpus("dstack") else { return };
    let url = served(
        &folder,
        &[
            ("/health", "00-health"),
            ("/finish", "09-finish"),
            ("/prpc/KMS.GetMeta", "01-getmeta-in-onboard"),
            ("/prpc/Onboard.GetAttestationInfo", "02-onboard-getattinfo"),
            ("/prpc/Onboard.Bootstrap", "07-bootstrap"),
        ],
    )
    .await;
    let kms = Onboarding::new(&url, options()).unwrap();
    assert!(kms.waits().await.unwrap());
    let announced = kms.attestation_info().await.unwrap();
    assert!(announced.info.mr_aggregated.to_string().starts_with("9218777c") && !announced.may_replace_keys);
    let domain = "kms.example.com".parse().unwrap();
    let Answered::Done(body) = kms.bootstrap(&domain).await.unwrap() else { panic!("no answer") };
    assert_eq!(body, std::fs::read(folder.join("bootstrap-info.json")).unwrap());
    assert!(matches!(kms.finish().await.unwrap(), Answered::Done(())));
    for (name, words) in [
        ("04-bootstrap-nodomain", "domain must be a non-empty ASCII DNS name"),
        ("05-bootstrap-baddomain", "invalid DNS label"),
        ("06-bootstrap-denied", "aggregated MR not allowed"),
        ("08-bootstrap-again", "KMS has already been bootstrapped"),
    ] {
        let url = served(&folder, &[("/prpc/Onboard.Bootstrap", name)]).await;
        let kms = Onboarding::new(&url, options()).unwrap();
        let Answered::Refused(refused) = kms.bootstrap(&domain).await.unwrap() else { panic!("{name}") };
        assert!(refused.to_string().contains(words), "{name}: {refused}");
    }
}

#[test]
fn the_certificate_that_a_real_kms_served_is_verified_by_its_attested_key_and_by_no_other() {
    let Some(folder) = corpus("dstack") else { return };
    let info = BootstrapInfo::parse(&std::fs::read(folder.join("bootstrap-info.json")).unwrap()).unwrap();
    let pem = std::fs::read(folder.join("rpc.crt")).unwrap();
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect();
    let leaf = webpki::EndEntityCert::try_from(&chain[0]).unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_795_277_868));
    let verified = |key: &[u8]| {
        let anchor = [authority::of(key).unwrap()];
        let usage = webpki::KeyUsage::server_auth();
        leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchor, &chain[1..], now, usage, None, None).map(drop)
    };
    verified(&info.keys.ca).unwrap();
    leaf.verify_is_valid_for_subject_name(&ServerName::try_from("kms.example.com").unwrap()).unwrap();
    assert!(leaf.verify_is_valid_for_subject_name(&ServerName::try_from("evil.example.com").unwrap()).is_err());
    // The key of a quote's certificate is a key as well, and not this one.
    let mut other = info.keys.ca.clone();
    other[40] ^= 1;
    assert!(verified(&other).is_err());
}
