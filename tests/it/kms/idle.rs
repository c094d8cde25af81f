//! Connections that take a place and ask for nothing: a caller who does ask is answered all the same.
//!
//! Places are few here, so that a handful of connections is a flood.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{
    kms::{
        Kms, Parts, http,
        server::{self, Limits},
    },
    sandbox::dstack::Fault,
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};

use super::site::Site;

/// One address may have 12 places, and be served on four.
const LIMITS: Limits = Limits { places: 16, served: 8 };
/// How long an answer may take on a busy machine. Whoever waits for a place that nobody makes waits 15 s, and is not answered then.
const SOON: Duration = Duration::from_secs(12);

/// A service with few places.
struct Short {
    site: Site,
    address: SocketAddr,
    _serving: JoinSet<()>,
}

impl Short {
    async fn start() -> Self {
        let site = Site::new().await;
        let agent = site.agent.agent().with_timeout(Duration::from_secs(60));
        let kms = Arc::new(Kms::new(Parts { agent, ..site.parts() }));
        kms.set_policy(site.policy()).unwrap();
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
        let mut serving = JoinSet::new();
        serving.spawn(server::serve_within(LIMITS, listener, http::router(kms, &[]), std::future::pending()));
        Self { site, address, _serving: serving }
    }

    /// A connection from the loopback address that ends so, and what it says first.
    async fn connect(&self, from: u8, says: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, from], 0).into()).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        stream.write_all(says.as_bytes()).await.unwrap();
        stream
    }

    /// Asserts that a caller from that address is answered soon.
    async fn answers(&self, from: u8) {
        let answer = async {
            let mut stream = self.connect(from, HEALTH).await;
            status(&mut stream).await
        };
        assert_eq!(timeout(SOON, answer).await.expect("nobody answers"), Some(200));
    }
}

const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: kms\r\n\r\n";

/// The status of the next answer, once it has begun; none where the connection ends.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.ok()?;
    std::str::from_utf8(&line[9..]).unwrap().parse().ok()
}

fn attest() -> String {
    let body = json!({"nonceB64": STANDARD.encode([1; 32])}).to_string();
    format!("POST /attest HTTP/1.1\r\nHost: kms\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// What connections of a flood say, by its name.
const FLOODS: [(&str, &str); 10] = [
    ("nothing", ""),
    ("a byte", "G"),
    ("half a request line", "GET /hea"),
    ("half a header", "GET /health HTTP/1.1\r\nHost: kms\r\nX-A: aaaa"),
    ("a header without its end", "GET /health HTTP/1.1\r\nHost: kms\r\n"),
    ("no body", "POST /challenge HTTP/1.1\r\nHost: kms\r\nContent-Length: 1000\r\n\r\n"),
    ("half a body", "POST /get-key HTTP/1.1\r\nHost: kms\r\nContent-Length: 60000\r\n\r\n{\"challengeId\":"),
    ("half a chunk", "POST /attest HTTP/1.1\r\nHost: kms\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    ("a whole request, and then nothing", HEALTH),
    ("a request, and half of another", "GET /health HTTP/1.1\r\nHost: kms\r\n\r\nGET /hea"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_flood_says_and_wherever_it_comes_from_a_caller_is_answered_soon() {
    for (name, says) in FLOODS {
        let service = Short::start().await;
        // From the caller's own address, from another one, and from many.
        for (first, addresses) in [(1, 1), (2, 1), (3, 40)] {
            let mut held = Vec::new();
            for number in 0..60_u8 {
                held.push(service.connect(first + number % addresses, says).await);
                if number % 6 == 5 {
                    service.answers(1).await;
                }
            }
            eprintln!("{name} from {addresses}: answered throughout");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_that_comes_back_as_soon_as_it_is_sent_away_keeps_nobody_waiting() {
    let service = Arc::new(Short::start().await);
    let mut flood = JoinSet::new();
    for number in 0..64_usize {
        let service = Arc::clone(&service);
        flood.spawn(async move {
            loop {
                let mut stream = service.connect(1 + (number % 3) as u8, FLOODS[number % FLOODS.len()].1).await;
                // Until it is sent away.
                while matches!(stream.read(&mut [0; 512]).await, Ok(1..)) {}
            }
        });
    }
    // A connection may be the one that makes room at the very moment when all others are being answered. So a caller may
    // need more than one try, as over any network; what it never does is wait for long.
    for from in [1, 2, 9].into_iter().cycle().take(60) {
        let tries = async {
            loop {
                let mut stream = service.connect(from, HEALTH).await;
                if status(&mut stream).await == Some(200) {
                    break;
                }
            }
        };
        timeout(SOON, tries).await.expect("nobody answers");
    }
    assert_eq!(flood.len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_that_is_being_answered_is_sent_away() {
    let service = Short::start().await;
    // The guest agent says nothing, so that these are being answered for as long as it takes.
    service.site.machine.fail(Some(Fault::Hang));
    let mut asking = vec![service.connect(1, &attest()).await, service.connect(2, &attest()).await];
    for (_, says) in FLOODS {
        let mut held = Vec::new();
        for number in 0..30_u8 {
            held.push(service.connect(3 + number % 2, says).await);
        }
        service.answers(4).await;
    }
    for stream in &mut asking {
        // Neither was cut: there is nothing to read yet.
        assert!(timeout(Duration::from_millis(1), stream.peek(&mut [0])).await.is_err());
    }
    service.site.machine.fail(None);
    drop(asking);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_a_share_of_the_places_even_when_all_it_asks_is_being_answered() {
    let service = Short::start().await;
    service.site.machine.fail(Some(Fault::Hang));
    let mut asking = Vec::new();
    for _ in 0..12 {
        asking.push(service.connect(1, &attest()).await);
    }
    // All that one address may have are taken, and nobody of it can be sent away. Another one has its own.
    for _ in 0..10 {
        service.answers(2).await;
    }
}

#[tokio::test]
async fn a_connection_is_kept_between_requests_while_there_is_room() {
    let service = Short::start().await;
    let mut stream = service.connect(1, "").await;
    for _ in 0..5 {
        stream.write_all(HEALTH.as_bytes()).await.unwrap();
        assert_eq!(status(&mut stream).await, Some(200));
        let mut rest = Vec::new();
        while !rest.ends_with(b"}") {
            rest.push(stream.read_u8().await.unwrap());
        }
    }
}
