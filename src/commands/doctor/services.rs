//! Whether the services of the pipeline answer.

use futures_util::future;
use reqwest::Url;

use super::offline;
use crate::{
    adapters::reach::Reach,
    context::Context,
    doctor::machine::{self, Service},
    report::Finding,
};

/// Services whose addresses nothing else in the program knows.
const OTHERS: [(&str, &str, &str); 4] = [
    ("fulcio", "https://fulcio.sigstore.dev", "sign releases"),
    ("phala-cloud", "https://cloud-api.phala.com", "probe a KMS in staging"),
    ("intel-trust-authority", "https://api.trustauthority.intel.com", "have quotes appraised"),
    ("compute-engine", "https://compute.googleapis.com", "measure node images"),
];

/// Asks each once, all at the same time.
pub(super) async fn look(reach: Option<&Reach>, context: &Context) -> Vec<Finding> {
    let asked = all(context).into_iter().map(|(service, url)| async move {
        let answer = match reach {
            None => offline(),
            Some(reach) => crate::doctor::Asked::Yes(reach.ask(&url, None).await.map(|answer| answer.status)),
        };
        machine::service(&service, &answer)
    });
    future::join_all(asked).await
}

fn all(context: &Context) -> Vec<(Service, Url)> {
    let endpoints = &context.endpoints;
    let service = |name, url: &Url, used_for, needed| {
        let host = url.host_str().unwrap_or_default();
        let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        (Service { name, host, used_for, needed }, url.clone())
    };
    let mut services = vec![
        service("github-api", &endpoints.api_url, "read and publish releases", true),
        service("rekor", &endpoints.rekor_url, "verify detached signatures, and to sign", true),
        service("pccs", &endpoints.pccs_url, "verify quotes", false),
    ];
    // What goes by the network of a sandbox stays there: its world has none of these.
    if crate::adapters::http::is_loopback(&endpoints.api_url) {
        return services;
    }
    let others =
        OTHERS.iter().filter_map(|(name, url, used_for)| Some(service(*name, &Url::parse(url).ok()?, used_for, false)));
    services.extend(others);
    services
}
