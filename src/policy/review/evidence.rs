//! The evidence of a promotion: candidates of probes, committed in the pull request beside the policies, and the signatures
//! over them. They are verified elsewhere; here it is said whether they vouch for the lists that they are given for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Case, EVIDENCE, SIGNER,
    change::{added, opens},
    place::{self, Part, Place},
    pull::States,
};
use crate::{
    digest::Sha256,
    policy::candidates::{self, Candidates, Given, Proposal},
    report::{Finding, Status},
    schema::excerpt::excerpt,
    subject::{profile::Profile, role::Role},
};

/// Older measurements are told apart: somebody may offer what was right once.
const OLD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Candidates as they were found, with what signs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Where the candidates lie.
    pub path: String,
    /// Machines that they are of, by that path.
    pub role: Role,
    /// The profile, likewise.
    pub profile: Profile,
    /// What they are.
    pub candidates: Vec<u8>,
    /// Where what signs them lies, or should.
    pub seal_path: String,
    /// A Sigstore bundle, or a detached signature.
    pub seal: Option<Vec<u8>>,
}

/// A probe's candidates, their signature verified.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What was found.
    pub offered: Offered,
    /// SHA-256 of the candidates.
    pub digest: Sha256,
    /// The candidates, read.
    pub candidates: Result<Candidates, Box<Finding>>,
    /// What came of the signature.
    pub signature: Signature,
}

/// What came of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signature {
    /// A certificate's holder signed.
    By(Box<Signer>),
    /// The key signed that was given.
    WithKey,
    /// There is none.
    Absent,
    /// It proves nothing: why not.
    Rejected(String),
}

/// Who signed, and what of that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signer {
    /// In short: the workflow and its ref.
    pub name: String,
    /// The whole identity.
    pub identity: String,
    /// The commit that the workflow ran at.
    pub commit: Option<String>,
    /// When it signed.
    pub at: Option<Timestamp>,
    /// The entry in the log.
    pub log_index: Option<u64>,
    /// The log.
    pub log: Option<String>,
    /// From when until when the certificate is valid.
    pub valid: Option<(Timestamp, Timestamp)>,
    /// Each part of the identity that is another: what it is, what it should be, and what it is instead.
    pub wrong: Vec<(&'static str, String, String)>,
}

/// Candidates that the pull request adds or changes, in the order of their paths. What was there before vouches for nothing
/// new: it may be of a machine that was taken off the lists since.
pub fn offered(states: &States) -> Vec<Offered> {
    let changed = states.changed();
    let mut found = Vec::new();
    for (path, entry) in &changed {
        let Place::Evidence { role, profile, number, part: Part::Candidates } = place::place(path) else {
            continue;
        };
        let Some(bytes) = entry.and_then(|entry| entry.bytes()) else { continue };
        let seal = |part| {
            let path = place::evidence((role, profile), number, part);
            let bytes = states.head.get(&path).and_then(|entry| entry.bytes())?.to_vec();
            Some((path, bytes))
        };
        let (seal_path, seal) = match seal(Part::Bundle).or_else(|| seal(Part::Signature)) {
            Some((path, bytes)) => (path, Some(bytes)),
            None => (place::evidence((role, profile), number, Part::Bundle), None),
        };
        found.push(Offered { path: (*path).to_owned(), role, profile, candidates: bytes.to_vec(), seal_path, seal });
    }
    found
}

/// Candidates among files that are not in the pull request, each with what signs it by its name. What does not say its role
/// and its profile is left out.
pub fn given(files: &BTreeMap<String, Vec<u8>>) -> Vec<Offered> {
    let mut found = Vec::new();
    for (path, bytes) in files {
        let Ok(read) = Candidates::parse(path, bytes) else { continue };
        let stated: Vec<Profile> = read.entries.iter().filter_map(|entry| entry.profile).collect();
        let Some(role) = role_of(&read.document) else { continue };
        let stem = path.strip_suffix(".json").unwrap_or(path);
        let names = [path.as_str(), stem].into_iter().flat_map(|name| {
            [".bundle.json", ".sigstore.json", ".sig"].map(|ending| format!("{name}{ending}"))
        });
        let mut names = names.peekable();
        let first = names.peek().cloned().unwrap_or_default();
        let (seal_path, seal) = match names.find_map(|name| Some((files.get(&name)?.clone(), name))) {
            Some((bytes, name)) => (name, Some(bytes)),
            None => (first, None),
        };
        found.extend(stated.into_iter().map(|profile| {
            let (path, candidates, seal_path, seal) = (path.clone(), bytes.clone(), seal_path.clone(), seal.clone());
            Offered { path, role, profile, candidates, seal_path, seal }
        }));
    }
    found
}

/// The role that candidates say they are of.
fn role_of(document: &Value) -> Option<Role> {
    let family = document.get("source")?.get("family")?.as_str()?;
    Role::ALL.into_iter().find(|role| role.as_str() == family)
}

impl Probe {
    /// Reads candidates whose signature is verified.
    pub fn new(offered: Offered, signature: Signature) -> Self {
        let digest = Sha256::of(&offered.candidates);
        let candidates = Candidates::parse(&offered.path, &offered.candidates);
        Self { offered, digest, candidates, signature }
    }

    /// Whether it vouches for lists of its role and profile.
    pub fn vouches(&self) -> bool {
        let signed = match &self.signature {
            Signature::By(signer) => signer.wrong.is_empty(),
            Signature::WithKey => true,
            Signature::Absent | Signature::Rejected(_) => false,
        };
        signed && self.strange().is_empty() && self.candidates.as_ref().is_ok_and(|read| read.malformed.is_empty())
    }

    /// A text of the candidates' `source`: signed, and yet as untrusted as any text.
    pub fn source(&self, key: &str) -> Option<String> {
        let document = &self.candidates.as_ref().ok()?.document;
        document.get("source")?.get(key)?.as_str().map(excerpt)
    }

    /// What it says of itself that is not what its path says: what, as it should be, and as it is.
    fn strange(&self) -> Vec<(&'static str, String, String)> {
        let Ok(read) = &self.candidates else { return Vec::new() };
        let mut strange = Vec::new();
        let role = read.document.get("source").and_then(|source| source.get("family"));
        if role.and_then(Value::as_str) != Some(self.offered.role.as_str()) {
            let actual = role.map_or_else(|| "none".to_owned(), crate::schema::excerpt::excerpt_json);
            strange.push(("role", self.offered.role.as_str().to_owned(), actual));
        }
        let stated: Vec<Profile> = read.entries.iter().filter_map(|entry| entry.profile).collect();
        // One file may hold candidates of several profiles, and is then evidence for each.
        if !stated.contains(&self.offered.profile) {
            let names: Vec<_> = stated.iter().map(|profile| profile.as_str()).collect();
            let actual = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            strange.push(("profile", self.offered.profile.as_str().to_owned(), actual));
        }
        strange
    }
}

/// What probes that vouch for lists of a role measured in a profile.
pub(super) fn measured(case: &Case, role: Role, profile: Profile) -> Option<Proposal> {
    let of = case.probes.iter().filter(|probe| (probe.offered.role, probe.offered.profile) == (role, profile));
    let given = of.filter(|probe| probe.vouches()).filter_map(|probe| read(probe));
    let given: Vec<Given> = given.collect();
    candidates::proposals(&given).into_iter().find(|proposal| proposal.profile == profile)
}

fn read(probe: &Probe) -> Option<Given> {
    Some(Given { file: probe.candidates.as_ref().ok()?.clone(), profile: Some(probe.offered.profile) })
}

/// [`EVIDENCE`]: whatever admits something new has candidates of its role and profile in the pull request, signed and sound.
pub(super) fn evidence(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, side) in case.change.sides() {
        let has = |probe: &Probe| (probe.offered.role, probe.offered.profile) == (side.side, side.profile);
        if (added(side) > 0 || opens(side)) && !case.probes.iter().any(has) {
            let (role, profile) = (side.side.as_str(), side.profile);
            let path = place::evidence((side.side, profile), 1, Part::Candidates);
            let message = format!("what is newly admitted of {profile} {role} machines has no candidates of a probe");
            findings.push(EVIDENCE.missing("", message).compared(path, "no such file").help(PROMOTE));
        }
    }
    let mut groups: BTreeMap<(&str, Profile), Vec<&Probe>> = BTreeMap::new();
    for probe in &case.probes {
        findings.extend(one(probe));
        groups.entry((probe.offered.role.as_str(), probe.offered.profile)).or_default().push(probe);
    }
    for ((_, profile), probes) in groups {
        let given: Vec<Given> = probes.iter().filter_map(|probe| read(probe)).collect();
        // That other profiles are not probed here is no fault.
        let judged = candidates::judge(&given).into_iter();
        findings.extend(judged.filter(|finding| finding.status != Status::Missing || finding.subject == profile.as_str()));
    }
    if findings.is_empty() {
        findings.push(EVIDENCE.pass("", "nothing is newly admitted, so nothing needs evidence"));
    }
    findings
}

/// What to do where evidence lacks.
const PROMOTE: &str = "probe the machines, and let `merotee policy promote` propose what they measured";

fn one(probe: &Probe) -> Vec<Finding> {
    let path = &probe.offered.path;
    if let Err(why) = &probe.candidates {
        return vec![(**why).clone()];
    }
    let strange = probe.strange().into_iter().map(|(part, expected, actual)| {
        EVIDENCE
            .fail(path, format!("the candidates are of another {part} than the folder they lie in"))
            .compared(expected, actual)
            .help("another machine's values would be admitted: commit each probe where it belongs")
    });
    let mut findings: Vec<Finding> = strange.collect();
    match &probe.signature {
        Signature::Absent => {
            let message = "nothing signs the candidates";
            findings.push(EVIDENCE.missing(path, message).compared(&probe.offered.seal_path, "no such file").help(PROMOTE));
        }
        Signature::Rejected(why) => {
            findings.push(EVIDENCE.fail(path, format!("the signature proves nothing: {why}")).help(PROMOTE));
        }
        Signature::By(_) | Signature::WithKey => {
            let run = probe.source("run_url");
            let run = run.map(|run| format!(", of run {run}")).unwrap_or_default();
            findings.push(EVIDENCE.pass(path, format!("signed: sha256:{}{run}", probe.digest)));
        }
    }
    findings
}

/// [`SIGNER`]: the probe's workflow signed, on the branch that its repository goes by.
pub(super) fn signer(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    for probe in &case.probes {
        let path = &probe.offered.path;
        match &probe.signature {
            Signature::By(signer) => {
                let wrong = signer.wrong.iter().map(|(part, expected, actual)| {
                    SIGNER
                        .fail(path, format!("another {part} signed"))
                        .compared(expected.as_str(), actual.as_str())
                        .help("only the probe's own workflow vouches for measurements: probe the machines again")
                });
                findings.extend(wrong);
                if signer.wrong.is_empty() {
                    let commit = signer.commit.as_deref().map(|commit| format!(" at commit {commit}")).unwrap_or_default();
                    findings.push(SIGNER.pass(path, format!("{}{commit}", signer.name)));
                }
                findings.extend(signer.at.and_then(|at| old(path, at, case.demands.now)));
            }
            Signature::WithKey => findings.push(SIGNER.pass(path, "the key given with --key")),
            // Said by the check of the evidence.
            Signature::Absent | Signature::Rejected(_) => {
                findings.push(SIGNER.undecided(path, "no sound signature says who measured this"));
            }
        }
    }
    if findings.is_empty() {
        findings.push(SIGNER.skip("", "there are no candidates in the pull request"));
    }
    findings
}

fn old(path: &str, at: Timestamp, now: Timestamp) -> Option<Finding> {
    let age = now.duration_since(at);
    (age > OLD).then(|| {
        SIGNER
            .warn(path, format!("was signed {} days ago, at {at}", age.as_hours() / 24))
            .help("make sure that the machine is still the one to admit, and not one that was given up since")
    })
}
