//! Policies that let in machines they must not.

use serde_json::json;

use super::{super::release::Draft, set};
use crate::{attestation::measurement::Register, subject::profile::Profile};

/// Gives debug everything that locked-read-only has, in policies and published measurements alike.
pub(super) fn not_isolated(draft: &mut Draft) {
    let (debug, locked) = (draft.sample.policy_name(Profile::Debug), draft.sample.policy_name(Profile::LockedReadOnly));
    if let Some(lists) = draft.json.get(&locked).and_then(|p| p.get("policy")).cloned() {
        set(&mut draft.json, &debug, "/policy", lists);
    }
    let published = "published-mrtds.json";
    if let Some(profile) = draft.json.get(published).and_then(|m| m.pointer("/profiles/locked-read-only")).cloned() {
        set(&mut draft.json, published, "/profiles/debug", profile);
    }
}

/// Lets the debug policy take the locked-read-only KMS for a node, in addition to its own nodes.
pub(super) fn kms_among_nodes(draft: &mut Draft) {
    let (debug, locked) = (draft.sample.policy_name(Profile::Debug), draft.sample.policy_name(Profile::LockedReadOnly));
    for register in Register::ALL.map(Register::as_str) {
        let list = |policy: &str, side: &str| {
            let place = format!("/policy/{side}_allowed_{register}");
            draft.json.get(policy).and_then(|p| p.pointer(&place)?.as_array().cloned()).unwrap_or_default()
        };
        let both = [list(&debug, "node"), list(&locked, "kms")].concat();
        set(&mut draft.json, &debug, &format!("/policy/node_allowed_{register}"), json!(both));
    }
}
