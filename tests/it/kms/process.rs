//! `kms serve` as a process, in front of a sandbox in another.

use std::{
    io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use crate::binary::{Place, serve::Serve};

/// How long it may take to come up or to end, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A service with its policy loaded. Ends when dropped.
pub(super) struct Process {
    child: Child,
    pub(super) sandbox: Serve,
    pub(super) address: String,
    said: String,
    lines: Receiver<String>,
    _place: Place,
}

impl Process {
    pub(super) fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (sandbox, place) = (Serve::start(), Place::new());
        let serve = ["kms", "serve", "--kms-version", "1.2.0", "--profile", "locked-read-only"];
        let listen = ["--listen-addr", "127.0.0.1:0", "--log-format", "json", "--rehearsal"];
        let run = place.merotee(serve).args(listen).args(arguments).envs(sandbox.exports());
        let mut child = variables.iter().fold(run, |run, (name, value)| run.env(name, value)).start();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = channel();
        // Read to the end whether or not anybody listens: a full pipe would stop it.
        std::thread::spawn(move || stderr.lines().for_each(|line| drop(sender.send(line.unwrap()))));
        let mut process = Self { child, sandbox, address: String::new(), said: String::new(), lines, _place: place };
        process.address = process.until("listens on ").split('"').next().unwrap().to_owned();
        process.until("policy loaded from");
        process
    }

    /// Reads what it says until this is among it, and returns what follows in that line.
    fn until(&mut self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(LIMIT).unwrap_or_else(|e| panic!("{e}: no {words} in {}", self.said));
            self.said.push_str(&line);
            self.said.push('\n');
            if let Some((_, rest)) = line.split_once(words) {
                return rest.to_owned();
            }
        }
    }

    /// A number of the system's about its memory, in KiB: `VmHWM` is the most it ever had resident, `VmRSS` has now.
    #[cfg(target_os = "linux")]
    pub(super) fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Asks it to end, and returns everything it said.
    pub(super) fn stop(mut self) -> String {
        let kill = format!("kill -s TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        while let Ok(line) = self.lines.recv_timeout(LIMIT) {
            self.said.push_str(&line);
            self.said.push('\n');
        }
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.said);
        self.said.clone()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.child.try_wait().unwrap().is_none() {
            self.child.kill().unwrap();
            self.child.wait().unwrap();
        }
    }
}

/// A connection that is kept between requests, and made anew where the service ended it: it keeps none for ever.
pub(super) struct Connection {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(super) fn to(address: &str) -> Self {
        Self { address: address.to_owned(), stream: Self::open(address) }
    }

    fn open(address: &str) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        BufReader::new(stream)
    }

    /// Status and body of the answer. A connection that ended while nothing was asked on it is no fault.
    pub(super) fn post(&mut self, endpoint: &str, body: &str) -> (u16, String) {
        self.ask(endpoint, body).unwrap_or_else(|| {
            self.stream = Self::open(&self.address);
            self.ask(endpoint, body).expect("the service hung up on a new connection")
        })
    }

    /// `None` where the connection ended before the first byte of an answer.
    fn ask(&mut self, endpoint: &str, body: &str) -> Option<(u16, String)> {
        let length = body.len();
        let request = format!("POST {endpoint} HTTP/1.1\r\nHost: kms\r\nContent-Length: {length}\r\n\r\n{body}");
        let ended = |error: &io::Error| matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
        match self.stream.get_mut().write_all(request.as_bytes()) {
            Err(error) if ended(&error) => return None,
            written => written.unwrap(),
        }
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => return None,
            Err(error) if ended(&error) && line.is_empty() => return None,
            read => drop(read.unwrap()),
        }
        let status = line.strip_prefix("HTTP/1.1 ").unwrap_or_else(|| panic!("{line}"))[..3].parse().unwrap();
        let mut length = 0;
        loop {
            line.clear();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "the service hung up within an answer");
            match line.trim_end().split_once(':') {
                None => break,
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap();
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Some((status, String::from_utf8(body).unwrap()))
    }
}
