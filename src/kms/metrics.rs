//! What the service counts, in the text format of Prometheus. Nothing here names a peer.

use std::{
    sync::atomic::{AtomicI64, AtomicU64},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::policy::Standing;

/// Upper bounds of the histogram of quote verification, in seconds.
const VERIFICATION_BUCKETS: [f64; 9] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0];

/// How a request ended: labels with a handful of values each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ending {
    endpoint: &'static str,
    /// `ok`, or the word of the refusal.
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Standings {
    standing: &'static str,
}

/// Counters of one service.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Ending, Counter<u64, AtomicU64>>,
    keys: Counter<u64, AtomicU64>,
    verifications: Histogram,
    policy: Family<Standings, Gauge<i64, AtomicI64>>,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("merotee_kms");
        let requests = Family::default();
        let keys = Counter::default();
        let verifications = Histogram::new(VERIFICATION_BUCKETS);
        let policy = Family::default();
        registry.register("requests", "Requests by endpoint and how they ended", requests.clone());
        registry.register("keys_released", "Storage keys released", keys.clone());
        registry.register(
            "quote_verification_seconds",
            "Time one quote takes to verify, waiting for a turn left out",
            verifications.clone(),
        );
        registry.register("policy", "1 for what the policy in force demands", policy.clone());
        Self { registry, requests, keys, verifications, policy }
    }

    /// Shows an endpoint before anybody has asked for it.
    pub(super) fn will_count(&self, endpoint: &'static str) {
        drop(self.requests.get_or_create(&Ending { endpoint, outcome: "ok" }));
    }

    pub(super) fn request(&self, endpoint: &'static str, outcome: &'static str) {
        self.requests.get_or_create(&Ending { endpoint, outcome }).inc();
    }

    pub(super) fn key_released(&self) {
        self.keys.inc();
    }

    pub(super) fn verification(&self, took: Duration) {
        self.verifications.observe(took.as_secs_f64());
    }

    pub(super) fn policy_standing(&self, standing: Standing) {
        let standing = match standing {
            Standing::Enforced => "enforced",
            Standing::NotReady => "not_ready",
            Standing::NotEnforced => "not_enforced",
        };
        self.policy.get_or_create(&Standings { standing }).set(1);
    }

    /// The text that a scraper reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
