//! Compute Engine's calls: what changes something is made once, however often it had to be asked for.

use merotee::{
    adapters::gcp::compute::{Compute, Operation, Scope, Started},
    error::{Class, chain},
    probe::{
        journal::RequestId,
        node::{LABEL, Plan},
    },
    sandbox::{
        gcp::{Flaw, PROJECT, ZONES},
        trouble::{Mishap, Trouble},
    },
    subject::{gcp::Zone, profile::Profile},
};

use super::Cloud;

fn plan(label: &str) -> Plan {
    Plan {
        label: label.parse().unwrap(),
        profile: Profile::Debug,
        project: PROJECT.parse().unwrap(),
        zones: ZONES.iter().map(|zone| zone.parse().unwrap()).collect(),
        subnetwork: "default".parse().unwrap(),
        machine_type: "c3-standard-4".parse().unwrap(),
        image_project: PROJECT.parse().unwrap(),
        image: "mero-tee-debug-1-2-0".parse().unwrap(),
        allowed: vec!["127.0.0.1/32".parse().unwrap()],
        patience: 60,
    }
}

fn request(byte: u8) -> RequestId {
    RequestId::new([byte; 16])
}

async fn insert(compute: &Compute, plan: &Plan, zone: &Zone, byte: u8) -> Started {
    let request = request(byte);
    let body = plan.machine(zone, &request, jiff::Timestamp::now().as_second());
    compute.insert_instance((&plan.project, zone), &body, request.as_str()).await.unwrap()
}

async fn done(compute: &Compute, plan: &Plan, zone: &Zone, started: Started) -> Operation {
    let Started::Operation(operation) = started else { panic!("{started:?}") };
    assert!(!operation.is_done());
    let operation = compute.operation(Scope::Zone(&plan.project, zone), &operation).await.unwrap();
    assert!(operation.is_done());
    operation
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_made_once_whatever_becomes_of_the_answer() {
    for (at, what) in
        [Mishap::AnswerLost, Mishap::DoneButStatus(503), Mishap::Status(500), Mishap::Dropped].into_iter().enumerate()
    {
        let (cloud, plan) = (Cloud::start(None).await, plan("once"));
        let (compute, zone) = (cloud.given(), &plan.zones[0]);
        let trouble = Trouble { method: http::Method::POST, path: "/instances".to_owned(), after: 0, what };
        cloud.world.gcp().troubles().add(trouble);
        let started = insert(&compute, &plan, zone, u8::try_from(at).unwrap()).await;
        assert_eq!(done(&compute, &plan, zone, started).await.trouble(), None, "{what:?}");
        assert_eq!(cloud.world.gcp().ledger().len(), 1, "{what:?}");
        assert_eq!(cloud.world.gcp().record().writes().len(), 2, "{what:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_machine_of_the_same_name_is_refused_and_a_full_zone_says_so() {
    let (cloud, plan) = (Cloud::start(None).await, plan("twice"));
    let (compute, zone) = (cloud.given(), &plan.zones[0]);
    done(&compute, &plan, zone, insert(&compute, &plan, zone, 1).await).await;
    match insert(&compute, &plan, zone, 2).await {
        Started::Refused { status, error } => {
            assert_eq!((status, error.class()), (409, Class::Remote));
            assert!(chain(&error).contains("answered 409"), "{}", chain(&error));
        }
        other => panic!("{other:?}"),
    }
    let full = Cloud::start(Some(Flaw::NoRoom)).await;
    let compute = full.given();
    let trouble = done(&compute, &plan, zone, insert(&compute, &plan, zone, 1).await).await.trouble().unwrap();
    assert!(trouble.is_of_the_zone());
    assert_eq!(full.world.gcp().standing(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_are_found_over_zones_and_pages_by_their_label_and_are_gone_in_the_end() {
    let cloud = Cloud::start(None).await;
    let compute = cloud.given();
    for (at, label) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
        let plan = plan(label);
        let zone = &plan.zones[at % 2];
        done(&compute, &plan, zone, insert(&compute, &plan, zone, u8::try_from(at).unwrap()).await).await;
    }
    let project = PROJECT.parse().unwrap();
    let found = compute.instances(&project, &format!("labels.{LABEL}:*")).await.unwrap();
    assert_eq!((found.found.len(), found.unreachable.len()), (5, 0));
    let one = compute.instances(&project, &format!("labels.{LABEL}=c")).await.unwrap().found;
    assert_eq!(one.len(), 1);
    let (zone, name) = (one[0].in_zone().unwrap(), one[0].name.parse().unwrap());
    let started = compute.delete_instance((&project, &zone), &name, request(9).as_str()).await.unwrap();
    assert!(matches!(started, Started::Operation(_)));
    assert_eq!(compute.instance((&project, &zone), &name).await.unwrap(), None);
    let started = compute.delete_instance((&project, &zone), &name, request(8).as_str()).await.unwrap();
    assert!(matches!(started, Started::Missing));
    // What nobody deletes deletes itself.
    cloud.world.gcp().advance(3600);
    assert_eq!(cloud.world.gcp().standing(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_what_the_account_lacks_and_a_limit_that_lasts_ends_the_work() {
    for (flaw, words) in [(Flaw::Forbidden, "compute.imageUser"), (Flaw::Limited, "requests a minute")] {
        let cloud = Cloud::start(Some(flaw)).await;
        let name = merotee::adapters::gcp::compute::ImageName::Name("mero-tee-debug-1-2-0".parse().unwrap());
        let error = cloud.given().image(&PROJECT.parse().unwrap(), &name).await.unwrap_err();
        assert_eq!(error.class(), Class::Remote);
        assert!(error.advice().unwrap().contains(words), "{flaw:?}: {:?}", error.advice());
    }
}
