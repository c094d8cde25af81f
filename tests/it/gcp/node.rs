//! A node's own endpoints, through the sandbox's network: only the quote's bytes count, and only who is let through gets an
//! answer.

use merotee::{
    adapters::{
        gcp::compute::Started,
        node::{Health, Network, Node},
    },
    attestation::measurement::Register,
    probe::{
        journal::RequestId,
        node::{PORT, Plan},
    },
    sandbox::{
        boot::Boot,
        gcp::{Flaw, PROJECT, RELEASE, ZONES},
    },
    subject::profile::Profile,
};
use url::Url;

use super::{Cloud, options};

/// A machine of the profile that this host is let through to, as far as it is asked of.
async fn node(cloud: &Cloud, open: bool) -> (Node, Profile) {
    let (profile, zone) = (Profile::LockedReadOnly, ZONES[0].parse().unwrap());
    let plan = Plan {
        label: "n".parse().unwrap(),
        profile,
        project: PROJECT.parse().unwrap(),
        zones: vec![zone],
        subnetwork: "default".parse().unwrap(),
        machine_type: "c3-standard-4".parse().unwrap(),
        image_project: PROJECT.parse().unwrap(),
        image: "mero-tee-locked-read-only-1-2-0".parse().unwrap(),
        allowed: vec!["127.0.0.1/32".parse().unwrap()],
        patience: 60,
    };
    let (compute, now) = (cloud.given(), jiff::Timestamp::now().as_second());
    let (rule, machine) = (RequestId::new([1; 16]), RequestId::new([2; 16]));
    if open {
        let body = plan.rule("global/networks/default", &rule, now);
        let started = compute.insert_firewall(&plan.project, &body, rule.as_str()).await.unwrap();
        assert!(matches!(started, Started::Operation(_)));
    }
    let zone = &plan.zones[0];
    let body = plan.machine(zone, &machine, now);
    compute.insert_instance((&plan.project, zone), &body, machine.as_str()).await.unwrap();
    let name = plan.name().parse().unwrap();
    let instance = compute.instance((&plan.project, zone), &name).await.unwrap().unwrap();
    let network = Network::Sandbox(Url::parse(cloud.world.network_url()).unwrap());
    let url = network.node(instance.address().unwrap(), PORT).unwrap();
    (Node::new(url, options()).unwrap(), profile)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_measures_what_its_release_publishes_over_the_nonce_and_zeros() {
    for flaw in [None, Some(Flaw::FalseReading)] {
        let cloud = Cloud::start(flaw).await;
        let (node, profile) = node(&cloud, true).await;
        assert_eq!(node.health().await.unwrap(), Health::Alive);
        let info = node.info().await.unwrap().unwrap();
        assert_eq!(info.os_image.as_deref(), Some("mero-tee-locked-read-only-1-2-0"));
        let attested = node.attest(&[7; 32]).await.unwrap().unwrap();
        let expected = Boot::of_release(&RELEASE.parse().unwrap(), profile).registers();
        let report = &attested.input.quote.report;
        for register in Register::ALL {
            assert_eq!(report.registers.get(register), expected.get(register), "{flaw:?} {register}");
        }
        assert_eq!(report.report_data[..32], [7; 32]);
        assert_eq!(report.report_data[32..], [0; 32]);
        assert_eq!(attested.input.quote.as_bytes().len() + attested.input.quote.padding(), 8000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_behind_a_closed_firewall_does_not_answer_and_one_without_tdx_says_so() {
    let closed = Cloud::start(None).await;
    assert!(node(&closed, false).await.0.health().await.is_err());
    let cloud = Cloud::start(Some(Flaw::AttestUnavailable)).await;
    let refusal = node(&cloud, true).await.0.attest(&[7; 32]).await.unwrap().unwrap_err();
    assert_eq!(refusal.status, 501);
    assert!(refusal.said.contains("not available"), "{}", refusal.said);
}
