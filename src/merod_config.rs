//! The part of a node's configuration that says which KMS it trusts: `[tee.kms.phala]` and
//! `[tee.kms.phala.attestation]`, made from an attestation policy.
//!
//! [`edit`] writes it into a `config.toml`; this file decides what is written. Whether the policy is the one a release
//! published is for the release's verification to say, before.

pub mod edit;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use url::Url;

use crate::{
    attestation::{
        measurement::{Allowed, Measurement, Register, TcbStatus},
        report_data::default_binding,
    },
    digest::Sha256,
    policy::{
        candidates::sorted,
        document::PolicyFile,
        generate::MEROD_CONFIG_PATH,
        suite::{self, Demands},
    },
    report::{CheckInfo, Finding, Status},
    schema::pretty,
    subject::{role::Role, tag::Class},
};

/// A node can be configured from the policy.
pub const MEROD_CONFIG: CheckInfo =
    CheckInfo { id: "merod-config", title: "a node's configuration can be made from a final policy of its profile" };

/// The rules, for listings: those of every policy, and [`MEROD_CONFIG`].
pub fn rules() -> Vec<CheckInfo> {
    suite::rules().into_iter().chain([MEROD_CONFIG]).collect()
}

/// What a node is told to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerodConfig {
    /// Release and commit the lists come from, for a comment.
    pub origin: String,
    /// Address of the KMS.
    pub url: String,
    /// What the KMS may be.
    pub allowed: Allowed,
    /// What its quote must be bound to, in base64.
    pub binding_b64: String,
}

/// Judges `policy` for a node of `profile` and makes the configuration. `None` when any finding forbids it.
pub fn make(policy: &PolicyFile, demands: Demands<'_>, url: &Url) -> (Option<MerodConfig>, Vec<Finding>) {
    // An unsettled policy lists nothing a node could compare with, so none is good enough, whatever its release.
    let mut findings = suite::alone(policy, Demands { class: Class::Stable, ..demands });
    findings.push(path(policy));
    let binding = binding(policy);
    findings.push(match &binding {
        Ok(_) => MEROD_CONFIG.pass(&policy.name, "the binding is well formed"),
        Err(finding) => (**finding).clone(),
    });
    let lists = policy.profiles.iter().find(|l| demands.profile.is_none_or(|profile| l.profile == profile));
    let kms = lists.and_then(|l| l.of(Role::Kms));
    if kms.is_none() {
        let message = format!("an {} has no KMS lists", policy.kind.describe());
        findings.push(MEROD_CONFIG.fail(&policy.name, message).help("give the policy of a KMS release"));
    }
    let refused = findings.iter().any(|f| match f.status {
        Status::Fail | Status::Missing | Status::SkippedRequired => true,
        Status::Pass | Status::Warn | Status::Skipped => false,
    });
    let config = match (kms, binding) {
        (Some(allowed), Ok(binding_b64)) if !refused => Some(MerodConfig {
            origin: origin(policy),
            url: url.as_str().to_owned(),
            allowed: allowed.clone(),
            binding_b64,
        }),
        _ => None,
    };
    (config, findings)
}

/// Release and commit, without anything that could leave a comment.
fn origin(policy: &PolicyFile) -> String {
    let plain = |text: &str| text.chars().take(64).filter(|c| c.is_ascii_graphic()).collect::<String>();
    let mut origin = format!("release {}", plain(policy.tag.as_deref().unwrap_or("unknown")));
    if let Some(commit) = &policy.commit_sha {
        origin.push_str(&format!(", commit {}", plain(commit)));
    }
    if let Some(profile) = policy.profile() {
        origin.push_str(&format!(", profile {profile}"));
    }
    origin
}

/// The policy is meant for the place we write to.
fn path(policy: &PolicyFile) -> Finding {
    match policy.document.get("merod_config_path").map(|value| value.as_str()) {
        None | Some(Some(MEROD_CONFIG_PATH)) => {
            MEROD_CONFIG.pass(&policy.name, format!("is meant for {MEROD_CONFIG_PATH}"))
        }
        Some(other) => MEROD_CONFIG
            .fail(&policy.name, "is meant for another place in the configuration")
            .compared(MEROD_CONFIG_PATH, crate::schema::excerpt::excerpt(other.unwrap_or("not text"))),
    }
}

/// What the policy binds quotes to: the default binding. A policy that states another, or states it in two ways that
/// differ, was not made by a release.
fn binding(policy: &PolicyFile) -> Result<String, Box<Finding>> {
    let expected = default_binding();
    let b64 = STANDARD.encode(expected.as_bytes());
    let stated = |key: &str| policy.document.get("kms").and_then(|kms| kms.get(key));
    let wrong = |key: &str, expected: String, value: &serde_json::Value| {
        let finding = MEROD_CONFIG
            .fail(&policy.name, format!("kms.{key} differs from the KMS's binding"))
            .compared(expected, crate::schema::excerpt::excerpt_json(value))
            .help("a node with another binding accepts no quote of this KMS: take the policy from the release again");
        Err(Box::new(finding))
    };
    match stated("default_binding_hex") {
        Some(value) if value.as_str().and_then(|text| text.parse::<Sha256>().ok()) != Some(expected) => {
            return wrong("default_binding_hex", expected.to_string(), value);
        }
        Some(_) | None => {}
    }
    match stated("default_binding_b64") {
        Some(value) if value.as_str() != Some(&b64) => wrong("default_binding_b64", b64.clone(), value),
        Some(_) | None => Ok(b64),
    }
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A truth value.
    Flag(bool),
    /// Text.
    Text(String),
    /// A list of text.
    List(Vec<String>),
}

impl Setting {
    /// The value in TOML. The texts are URLs, hex, base64 and status words, checked before; still, none is trusted.
    pub fn toml(&self, newline: &str) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Text(text) => quoted(text),
            Self::List(items) if items.len() > 1 => {
                let items: Vec<_> = items.iter().map(|item| format!("{newline}  {},", quoted(item))).collect();
                format!("[{}{newline}]", items.concat())
            }
            Self::List(items) => format!("[{}]", items.iter().map(|i| quoted(i)).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl MerodConfig {
    /// Settings of `[tee.kms.phala]`.
    pub fn service(&self) -> Vec<(&'static str, Setting)> {
        vec![("url", Setting::Text(self.url.clone()))]
    }

    /// Settings of `[tee.kms.phala.attestation]`.
    pub fn attestation(&self) -> Vec<(&'static str, Setting)> {
        let registers = Register::ALL.map(|register| {
            let values = self.register(register).iter().map(ToString::to_string).collect();
            (field(register), Setting::List(values))
        });
        let mut settings = vec![
            ("enabled", Setting::Flag(true)),
            ("accept_mock", Setting::Flag(false)),
            ("allowed_tcb_statuses", Setting::List(self.tcb().into_iter().map(str::to_owned).collect())),
        ];
        settings.extend(registers);
        settings.push(("binding_b64", Setting::Text(self.binding_b64.clone())));
        settings
    }

    fn tcb(&self) -> Vec<&'static str> {
        sorted(self.allowed.tcb()).into_iter().map(TcbStatus::as_str).collect()
    }

    fn register(&self, register: Register) -> Vec<Measurement> {
        sorted(self.allowed.register(register))
    }

    /// The block as TOML, with a comment that says where it comes from.
    pub fn to_toml(&self) -> String {
        let mut out = format!("# From the attestation policy of {}.\n", self.origin);
        out.push_str("# Pinned to that release: apply the policy of the next one when the KMS is updated.\n");
        out.push_str(&block("tee.kms.phala", &self.service(), "\n"));
        out.push('\n');
        out.push_str(&block(MEROD_CONFIG_PATH, &self.attestation(), "\n"));
        out
    }

    /// The same as JSON: `{"tee":{"kms":{"phala":{…}}}}`, indented, with a final line end.
    ///
    /// # Errors
    /// Only a defect of the JSON writer.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let list = |register| self.register(register);
        pretty(&JsonRoot {
            tee: JsonTee {
                kms: JsonKms {
                    phala: JsonService {
                        url: &self.url,
                        attestation: JsonAttestation {
                            enabled: true,
                            accept_mock: false,
                            allowed_tcb_statuses: self.tcb(),
                            allowed_mrtd: list(Register::Mrtd),
                            allowed_rtmr0: list(Register::Rtmr0),
                            allowed_rtmr1: list(Register::Rtmr1),
                            allowed_rtmr2: list(Register::Rtmr2),
                            allowed_rtmr3: list(Register::Rtmr3),
                            binding_b64: &self.binding_b64,
                        },
                    },
                },
            },
        })
    }
}

/// A table with its settings.
fn block(name: &str, settings: &[(&'static str, Setting)], newline: &str) -> String {
    let mut out = format!("[{name}]{newline}");
    for (key, setting) in settings {
        out.push_str(&format!("{key} = {}{newline}", setting.toml(newline)));
    }
    out
}

fn field(register: Register) -> &'static str {
    match register {
        Register::Mrtd => "allowed_mrtd",
        Register::Rtmr0 => "allowed_rtmr0",
        Register::Rtmr1 => "allowed_rtmr1",
        Register::Rtmr2 => "allowed_rtmr2",
        Register::Rtmr3 => "allowed_rtmr3",
    }
}

#[derive(Serialize)]
struct JsonRoot<'a> {
    tee: JsonTee<'a>,
}

#[derive(Serialize)]
struct JsonTee<'a> {
    kms: JsonKms<'a>,
}

#[derive(Serialize)]
struct JsonKms<'a> {
    phala: JsonService<'a>,
}

#[derive(Serialize)]
struct JsonService<'a> {
    url: &'a str,
    attestation: JsonAttestation<'a>,
}

#[derive(Serialize)]
struct JsonAttestation<'a> {
    enabled: bool,
    accept_mock: bool,
    allowed_tcb_statuses: Vec<&'static str>,
    allowed_mrtd: Vec<Measurement>,
    allowed_rtmr0: Vec<Measurement>,
    allowed_rtmr1: Vec<Measurement>,
    allowed_rtmr2: Vec<Measurement>,
    allowed_rtmr3: Vec<Measurement>,
    binding_b64: &'a str,
}
