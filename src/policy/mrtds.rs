//! `published-mrtds.json`: what a machine running a release measures to, per profile.
//!
//! Reads the document and judges it by itself; its isolation is judged by [`crate::policy::isolation`], its agreement
//! with policies by [`crate::policy::agreement`]. [`assemble`] makes the document, [`compare`] holds machines to it.

pub mod assemble;
pub mod compare;

use std::sync::Arc;

use semver::Version;
use serde_json::{Map, Value};

use crate::{
    attestation::measurement::{Allowed, Measurement, Register, Registers},
    policy::{
        checks::{tolerated, zeros},
        isolation::{Cohort, cohorts_isolated},
        reading::{Malformed, Reader},
    },
    report::{CheckInfo, Finding, Status},
    schema::{
        SCHEMA,
        excerpt::{capped, excerpt},
        parse_json, unreadable,
    },
    subject::{profile::Profile, tag::Family},
};

/// The published measurements are complete, well formed and of this release.
pub const MRTDS: CheckInfo =
    CheckInfo { id: "mrtds", title: "the published measurements are complete, well formed and of this release" };

/// A `published-mrtds.json`, read.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedMrtds {
    /// The asset's name.
    pub name: String,
    /// Family, as written.
    pub role: Option<String>,
    /// Version, as written.
    pub tag: Option<String>,
    /// The profiles that are there, in the order of [`Profile::ALL`].
    pub profiles: Vec<ProfileMeasurements>,
    /// Entries that could not be read.
    pub malformed: Vec<Malformed>,
    /// The whole document.
    pub document: Arc<Value>,
}

/// What one profile's image measures to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileMeasurements {
    /// The profile.
    pub profile: Profile,
    /// The value measured, a register, when stated.
    pub measured: Registers<Option<Measurement>>,
    /// The lists. Where only the measured value is stated, the list holds that value.
    pub allowed: Allowed,
    /// Whether TCB statuses are stated at all, be it as an empty list.
    pub states_tcb: bool,
}

impl PublishedMrtds {
    /// Reads the document. `name` is the asset's name.
    ///
    /// # Errors
    /// The bytes are not acceptable JSON or not an object: one `schema` finding says why.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Box<Finding>> {
        let document = parse_json(bytes).map_err(|error| Box::new(unreadable(name, &error)))?;
        Self::of(name, Arc::new(document))
    }

    /// Reads published measurements from their JSON. `name` is the asset's name.
    ///
    /// # Errors
    /// It is not an object: one `schema` finding says so.
    pub fn of(name: &str, document: Arc<Value>) -> Result<Self, Box<Finding>> {
        let Some(object) = document.as_object() else {
            let message = "published measurements must be a JSON object";
            return Err(Box::new(Finding::new(SCHEMA.id, Status::Fail, name, message)));
        };
        let mut reader = Reader::default();
        let role = reader.text(object, "role");
        let tag = reader.text(object, "tag");
        let mut profiles = Vec::new();
        if let Some(by_profile) = reader.object(object, "", "profiles") {
            for profile in Profile::ALL {
                if let Some(entry) = reader.object(by_profile, "profiles", profile.as_str()) {
                    profiles.push(profile_measurements(&mut reader, profile, entry));
                }
            }
        }
        let malformed = reader.malformed;
        Ok(Self { name: name.to_owned(), role, tag, profiles, malformed, document })
    }

    /// The measurements of `profile`.
    pub fn profile(&self, profile: Profile) -> Option<&ProfileMeasurements> {
        self.profiles.iter().find(|p| p.profile == profile)
    }
}

fn profile_measurements(reader: &mut Reader, profile: Profile, entry: &Map<String, Value>) -> ProfileMeasurements {
    let place = format!("profiles.{profile}");
    let measured = Registers::from_fn(|register| reader.scalar(entry, &place, register));
    let stated = reader.allowed(entry, &place, "");
    let lists = Registers::from_fn(|register| {
        let listed = entry.contains_key(&format!("allowed_{}", register.as_str()));
        match measured.get(register) {
            Some(value) if !listed => vec![*value],
            _ => stated.register(register).to_vec(),
        }
    });
    let allowed = Allowed::new(lists, stated.tcb().to_vec());
    ProfileMeasurements { profile, measured, allowed, states_tcb: entry.contains_key("allowed_tcb_statuses") }
}

/// [`MRTDS`]: the document is of this `family` and `version`, covers the three profiles, every register has a value,
/// and each measured value is in its list. One finding per problem, or a pass a profile.
pub fn published(mrtds: &PublishedMrtds, family: Family, version: &Version) -> Vec<Finding> {
    let finding = |status, message: String| Finding::new(MRTDS.id, status, &mrtds.name, message);
    let mut findings = vec![
        stated(mrtds, "role", mrtds.role.as_deref(), family.role()),
        stated(mrtds, "tag", mrtds.tag.as_deref(), &version.to_string()),
    ];
    let malformed = mrtds.malformed.iter().map(|m| {
        finding(Status::Fail, format!("malformed entry at {}", m.place))
            .compared(m.expected.clone(), m.actual.clone())
            .help("measure the image again and assemble the file from the result")
            .within(&m.place)
    });
    findings.extend(capped(malformed.collect()));
    for profile in Profile::ALL {
        match mrtds.profile(profile) {
            Some(entry) => findings.extend(profile_complete(mrtds, entry)),
            None => findings.push(
                finding(Status::Fail, format!("nothing is published for {profile}"))
                    .compared("all three profiles", format!("no profiles.{profile}"))
                    .help("probe the profile's image and assemble the file from all three probes"),
            ),
        }
    }
    findings
}

fn stated(mrtds: &PublishedMrtds, key: &str, actual: Option<&str>, expected: &str) -> Finding {
    if actual == Some(expected) {
        return Finding::new(MRTDS.id, Status::Pass, &mrtds.name, format!("{key} is {expected}"));
    }
    let got = actual.map_or_else(|| format!("no {key}"), excerpt);
    Finding::new(MRTDS.id, Status::Fail, &mrtds.name, format!("{key} is not this release's"))
        .compared(expected, got)
        .help("assemble the file for this release instead of copying an older one")
}

fn profile_complete(mrtds: &PublishedMrtds, entry: &ProfileMeasurements) -> Vec<Finding> {
    let what = entry.profile.as_str();
    let finding = |status, message: String| Finding::new(MRTDS.id, status, &mrtds.name, message);
    let mut findings = Vec::new();
    for register in Register::ALL {
        let list = entry.allowed.register(register);
        if list.is_empty() {
            findings.push(
                finding(Status::Fail, format!("{what}: {register} has no value"))
                    .compared(format!("{0} or a filled allowed_{0}", register.as_str()), "neither")
                    .help("probe the image again: a register without a value constrains nothing"),
            );
        } else if let Some(value) = entry.measured.get(register).filter(|value| !list.contains(value)) {
            let listed: Vec<_> = list.iter().take(3).map(Measurement::short).collect();
            findings.push(
                finding(Status::Fail, format!("{what}: the measured {register} is not in its own list"))
                    .compared(value.short(), listed.join(", "))
                    .help("value and list come from one probe and must agree: assemble the file again"),
            );
        }
    }
    if entry.states_tcb && entry.allowed.tcb().is_empty() {
        let message = format!("{what}: the list of TCB statuses is empty");
        findings.push(finding(Status::Fail, message).help("state the TCB status the probe's quote was verified with"));
    }
    if findings.is_empty() {
        findings.push(finding(Status::Pass, format!("{what}: five registers, each with its value")));
    }
    let remarks =
        [tolerated(MRTDS, &mrtds.name, what, &entry.allowed), zeros(MRTDS, &mrtds.name, what, &entry.allowed)];
    // Their passes and skips repeat what was just said.
    findings.extend(remarks.into_iter().filter(|f| matches!(f.status, Status::Warn | Status::Fail)));
    findings
}

/// The check `profile-isolation` over published measurements: machines of two profiles must measure differently.
pub fn isolated(mrtds: &PublishedMrtds) -> Vec<Finding> {
    let cohorts: Vec<_> = mrtds
        .profiles
        .iter()
        .map(|p| Cohort { source: &mrtds.name, profile: p.profile, allowed: &p.allowed, not_ready: false })
        .collect();
    let what = mrtds.role.as_deref().filter(|role| matches!(*role, "kms" | "node")).unwrap_or("published");
    let mut findings = cohorts_isolated(what, &cohorts);
    for finding in findings.iter_mut().filter(|f| f.subject.is_empty()) {
        finding.subject.clone_from(&mrtds.name);
    }
    findings
}

#[cfg(test)]
mod tests;
