//! Policy files of every kind ever published, read into one shape.
//!
//! | kind | recognised by | states |
//! |---|---|---|
//! | current | `policy` and none of the below | KMS and node lists of one profile, those of the KMS perhaps twice |
//! | unprefixed | `policy.allowed_mrtd` or such, and no list with a prefix | KMS lists of one profile |
//! | registry, KMS | `policy` and `release_tag` | KMS lists, one profile |
//! | registry, node | `profiles` and `release_tag` | node lists of three profiles |
//!
//! Reading judges nothing: what is malformed or unknown is kept for the checks to report.

mod spelling;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::spelling::Prefixed;
use super::reading::{Field, Malformed, Reader, is_list_key, unknown_keys};
use crate::{
    attestation::measurement::{Allowed, Register},
    digest::Sha256,
    report::{Finding, Status},
    schema::{Document, SCHEMA, excerpt::excerpt_json, parse_json, unreadable},
    subject::{profile::Profile, role::Role},
};

/// Which of the historical forms a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// One profile, `kms_` and `node_` lists.
    Current,
    /// One profile, lists without prefix: what a node accepts of the KMS.
    Unprefixed,
    /// Upstream's older registry, KMS.
    RegistryKms,
    /// Upstream's older registry, nodes: three profiles in one file.
    RegistryNode,
}

impl PolicyKind {
    /// What to call the form in a report.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Current => "attestation policy",
            Self::Unprefixed => "attestation policy in the old form, without kms_ and node_ prefixes",
            Self::RegistryKms => "KMS policy of the older registry (schema_version 2)",
            Self::RegistryNode => "node policy of the older registry (three profiles)",
        }
    }

    /// The schema of the form.
    pub fn schema(self) -> Document {
        match self {
            Self::Current | Self::Unprefixed => Document::AttestationPolicy,
            Self::RegistryKms | Self::RegistryNode => Document::RegistryPolicy,
        }
    }
}

/// What a policy says of its own readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// The lists are final.
    Ready,
    /// Measurements are not settled: a KMS that loads it accepts any genuine machine.
    NotReady,
    /// A word that means neither. Held to the rules of a final policy.
    Unknown(String),
}

/// What a policy allows in one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileLists {
    /// The profile.
    pub profile: Profile,
    /// What the KMS may be, when the form states it.
    pub kms: Option<Allowed>,
    /// What a node may be, when the form states it.
    pub node: Option<Allowed>,
    /// dstack compose hashes the KMS's event log may state.
    pub event_payloads: Vec<Sha256>,
}

impl ProfileLists {
    /// The lists of `role`, when the form states them.
    pub fn of(&self, role: Role) -> Option<&Allowed> {
        match role {
            Role::Kms => self.kms.as_ref(),
            Role::Node => self.node.as_ref(),
        }
    }
}

/// A policy file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyFile {
    /// The name the caller gave it: the asset's or the file's. Findings are about this subject.
    pub name: String,
    /// Its form.
    pub kind: PolicyKind,
    /// Version it is for, as written.
    pub tag: Option<String>,
    /// Commit of its release, as written.
    pub commit_sha: Option<String>,
    /// What it says of itself.
    pub readiness: Readiness,
    /// One entry, or three for a node file of the registry. Empty only when the file says nothing readable.
    pub profiles: Vec<ProfileLists>,
    /// Entries that could not be read.
    pub malformed: Vec<Malformed>,
    /// Places of fields no known form has.
    pub unknown_fields: Vec<String>,
    /// The whole document, unknown fields included.
    pub document: Arc<Value>,
}

impl PolicyFile {
    /// Reads a policy file of any kind. `name` is the asset's name.
    ///
    /// # Errors
    /// The bytes are not acceptable JSON, or no form of a policy: one `schema` finding says why.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Box<Finding>> {
        let document = parse_json(bytes).map_err(|error| Box::new(unreadable(name, &error)))?;
        Self::of(name, Arc::new(document))
    }

    /// Reads a policy of any kind from its JSON. `name` is the asset's name.
    ///
    /// # Errors
    /// It is not a form of a policy: one `schema` finding says so.
    pub fn of(name: &str, document: Arc<Value>) -> Result<Self, Box<Finding>> {
        let object = document.as_object().ok_or_else(|| not_a_policy(name))?;
        let kind = recognise(object).ok_or_else(|| not_a_policy(name))?;
        let mut reader = Reader::default();
        let tag = reader.text(object, if kind.schema() == Document::RegistryPolicy { "release_tag" } else { "tag" });
        let commit_sha = reader.text(object, "commit_sha");
        let readiness = readiness(object.get("status"), kind);
        let profiles = match kind {
            PolicyKind::RegistryNode => node_profiles(&mut reader, object),
            PolicyKind::Current | PolicyKind::Unprefixed | PolicyKind::RegistryKms => {
                one_profile(&mut reader, object, kind).into_iter().collect()
            }
        };
        let unknown_fields = unknown_fields(object, kind);
        let malformed = reader.malformed;
        Ok(Self {
            name: name.to_owned(),
            kind,
            tag,
            commit_sha,
            readiness,
            profiles,
            malformed,
            unknown_fields,
            document,
        })
    }

    /// Whether the file says that its measurements are not settled.
    pub fn is_not_ready(&self) -> bool {
        self.readiness == Readiness::NotReady
    }

    /// The profile of a file that states one.
    pub fn profile(&self) -> Option<Profile> {
        match self.profiles.as_slice() {
            [only] => Some(only.profile),
            _ => None,
        }
    }
}

/// The profile a policy's file name promises: `attestation-policy-{profile}.json`,
/// `kms-phala-attestation-policy.{profile}.json`, and `kms-phala-attestation-policy.json`, which is locked-read-only.
pub fn profile_in_name(name: &str) -> Option<Profile> {
    let stem = name.strip_suffix(".json")?;
    if stem == "kms-phala-attestation-policy" {
        return Some(Profile::LockedReadOnly);
    }
    let profile =
        stem.strip_prefix("attestation-policy-").or_else(|| stem.strip_prefix("kms-phala-attestation-policy."))?;
    profile.parse().ok()
}

fn not_a_policy(name: &str) -> Box<Finding> {
    let finding = Finding::new(SCHEMA.id, Status::Fail, name, "not a policy file of any known kind")
        .help("a policy is a JSON object with `policy` and `tag`, or with `release_tag` and `policy` or `profiles`");
    Box::new(finding)
}

fn recognise(object: &Map<String, Value>) -> Option<PolicyKind> {
    let registry = object.contains_key("release_tag");
    if registry && object.contains_key("profiles") {
        return Some(PolicyKind::RegistryNode);
    }
    let policy = object.get("policy")?;
    if registry {
        return Some(PolicyKind::RegistryKms);
    }
    let states =
        |prefix: &str| Register::ALL.iter().any(|r| policy.get(format!("{prefix}allowed_{}", r.as_str())).is_some());
    let unprefixed = states("") && !states("kms_") && !states("node_");
    Some(if unprefixed { PolicyKind::Unprefixed } else { PolicyKind::Current })
}

fn readiness(status: Option<&Value>, kind: PolicyKind) -> Readiness {
    let registry = matches!(kind, PolicyKind::RegistryKms | PolicyKind::RegistryNode);
    match status.map(|value| value.as_str().ok_or(value)) {
        Some(Ok("policy_not_ready")) => Readiness::NotReady,
        Some(Ok("approved" | "released")) if registry => Readiness::Ready,
        None | Some(Ok("ready")) if !registry => Readiness::Ready,
        Some(Ok(word)) => Readiness::Unknown(word.to_owned()),
        Some(Err(value)) => Readiness::Unknown(excerpt_json(value)),
        None => Readiness::Unknown(String::new()),
    }
}

fn one_profile(reader: &mut Reader, object: &Map<String, Value>, kind: PolicyKind) -> Option<ProfileLists> {
    let profile = match object.get("profile") {
        None => Some(Profile::LockedReadOnly),
        Some(value) => {
            let parsed = value.as_str().and_then(|name| name.parse().ok());
            if parsed.is_none() {
                let expected = "a profile: debug, debug-read-only or locked-read-only";
                reader.note(Field::Identity, "profile".to_owned(), expected, value);
            }
            parsed
        }
    };
    let policy = reader.object(object, "", "policy")?;
    let prefix = if kind == PolicyKind::Current { "kms_" } else { "" };
    let kms = reader.allowed(policy, "policy", prefix);
    let event_payloads = reader.event_payloads(policy, "policy", prefix);
    let node = (kind == PolicyKind::Current).then(|| reader.allowed(policy, "policy", "node_"));
    if let Some(node) = &node {
        let not_ready = readiness(object.get("status"), kind) == Readiness::NotReady;
        spelling::note(reader, policy, &Prefixed { kms: &kms, node, event_payloads: &event_payloads, not_ready });
    }
    let kms = Some(kms);
    Some(ProfileLists { profile: profile?, kms, node, event_payloads })
}

fn node_profiles(reader: &mut Reader, object: &Map<String, Value>) -> Vec<ProfileLists> {
    let Some(profiles) = reader.object(object, "", "profiles") else { return Vec::new() };
    let mut found = Vec::new();
    for profile in Profile::ALL {
        if let Some(lists) = reader.object(profiles, "profiles", profile.as_str()) {
            let place = format!("profiles.{profile}");
            let node = Some(reader.allowed(lists, &place, ""));
            found.push(ProfileLists { profile, kms: None, node, event_payloads: Vec::new() });
        }
    }
    found
}

/// Fields of the document itself, by form. The last three of the current form are upstream's and grant nothing.
fn known_fields(kind: PolicyKind) -> &'static [&'static str] {
    match kind {
        PolicyKind::Current | PolicyKind::Unprefixed => &[
            "schema_version",
            "role",
            "profile",
            "tag",
            "commit_sha",
            "status",
            "generated_at",
            "source",
            "kms",
            "policy",
            "merod_config_path",
            "workflow_run_id",
            "workflow_run_attempt",
            "policy_registry_entry_path",
            "measurement_markers",
        ],
        PolicyKind::RegistryKms | PolicyKind::RegistryNode => &[
            "schema_version",
            "policy_id",
            "release_tag",
            "status",
            "generated_at",
            "source",
            "policy",
            "profiles",
            "candidate_policy",
            "github_repository_variables",
        ],
    }
}

/// Fields of the `kms` block.
const KMS_FIELDS: [&str; 5] =
    ["provider", "attest_endpoint", "report_data_layout", "default_binding_hex", "default_binding_b64"];

fn unknown_fields(object: &Map<String, Value>, kind: PolicyKind) -> Vec<String> {
    let mut unknown = unknown_keys(object, "", |key| known_fields(kind).contains(&key));
    let inner = |key: &str| object.get(key).and_then(Value::as_object);
    if let (PolicyKind::Current | PolicyKind::Unprefixed, Some(kms)) = (kind, inner("kms")) {
        unknown.extend(unknown_keys(kms, "kms", |key| KMS_FIELDS.contains(&key)));
    }
    if let Some(policy) = inner("policy") {
        let known = |key: &str| match kind {
            // Without a prefix it is the second spelling of a KMS list.
            PolicyKind::Current => {
                ["", "kms_"].iter().any(|prefix| is_list_key(key, prefix))
                    || (is_list_key(key, "node_") && !key.ends_with("event_payload"))
            }
            PolicyKind::Unprefixed | PolicyKind::RegistryKms | PolicyKind::RegistryNode => is_list_key(key, ""),
        };
        unknown.extend(unknown_keys(policy, "policy", known));
    }
    if let (PolicyKind::RegistryNode, Some(profiles)) = (kind, inner("profiles")) {
        unknown.extend(unknown_keys(profiles, "profiles", |key| key.parse::<Profile>().is_ok()));
        for (name, lists) in profiles.iter().filter_map(|(name, lists)| Some((name, lists.as_object()?))) {
            unknown.extend(unknown_keys(lists, &format!("profiles.{name}"), |key| is_list_key(key, "")));
        }
    }
    unknown
}

#[cfg(test)]
mod tests;
