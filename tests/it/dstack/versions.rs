//! One shape whatever the agent's version.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::{Json, body::Bytes, extract::Path, routing::post, serve::ListenerExt as _};

use super::*;

/// An agent that answers everything with `body`.
pub(super) fn answering(body: &Value) -> Listening {
    let body = body.to_string();
    Listening::start(Router::new().fallback(move || async { body }))
}

async fn quote_of(fields: Value) -> AgentQuote {
    answering(&fields).agent().get_quote(&REPORT_DATA).await.unwrap_or_else(|e| panic!("{fields}: {e:?}"))
}

#[tokio::test]
async fn a_log_comes_as_text_or_as_a_list_or_not_at_all() {
    let entries = json!([{"imr": 3, "event": "app-id"}]);
    for (log, expected) in [
        (json!(entries.to_string()), &entries),
        (entries.clone(), &entries),
        (json!(""), &json!([])),
        (json!("[]"), &json!([])),
        (json!(null), &json!([])),
    ] {
        let answer = quote_of(json!({"quote": "00ff", "event_log": log})).await;
        assert_eq!(answer.event_log, *expected, "{log}");
    }
    assert_eq!(quote_of(json!({"quote": "00ff"})).await.event_log, json!([]));
}

#[tokio::test]
async fn a_quote_comes_with_and_without_prefix_report_data_configuration_and_fields_of_later_versions() {
    let data = hex::encode_upper(REPORT_DATA);
    for (fields, vm_config) in [
        (json!({"quote": "00ff"}), ""),
        (json!({"quote": "0x00FF", "report_data": format!("0x{data}"), "vm_config": "{\"a\": 1}"}), "{\"a\": 1}"),
        (json!({"quote": "00FF", "report_data": "", "vm_config": {"a": 1}, "attestation": "00"}), "{\"a\":1}"),
        (json!({"quote": "00ff", "report_data": data, "vm_config": null, "hash_algorithm": "raw"}), ""),
    ] {
        let answer = quote_of(fields.clone()).await;
        assert_eq!((&answer.quote[..], answer.vm_config.as_str()), (&[0, 0xff][..], vm_config), "{fields}");
    }
}

#[tokio::test]
async fn a_key_comes_with_a_prefix_or_in_capitals_and_without_a_chain() {
    for (fields, key) in [
        (json!({"key": "0xABCDEF0123456789abcdef0123456789"}), "abcdef0123456789abcdef0123456789"),
        (json!({"key": "ab".repeat(64), "signature_chain": null, "later": 1}), &"ab".repeat(64)),
    ] {
        assert_eq!(shown(&answering(&fields).agent().get_key("p", "").await.unwrap()), key);
    }
}

#[tokio::test]
async fn what_an_older_agent_does_not_tell_of_itself_is_empty_or_found_among_the_tcb_s_facts() {
    let tcb = json!({"compose_hash": "0xCD", "device_id": "ef", "mrtd": "00"});
    for tcb_info in [json!(tcb.to_string()), tcb.clone()] {
        let agent = answering(&json!({"app_id": "0xAB", "app_name": "a", "tcb_info": tcb_info}));
        let info = agent.agent().info().await.unwrap();
        assert_eq!((info.app_id.as_str(), info.app_name.as_str(), info.instance_id.as_str()), ("ab", "a", ""));
        assert_eq!((info.compose_hash.as_str(), info.device_id.as_str()), ("cd", "ef"));
        assert_eq!(info.tcb_info, tcb);
    }
    for fields in [json!({}), json!({"app_id": null, "tcb_info": ""})] {
        let info = answering(&fields).agent().info().await.unwrap();
        assert_eq!((info.app_id.as_str(), info.compose_hash.as_str(), info.tcb_info), ("", "", Value::Null));
    }
    let info = answering(&json!({"compose_hash": "aa", "tcb_info": tcb})).agent().info().await.unwrap();
    assert_eq!(info.compose_hash, "aa", "what stands in front counts");
}

#[tokio::test]
async fn requests_are_posted_as_json_with_bytes_in_hex_over_one_connection() {
    let echo = |Path(call): Path<String>, body: Bytes| async move {
        let request: Value = serde_json::from_slice(&body).unwrap();
        let asked = match call.as_str() {
            "GetKey" => json!({"path": "a/b", "purpose": "p"}),
            "GetQuote" => json!({"report_data": "5a".repeat(64)}),
            "Info" => json!({}),
            "EmitEvent" => json!({"event": "e", "payload": "00ff"}),
            other => panic!("{other}"),
        };
        assert_eq!(request, asked, "{call}");
        Json(json!({"key": "ab".repeat(16), "quote": "00"}))
    };
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let listening = Listening::on(Router::new().route("/{call}", post(echo)), |listener| {
        listener.tap_io(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
        })
    });
    let agent = listening.agent();
    for _ in 0..2 {
        agent.get_key("a/b", "p").await.unwrap();
        agent.get_quote(&REPORT_DATA).await.unwrap();
        agent.info().await.unwrap();
        agent.emit_event("e", &[0, 0xff]).await.unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_emitted_event_is_acknowledged_by_any_success_however_empty() {
    for body in ["", "null", "{}"] {
        let listening = Listening::start(Router::new().fallback(move || async move { body }));
        listening.agent().emit_event("e", b"").await.unwrap();
    }
}
