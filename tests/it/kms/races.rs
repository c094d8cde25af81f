//! One challenge and many who use it at the same time: at one service, at replicas with a Redis, and while Redis is away.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use merotee::{
    kms::{Parts, challenge::PeerAttempts},
    sandbox::boot::Boot,
    subject::profile::Profile,
};
use serde_json::json;

use super::{
    log::Log,
    node::{Attempt, Node},
    refusals::refused,
    site::{Answer, NODE, Service, Site, TTL, tag},
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

/// A service that lets one peer try as often as it likes, so that the use of the challenge alone decides.
fn unhurried(site: &Site) -> Parts {
    Parts { attempts: PeerAttempts::new(1_000, TTL), ..site.parts() }
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
    let (service, node) = (site.serve_with(unhurried(&site)).await, site.node());
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
        let parts = |site: &Site| Parts { consumed: redis.store(""), ..unhurried(site) };
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
    let body = replicas.request(0).await;
    redis.kill();
    let challenge = json!({"peerId": replicas.node.peer()}).to_string();
    // Which memory there is only Redis can say, so that no challenge is issued either. A replica that has not connected
    // yet says the same.
    for (service, endpoint, body) in [
        (service, "/get-key", &body),
        (service, "/get-key", &body),
        (service, "/challenge", &challenge),
        (other, "/challenge", &challenge),
        (other, "/get-key", &body),
    ] {
        let answer = service.post(endpoint, body.clone()).await;
        assert_eq!((answer.status, answer.text.as_str()), (503, r#"{"error":"service_unavailable"}"#), "{endpoint}");
        let line = log.refusal(endpoint, 503, "service_unavailable");
        assert!(line.contains("redis.sock is unreachable"), "{line}");
    }
    assert_eq!(service.get("/health").await.status, 200);

    redis.up();
    // What it remembered is lost, and with it every challenge of before.
    for service in [service, other] {
        let answer = service.post("/get-key", body.clone()).await;
        refused(&log, &answer, "/get-key", 401, "invalid_challenge", &["the memory of used challenges was lost"]);
    }
    for issuer in [0, 1] {
        let body = replicas.request(issuer).await;
        assert_eq!(other.post("/get-key", body.clone()).await.key(), replicas.key());
        assert_eq!(service.post("/get-key", body).await.json()["error"], "invalid_challenge");
    }
}

#[tokio::test]
async fn a_redis_that_lost_its_memory_makes_used_challenges_void_and_none_usable_again() {
    // A restart that kept nothing, everything flushed, and a restart with what was there long before.
    for loss in [Loss::Restart, Loss::Flush, Loss::Snapshot] {
        let Some(mut redis) = Server::start(&[]) else { return };
        let (log, _heard) = Log::of_this_thread();
        let replicas = Replicas::start(&redis).await;
        let [one, two] = &replicas.services;
        // The memory has its name before the snapshot, and every use comes after.
        let unused = replicas.request(0).await;
        if loss == Loss::Snapshot {
            redis.ask::<()>(&["SAVE"]);
        }
        let used = replicas.request(0).await;
        assert_eq!(one.post("/get-key", used.clone()).await.key(), replicas.key());
        log.nothing_refused();
        match loss {
            Loss::Restart => redis.forget(),
            Loss::Flush => redis.ask(&["FLUSHALL"]),
            Loss::Snapshot => {
                redis.kill();
                redis.up();
                assert_eq!(redis.ask::<u64>(&["DBSIZE"]), 1, "the name is back and the use is not");
            }
        }
        for body in [&used, &unused] {
            let answer = two.post("/get-key", body.clone()).await;
            refused(&log, &answer, "/get-key", 401, "invalid_challenge", &["the memory of used challenges was lost"]);
        }
        let answer = one.post("/get-key", used.clone()).await;
        assert_eq!(answer.json()["error"], "invalid_challenge", "{loss:?}");
        assert_eq!(two.post("/get-key", replicas.request(0).await).await.key(), replicas.key());
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Loss {
    Restart,
    Flush,
    Snapshot,
}

#[tokio::test]
async fn whatever_is_refused_leaves_the_challenge_as_good_as_it_was() {
    let (log, _heard) = Log::of_this_thread();
    let site = Site::new().await;
    let (service, node) = (site.serve().await, site.node());
    let attempt = service.attempt(&node).await;
    let debug = Node::new(1, &site.platform, Boot::of_release(&tag(NODE), Profile::Debug));
    let elsewhere = Attempt { quote: debug.quote(&attempt.nonce, &attempt.peer), ..attempt.clone() };
    let mut late = attempt.clone();
    late.quote = node.quote(&[7; 32], &attempt.peer);
    let mut cut = attempt.clone();
    cut.quote.pop();
    let other = site.node().renamed(2);
    for (body, status) in [
        (attempt.with_signature(&[0; 64]), 401),
        (attempt.signed_by(&other), 401),
        (elsewhere.signed_by(&node), 403),
        (late.signed_by(&node), 401),
        (cut.signed_by(&node), 401),
        (Attempt { public_key: other.identity.public_key_protobuf(), ..attempt.clone() }.signed_by(&node), 401),
        (Attempt { public_key: Vec::new(), ..attempt.clone() }.signed_by(&node), 400),
    ] {
        let answer = service.post("/get-key", body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // A key that cannot be derived is another matter: by then the challenge was used.
    assert_eq!(service.post("/get-key", attempt.signed_by(&node)).await.key(), site.storage_key(&node.peer()));
    assert_eq!(service.post("/get-key", attempt.signed_by(&node)).await.status, 401);
    assert!(log.text().contains("used already"));
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
