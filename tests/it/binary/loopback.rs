//! Servers on loopback that stand for GitHub on a bad day. They run on plain threads: what is tested is another process.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What one request gets.
pub(crate) enum Answer {
    /// A status line's code and words, headers that end in CRLF each, a body.
    Reply(&'static str, String, Vec<u8>),
    /// Nothing, ever; the connection stays.
    Silence,
    /// The start of a body of so many bytes, then nothing; the connection stays.
    Stall(Vec<u8>, usize),
}

impl Answer {
    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::Reply("200 OK", String::new(), body.to_string().into_bytes())
    }

    pub(crate) fn status(status: &'static str, message: &str) -> Self {
        Self::Reply(status, String::new(), serde_json::json!({ "message": message }).to_string().into_bytes())
    }
}

/// A server that answers every request as told.
pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// `answer` is given the path that is asked for and the server's own URL.
    pub(crate) fn start(answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, base, answer) = (Arc::clone(&asked), url.clone(), Arc::new(answer));
        let silent = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, count, base) = (stream.unwrap(), Arc::clone(&count), base.clone());
                let (answer, silent) = (Arc::clone(&answer), Arc::clone(&silent));
                std::thread::spawn(move || {
                    let Some(path) = requested(&mut stream) else { return };
                    count.fetch_add(1, Ordering::SeqCst);
                    match answer(&path, &base) {
                        Answer::Reply(status, headers, body) => {
                            let length = body.len();
                            let head = format!(
                                "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
                            );
                            // A client may have heard enough.
                            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
                        }
                        Answer::Silence => silent.lock().unwrap().push(stream),
                        Answer::Stall(start, length) => {
                            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                            stream.write_all(&[head.as_bytes(), &start].concat()).unwrap();
                            silent.lock().unwrap().push(stream);
                        }
                    }
                });
            }
        });
        Self { url, asked }
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// A port where nobody may knock.
pub(crate) struct Trap {
    listener: TcpListener,
}

impl Trap {
    pub(crate) fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// Connections made so far. They wait in the listener's queue, so none is missed after a client has ended.
    pub(crate) fn knocks(&self) -> usize {
        std::iter::from_fn(|| self.listener.accept().ok()).count()
    }
}

/// The path of a request, read to the end of its head; `None` for a connection that is closed before.
fn requested(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
    }
    String::from_utf8(head).unwrap().split(' ').nth(1).map(str::to_owned)
}
