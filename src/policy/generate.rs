//! Attestation policies made from probes: the three files of a KMS release.
//!
//! KMS lists come from candidates, node lists from the node release's published measurements, and the result is judged
//! by [`super::suite`] and [`super::agreement`], as the release auditor will judge it, before anybody may write it.
//! The bytes depend on nothing but the arguments: fields stand in the order of the types below, lists are sorted.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use semver::Version;
use serde::Serialize;

use super::{
    agreement::{self, COUNTERPART_MEASUREMENTS},
    candidates::{CANDIDATES, CANDIDATES_AGREE, Proposal, sorted},
    document::PolicyFile,
    suite::{self, Demands},
};
use crate::{
    attestation::{
        measurement::{Allowed, Measurement, Register, TcbStatus},
        report_data::default_binding,
    },
    digest::Sha256,
    policy::mrtds::{self, MRTDS, PublishedMrtds},
    report::{CheckInfo, Finding},
    schema::pretty,
    subject::{
        profile::Profile,
        role::Role,
        tag::{Class, Family},
    },
};

/// Where a node's configuration holds what a policy allows.
pub const MEROD_CONFIG_PATH: &str = "tee.kms.phala.attestation";

/// The rules of generation: those of the inputs, then those of every policy.
pub fn rules() -> Vec<CheckInfo> {
    let inputs = [CANDIDATES, CANDIDATES_AGREE, MRTDS];
    suite::rules().into_iter().chain(inputs).chain([COUNTERPART_MEASUREMENTS]).collect()
}

/// How the three files are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `attestation-policy-{profile}.json`, as `publish` wants them.
    Pipeline,
    /// `kms-phala-attestation-policy.{profile}.json`, as the runbooks and `policies/` have them.
    Runbook,
}

impl Naming {
    /// The name of a profile's file.
    pub fn file_name(self, profile: Profile) -> String {
        match self {
            Self::Pipeline => format!("attestation-policy-{profile}.json"),
            Self::Runbook => format!("kms-phala-attestation-policy.{profile}.json"),
        }
    }
}

/// What the documents say of their release and of where they were made.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Version of the release.
    pub version: Version,
    /// Commit it is built from: 40 hex digits.
    pub commit_sha: String,
    /// When the documents are made, or what stands for it.
    pub generated_at: Timestamp,
    /// `OWNER/NAME`.
    pub repository: String,
    /// Path of the workflow.
    pub workflow: String,
    /// Git ref of the run.
    pub git_ref: String,
    /// How the files are named.
    pub naming: Naming,
}

/// The lists of one profile's policy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lists {
    /// What the KMS may be.
    pub kms: Allowed,
    /// Compose hashes its event log may state.
    pub event_payloads: Vec<Sha256>,
    /// What a node may be.
    pub node: Allowed,
}

/// A document that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Its profile.
    pub profile: Profile,
    /// Its file name.
    pub name: String,
    /// Its bytes: indented JSON with a final line end.
    pub bytes: Vec<u8>,
}

/// The lists of `profile`: what its probes propose and what the node release publishes for it. Empty where either says
/// nothing, for the checks to refuse.
pub fn lists(profile: Profile, proposals: &[Proposal], node: &PublishedMrtds) -> Lists {
    let proposal = proposals.iter().find(|p| p.profile == profile);
    Lists {
        kms: proposal.map(|p| p.allowed.clone()).unwrap_or_default(),
        event_payloads: proposal.map(|p| p.event_payloads.clone()).unwrap_or_default(),
        node: node.profile(profile).map(|p| p.allowed.clone()).unwrap_or_default(),
    }
}

/// The policy of `profile` with final lists.
///
/// # Errors
/// Only a defect of the JSON writer.
pub fn ready(origin: &Origin, profile: Profile, lists: &Lists) -> serde_json::Result<Generated> {
    document(origin, profile, lists, "ready")
}

/// The policy of `profile` of a release candidate whose measurements are not settled: every list is empty.
///
/// # Errors
/// As [`ready`].
pub fn not_ready(origin: &Origin, profile: Profile) -> serde_json::Result<Generated> {
    document(origin, profile, &Lists::default(), "policy_not_ready")
}

fn document(origin: &Origin, profile: Profile, lists: &Lists, status: &str) -> serde_json::Result<Generated> {
    let binding = default_binding();
    let document = Document {
        schema_version: 1,
        role: "kms",
        profile,
        tag: origin.version.to_string(),
        commit_sha: &origin.commit_sha,
        status,
        generated_at: origin.generated_at.to_string(),
        source: Source { repository: &origin.repository, workflow: &origin.workflow, git_ref: &origin.git_ref },
        kms: Kms {
            provider: "mero-kms-phala",
            attest_endpoint: "/attest",
            report_data_layout: ReportDataLayout {
                bytes_0_31: "nonce",
                bytes_32_63: "binding_or_default_domain_separator",
            },
            default_binding_hex: binding.to_string(),
            default_binding_b64: STANDARD.encode(binding.as_bytes()),
        },
        policy: Policy::of(lists),
        merod_config_path: MEROD_CONFIG_PATH,
    };
    Ok(Generated { profile, name: origin.naming.file_name(profile), bytes: pretty(&document)? })
}

/// Reads the generated documents back and holds them to every rule a release is held to. `node` is what the node
/// lists were taken from, with the version it must be of.
pub fn judge(generated: &[Generated], version: &Version, class: Class, node: Option<Counterpart<'_>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut policies = Vec::new();
    for file in generated {
        match PolicyFile::parse(&file.name, &file.bytes) {
            Ok(policy) => policies.push((file.profile, policy)),
            Err(finding) => findings.push(*finding),
        }
    }
    for (profile, policy) in &policies {
        let demands = Demands { profile: Some(*profile), version: Some(version), class };
        findings.extend(suite::alone(policy, demands));
    }
    let policies: Vec<_> = policies.iter().map(|(_, policy)| policy).collect();
    findings.extend(suite::together(&policies));
    let node_lists: Vec<_> = node.iter().map(|node| (Role::Node, node.published)).collect();
    findings.extend(suite::roles_across(&policies, &node_lists));
    if let Some(node) = node {
        findings.extend(mrtds::published(node.published, Family::Node, node.version));
        findings.extend(mrtds::isolated(node.published));
        findings.extend(agreement::counterpart_measurements(&policies, node.published));
    }
    findings
}

/// The node release a policy is made for.
#[derive(Debug, Clone, Copy)]
pub struct Counterpart<'a> {
    /// Its measurements.
    pub published: &'a PublishedMrtds,
    /// Its version.
    pub version: &'a Version,
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u8,
    role: &'static str,
    profile: Profile,
    tag: String,
    commit_sha: &'a str,
    status: &'a str,
    generated_at: String,
    source: Source<'a>,
    kms: Kms,
    policy: Policy,
    merod_config_path: &'static str,
}

#[derive(Serialize)]
struct Source<'a> {
    repository: &'a str,
    workflow: &'a str,
    #[serde(rename = "ref")]
    git_ref: &'a str,
}

#[derive(Serialize)]
struct Kms {
    provider: &'static str,
    attest_endpoint: &'static str,
    report_data_layout: ReportDataLayout,
    default_binding_hex: String,
    default_binding_b64: String,
}

#[derive(Serialize)]
struct ReportDataLayout {
    bytes_0_31: &'static str,
    bytes_32_63: &'static str,
}

#[derive(Serialize)]
struct Policy {
    kms_allowed_tcb_statuses: Vec<&'static str>,
    kms_allowed_mrtd: Vec<Measurement>,
    kms_allowed_rtmr0: Vec<Measurement>,
    kms_allowed_rtmr1: Vec<Measurement>,
    kms_allowed_rtmr2: Vec<Measurement>,
    kms_allowed_rtmr3: Vec<Measurement>,
    kms_allowed_event_payload: Vec<String>,
    node_allowed_tcb_statuses: Vec<&'static str>,
    node_allowed_mrtd: Vec<Measurement>,
    node_allowed_rtmr0: Vec<Measurement>,
    node_allowed_rtmr1: Vec<Measurement>,
    node_allowed_rtmr2: Vec<Measurement>,
    node_allowed_rtmr3: Vec<Measurement>,
    // The KMS lists once more, in the spelling that merod reads.
    allowed_tcb_statuses: Vec<&'static str>,
    allowed_mrtd: Vec<Measurement>,
    allowed_rtmr0: Vec<Measurement>,
    allowed_rtmr1: Vec<Measurement>,
    allowed_rtmr2: Vec<Measurement>,
    allowed_rtmr3: Vec<Measurement>,
}

impl Policy {
    fn of(lists: &Lists) -> Self {
        let tcb = |allowed: &Allowed| sorted(allowed.tcb()).into_iter().map(TcbStatus::as_str).collect();
        let kms = |register| sorted(lists.kms.register(register));
        let node = |register| sorted(lists.node.register(register));
        Self {
            kms_allowed_tcb_statuses: tcb(&lists.kms),
            kms_allowed_mrtd: kms(Register::Mrtd),
            kms_allowed_rtmr0: kms(Register::Rtmr0),
            kms_allowed_rtmr1: kms(Register::Rtmr1),
            kms_allowed_rtmr2: kms(Register::Rtmr2),
            kms_allowed_rtmr3: kms(Register::Rtmr3),
            kms_allowed_event_payload: sorted(&lists.event_payloads).iter().map(ToString::to_string).collect(),
            node_allowed_tcb_statuses: tcb(&lists.node),
            node_allowed_mrtd: node(Register::Mrtd),
            node_allowed_rtmr0: node(Register::Rtmr0),
            node_allowed_rtmr1: node(Register::Rtmr1),
            node_allowed_rtmr2: node(Register::Rtmr2),
            node_allowed_rtmr3: node(Register::Rtmr3),
            allowed_tcb_statuses: tcb(&lists.kms),
            allowed_mrtd: kms(Register::Mrtd),
            allowed_rtmr0: kms(Register::Rtmr0),
            allowed_rtmr1: kms(Register::Rtmr1),
            allowed_rtmr2: kms(Register::Rtmr2),
            allowed_rtmr3: kms(Register::Rtmr3),
        }
    }
}

#[cfg(test)]
mod tests;
