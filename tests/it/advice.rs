//! Advice fits the server that was asked: each service's own option and credentials, and nobody else's.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
};

use crate::binary::{
    Place, Run,
    loopback::{Answer, Server},
    serve::Serve,
    usable,
};

/// A service, and a command that asks it and no other before it has to.
struct Asked {
    service: &'static str,
    /// The option that says where it is.
    option: &'static str,
    command: Vec<String>,
}

impl Asked {
    fn at(&self, place: &Place, url: &str) -> Run {
        place.merotee(&self.command).args([self.option, url, "--retries", "0"]).run()
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// Every service there is a client for.
fn services(place: &Place, sandbox: &Serve) -> Vec<Asked> {
    place.kept("mero-kms-v1.1.0");
    let blob = "kept/mero-kms-v1.1.0/checksums.txt";
    let rekor = format!(
        "verify-blob --signature {blob}.sig --certificate {blob}.pem --certificate-identity x \
         --certificate-oidc-issuer https://token.actions.githubusercontent.com {blob}"
    );
    let (quote, root) = (sandbox.export("MEROTEE_TDX_QUOTE"), sandbox.export("MEROTEE_TDX_ROOT"));
    let document = "sandbox -- kms serve --kms-version 1.2.0 --profile locked-read-only --check";
    let asked = |service, option, command: &str| Asked { service, option, command: words(command) };
    vec![
        asked("GitHub", "--api-url", "verify-release-assets mero-kms-v1.2.0"),
        asked("Rekor", "--rekor-url", &rekor),
        asked("PCCS", "--pccs", &format!("quote verify {quote} --root {root}")),
        asked("KMS", "--url", "kms health"),
        asked("document", "--policy-url", document),
    ]
}

/// What no service but GitHub knows.
#[track_caller]
fn is_not_githubs(run: &Run, service: &str) {
    // The sandbox and the identity name GitHub's hosts; its token is named by nothing.
    assert!(service == "GitHub" || !run.stderr.contains("GH_TOKEN"), "{service}: {}", run.stderr);
}

#[test]
fn a_status_is_explained_as_the_service_that_sent_it_means_it() {
    let (place, sandbox) = (Place::new(), Serve::start());
    for asked in services(&place, &sandbox) {
        for (status, words) in [
            ("401 Unauthorized", "401"),
            ("403 Forbidden", "403"),
            ("404 Not Found", "404"),
            ("429 Too Many Requests", ""),
            ("500 Internal Server Error", "500"),
            ("503 Service Unavailable", "503"),
        ] {
            let server = Server::start(move |_, _| Answer::status(status, "come back later"));
            let run = asked.at(&place, &server.url);
            // A KMS that answers something else than its health is judged, and is no fault of the network.
            let expected: &[i32] = if asked.service == "KMS" { &[10] } else { &[1] };
            assert!(expected.contains(&run.code), "{} {status}: {}", asked.service, run.shown());
            assert!(server.asked() > 0 && run.shown().contains(words), "{} {status}: {}", asked.service, run.shown());
            is_not_githubs(&run, asked.service);
        }
    }
}

#[test]
fn a_port_that_refuses_names_the_services_own_option_and_no_proxy() {
    let (place, sandbox) = (Place::new(), Serve::start());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for asked in services(&place, &sandbox) {
        let run = asked.at(&place, &closed).expect(1);
        let own = if asked.service == "document" { "its address" } else { asked.option };
        assert!(run.stderr.contains(own), "{}: {}", asked.service, run.stderr);
        assert!(!run.stderr.contains("PROXY"), "{}: {}", asked.service, run.stderr);
        is_not_githubs(&run, asked.service);
    }
}

#[test]
fn a_fault_of_tls_names_the_variable_for_a_private_ca() {
    let (place, sandbox) = (Place::new(), Serve::start());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let speaks_no_tls = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The client may have gone once it has seen what this is.
            let _ = stream.read(&mut [0; 1024]).and_then(|_| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    for asked in services(&place, &sandbox) {
        let run = asked.at(&place, &speaks_no_tls).expect(1).says(&["SSL_CERT_FILE"]);
        is_not_githubs(&run, asked.service);
    }
}

#[test]
fn the_variable_for_a_private_ca_is_heeded() {
    let place = Place::new();
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca \
                  && openssl req -newkey rsa:2048 -nodes -keyout key.pem -out leaf.csr -subj /CN=localhost \
                  && echo subjectAltName=IP:127.0.0.1 >names \
                  && openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -days 2 -extfile names -out leaf.pem";
    if !usable("openssl", &["version"]) {
        return;
    }
    place.program("sh", ["-c", script]).run().expect(0);
    // The port is the system's choice: s_server says it.
    let server = "exec openssl s_server -accept 127.0.0.1:0 -cert leaf.pem -key key.pem -www";
    let mut child = place.program("sh", ["-c", server]).with_input().start();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("ACCEPT ") {
        line.clear();
        assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "openssl ended");
    }
    let url = format!("https://{}", line.trim().trim_start_matches("ACCEPT "));
    let ask = || place.merotee(["kms", "health", "--url", &url]);
    ask().run().expect(1).says(&["certificate", "SSL_CERT_FILE"]);
    let run = ask().env("SSL_CERT_FILE", place.path("ca.pem")).run();
    assert!(!run.stderr.contains("SSL_CERT_FILE"), "{}", run.shown());
    child.kill().unwrap();
    child.wait().unwrap();
}
