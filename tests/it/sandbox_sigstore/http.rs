//! The instance over loopback HTTP, asked by the Sigstore project's own client and by hand.

use std::sync::{Arc, Mutex};

use merotee::sandbox::sigstore::{Instance, Signed, router_at};
use p256::ecdsa::{DerSignature, SigningKey, signature::Signer};
use p256::pkcs8::{EncodePublicKey, LineEnding};
use serde_json::{Value, json};
use sigstore_rekor::{LogEntry, RekorClient};
use sigstore_types::{EntryUuid, KindVersion, LogIndex, Sha256Hash};

use super::*;

/// Serves an instance that has signed [`BLOB`]; the clock stands at [`SIGNED_AT`].
pub(super) async fn serve() -> (String, Arc<Mutex<Instance>>, Signed) {
    let (instance, signed) = signed();
    let instance = Arc::new(Mutex::new(instance));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = router_at(Arc::clone(&instance), || at(SIGNED_AT));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (base, instance, signed)
}

async fn post(base: &str, path: &str, body: &Value) -> (u16, Value) {
    let response = reqwest::Client::new().post(format!("{base}{path}")).json(body).send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

#[tokio::test]
async fn the_digest_finds_the_entry_and_the_entry_makes_the_bundle_again() {
    let (base, instance, signed) = serve().await;
    let client = RekorClient::new(base).unwrap();
    let digest = Sha256Hash::new(*Sha256::of(BLOB).as_bytes());
    let uuids = client.search_by_hash(&digest).await.unwrap();
    assert_eq!(uuids, [EntryUuid::new(signed.entry_uuid.clone())]);

    let entry = client.get_entry_by_uuid(&uuids[0]).await.unwrap();
    let by_index = client.get_entry_by_index(LogIndex::new(signed.log_index as u64).unwrap()).await.unwrap();
    assert_eq!(by_index.body, entry.body);

    let converted = entry.to_bundle_entry(KindVersion::HashedRekordV001).unwrap();
    let mut bundle: Value = serde_json::from_str(&signed.bundle_json).unwrap();
    bundle["verificationMaterial"]["tlogEntries"] = json!([converted]);
    let result = verify(&instance.lock().unwrap(), &bundle.to_string(), BLOB, &policy()).unwrap();
    assert!(result.tlog_verified());
}

#[tokio::test]
async fn an_old_entry_is_proved_against_the_present_head() {
    let (base, instance, signed) = serve().await;
    for number in 0..9u8 {
        instance.lock().unwrap().sign(&[number], &identity(), at(SIGNED_AT)).unwrap();
    }
    let entry = RekorClient::new(base).unwrap().get_entry_by_uuid(&EntryUuid::new(signed.entry_uuid)).await.unwrap();
    let converted = entry.to_bundle_entry(KindVersion::HashedRekordV001).unwrap();
    assert_eq!(converted.inclusion_proof.as_ref().unwrap().tree_size, 21);
    let mut bundle: Value = serde_json::from_str(&signed.bundle_json).unwrap();
    bundle["verificationMaterial"]["tlogEntries"] = json!([converted]);
    verify(&instance.lock().unwrap(), &bundle.to_string(), BLOB, &policy()).unwrap();
}

#[tokio::test]
async fn retrieval_takes_uuids_indexes_and_proposals_and_leaves_out_strangers() {
    let (base, _, signed) = serve().await;
    let body = {
        let bundle: Value = serde_json::from_str(&signed.bundle_json).unwrap();
        let body = &bundle["verificationMaterial"]["tlogEntries"][0]["canonicalizedBody"];
        serde_json::from_slice::<Value>(&STANDARD.decode(body.as_str().unwrap()).unwrap()).unwrap()
    };
    let stranger = "0".repeat(80);
    for query in [
        json!({ "entryUUIDs": [signed.entry_uuid, stranger] }),
        json!({ "entryUUIDs": [&signed.entry_uuid[16..]] }),
        json!({ "logIndexes": [signed.log_index, 1] }),
        json!({ "entries": [body] }),
    ] {
        let (status, answer) = post(&base, "/api/v1/log/entries/retrieve", &query).await;
        assert_eq!(status, 200, "{query}");
        let entries: Vec<&str> =
            answer.as_array().unwrap().iter().map(|e| e.as_object().unwrap().keys().next().unwrap().as_str()).collect();
        assert_eq!(entries, [signed.entry_uuid.as_str()], "{query}");
        let entry: LogEntry = serde_json::from_value(answer[0][&signed.entry_uuid].clone()).unwrap();
        assert_eq!(entry.log_index.as_i64(), signed.log_index);
    }
    assert_eq!(post(&base, "/api/v1/log/entries/retrieve", &json!({})).await.0, 422);
    let many = json!({ "logIndexes": (0..11).collect::<Vec<u64>>() });
    assert_eq!(post(&base, "/api/v1/log/entries/retrieve", &many).await.0, 422);
}

#[tokio::test]
async fn what_the_log_does_not_hold_is_not_found() {
    let (base, _, _) = serve().await;
    let (status, answer) =
        post(&base, "/api/v1/index/retrieve", &json!({ "hash": Sha256::of(b"x").to_string() })).await;
    assert_eq!((status, answer), (200, json!([])));
    assert_eq!(post(&base, "/api/v1/index/retrieve", &json!({ "hash": "sha256:x" })).await.0, 400);
    let uuid = "0".repeat(80);
    for path in [format!("entries/{uuid}"), "entries?logIndex=0".to_owned(), "entries?logIndex=999999".to_owned()] {
        let response = reqwest::get(format!("{base}/api/v1/log/{path}")).await.unwrap();
        assert_eq!(response.status().as_u16(), 404, "{path}");
        let problem: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(problem, json!({ "code": 404, "message": "entry not found" }));
    }
}

#[tokio::test]
async fn the_log_states_its_key_and_its_head() {
    let (base, instance, signed) = serve().await;
    let key = reqwest::get(format!("{base}/api/v1/log/publicKey")).await.unwrap().text().await.unwrap();
    let root: Value = serde_json::from_str(&instance.lock().unwrap().trusted_root_json(&base)).unwrap();
    let key = sigstore_types::DerPublicKey::from_pem(&key).unwrap();
    assert_eq!(root["tlogs"][0]["publicKey"]["rawBytes"], key.to_base64());

    let state = reqwest::get(format!("{base}/api/v1/log")).await.unwrap().bytes().await.unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    assert_eq!(state["treeSize"], 12);
    let tree_id: u64 = state["treeID"].as_str().unwrap().parse().unwrap();
    assert_eq!(format!("{tree_id:016x}"), signed.entry_uuid[..16]);
    let head = sigstore_types::Checkpoint::from_text(state["signedTreeHead"].as_str().unwrap()).unwrap();
    assert_eq!(head.root_hash().to_hex(), state["rootHash"].as_str().unwrap());
    assert_eq!(head.origin(), format!("rekor.sandbox.merotee.test - {tree_id}"));
    sigstore_crypto::CheckpointVerifyExt::verify_signature(&head, &key).unwrap();
}

fn proposal(blob: &[u8], signature: &[u8], verifier_pem: &str) -> Value {
    json!({ "apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": { "hash": { "algorithm": "sha256", "value": Sha256::of(blob).to_string() } },
        "signature": {
            "content": STANDARD.encode(signature),
            "publicKey": { "content": STANDARD.encode(verifier_pem) },
        },
    } })
}

fn client_key() -> (SigningKey, String) {
    let key = SigningKey::from_slice(&[7; 32]).unwrap();
    let pem = key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap();
    (key, pem)
}

fn sign(key: &SigningKey, message: &[u8]) -> Vec<u8> {
    let signature: DerSignature = key.sign(message);
    signature.as_bytes().to_vec()
}

#[tokio::test]
async fn a_proposal_is_logged_once_and_only_with_a_good_signature() {
    let (base, _, _) = serve().await;
    let (key, pem) = client_key();
    let good = proposal(b"blob", &sign(&key, b"blob"), &pem);
    let (status, answer) = post(&base, "/api/v1/log/entries", &good).await;
    assert_eq!(status, 201);
    let uuid = answer.as_object().unwrap().keys().next().unwrap().clone();
    assert_eq!(answer[&uuid]["integratedTime"], SIGNED_AT);

    let (status, problem) = post(&base, "/api/v1/log/entries", &good).await;
    assert_eq!(status, 409);
    assert!(problem["message"].as_str().unwrap().contains(&uuid));

    let bad = proposal(b"another blob", &sign(&key, b"blob"), &pem);
    let (status, problem) = post(&base, "/api/v1/log/entries", &bad).await;
    assert_eq!(status, 400);
    assert!(problem["message"].as_str().unwrap().contains("does not verify"), "{problem}");
    for nonsense in [json!({}), json!({ "kind": "rpm", "apiVersion": "0.0.1" }), proposal(b"b", b"", "no key")] {
        assert_eq!(post(&base, "/api/v1/log/entries", &nonsense).await.0, 400, "{nonsense}");
    }
    let (_, found) = post(&base, "/api/v1/index/retrieve", &json!({ "hash": Sha256::of(b"blob").to_string() })).await;
    assert_eq!(found, json!([uuid]));
}

#[tokio::test]
async fn fulcio_certifies_the_key_of_whoever_holds_it_and_a_token() {
    let (base, instance, _) = serve().await;
    let (key, pem) = client_key();
    let token = instance.lock().unwrap().identity_token(&identity(), at(SIGNED_AT)).unwrap();
    let subject = "repo:calimero-network/mero-tee:ref:refs/tags/mero-kms-v1.2.0";
    let request = |token: &str, proof: &[u8]| {
        json!({
            "credentials": { "oidcIdentityToken": token },
            "publicKeyRequest": {
                "publicKey": { "algorithm": "ECDSA", "content": pem },
                "proofOfPossession": STANDARD.encode(proof),
            },
        })
    };
    let (status, answer) = post(&base, "/api/v2/signingCert", &request(&token, &sign(&key, subject.as_bytes()))).await;
    assert_eq!(status, 200, "{answer}");
    let chain = answer["signedCertificateEmbeddedSct"]["chain"]["certificates"].as_array().unwrap();
    assert_eq!(chain.len(), 3);
    let leaf = sigstore_types::DerCertificate::from_pem(chain[0].as_str().unwrap()).unwrap();
    let claims = sigstore_crypto::parse_certificate_info(&leaf).unwrap();
    assert_eq!(claims.identity.unwrap().as_str(), identity().san);
    assert_eq!(claims.issuer.as_deref(), Some(identity().issuer.as_str()));

    let bundle = reqwest::get(format!("{base}/api/v2/trustBundle")).await.unwrap().bytes().await.unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    assert_eq!(bundle["chains"][0]["certificates"].as_array().unwrap(), &chain[1..]);

    let refused = |token: String, proof: Vec<u8>| {
        let (base, body) = (base.clone(), request(&token, &proof));
        async move { post(&base, "/api/v2/signingCert", &body).await }
    };
    let proof = sign(&key, subject.as_bytes());
    assert_eq!(refused(token.clone(), sign(&key, b"somebody else")).await.0, 400);
    let foreign = super::instance(8).identity_token(&identity(), at(SIGNED_AT)).unwrap();
    let (status, problem) = refused(foreign, proof.clone()).await;
    assert_eq!((status, problem["message"].as_str().unwrap().contains("not issued by this instance")), (400, true));
    let expired = instance.lock().unwrap().identity_token(&identity(), at(SIGNED_AT - 600)).unwrap();
    assert_eq!(refused(expired, proof).await.0, 400);
    assert_eq!(post(&base, "/api/v1/signingCert", &json!({})).await.0, 401);
}

#[tokio::test]
async fn the_older_fulcio_api_certifies_an_e_mail_address() {
    let (base, instance, _) = serve().await;
    let (key, _) = client_key();
    let person = Identity {
        san: "dev@example.com".to_owned(),
        issuer: "https://accounts.example.com".to_owned(),
        ..Identity::default()
    };
    let token = instance.lock().unwrap().identity_token(&person, at(SIGNED_AT)).unwrap();
    let spki = key.verifying_key().to_public_key_der().unwrap();
    let request = json!({
        "publicKey": { "algorithm": "ecdsa", "content": STANDARD.encode(spki.as_bytes()) },
        "signedEmailAddress": STANDARD.encode(sign(&key, b"dev@example.com")),
    });
    let client = reqwest::Client::new().post(format!("{base}/api/v1/signingCert")).bearer_auth(token);
    let response = client.json(&request).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 201);
    let chain = response.text().await.unwrap();
    assert_eq!(chain.matches("BEGIN CERTIFICATE").count(), 3);
    let leaf = sigstore_types::DerCertificate::from_pem(&chain).unwrap();
    let claims = sigstore_crypto::parse_certificate_info(&leaf).unwrap();
    assert_eq!(claims.identity, Some(sigstore_crypto::SubjectAltName::Email("dev@example.com".to_owned())));
    assert_eq!(claims.issuer.as_deref(), Some("https://accounts.example.com"));
}

#[tokio::test]
async fn the_timestamp_authority_echoes_the_nonce() {
    let (base, _, _) = serve().await;
    let nonce = [0x42, 0x8f, 0x59, 0xf2, 0xaf, 0xe6, 0x9c, 0xc8];
    // TimeStampReq: version 1, SHA-256 imprint, nonce, certReq.
    let mut request = vec![0x30, 0x41, 2, 1, 1, 0x30, 0x2f, 0x30, 0x0b, 6, 9];
    request.extend([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 4, 32]);
    request.extend(Sha256::of(BLOB).as_bytes());
    request.extend([2, 8]);
    request.extend(nonce);
    request.extend([1, 1, 0xff]);
    let ask = |body: Vec<u8>| {
        let url = format!("{base}/api/v1/timestamp");
        async move { reqwest::Client::new().post(url).body(body).send().await.unwrap() }
    };
    let response = ask(request.clone()).await;
    assert_eq!(response.status().as_u16(), 201);
    assert_eq!(response.headers()["content-type"], "application/timestamp-reply");
    let answer = response.bytes().await.unwrap();
    assert!(answer.windows(8).any(|window| window == nonce));
    assert!(answer.windows(15).any(|window| window == b"20251009085320Z"), "whole seconds, UTC");

    request.truncate(40);
    assert_eq!(ask(request).await.status().as_u16(), 400);
}
