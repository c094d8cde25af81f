//! Policies that say something they must not, and those that let in machines they must not.

use serde_json::json;

use super::documents::set;
use crate::{attestation::measurement::Register, sandbox::release::Draft, subject::profile::Profile};

fn names(draft: &Draft) -> (String, String) {
    (draft.sample.policy_name(Profile::Debug), draft.sample.policy_name(Profile::LockedReadOnly))
}

pub(super) fn of_another_profile(draft: &mut Draft) {
    let (debug, _) = names(draft);
    set(&mut draft.json, &debug, "/profile", json!("locked-read-only"));
}

pub(super) fn of_another_version(draft: &mut Draft) {
    let (_, locked) = names(draft);
    set(&mut draft.json, &locked, "/tag", json!("9.9.9"));
}

pub(super) fn not_ready(draft: &mut Draft) {
    let (_, locked) = names(draft);
    set(&mut draft.json, &locked, "/status", json!("policy_not_ready"));
}

pub(super) fn empty_list(draft: &mut Draft) {
    let (_, locked) = names(draft);
    for list in ["kms_allowed_rtmr0", "allowed_rtmr0"] {
        set(&mut draft.json, &locked, &format!("/policy/{list}"), json!([]));
    }
}

/// Gives debug everything that locked-read-only has, in policies and published measurements alike.
pub(super) fn not_isolated(draft: &mut Draft) {
    let (debug, locked) = names(draft);
    if let Some(lists) = draft.json.get(&locked).and_then(|p| p.get("policy")).cloned() {
        set(&mut draft.json, &debug, "/policy", lists);
    }
    let published = "published-mrtds.json";
    if let Some(profile) = draft.json.get(published).and_then(|m| m.pointer("/profiles/locked-read-only")).cloned() {
        set(&mut draft.json, published, "/profiles/debug", profile);
    }
}

/// Gives the KMS the RTMR3 of the node.
pub(super) fn kms_like_node(draft: &mut Draft) {
    let (_, locked) = names(draft);
    let node = draft.json.get(&locked).and_then(|p| p.pointer("/policy/node_allowed_rtmr3")).cloned();
    for list in ["kms_allowed_rtmr3", "allowed_rtmr3"] {
        set(&mut draft.json, &locked, &format!("/policy/{list}"), node.clone().unwrap_or_default());
    }
}

/// Lets the debug policy take the locked-read-only KMS for a node, in addition to its own nodes.
pub(super) fn kms_among_nodes(draft: &mut Draft) {
    let (debug, locked) = names(draft);
    for register in Register::ALL.map(Register::as_str) {
        let list = |policy: &str, role: &str| {
            let place = format!("/policy/{role}_allowed_{register}");
            draft.json.get(policy).and_then(|p| p.pointer(&place)?.as_array().cloned()).unwrap_or_default()
        };
        let both = [list(&debug, "node"), list(&locked, "kms")].concat();
        set(&mut draft.json, &debug, &format!("/policy/node_allowed_{register}"), json!(both));
    }
}
