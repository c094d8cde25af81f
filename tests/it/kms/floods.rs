//! Callers without a name or an end: what they cost the service in memory, and what they cost a genuine node.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use merotee::{
    sandbox::{boot::Boot, tdx::Platform},
    subject::profile::Profile,
};
use serde_json::json;

use super::{
    node::{Attempt, Node},
    process::{Connection, Process},
    site::{NODE, tag},
};

const CONNECTIONS: u64 = 8;
/// The most memory the service may ever have resident, in KiB.
const MOST: u64 = 64 << 10;

/// A service that does not count how often the genuine node comes.
fn process() -> Process {
    Process::start(&[], &[("MAX_PENDING_CHALLENGES", "1000000")])
}

/// The node of the sandbox's policy: the machine of another process, and of the same platform.
fn node(number: u8) -> Node {
    let platform = Arc::new(Platform::new(0, jiff::Timestamp::now()).unwrap());
    Node::new(number, &platform, Boot::of_release(&tag(NODE), Profile::LockedReadOnly))
}

/// A peer nobody has heard of, with a number where its key should be.
fn made_up(number: u64) -> String {
    let id = [&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20][..], &number.to_le_bytes(), &[0; 24]].concat();
    bs58::encode(id).into_string()
}

fn attempt(connection: &mut Connection, node: &Node) -> Attempt {
    let (status, body) = connection.post("/challenge", &json!({"peerId": node.peer()}).to_string());
    assert_eq!(status, 200, "{body}");
    node.answers(&serde_json::from_str(&body).unwrap())
}

/// The key, and how long the node waited for it.
fn key(connection: &mut Connection, node: &Node) -> (String, u128) {
    let began = Instant::now();
    let request = attempt(connection, node).signed_by(node);
    let (status, body) = connection.post("/get-key", &request);
    assert_eq!(status, 200, "{body}");
    (body, began.elapsed().as_millis())
}

/// Sends `requests` of them over a few connections while a genuine node gets its key again and again, and says what it
/// came to.
fn flood(process: &Process, requests: u64, send: impl Fn(&mut Connection, u64) + Sync) {
    let (next, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let (address, began) = (process.address.as_str(), Instant::now());
    let (keys, longest) = thread::scope(|scope| {
        let genuine = scope.spawn(|| {
            let (mut connection, node) = (Connection::to(address), node(1));
            let (first, mut longest) = key(&mut connection, &node);
            let mut keys = 1;
            while !over.load(Ordering::SeqCst) {
                let (again, took) = key(&mut connection, &node);
                assert_eq!(again, first);
                (keys, longest) = (keys + 1, longest.max(took));
            }
            (keys, longest)
        });
        let callers = (0..CONNECTIONS).map(|_| {
            scope.spawn(|| {
                let mut connection = Connection::to(address);
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= requests {
                        break;
                    }
                    send(&mut connection, number);
                }
            })
        });
        callers.collect::<Vec<_>>().into_iter().for_each(|caller| caller.join().unwrap());
        over.store(true, Ordering::SeqCst);
        genuine.join().unwrap()
    });
    let (took, peak) = (began.elapsed(), process.memory("VmHWM"));
    eprintln!("{requests} requests in {took:.1?}; {keys} keys meanwhile, the slowest in {longest} ms; peak {peak} KiB");
    assert!(keys > 3, "{keys}");
    assert!(peak < MOST, "{peak} KiB");
}

/// A challenge for a peer of its own.
fn challenge(connection: &mut Connection, number: u64) {
    let (status, body) = connection.post("/challenge", &json!({"peerId": made_up(number)}).to_string());
    assert_eq!(status, 200, "{body}");
}

/// A request for a key with everything in order but the signature, and a quote as large as fits.
fn garbage(connection: &mut Connection, node: &Node) {
    let attempt = Attempt { quote: vec![7; 40_000], ..attempt(connection, node) };
    let (status, body) = connection.post("/get-key", &attempt.with_signature(&[7; 64]));
    assert_eq!((status, body.contains("invalid_signature")), (401, true), "{body}");
}

/// Asserts that ten times as many requests leave no more memory behind.
fn costs_nothing(process: &Process, requests: u64, send: impl Fn(&mut Connection, u64) + Sync) {
    flood(process, requests / 10, &send);
    let before = process.memory("VmRSS");
    flood(process, requests, &send);
    let grown = process.memory("VmRSS").saturating_sub(before);
    // A hundred bytes kept for each would be more; an allocator's own habits are less.
    assert!(grown < 8 << 10, "{grown} KiB more");
}

#[test]
fn a_hundred_thousand_challenges_of_made_up_peers_cost_no_memory_and_no_node_its_key() {
    costs_nothing(&process(), 100_000, challenge);
}

#[test]
fn garbage_for_signatures_costs_a_few_bytes_each_and_no_node_its_key() {
    let peer = node(2);
    costs_nothing(&process(), 5_000, |connection, _| garbage(connection, &peer));
}
