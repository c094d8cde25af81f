//! The API behind GitHub's rate limits: it passes on what is asked until there are no requests left.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// A proxy in front of an API.
pub(super) struct Proxy {
    pub(super) url: String,
    pub(super) limits: Arc<Mutex<Limits>>,
}

/// What the proxy lets through, and what it had to do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    /// Requests that are left of the hour.
    pub(super) left: usize,
    /// The passed-on request after which a secondary limit is reached, once, and for how long.
    pub(super) secondary: Option<(usize, Duration)>,
    /// The passed-on request after which somebody else has used up what is left.
    pub(super) robbed: Option<usize>,
    /// Requests passed on.
    pub(super) passed: usize,
    /// Requests refused.
    pub(super) refused: usize,
    pub(super) closed: Option<Instant>,
}

impl Proxy {
    /// In front of the API at `upstream`.
    pub(super) fn start(upstream: &str, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let limits = Arc::new(Mutex::new(limits));
        let (upstream, shared) = (upstream.trim_start_matches("http://").to_owned(), Arc::clone(&limits));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, upstream, limits) = (stream.unwrap(), upstream.clone(), Arc::clone(&shared));
                std::thread::spawn(move || {
                    let Some(head) = head(&mut stream) else { return };
                    let answer = answer(&head, &upstream, &limits);
                    // A client may have heard enough.
                    let _ = stream.write_all(&answer);
                });
            }
        });
        Self { url, limits }
    }

    pub(super) fn limits(&self) -> Limits {
        *self.limits.lock().unwrap()
    }
}

/// The first lines of a request, to the empty one.
fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    Some(String::from_utf8(head).unwrap())
}

fn answer(head: &str, upstream: &str, limits: &Mutex<Limits>) -> Vec<u8> {
    let stated = match limits.lock().unwrap().admit() {
        Ok(stated) => stated,
        Err(refusal) => return refusal.into_bytes(),
    };
    let mut server = TcpStream::connect(upstream).unwrap();
    let request = head.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1);
    server.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let own = |line: &&str| !line.to_ascii_lowercase().starts_with("x-ratelimit-");
    let lines: Vec<&str> = std::str::from_utf8(&answer[..end]).unwrap().split("\r\n").filter(own).collect();
    let mut whole = format!("{}\r\n{stated}\r\n", lines.join("\r\n")).into_bytes();
    whole.extend_from_slice(&answer[end + 4..]);
    whole
}

impl Limits {
    /// The headers of an answer, or the refusal.
    fn admit(&mut self) -> Result<String, String> {
        let reset = jiff::Timestamp::now().as_second() + 3_000;
        if let Some((after, length)) = self.secondary
            && self.passed >= after
        {
            self.secondary = None;
            self.closed = Some(Instant::now() + length);
        }
        if self.closed.is_some_and(|until| Instant::now() < until) {
            self.refused += 1;
            let headers = "retry-after: 2\r\n".to_owned() + &stated(self.left, reset);
            return Err(refused(&headers, "You have exceeded a secondary rate limit. Please wait a few minutes."));
        }
        if self.robbed.is_some_and(|after| self.passed >= after) {
            self.left = 0;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.refused += 1;
            return Err(refused(&stated(0, reset), "API rate limit exceeded for user ID 1."));
        };
        self.left = left;
        self.passed += 1;
        Ok(stated(left, reset))
    }
}

fn stated(left: usize, reset: i64) -> String {
    format!("x-ratelimit-limit: 5000\r\nx-ratelimit-remaining: {left}\r\nx-ratelimit-reset: {reset}\r\n")
}

fn refused(headers: &str, message: &str) -> String {
    let body = serde_json::json!({ "message": message }).to_string();
    let length = body.len();
    format!("HTTP/1.1 403 Forbidden\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}
