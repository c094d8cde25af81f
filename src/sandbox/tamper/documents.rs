//! What is wrong with documents, or with who signs them, before anything is hashed or signed. Policies are in `policies`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::target;
use crate::{
    sandbox::{boot, documents, history, release::Draft},
    subject::profile::Profile,
};

/// Whose fork signs.
const FORK: &str = "somebody/mero-tee";
/// The branch that is signed on.
const BRANCH: &str = "refs/heads/feature";

pub(super) fn set(documents: &mut BTreeMap<String, Value>, name: &str, pointer: &str, value: Value) {
    if let Some(place) = documents.get_mut(name).and_then(|d| d.pointer_mut(pointer)) {
        *place = value;
    }
}

pub(super) fn mrtd_malformed(draft: &mut Draft) {
    let (name, place) = ("published-mrtds.json", "/profiles/locked-read-only/mrtd");
    let written = draft.json.get(name).and_then(|m| m.pointer(place)?.as_str());
    let short = written.and_then(|mrtd| mrtd.get(1..)).map(|short| json!(short));
    set(&mut draft.json, name, place, short.unwrap_or_default());
}

pub(super) fn sbom_broken(draft: &mut Draft) {
    let target = target(&draft.sample);
    set(&mut draft.json, target, "/relationships/1/relatedSpdxElement", json!("SPDXRef-Package-nowhere"));
}

pub(super) fn notes_unpinned(draft: &mut Draft) {
    let digest = boot::image_digest(&draft.sample.tag, Profile::LockedReadOnly);
    draft.notes = draft.notes.replace(&format!("@{digest}"), ":latest");
}

pub(super) fn identity_workflow(draft: &mut Draft) {
    let file = draft.identity.workflow_name.clone();
    draft.identity.san = draft.identity.san.replace(&file, "nightly.yaml");
}

pub(super) fn identity_repository(draft: &mut Draft) {
    draft.identity.san = draft.identity.san.replace(documents::REPOSITORY, FORK);
    draft.identity.repository = FORK.into();
}

pub(super) fn identity_ref(draft: &mut Draft) {
    let git_ref = std::mem::replace(&mut draft.identity.git_ref, BRANCH.into());
    draft.identity.san = draft.identity.san.replace(&git_ref, BRANCH);
}

/// Everything is of the other commit, the signature and the tag included: it is wrong by its history alone.
pub(super) fn hotfix_branch(draft: &mut Draft) {
    let commit = history::astray().to_string();
    for document in draft.json.values_mut() {
        if let Some(stated) = document.get_mut("commit_sha") {
            *stated = json!(commit);
        }
    }
    draft.identity.commit_sha = commit;
}
