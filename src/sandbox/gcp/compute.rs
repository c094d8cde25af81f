//! Compute Engine over HTTP: paths and shapes of its v1 API. The rules are `account`'s.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Query, State},
    response::{IntoResponse as _, Response},
    routing::get,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Flaw, PROJECT, Shared, refusal::Refusal};

type Names = Path<BTreeMap<String, String>>;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Asked {
    request_id: Option<String>,
    filter: Option<String>,
    page_token: Option<String>,
}

/// The API.
pub(super) fn router(cloud: Shared) -> Router {
    let zone = "/projects/{project}/zones/{zone}";
    let global = "/projects/{project}/global";
    Router::new()
        .route(&at(global, "/images/{image}"), get(image))
        .route(&at(global, "/images/family/{family}"), get(image))
        .route(&at(global, "/firewalls"), get(rules).post(insert_rule))
        .route(&at(global, "/firewalls/{name}"), get(rule).delete(delete_rule))
        .route(&at(global, "/operations/{operation}"), get(operation))
        .route(&at(zone, "/operations/{operation}"), get(operation))
        .route(&at(zone, "/instances"), axum::routing::post(insert))
        .route(&at(zone, "/instances/{name}"), get(instance).delete(delete))
        .route(&at(zone, "/instances/{name}/serialPort"), get(serial))
        .route(&at(zone, "/disks/{name}"), get(disk))
        .route(&at("/projects/{project}", "/aggregated/instances"), get(aggregated))
        .route(&at("/projects/{project}/regions/{region}", "/subnetworks/{name}"), get(subnetwork))
        .with_state(cloud)
}

fn at(place: &str, what: &str) -> String {
    format!("/compute/v1{place}{what}")
}

fn of<'a>(names: &'a BTreeMap<String, String>, name: &str) -> &'a str {
    names.get(name).map_or("", String::as_str)
}

/// An answer, or a 404; of another project than the account's nothing is there.
fn found(names: &BTreeMap<String, String>, what: &str, answer: Option<Value>) -> Response {
    match answer {
        Some(answer) if of(names, "project") == PROJECT => Json(answer).into_response(),
        Some(_) | None => Refusal::missing(&format!("projects/{}/{what}", of(names, "project"))).into_response(),
    }
}

fn decided(answer: Result<Value, Refusal>) -> Response {
    answer.map_or_else(|refusal| refusal.into_response(), |answer| Json(answer).into_response())
}

async fn image(State(cloud): State<Shared>, Path(names): Names) -> Response {
    let name = names.get("image").map(String::as_str);
    let family = names.get("family").map(String::as_str);
    let image = cloud.lock().image(name, family);
    found(&names, "global/images", image)
}

async fn subnetwork(Path(names): Names) -> Response {
    let (region, name) = (of(&names, "region"), of(&names, "name"));
    let network = format!("https://www.googleapis.com/compute/v1/projects/{PROJECT}/global/networks/default");
    let known = region == "europe-west4" && name == "default";
    found(&names, "subnetworks", known.then(|| json!({"name": name, "network": network})))
}

async fn insert(State(cloud): State<Shared>, Path(names): Names, Query(asked): Query<Asked>, body: Bytes) -> Response {
    let Ok(body) = serde_json::from_slice(&body) else { return Refusal::invalid("Parse Error").into_response() };
    let made = cloud.lock().insert(of(&names, "zone"), body, asked.request_id.as_deref());
    cloud.tend_agents();
    decided(made)
}

async fn instance(State(cloud): State<Shared>, Path(names): Names) -> Response {
    let vm = cloud.lock().vm(of(&names, "zone"), of(&names, "name")).map(super::Vm::to_json);
    found(&names, "instances", vm)
}

async fn disk(State(cloud): State<Shared>, Path(names): Names) -> Response {
    let disk = cloud.lock().vm(of(&names, "zone"), of(&names, "name")).map(super::Vm::disk);
    found(&names, "disks", disk)
}

async fn serial(State(cloud): State<Shared>, Path(names): Names) -> Response {
    let text = if cloud.flaw() == Some(Flaw::NeverHealthy) {
        "[    0.000000] Linux version 6.17.0\n[   12.345678] calimero-init[611]: no data disk\n"
    } else {
        "[    0.000000] Linux version 6.17.0\n"
    };
    let known = cloud.lock().vm(of(&names, "zone"), of(&names, "name")).is_some();
    found(&names, "serialPort", known.then(|| json!({"contents": text, "start": "0", "next": text.len().to_string()})))
}

async fn delete(State(cloud): State<Shared>, Path(names): Names, Query(asked): Query<Asked>) -> Response {
    let done = cloud.lock().delete(of(&names, "zone"), of(&names, "name"), asked.request_id.as_deref());
    cloud.tend_agents();
    found(&names, "instances", done)
}

async fn operation(State(cloud): State<Shared>, Path(names): Names) -> Response {
    let operation = cloud.lock().progress(of(&names, "operation"));
    found(&names, "operations", operation)
}

async fn aggregated(State(cloud): State<Shared>, Path(names): Names, Query(asked): Query<Asked>) -> Response {
    let filter = asked.filter.unwrap_or_default();
    let (label, value) = match filter.strip_prefix("labels.").and_then(|rest| rest.split_once([':', '='])) {
        Some((label, "*")) => (label, None),
        Some((label, value)) => (label, Some(value)),
        None => return Refusal::invalid("Invalid value for field 'filter'").into_response(),
    };
    let page = asked.page_token.and_then(|page| page.parse().ok()).unwrap_or_default();
    let (vms, next) = cloud.lock().labelled(label, value, page);
    let mut items: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for vm in vms {
        items.entry(format!("zones/{}", vm.zone)).or_default().push(vm.to_json());
    }
    let mut items: BTreeMap<String, Value> =
        items.into_iter().map(|(zone, vms)| (zone, json!({"instances": vms}))).collect();
    // Zones without any are listed with a warning.
    items.entry("zones/us-central1-a".to_owned()).or_insert_with(|| json!({"warning": {"code": "NO_RESULTS_ON_PAGE"}}));
    found(&names, "aggregated", Some(json!({"items": items, "nextPageToken": next.map(|next| next.to_string())})))
}

async fn rules(State(cloud): State<Shared>, Path(names): Names) -> Response {
    let rules: Vec<Value> = cloud.lock().rules().map(super::vm::Rule::to_json).collect();
    found(&names, "firewalls", Some(json!({"items": rules})))
}

async fn rule(State(cloud): State<Shared>, Path(names): Names) -> Response {
    let state = cloud.lock();
    let rule = state.rules().find(|rule| rule.name == of(&names, "name")).map(super::vm::Rule::to_json);
    drop(state);
    found(&names, "firewalls", rule)
}

async fn insert_rule(
    State(cloud): State<Shared>,
    Path(_names): Names,
    Query(asked): Query<Asked>,
    body: Bytes,
) -> Response {
    let Ok(body) = serde_json::from_slice(&body) else { return Refusal::invalid("Parse Error").into_response() };
    decided(cloud.lock().insert_rule(body, asked.request_id.as_deref()))
}

async fn delete_rule(State(cloud): State<Shared>, Path(names): Names, Query(asked): Query<Asked>) -> Response {
    let done = cloud.lock().delete_rule(of(&names, "name"), asked.request_id.as_deref());
    found(&names, "firewalls", done)
}
