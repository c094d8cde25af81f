//! `measurement-policy-candidates.json`: what probed machines measured to, proposed for a policy.
//!
//! A file states the lists of one profile under `policy`, or of several under `profiles`. Several files may be about
//! one profile, from several probes: their lists are put together, and where they differ a person is told, because a
//! policy admits every combination of its values and not only those that were measured together.

use serde_json::{Map, Value};

use super::reading::{Malformed, Reader};
use crate::{
    attestation::measurement::{Allowed, Register, Registers, TcbStatus},
    digest::Sha256,
    report::{CheckInfo, Finding},
    schema::{Document, SCHEMA, conforms, excerpt::capped, parse_json, unreadable},
    subject::profile::Profile,
    text::counted,
};

/// Candidates are usable for what they are given for.
pub const CANDIDATES: CheckInfo = CheckInfo {
    id: "candidates",
    title: "candidates are complete, well formed, and of the profile they are given for",
};

/// Probes of one profile measured the same.
pub const CANDIDATES_AGREE: CheckInfo =
    CheckInfo { id: "candidates-agree", title: "probes of one profile measured the same values" };

/// A candidates file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    /// The file's name. Findings are about this subject.
    pub name: String,
    /// When the probe ended, as written.
    pub generated_at: Option<String>,
    /// The lists it states, in document order.
    pub entries: Vec<Entry>,
    /// Entries that could not be read.
    pub malformed: Vec<Malformed>,
    /// The whole document.
    pub document: Value,
}

/// The lists of one profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where they stand: `policy`, `profiles.debug`.
    pub place: String,
    /// The profile, when stated.
    pub profile: Option<Profile>,
    /// The lists.
    pub allowed: Allowed,
    /// Compose hashes seen in the event log.
    pub event_payloads: Vec<Sha256>,
}

/// A file, and the profile the caller says it is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The file.
    pub file: Candidates,
    /// The profile, when the caller named one.
    pub profile: Option<Profile>,
}

/// What all files together propose for one profile: each list sorted, every value once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The profile.
    pub profile: Profile,
    /// The lists.
    pub allowed: Allowed,
    /// Compose hashes.
    pub event_payloads: Vec<Sha256>,
}

impl Candidates {
    /// Reads a candidates file. `name` is what findings call it.
    ///
    /// # Errors
    /// The bytes are not acceptable JSON or not an object: one `schema` finding says why.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Box<Finding>> {
        let document = parse_json(bytes).map_err(|error| Box::new(unreadable(name, &error)))?;
        let Some(object) = document.as_object() else {
            let message = "measurement candidates must be a JSON object";
            return Err(Box::new(SCHEMA.fail(name, message)));
        };
        let mut reader = Reader::default();
        let generated_at = reader.text(object, "generated_at");
        let entries = entries(&mut reader, object);
        let malformed = reader.malformed;
        Ok(Self { name: name.to_owned(), generated_at, entries, malformed, document })
    }
}

fn entries(reader: &mut Reader, object: &Map<String, Value>) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut read = |reader: &mut Reader, lists: &Map<String, Value>, place: String, profile| {
        let allowed = reader.allowed(lists, &place, "");
        let event_payloads = reader.event_payloads(lists, &place, "");
        entries.push(Entry { place, profile, allowed, event_payloads });
    };
    let by_profile = reader.object(object, "", "profiles");
    if let Some(by_profile) = by_profile {
        for profile in Profile::ALL {
            if let Some(lists) = reader.object(by_profile, "profiles", profile.as_str()) {
                read(reader, lists, format!("profiles.{profile}"), Some(profile));
            }
        }
    }
    let stated = object.get("profile").and_then(Value::as_str).and_then(|p| p.parse().ok());
    // Beside `profiles`, lists that name no profile are a summary and belong to none.
    if (by_profile.is_none() || stated.is_some())
        && let Some(lists) = reader.object(object, "", "policy")
    {
        read(reader, lists, "policy".to_owned(), stated);
    }
    entries
}

impl Given {
    /// The profiles that the file has something for, each once.
    pub fn profiles(&self) -> Vec<Profile> {
        Profile::ALL.into_iter().filter(|profile| self.meant().any(|(meant, _)| meant == *profile)).collect()
    }

    /// The entries that are meant, each with its profile.
    fn meant(&self) -> impl Iterator<Item = (Profile, &Entry)> {
        self.file.entries.iter().filter_map(|entry| match (self.profile, entry.profile) {
            (Some(asked), None) => Some((asked, entry)),
            (Some(asked), Some(stated)) => (asked == stated).then_some((stated, entry)),
            (None, stated) => Some((stated?, entry)),
        })
    }
}

/// The checks `schema`, [`CANDIDATES`] and [`CANDIDATES_AGREE`] over all files given. One finding per problem, or a
/// pass a file; a profile that no file is about is missing.
pub fn judge(given: &[Given]) -> Vec<Finding> {
    let absent = Profile::ALL.into_iter().filter(|profile| of(given, *profile).next().is_none()).map(|profile| {
        CANDIDATES
            .missing(profile.as_str(), format!("no candidates are given for {profile}"))
            .help(format!("probe a {profile} machine and give its file as {profile}=FILE"))
    });
    judge_those(given).into_iter().chain(absent).collect()
}

/// The same about the profiles that the files are about, whichever those are.
pub fn judge_those(given: &[Given]) -> Vec<Finding> {
    let shaped = |given: &Given| conforms(&given.file.name, Document::MeasurementCandidates, &given.file.document);
    let mut findings: Vec<_> = given.iter().flat_map(shaped).collect();
    findings.extend(given.iter().flat_map(usable));
    for profile in Profile::ALL {
        let entries: Vec<_> = of(given, profile).collect();
        if entries.len() > 1 {
            findings.extend(agree(profile, &entries));
        }
    }
    findings
}

/// The entries about `profile`, each with the name of its file.
fn of(given: &[Given], profile: Profile) -> impl Iterator<Item = (&str, &Entry)> {
    given.iter().flat_map(move |g| {
        g.meant().filter(move |(p, _)| *p == profile).map(|(_, entry)| (g.file.name.as_str(), entry))
    })
}

fn usable(given: &Given) -> Vec<Finding> {
    let file = &given.file;
    let malformed = file.malformed.iter().map(|m| {
        CANDIDATES
            .fail(&file.name, format!("malformed entry at {}", m.place))
            .compared(m.expected.clone(), m.actual.clone())
            .help("probe the machine again; never edit a measurement by hand")
            .within(&m.place)
    });
    let mut findings = capped(malformed.collect());
    let mut meant = 0_usize;
    for (profile, entry) in given.meant() {
        meant += 1;
        let problems = incomplete(file, entry);
        if problems.is_empty() && file.malformed.is_empty() {
            findings.push(CANDIDATES.pass(&file.name, format!("{}: complete, for {profile}", entry.place)));
        }
        findings.extend(problems);
    }
    if meant == 0 {
        findings.push(nothing_meant(given));
    }
    findings
}

fn incomplete(file: &Candidates, entry: &Entry) -> Vec<Finding> {
    let mut problems = Vec::new();
    let mut empty = |list: &str| {
        problems.push(
            CANDIDATES
                .fail(&file.name, format!("empty list at {}.allowed_{list}", entry.place))
                .compared("at least one value", "none")
                .help("an empty list constrains nothing: probe the machine again")
                .within(format!("{}.allowed_{list}", entry.place)),
        );
    };
    for register in Register::ALL {
        if entry.allowed.register(register).is_empty() {
            empty(register.as_str());
        }
    }
    if entry.allowed.tcb().is_empty() {
        empty("tcb_statuses");
    }
    if entry.allowed.tcb().contains(&TcbStatus::Revoked) {
        problems.push(
            CANDIDATES
                .fail(&file.name, format!("revoked status at {}.allowed_tcb_statuses", entry.place))
                .compared("any status but revoked", TcbStatus::Revoked.as_str())
                .help("the probed platform is revoked: probe on another one")
                .within(format!("{}.allowed_tcb_statuses", entry.place)),
        );
    }
    problems
}

/// Why a file is of no use for what it is given for.
fn nothing_meant(given: &Given) -> Finding {
    let file = &given.file;
    let stated: Vec<_> = file.entries.iter().filter_map(|e| e.profile).map(Profile::as_str).collect();
    match given.profile {
        Some(asked) if !stated.is_empty() => CANDIDATES
            .fail(&file.name, format!("holds nothing for {asked}"))
            .compared(asked.as_str(), stated.join(", "))
            .help("a file of another profile would open its keys to other machines: give the right file"),
        None if !file.entries.is_empty() => CANDIDATES
            .fail(&file.name, "does not say which profile it is for")
            .help("give it as PROFILE=FILE: debug, debug-read-only or locked-read-only"),
        Some(_) | None => CANDIDATES.fail(&file.name, "holds no lists").compared("`policy` or `profiles`", "neither"),
    }
}

fn agree(profile: Profile, entries: &[(&str, &Entry)]) -> Vec<Finding> {
    let subject = entries.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let mut findings = Vec::new();
    for register in Register::ALL {
        let lists: Vec<_> = entries.iter().map(|(_, e)| sorted(e.allowed.register(register))).collect();
        if lists.windows(2).any(|pair| pair.first() != pair.last()) {
            let all = sorted(&lists.concat());
            let values: Vec<_> = all.iter().take(3).map(|m| m.short()).collect();
            let message =
                format!("{profile}: {register} differs between probes: a policy of both admits {}", all.len());
            let help =
                "find out why before you publish; an RTMR3 that differs every time comes from dstack's instance id";
            findings.push(
                CANDIDATES_AGREE.warn(&subject, message).compared("the same values", values.join(", ")).help(help),
            );
        }
    }
    let payloads: Vec<_> = entries.iter().map(|(_, e)| sorted(&e.event_payloads)).collect();
    if payloads.windows(2).any(|pair| pair.first() != pair.last()) {
        findings.push(CANDIDATES_AGREE.warn(&subject, format!("{profile}: compose hashes differ between probes")));
    }
    if findings.is_empty() {
        findings.push(CANDIDATES_AGREE.pass(
            &subject,
            format!("{profile}: {} the same values", counted(entries.len(), "probe measured", "probes measured")),
        ));
    }
    findings
}

/// What the files propose, for each profile that one of them is about.
pub fn proposals(given: &[Given]) -> Vec<Proposal> {
    Profile::ALL
        .into_iter()
        .filter_map(|profile| {
            let entries: Vec<_> = of(given, profile).map(|(_, entry)| entry).collect();
            entries.first()?;
            let registers = Registers::from_fn(|register| {
                sorted(&entries.iter().flat_map(|e| e.allowed.register(register)).copied().collect::<Vec<_>>())
            });
            let tcb = sorted(&entries.iter().flat_map(|e| e.allowed.tcb()).copied().collect::<Vec<_>>());
            let event_payloads = sorted(&entries.iter().flat_map(|e| &e.event_payloads).copied().collect::<Vec<_>>());
            Some(Proposal { profile, allowed: Allowed::new(registers, tcb), event_payloads })
        })
        .collect()
}

/// Sorted, every value once: the same set gives the same bytes.
pub(crate) fn sorted<T: Ord + Copy>(values: &[T]) -> Vec<T> {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.dedup();
    values
}

/// The newest `generated_at` among `times` that is a time: documents made of others are as recent as the newest.
pub fn newest<'t>(times: impl Iterator<Item = &'t str>) -> Option<jiff::Timestamp> {
    times.filter_map(|text| text.parse::<jiff::Timestamp>().ok()).max()
}

#[cfg(test)]
mod tests;
