//! One challenge and many who use it at the same time: at one service, at replicas with a Redis, and while Redis is away.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use merotee::kms::Parts;

use super::{
    log::Log,
    node::Node,
    site::{Answer, Service, Site},
};
use crate::redis::Server;

const AT_ONCE: usize = 64;

/// How often each status and word came; keys are counted as such.
fn endings(answers: &[Answer]) -> BTreeMap<(u16, String), usize> {
    let mut endings = BTreeMap::new();
    for answer in answers {
        let word = answer.json()["error"].as_str().unwrap_or("key").to_owned();
        *endings.entry((answer.status, word)).or_default() += 1;
    }
    endings
}

/// Sends one body to all of the services, in turn and at the same time.
async fn race(services: &[&Service], body: &str) -> Vec<Answer> {
    join_all((0..AT_ONCE).map(|turn| services[turn % services.len()].post("/get-key", body.to_owned()))).await
}

#[track_caller]
fn one_key_among(answers: &[Answer], key: &str) {
    let expected = [((200, "key".to_owned()), 1), ((401, "invalid_challenge".to_owned()), AT_ONCE - 1)];
    assert_eq!(endings(answers), BTreeMap::from(expected));
    let keys: Vec<_> = answers.iter().filter(|answer| answer.status == 200).map(Answer::key).collect();
    assert_eq!(keys, [key]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_concurrent_requests_with_one_challenge_exactly_one_gets_the_key() {
    let site = Site::new().await;
    let (service, node) = (site.serve().await, site.node());
    for _ in 0..3 {
        let body = service.attempt(&node).await.signed_by(&node);
        one_key_among(&race(&[&service], &body).await, &site.storage_key(&node.peer()));
    }
    // The other way about: as many challenges of one peer, each used once.
    let attempts = join_all((0..8).map(|_| service.attempt(&node))).await;
    let answers = join_all(attempts.iter().map(|attempt| service.post("/get-key", attempt.signed_by(&node)))).await;
    assert_eq!(endings(&answers), BTreeMap::from([((200, "key".to_owned()), 8)]));
}

/// Two replicas of a KMS, each on a machine of its own, that remember in one Redis.
struct Replicas {
    sites: [Site; 2],
    services: [Service; 2],
    node: Node,
}

impl Replicas {
    async fn start(redis: &Server) -> Self {
        let sites = [Site::new().await, Site::new().await];
        let [one, two] = &sites;
        let parts = |site: &Site| Parts { consumed: redis.store(""), ..site.parts() };
        let services = [one.serve_with(parts(one)).await, two.serve_with(parts(two)).await];
        let node = one.node();
        Self { sites, services, node }
    }

    /// The body of a request with a challenge of this replica.
    async fn request(&self, issuer: usize) -> String {
        self.services[issuer].attempt(&self.node).await.signed_by(&self.node)
    }

    fn key(&self) -> String {
        self.sites[0].storage_key(&self.node.peer())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_concurrent_requests_at_two_replicas_with_one_challenge_exactly_one_gets_the_key() {
    let Some(redis) = Server::start(&[]) else { return };
    let replicas = Replicas::start(&redis).await;
    let [one, two] = &replicas.services;
    for issuer in [0, 1, 0, 1] {
        let body = replicas.request(issuer).await;
        one_key_among(&race(&[one, two], &body).await, &replicas.key());
    }
    // A challenge of one replica is good at the other, and then used up at both.
    let body = replicas.request(0).await;
    assert_eq!(two.post("/get-key", body.clone()).await.key(), replicas.key());
    assert_eq!(one.post("/get-key", body).await.json()["error"], "invalid_challenge");
}

#[tokio::test]
async fn while_redis_is_away_nobody_gets_a_key_and_when_it_is_back_the_same_service_goes_on() {
    let Some(mut redis) = Server::start(&[]) else { return };
    let (log, _heard) = Log::of_this_thread();
    let replicas = Replicas::start(&redis).await;
    let [service, other] = &replicas.services;
    assert_eq!(service.post("/get-key", replicas.request(0).await).await.key(), replicas.key());
    log.nothing_refused();
    redis.kill();
    // Challenges cost no memory, so they are still issued.
    let body = replicas.request(0).await;
    for _ in 0..3 {
        let answer = service.post("/get-key", body.clone()).await;
        assert_eq!((answer.status, answer.text.as_str()), (503, r#"{"error":"service_unavailable"}"#));
        let line = log.refusal("/get-key", 503, "service_unavailable");
        assert!(line.contains("redis.sock is out of reach"), "{line}");
    }
    // A replica that has not connected yet says the same.
    let answer = other.post("/get-key", body.clone()).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    log.refusal("/get-key", 503, "service_unavailable");
    assert_eq!(service.get("/health").await.status, 200);

    redis.up();
    assert_eq!(service.post("/get-key", body.clone()).await.key(), replicas.key());
    assert_eq!(other.post("/get-key", body).await.json()["error"], "invalid_challenge");
    assert_eq!(other.post("/get-key", replicas.request(1).await).await.key(), replicas.key());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_killed_under_load_lets_no_challenge_be_used_twice() {
    let Some(mut redis) = Server::start(&[]) else { return };
    let replicas = Replicas::start(&redis).await;
    let [one, two] = &replicas.services;
    let (both, body) = ([one, two], replicas.request(0).await);
    let (answers, ()) = tokio::join!(race(&both, &body), async { redis.kill() });
    let endings = endings(&answers);
    let keys = endings.get(&(200, "key".to_owned())).copied().unwrap_or_default();
    assert!(keys <= 1, "{endings:?}");
    let known = ["key", "invalid_challenge", "service_unavailable"];
    assert!(endings.keys().all(|(_, word)| known.contains(&word.as_str())), "{endings:?}");
    redis.up();
    assert_eq!(two.post("/get-key", replicas.request(0).await).await.key(), replicas.key());
}
