//! What goes wrong is told with the socket and the call, keeps its cause, and never carries a key.

use axum::http::StatusCode;
use merotee::{
    error::{Class, Error, chain},
    sandbox::dstack::Fault,
};

use super::*;

/// Looks like a key, and must not be repeated.
const KEY: &str = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00";

#[track_caller]
fn told(error: &Error, listening: &Listening, call: &str, what: &str) {
    let place = format!("guest agent at {}, {call}: ", listening.socket.display());
    let words = chain(error);
    assert_eq!(error.class(), Class::Remote, "{words}");
    assert!(words.starts_with(&place) && words[place.len()..].starts_with(what), "{words}");
    assert!(!words.contains('\u{1b}') && !format!("{error:?}").contains(KEY), "{error:?}");
}

/// Every call, and how it failed.
async fn all(agent: &GuestAgent) -> [(&'static str, Error); 4] {
    [
        ("GetKey", agent.get_key("a", "b").await.map(drop).unwrap_err()),
        ("GetQuote", agent.get_quote(&REPORT_DATA).await.map(drop).unwrap_err()),
        ("Info", agent.info().await.map(drop).unwrap_err()),
        ("EmitEvent", agent.emit_event("a", b"b").await.unwrap_err()),
    ]
}

fn answering(status: StatusCode, body: impl Into<String>) -> Listening {
    let body = body.into();
    Listening::start(Router::new().fallback(move || async move { (status, body) }))
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_told_with_its_cause_and_found_once_it_is() {
    let listening = listening(KMS, Profile::Debug);
    let agent = listening.agent();
    let aside = listening.socket.with_extension("aside");
    std::fs::rename(&listening.socket, &aside).unwrap();
    for (call, error) in all(&agent).await {
        told(&error, &listening, call, "cannot connect");
        assert!(chain(&error).contains("No such file or directory"), "{}", chain(&error));
        assert!(error.advice().unwrap().contains("mounted"));
    }
    std::fs::rename(aside, &listening.socket).unwrap();
    agent.info().await.unwrap();
}

#[tokio::test]
async fn an_agent_that_was_restarted_is_asked_anew() {
    let mut listening = listening(KMS, Profile::Debug);
    let agent = listening.agent();
    let key = shown(&agent.get_key("a", "").await.unwrap());
    // Its kept connection ends with it.
    listening._server.shutdown().await;
    std::fs::remove_file(&listening.socket).unwrap();
    let listener = UnixListener::bind(&listening.socket).unwrap();
    let router = router(machine(KMS, Profile::Debug));
    listening._server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    assert_eq!(shown(&agent.get_key("a", "").await.unwrap()), key);
}

#[tokio::test]
async fn an_agent_that_hangs_costs_no_more_than_the_time_allowed_and_may_recover() {
    let machine = machine(KMS, Profile::LockedReadOnly);
    let listening = Listening::start(router(Arc::clone(&machine)));
    machine.fail(Some(Fault::Hang));
    let impatient = listening.agent().with_timeout(Duration::from_millis(30));
    for (call, error) in all(&impatient).await {
        told(&error, &listening, call, "no answer within 30 ms");
    }
    machine.fail(None);
    listening.agent().info().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_begins_and_does_not_end_is_given_up_as_well() {
    let stalling = || async {
        let start = futures_util::stream::once(async { Ok::<_, std::io::Error>("{") });
        axum::body::Body::from_stream(futures_util::StreamExt::chain(start, futures_util::stream::pending()))
    };
    let listening = Listening::start(Router::new().fallback(stalling));
    for (call, error) in all(&listening.agent().with_timeout(Duration::from_millis(30))).await {
        told(&error, &listening, call, "no answer within 30 ms");
    }
}

#[tokio::test]
async fn an_agent_that_talks_garbage_is_not_quoted_on_keys() {
    let machine = machine(KMS, Profile::LockedReadOnly);
    let listening = Listening::start(router(Arc::clone(&machine)));
    machine.fail(Some(Fault::Garbage));
    let agent = listening.agent();
    told(&agent.get_key("a", "").await.unwrap_err(), &listening, "GetKey", "the answer is not JSON");
    told(&agent.get_quote(&REPORT_DATA).await.unwrap_err(), &listening, "GetQuote", "the answer is not JSON: line 1");
    told(&agent.info().await.unwrap_err(), &listening, "Info", "the answer is not JSON: line 1");

    for (body, what) in [
        (format!("{KEY}\"}}"), "the answer is not JSON"),
        (format!(r#"{{"{KEY}":1,"{KEY}":2}}"#), "the answer is not JSON"),
        (format!(r#"["{KEY}"]"#), "the answer is not a JSON object"),
        (format!(r#"{{"key":"{KEY}-"}}"#), "the answer cannot be used: `key` is not hex"),
        (format!(r#"{{"key":"{KEY}{KEY}{KEY}"}}"#), "the answer cannot be used: `key` is not hex of 16 to 64 bytes"),
        (format!(r#"{{"key":["{KEY}"]}}"#), "the answer cannot be used: `key` is not text"),
        (format!(r#"{{"private":"{KEY}"}}"#), "the answer cannot be used: `key` is not hex of 16 to 64 bytes"),
    ] {
        let listening = answering(StatusCode::OK, body);
        let error = listening.agent().get_key("a", "").await.unwrap_err();
        told(&error, &listening, "GetKey", what);
        assert!(!chain(&error).contains("c0ffee"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read_to_its_end() {
    // The limit itself is fine: blanks behind the document belong to it.
    let document = r#"{"quote":"00"}"#;
    let body = |bytes: usize| document.to_owned() + &" ".repeat(bytes - document.len());
    answering(StatusCode::OK, body(4 << 20)).agent().get_quote(&REPORT_DATA).await.unwrap();
    for status in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        let listening = answering(status, body((4 << 20) + 1));
        for (call, error) in all(&listening.agent()).await {
            told(&error, &listening, call, "sent more than the 4194304 bytes allowed");
        }
    }
}

#[tokio::test]
async fn a_refusal_is_told_with_its_status_and_the_agent_s_words_but_for_keys() {
    let machine = machine(KMS, Profile::LockedReadOnly);
    let listening = Listening::start(router(Arc::clone(&machine)));
    for status in [400, 500, 503] {
        machine.fail(Some(Fault::Status(status)));
        for (call, error) in all(&listening.agent()).await {
            let words = if call == "GetKey" { "" } else { ": the sandbox was told to fail" };
            told(&error, &listening, call, &format!("answered {status}{words}"));
        }
    }
    for (body, words) in [("plain words", ""), (r#"{"error":7}"#, ""), (r#"{"error":"a\u001b[31m"}"#, r": a\u{1b}[31m")]
    {
        let listening = answering(StatusCode::BAD_GATEWAY, body);
        let error = listening.agent().info().await.unwrap_err();
        told(&error, &listening, "Info", "answered 502");
        assert!(chain(&error).ends_with(&format!("answered 502{words}")), "{}", chain(&error));
    }
    // A redirect leads nowhere.
    let listening = answering(StatusCode::TEMPORARY_REDIRECT, "");
    told(&listening.agent().info().await.unwrap_err(), &listening, "Info", "answered 307");
}

#[tokio::test]
async fn no_quote_and_a_quote_over_other_data_are_errors() {
    let machine = machine(KMS, Profile::LockedReadOnly);
    let listening = Listening::start(router(Arc::clone(&machine)));
    let mut report_data = REPORT_DATA;
    report_data[63] = 0;
    machine.fail(Some(Fault::EmptyQuote));
    let error = listening.agent().get_quote(&report_data).await.unwrap_err();
    told(&error, &listening, "GetQuote", "the answer cannot be used: `quote` is empty");
    machine.fail(Some(Fault::OtherReportData));
    let error = listening.agent().get_quote(&report_data).await.unwrap_err();
    told(&error, &listening, "GetQuote", "the answer cannot be used: `report_data` is not what was asked for");
    listening.agent().get_key("a", "").await.unwrap();

    for (fields, what) in [
        (json!({}), "`quote` is empty"),
        (json!({"quote": "0x"}), "`quote` is empty"),
        (json!({"quote": "0"}), "`quote` is not hex"),
        (json!({"quote": ["00"]}), "`quote` is not text"),
        (json!({"quote": "00", "report_data": "5a"}), "`report_data` is not what was asked for"),
        (json!({"quote": "00", "event_log": "{}"}), "`event_log` is not a list"),
        (json!({"quote": "00", "event_log": "["}), "`event_log` is not JSON: line 1"),
        (json!({"quote": "00", "vm_config": 7}), "`vm_config` is neither text nor an object"),
    ] {
        let listening = answering(StatusCode::OK, fields.to_string());
        let error = listening.agent().get_quote(&REPORT_DATA).await.unwrap_err();
        told(&error, &listening, "GetQuote", &format!("the answer cannot be used: {what}"));
    }
}

#[tokio::test]
async fn the_sandbox_s_agent_refuses_requests_that_make_no_sense() {
    let listening = listening(KMS, Profile::Debug);
    let client = reqwest::Client::builder().unix_socket(listening.socket.as_path()).build().unwrap();
    for (call, body) in [
        ("GetKey", "{}"),
        ("GetKey", "not JSON"),
        ("GetQuote", r#"{"report_data":"xx"}"#),
        ("GetQuote", &format!(r#"{{"report_data":"{}"}}"#, "00".repeat(65))),
        ("EmitEvent", r#"{"event":"a","payload":"0"}"#),
    ] {
        let answer = client.post(format!("http://dstack/{call}")).body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{call} {body}");
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert!(!answer["error"].as_str().unwrap().is_empty(), "{call} {body}");
    }
}
