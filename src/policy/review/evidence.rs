//! The evidence of a promotion: candidates of probes, committed in the pull request beside the policies, and the signatures
//! over them. They are verified elsewhere; here it is said whether they vouch for the lists that they are given for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Case, EVIDENCE, SIGNER,
    change::{added, opens},
    place::{Place, place},
    pull::States,
};
use crate::{
    digest::Sha256,
    policy::{
        candidates::{self, Given, Proposal},
        promotion::{self, About, Part, Seal, Target, policy_path},
    },
    report::Finding,
    schema::excerpt::excerpt,
};

/// Older measurements are told apart: somebody may offer what was right once.
const OLD: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Candidates as they were found, with what signs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Where the candidates lie.
    pub path: String,
    /// Machines that they are of, by that path.
    pub target: Target,
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
    pub read: Result<promotion::Probe, Box<Finding>>,
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
    let mut found = Vec::new();
    for (path, entry) in states.changed() {
        let (Place::Evidence(at), Some(bytes)) = (place(path), entry.and_then(|entry| entry.bytes())) else { continue };
        if at.part != Part::Candidates {
            continue;
        }
        let seal = |part| {
            let path = promotion::Place { part, ..at }.to_string();
            let bytes = states.head.get(&path).and_then(|entry| entry.bytes())?.to_vec();
            Some((path, bytes))
        };
        let (seal_path, seal) = match seal(Part::Bundle).or_else(|| seal(Part::Signature)) {
            Some((path, bytes)) => (path, Some(bytes)),
            None => (promotion::Place { part: Part::Bundle, ..at }.to_string(), None),
        };
        let (path, candidates) = (path.to_owned(), bytes.to_vec());
        found.push(Offered { path, target: at.target, candidates, seal_path, seal });
    }
    found
}

/// Candidates among files that are not in the pull request, each with what signs it by its name. What does not say its role
/// and its profile is left out.
pub fn given(files: &BTreeMap<String, Vec<u8>>) -> Vec<Offered> {
    let mut found = Vec::new();
    for (path, candidates) in files {
        let Ok(read) = promotion::Probe::read(path, candidates, None, Seal::Bundle(String::new())) else { continue };
        let stem = path.strip_suffix(".json").unwrap_or(path);
        let names = [path.as_str(), stem]
            .into_iter()
            .flat_map(|name| [".bundle.json", ".sigstore.json", ".sig"].map(|ending| format!("{name}{ending}")));
        let (seal_path, seal) = match names.into_iter().find_map(|name| Some((files.get(&name)?.clone(), name))) {
            Some((bytes, name)) => (name, Some(bytes)),
            None => (format!("{path}.bundle.json"), None),
        };
        found.extend(read.targets().into_iter().map(|target| {
            let (path, candidates, seal_path, seal) =
                (path.clone(), candidates.clone(), seal_path.clone(), seal.clone());
            Offered { path, target, candidates, seal_path, seal }
        }));
    }
    found
}

impl Probe {
    /// Reads candidates whose signature is verified.
    pub fn new(offered: Offered, signature: Signature) -> Self {
        // The signature is judged already.
        let read = promotion::Probe::read(&offered.path, &offered.candidates, None, Seal::Bundle(String::new()));
        Self { digest: Sha256::of(&offered.candidates), offered, read, signature }
    }

    /// Whether it vouches for lists of its role and profile.
    pub fn vouches(&self) -> bool {
        let signed = match &self.signature {
            Signature::By(signer) => signer.wrong.is_empty(),
            Signature::WithKey => true,
            Signature::Absent | Signature::Rejected(_) => false,
        };
        let sound = |read: &promotion::Probe| {
            let passed = read.about.verdict.as_deref() == Some(PASSED);
            passed && read.given.file.malformed.is_empty() && read.targets().contains(&self.offered.target)
        };
        signed && self.read.as_ref().is_ok_and(sound)
    }

    /// What the candidates say of the probe: signed, and yet as untrusted as any text.
    pub fn about(&self) -> Option<&About> {
        self.read.as_ref().ok().map(|read| &read.about)
    }
}

/// The word of a probe that passed.
const PASSED: &str = "passed";

/// What probes that vouch for lists of a target measured.
pub(super) fn measured(case: &Case, target: Target) -> Option<Proposal> {
    let of = case.probes.iter().filter(|probe| probe.offered.target == target && probe.vouches());
    let given: Vec<Given> = of.filter_map(|probe| Some(probe.read.as_ref().ok()?.given.clone())).collect();
    candidates::proposals(&given).into_iter().find(|proposal| proposal.profile == target.profile)
}

/// [`EVIDENCE`]: whatever admits something new has candidates of its role and profile in the pull request, signed and sound.
pub(super) fn evidence(case: &Case) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, entry) in case.change.entries() {
        let target = Target { role: entry.role, profile: entry.profile };
        if (added(entry) > 0 || opens(entry)) && !case.probes.iter().any(|probe| probe.offered.target == target) {
            let path = promotion::Place { target, number: 1, part: Part::Candidates };
            let message = format!("what is newly admitted of {target} has no candidates of a probe");
            findings.push(EVIDENCE.missing("", message).compared(path.to_string(), "no such file").help(PROMOTE));
        }
    }
    findings.extend(case.probes.iter().flat_map(one));
    findings.extend(case.probes.iter().flat_map(|probe| of_release(case, probe)));
    for target in Target::all() {
        let of = case.probes.iter().filter(|probe| probe.offered.target == target);
        let read: Vec<promotion::Probe> = of.filter_map(|probe| probe.read.as_ref().ok().cloned()).collect();
        if !read.is_empty() {
            findings.extend(promotion::judge::candidates(&read));
        }
    }
    if findings.is_empty() {
        findings.push(EVIDENCE.pass("", "nothing is newly admitted, so nothing needs evidence"));
    }
    findings
}

/// Whether a probe is of the release that its policy is for.
fn of_release(case: &Case, probe: &Probe) -> Vec<Finding> {
    let path = policy_path(probe.offered.target.profile);
    let policy = case.change.after.iter().find(|policy| policy.name == path);
    let read = probe.read.as_ref().ok().filter(|_| probe.vouches());
    read.zip(policy).map(|(read, policy)| promotion::judge::of_release(read, policy)).unwrap_or_default()
}

/// What to do where evidence lacks.
const PROMOTE: &str = "probe the machines, and let `merotee policy promote` propose what they measured";

fn one(probe: &Probe) -> Vec<Finding> {
    let (path, target) = (&probe.offered.path, probe.offered.target);
    let read = match &probe.read {
        Ok(read) => read,
        Err(why) => return vec![(**why).clone()],
    };
    let mut findings = Vec::new();
    if !read.targets().contains(&target) {
        let targets: Vec<String> = read.targets().iter().map(ToString::to_string).collect();
        let actual = if targets.is_empty() { "nothing that they say".to_owned() } else { targets.join(", ") };
        findings.push(
            EVIDENCE
                .fail(path, "the candidates are of other machines than the folder they lie in")
                .compared(target.to_string(), actual)
                .help("another machine's values would be admitted: commit each probe where it belongs"),
        );
    }
    let unstable = read.given.file.document.get("source").and_then(|source| source.get("unstable")?.as_array());
    if let Some(registers) = unstable.filter(|registers| !registers.is_empty()) {
        let names: Vec<String> = registers.iter().filter_map(Value::as_str).take(5).map(excerpt).collect();
        findings.push(
            EVIDENCE
                .warn(path, format!("the probes differ in {}", names.join(", ")))
                .help("find out why before you approve: every combination of the values is admitted"),
        );
    }
    match &probe.signature {
        Signature::Absent => {
            let message = "nothing signs the candidates";
            let expected = &probe.offered.seal_path;
            findings.push(EVIDENCE.missing(path, message).compared(expected, "no such file").help(PROMOTE));
        }
        Signature::Rejected(why) => {
            findings.push(EVIDENCE.fail(path, format!("the signature proves nothing: {why}")).help(PROMOTE));
        }
        Signature::By(_) | Signature::WithKey => {
            let About { image, run_url, .. } = &read.about;
            let image = image.as_deref().map(|image| format!(", of image {image}")).unwrap_or_default();
            let run = run_url.as_deref().map(|run| format!(", of run {run}")).unwrap_or_default();
            findings.push(EVIDENCE.pass(path, format!("signed: sha256:{}{image}{run}", probe.digest)));
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
                    let commit =
                        signer.commit.as_deref().map(|commit| format!(" at commit {commit}")).unwrap_or_default();
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
