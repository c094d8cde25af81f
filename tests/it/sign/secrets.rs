//! No token is ever printed, whatever a server does with it.

use axum::http::StatusCode;
use merotee::sandbox::sigstore::Log;

use super::{
    crooked::{Answered, Asked, Crooked, Fault, Honest, sign},
    token, workflow,
};
use crate::binary::Run;

/// Fails when a part of the secret is in what was printed.
#[track_caller]
fn keeps(run: &Run, secret: &str) {
    let printed = format!("{}{}", run.stdout, run.stderr);
    for part in secret.as_bytes().windows(16) {
        let part = str::from_utf8(part).unwrap();
        assert!(!printed.contains(part), "{part} is in\n{printed}");
    }
}

/// Repeats the token in every place of an answer that a client may print.
struct Echo(String, fn(&str, &mut Answered));

impl Fault for Echo {
    fn answered(&self, asked: &Asked, _: usize, answered: &mut Answered) {
        if asked.path == "/api/v2/signingCert" {
            (self.1)(&self.0, answered);
        }
    }
}

#[test]
fn a_server_that_repeats_the_token_has_it_printed_nowhere_at_any_level() {
    let secret = token(&workflow("refs/heads/master"));
    let echoes: [fn(&str, &mut Answered); 7] = [
        |secret, answer| {
            answer.status = StatusCode::UNAUTHORIZED;
            answer.body = serde_json::json!({"code": 16, "message": format!("bad token {secret}")}).to_string().into();
        },
        |secret, answer| {
            answer.status = StatusCode::BAD_REQUEST;
            answer.body = serde_json::json!({"message": &secret[secret.len() - 60..]}).to_string().into();
        },
        |secret, answer| {
            answer.status = StatusCode::SERVICE_UNAVAILABLE;
            answer.body = secret.to_owned().into();
        },
        |secret, answer| answer.body = secret.to_owned().into(),
        |secret, answer| answer.body = serde_json::json!({"signedCertificateEmbeddedSct": secret}).to_string().into(),
        |secret, answer| {
            let chain = serde_json::json!({"chain": {"certificates": [secret]}});
            answer.body = serde_json::json!({"signedCertificateEmbeddedSct": chain}).to_string().into();
        },
        |secret, answer| {
            answer.status = StatusCode::FOUND;
            let place = format!("https://elsewhere.example/{secret}?token={secret}");
            answer.headers.insert("location", place.parse().unwrap());
        },
    ];
    for echo in echoes {
        let crooked = Crooked::start(Echo(secret.clone(), echo));
        let place = crooked.place(Log::Rekor1);
        for format in ["human", "json"] {
            let run = sign(&place)
                .args(["-vvv", "--format", format])
                .env("SIGSTORE_ID_TOKEN", &secret)
                .env("MEROTEE_LOG_FORMAT", format)
                .run();
            assert_ne!(run.code, 0);
            keeps(&run, &secret);
        }
        assert_eq!(place.names("."), ["blob", "config.json", "root.json"]);
    }
}

#[test]
fn a_run_that_ends_well_prints_neither_token() {
    let crooked = Crooked::start(Honest);
    let place = crooked.place(Log::Rekor2);
    let secret = token(&workflow("refs/heads/master"));
    place.write("token", &secret);
    let run = sign(&place).args(["-vvv", "--identity-token", "token"]).run().expect(0);
    keeps(&run, &secret);
}

#[test]
fn a_token_is_not_sent_over_a_network_without_encryption() {
    let crooked = Crooked::start(Honest);
    let place = crooked.place(Log::Rekor1);
    let job = sign(&place).env("SIGSTORE_ID_TOKEN", "").env("ACTIONS_ID_TOKEN_REQUEST_URL", "http://tokens.example/x");
    let job = job.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret").run();
    job.expect(2).says(&["ACTIONS_ID_TOKEN_REQUEST_URL must be asked over https"]);
    let secret = "hunter2-is-a-secret";
    let address = format!("http://user:{secret}@tokens.example/x?signature={secret}");
    let job = sign(&place).env("SIGSTORE_ID_TOKEN", "").env("ACTIONS_ID_TOKEN_REQUEST_URL", address);
    let job = job.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret").run().expect(2);
    keeps(&job, secret);
    job.says(&["on the way to tokens.example"]);
    let config = place.read("config.json").replace(&crooked.base, "http://fulcio.example");
    place.write("config.json", config);
    sign(&place).run().expect(2).says(&["the certificate authority must be asked over https"]);
    assert_eq!(crooked.seen(), [""; 0]);
}
