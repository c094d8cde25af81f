//! `kms serve` as a process, in front of a sandbox in another.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
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

/// A connection that is kept between requests.
pub(super) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(super) fn to(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        Self(BufReader::new(stream))
    }

    /// Status and body of the answer.
    pub(super) fn post(&mut self, endpoint: &str, body: &str) -> (u16, String) {
        let length = body.len();
        let request = format!("POST {endpoint} HTTP/1.1\r\nHost: kms\r\nContent-Length: {length}\r\n\r\n{body}");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the service hung up");
            match line.trim_end().split_once([' ', ':']) {
                None => break,
                Some(("HTTP/1.1", rest)) => status = rest[..3].parse().unwrap(),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap();
                }
                Some(_) => {}
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        (status, String::from_utf8(body).unwrap())
    }
}
