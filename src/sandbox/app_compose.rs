//! `app-compose.json` as Phala Cloud makes it of a request: what machines measure as their compose hash.

use serde_json::{Value, json};

/// The document of a docker-compose file as a probe and a rollout ask for it.
pub(super) fn usual(compose: &str) -> String {
    made(compose, true, false, &[])
}

/// The `app-compose.json` that the cloud makes of a request.
pub(super) fn made(compose: &str, public_logs: bool, public_sysinfo: bool, allowed_envs: &[String]) -> String {
    let document = json!({
        "manifest_version": 2,
        "name": "",
        "runner": "docker-compose",
        "docker_compose_file": compose,
        "kms_enabled": true,
        "gateway_enabled": true,
        "public_logs": public_logs,
        "public_sysinfo": public_sysinfo,
        "public_tcbinfo": true,
        "allowed_envs": allowed_envs,
        "no_instance_id": false,
        "secure_time": false,
    });
    document.to_string()
}

/// The same `app-compose.json` with another docker-compose file in it.
pub(super) fn recomposed(app_compose: &str, compose: &str) -> String {
    let mut document: Value = serde_json::from_str(app_compose).unwrap_or_default();
    if let Some(fields) = document.as_object_mut() {
        fields.insert("docker_compose_file".to_owned(), json!(compose));
    }
    document.to_string()
}
