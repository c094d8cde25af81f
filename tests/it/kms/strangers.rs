//! A stranger without a machine, who has the KMS of another profile attest in its place: it answers anybody, over any bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use merotee::{
    attestation::measurement::{Allowed, Register, Registers},
    digest::Sha256,
    kms::policy::NodePolicy,
    policy::acceptance,
    sandbox::{boot::Boot, documents},
    subject::profile::Profile,
};
use serde_json::{Value, json};

use super::{
    node::Attempt,
    site::{Answer, KMS, NOW, Service, Site, platform, tag},
};

/// The policy of the debug profile that takes the locked KMS for a node, besides its own nodes.
fn open_policy() -> Value {
    let mut policy = documents::policy(&tag(KMS), Profile::Debug);
    let locked = Boot::of_release(&tag(KMS), Profile::LockedReadOnly).registers();
    for register in Register::ALL {
        let list = &mut policy["policy"][format!("node_allowed_{}", register.as_str())];
        list.as_array_mut().unwrap().push(json!(locked.get(register)));
    }
    policy
}

/// What the stranger gets: it asks `debug` for a challenge, `locked` for a quote over it, and `debug` for the key.
async fn asked(debug: &Service, locked: &Service, site: &Site) -> Answer {
    // Of this node nothing is used but its peer's key, which anybody may make.
    let stranger = site.node();
    let challenge = debug.client.challenge(&stranger.peer()).await.unwrap().unwrap();
    let binding = STANDARD.encode(Sha256::of(stranger.peer().as_bytes()).as_bytes());
    let body = json!({"nonceB64": challenge.nonce_b64, "bindingB64": binding}).to_string();
    let evidence = locked.post("/attest", body).await;
    assert_eq!(evidence.status, 200, "{evidence:?}");
    let quote = STANDARD.decode(evidence.json()["quoteB64"].as_str().unwrap()).unwrap();
    let attempt = Attempt { quote, ..stranger.answers(&challenge) };
    debug.post("/get-key", attempt.signed_by(&stranger)).await
}

#[tokio::test]
async fn only_the_separation_of_roles_keeps_the_answer_of_a_kms_from_opening_a_key() {
    let debug = Site::of(platform(NOW), Profile::Debug).await;
    let locked = Site::of(platform(NOW), Profile::LockedReadOnly).await;
    let oracle = locked.serve().await;
    // Under the policy of the release the quote is genuine, and that of no node.
    let refused = asked(&debug.serve().await, &oracle, &debug).await;
    assert_eq!((refused.status, refused.json()["error"].as_str()), (403, Some("policy_violation")), "{refused:?}");
    // Under the other one nothing is left to refuse it by.
    let document = open_policy();
    let lists = |register: Register| document["policy"][format!("node_allowed_{}", register.as_str())].clone();
    let registers = Registers::from_fn(|register| {
        lists(register).as_array().unwrap().iter().map(|value| value.as_str().unwrap().parse().unwrap()).collect()
    });
    let allowed = Allowed::new(registers, debug.policy().allowed.tcb().to_vec());
    let open = Service::start(debug.parts(), Some(NodePolicy { allowed, ..debug.policy() })).await;
    asked(&open, &oracle, &debug).await.key();
    // So no service starts with it, whether it knows the other policies of its release or not.
    let bytes = document.to_string().into_bytes();
    let of = |profile: Profile| {
        let bytes = documents::policy(&tag(KMS), profile).to_string().into_bytes();
        (format!("attestation-policy-{profile}.json"), bytes)
    };
    let others = [of(Profile::DebugReadOnly), of(Profile::LockedReadOnly)];
    for known in [&others[..], &others[1..], &others[..1], &[]] {
        let refusal = acceptance::accept_roles("attestation-policy-debug.json", &bytes, known).unwrap_err();
        assert_eq!(refusal.objections()[0].check, "role-separation", "{refusal:?}");
    }
}
