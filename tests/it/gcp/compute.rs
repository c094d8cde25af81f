//! Compute Engine's calls: what changes something is made once, however often it had to be asked for.

use merotee::{
    adapters::gcp::{
        compute::{Compute, Operation, Scope, Started},
        credentials::{Credentials, Hosts, Sources},
    },
    error::{Class, chain},
    probe::{
        journal::RequestId,
        node::{LABEL, Plan},
    },
    sandbox::{
        gcp::{ACCESS_TOKEN, Flaw, PROJECT, ZONES},
        trouble::{Mishap, Trouble},
    },
    subject::{gcp::Zone, profile::Profile},
};

use secrecy::SecretString;
use serde_json::json;
use url::Url;

use super::{Cloud, options};

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
async fn a_refusal_after_an_attempt_whose_outcome_is_unknown_does_not_say_that_nothing_was_made() {
    for status in [403, 404, 409] {
        let (cloud, plan) = (Cloud::start(None).await, plan("unknown"));
        let (compute, zone) = (cloud.given(), &plan.zones[0]);
        for (after, what) in [(0, Mishap::AnswerLost), (0, Mishap::Status(status))] {
            let path = "/instances".to_owned();
            cloud.world.gcp().troubles().add(Trouble { method: http::Method::POST, path, after, what });
        }
        let request = request(7);
        let body = plan.machine(zone, &request, jiff::Timestamp::now().as_second());
        let started = compute.insert_instance((&plan.project, zone), &body, request.as_str()).await;
        assert!(started.is_err(), "{status}: {started:?}");
        assert!(!cloud.world.gcp().standing().is_empty(), "{status}");
    }
}

/// Answers every request with what `of` makes of its path and its token.
async fn repeats(of: fn(&str, &str) -> serde_json::Value) -> Compute {
    let answer = move |request: axum::extract::Request| async move {
        let token = request.headers()["authorization"].to_str().unwrap().trim_start_matches("Bearer ").to_owned();
        axum::Json(of(request.uri().path(), &token))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/compute/v1/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    let hosts = Hosts { actions: None, besides: Vec::new() };
    let token = Some(SecretString::from(ACCESS_TOKEN));
    let sources = Sources { token, file: None, gcloud: None, metadata: None, hosts };
    let credentials = Credentials::find(&sources, options(), jiff::Timestamp::now).unwrap();
    Compute::new(&Url::parse(&base).unwrap(), credentials, options()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_an_answer_repeats_is_in_nothing_that_is_read_of_it_and_in_no_error() {
    let (plan, name) = (plan("said"), "merotee-probe-said".parse().unwrap());
    let place = (&plan.project, &plan.zones[0]);
    let compute = repeats(|path, token| {
        if path.ends_with("/serialPort") {
            return json!({"contents": format!("booted with {token}"), "start": "0", "next": "1"});
        }
        let error = json!({"errors": [{"code": token, "message": format!("refused {token}")}]});
        json!({"name": "operation-1", "id": "7", "status": "DONE", "error": error, "statusMessage": token,
            "labels": {"a": token}, "targetId": token})
    })
    .await;
    let operation = compute.insert_instance(place, &json!({}), request(1).as_str()).await.unwrap();
    let mut said = format!("{operation:?}");
    let Started::Operation(operation) = operation else { panic!("{operation:?}") };
    said.push_str(&operation.trouble().unwrap().to_string());
    said.push_str(&format!("{:?}", compute.instance(place, &name).await.unwrap()));
    said.push_str(&format!("{:?}", compute.serial_port(place, &name, 1).await.unwrap()));
    assert!(said.contains("repeats the token") && !said.contains(&ACCESS_TOKEN[5..30]), "{said}");
    // A field of another type is quoted by the reader of JSON.
    let compute = repeats(|_, token| json!({"name": "x", "labels": token, "disks": token})).await;
    let error = compute.instance(place, &name).await.unwrap_err();
    assert!(!chain(&error).contains(&ACCESS_TOKEN[5..30]), "{}", chain(&error));
    let compute = repeats(|_, token| json!([token])).await;
    let error = compute.insert_instance(place, &json!({}), request(1).as_str()).await.unwrap_err();
    assert!(!chain(&error).contains(&ACCESS_TOKEN[5..30]), "{}", chain(&error));
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
        other @ (Started::Operation(_) | Started::Missing) => panic!("{other:?}"),
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
    for (flaw, words) in [(Flaw::Forbidden, "compute.imageUser"), (Flaw::Limited, "requests per minute")] {
        let cloud = Cloud::start(Some(flaw)).await;
        let name = merotee::adapters::gcp::compute::ImageName::Name("mero-tee-debug-1-2-0".parse().unwrap());
        let error = cloud.given().image(&PROJECT.parse().unwrap(), &name).await.unwrap_err();
        assert_eq!(error.class(), Class::Remote);
        assert!(error.advice().unwrap().contains(words), "{flaw:?}: {:?}", error.advice());
    }
}
