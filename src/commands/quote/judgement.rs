//! By what quotes are judged, as a person says it on a command line: root, time, collateral and policy. Shared by
//! `quote verify` and by the commands that ask a machine for its quote.

use std::path::Path;

use jiff::Timestamp;

use super::{
    basis,
    ita::{Judged, SecondJudge},
};
use crate::{
    adapters::{
        file,
        pccs::{CollateralCache, Pccs},
    },
    attestation::{
        ita::{self, ItaVerifier},
        measurement::TcbStatus,
        quote::{Quote, input::Input},
        verdict::{
            Collateral, DcapVerifier, Expectation, ExpectedBinding, QuoteVerifier, RULES, SIGNATURE, judge_agreement,
            judge_debug, judge_policy, judge_report_data, judge_tcb, judge_verdict,
        },
    },
    cli::quote::JudgementArgs,
    context::Context,
    error::{Error, Result},
    policy::document::{PolicyFile, ProfileLists},
    report::{CheckInfo, Fact, Section, Status},
    subject::role::Role,
};

/// Largest policy read, in bytes.
const MAX_POLICY_BYTES: u64 = 4 << 20;

/// By what quotes are judged. Everything that is a file has been read, so that bad words are told before anybody is asked.
pub(in crate::commands) struct Judgement<'a> {
    args: &'a JudgementArgs,
    context: &'a Context,
    offline: bool,
    verifier: DcapVerifier,
    second: Option<SecondJudge>,
    policy: Option<PolicyFile>,
    now: u64,
}

/// What one quote was made for.
pub(in crate::commands) struct Occasion {
    /// The role of the machine, where it is known.
    pub(in crate::commands) role: Option<Role>,
    /// What the first half of the report data must hold.
    pub(in crate::commands) nonce: Option<[u8; 32]>,
    /// What the second half must hold.
    pub(in crate::commands) binding: ExpectedBinding,
}

impl<'a> Judgement<'a> {
    /// Reads root and policy.
    ///
    /// # Errors
    /// Trust: the root is none. Usage: the policy cannot be used.
    pub(in crate::commands) fn new(args: &'a JudgementArgs, context: &'a Context, offline: bool) -> Result<Self> {
        let now = basis::now(args.at, context.now())?;
        let verifier = basis::verifier(context.endpoints.tdx_root.as_deref())?;
        let policy = args.expect_policy.as_deref().map(policy).transpose()?;
        let second = SecondJudge::new(&args.ita, args.allow_debug_td, context, offline)?;
        Ok(Self { args, context, offline, verifier, second, policy, now })
    }

    /// Reads root and policy for the judgement of a KMS: where the arguments name no policy, the context may.
    ///
    /// # Errors
    /// As [`Judgement::new`].
    pub(in crate::commands) fn of_kms(args: &'a JudgementArgs, context: &'a Context) -> Result<Self> {
        let mut judgement = Self::new(args, context, false)?;
        if judgement.policy.is_none() {
            judgement.policy = context.endpoints.kms.policy.as_deref().map(policy).transpose()?;
        }
        Ok(judgement)
    }

    /// For the judgement of a KMS by a policy that is at hand already.
    ///
    /// # Errors
    /// As [`Judgement::new`].
    pub(in crate::commands) fn by(args: &'a JudgementArgs, context: &'a Context, policy: PolicyFile) -> Result<Self> {
        let judgement = Self::new(args, context, false)?;
        Ok(Self { policy: Some(sound(policy)?), ..judgement })
    }

    /// Whether a policy says which machines are the right ones.
    pub(in crate::commands) fn by_policy(&self) -> bool {
        self.policy.is_some()
    }

    /// Judges one quote.
    ///
    /// # Errors
    /// The policy does not say what is asked of it, or there is no collateral to judge by.
    pub(in crate::commands) async fn judge(&self, name: &str, input: &Input, occasion: &Occasion) -> Result<Section> {
        self.judged(name, input, occasion).await.map(|(section, _)| section)
    }

    /// Judges one quote, and says what the firmware of its platform is where the quote is genuine.
    ///
    /// # Errors
    /// As [`Judgement::judge`].
    pub(in crate::commands) async fn judged(
        &self,
        name: &str,
        input: &Input,
        occasion: &Occasion,
    ) -> Result<(Section, Option<TcbStatus>)> {
        let expected = self.expectation(occasion.role)?;
        let expected = expected.as_ref();
        let quote = &input.quote;
        let collateral = self.collateral(quote, name).await?;
        let outcome = QuoteVerifier::verify(&self.verifier, quote, &collateral, self.now);
        let proven = outcome.is_ok();
        let mut findings = judge_verdict(name, &outcome);
        findings.push(judge_tcb(name, &outcome, expected));
        findings.push(judge_debug(name, quote, &outcome, self.args.allow_debug_td));
        let (nonce, binding) = (occasion.nonce, occasion.binding);
        findings.extend(judge_report_data(name, quote, proven, nonce, binding, input.stated_report_data));
        if let Some(expected) = expected {
            findings.extend(judge_policy(quote, proven, expected));
        }
        let tcb = outcome.as_ref().ok().map(|verdict| verdict.tcb);
        let mut section =
            Section { subject: name.to_owned(), facts: facts(input, self.now), findings, ..Section::default() };
        if let Some(second) = &self.second {
            let Judged { facts, caveats, findings, opinion } = second.judge(name, quote, self.now, expected).await?;
            let (one, other) = (DcapVerifier::AUTHORITY, ItaVerifier::AUTHORITY);
            let first = DcapVerifier::opinion(&outcome);
            section.facts.extend(facts);
            section.caveats.extend(caveats);
            section.findings.extend(findings);
            section.findings.push(judge_agreement(name, (one, &first), (other, &opinion)));
        }
        Ok((section, tcb))
    }

    /// Who judges, as documents name them.
    pub(in crate::commands) fn judges(&self) -> Vec<String> {
        ["dcap"].into_iter().chain(self.second.iter().map(|_| "ita")).map(str::to_owned).collect()
    }

    /// Every check that a quote goes through here.
    pub(in crate::commands) fn rules(&self) -> Vec<CheckInfo> {
        let second = self.second.iter().flat_map(|_| ita::RULES);
        RULES.into_iter().chain(second).collect()
    }

    /// What a reader must know of the judgement as a whole.
    pub(in crate::commands) fn caveats(&self) -> Vec<String> {
        basis::caveats(self.context.endpoints.tdx_root.as_deref(), self.args.at, &self.verifier)
    }

    /// By what a quote is judged that a command judges itself: the verifier, the time, and whether a debug TD is accepted.
    pub(in crate::commands) fn basis(&self) -> (&DcapVerifier, u64, bool) {
        (&self.verifier, self.now, self.args.allow_debug_td)
    }

    /// The documents that the machine of a quote is judged by: from a file, a cache or a service.
    ///
    /// # Errors
    /// There are none.
    pub(in crate::commands) async fn collateral(&self, quote: &Quote, name: &str) -> Result<Collateral> {
        if let Some(path) = &self.args.collateral {
            return basis::collateral(path);
        }
        let platform = quote
            .certification
            .platform()
            .map_err(|e| Error::input(format!("{name}: no service can be asked about this machine")).because(e))?;
        let pccs = Pccs::new(&self.context.endpoints.pccs_url, self.context.http.clone())?;
        match self.args.quotes.cache.clone().map(CollateralCache::new) {
            Some(cache) if self.offline => cache.offline(&pccs, &platform),
            Some(cache) => cache.get(&pccs, &platform, &self.verifier, self.now).await,
            None => pccs.collateral(&platform).await,
        }
    }

    /// What the policy allows a role, in the profile that the caller or the policy names.
    fn expectation(&self, role: Option<Role>) -> Result<Option<Expectation>> {
        let Some(policy) = &self.policy else { return Ok(None) };
        let lists = profile(self.args, policy)?;
        let role = one_role(lists, role, &policy.name)?;
        let allowed = lists
            .of(role)
            .ok_or_else(|| Error::usage(format!("{} says nothing about the {} role", policy.name, role.as_str())))?;
        Ok(Some(Expectation {
            name: format!("{} {}", lists.profile, role.as_str()),
            allowed: allowed.clone(),
            not_ready: policy.is_not_ready(),
        }))
    }
}

fn facts(input: &Input, now: u64) -> Vec<Fact> {
    let at = i64::try_from(now).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let mut facts = basis::facts(input);
    facts.push(Fact::named("at", at.map_or_else(|| now.to_string(), |time| time.to_string())));
    if let Ok(platform) = input.quote.certification.platform() {
        facts.push(Fact::named("FMSPC", hex::encode(platform.fmspc)));
    }
    facts
}

fn policy(path: &Path) -> Result<PolicyFile> {
    let bytes = file::read_source(path, MAX_POLICY_BYTES)?;
    let name = file::source_name(path);
    let policy = PolicyFile::parse(&name, &bytes);
    sound(policy.map_err(|finding| Error::usage(format!("{name}: {}", finding.message)))?)
}

/// A policy with a malformed entry would be compared without it, so it is refused.
fn sound(policy: PolicyFile) -> Result<PolicyFile> {
    match policy.malformed.first() {
        None => Ok(policy),
        Some(entry) => {
            let name = &policy.name;
            let what = format!("{name}: {}: expected {}, got {}", entry.place, entry.expected, entry.actual);
            Err(Error::usage(what).help("correct the policy first"))
        }
    }
}

fn profile<'p>(args: &JudgementArgs, policy: &'p PolicyFile) -> Result<&'p ProfileLists> {
    let name = &policy.name;
    match (args.profile, policy.profiles.as_slice()) {
        (None, [only]) => Ok(only),
        (None, []) => Err(Error::usage(format!("{name} has no lists that can be read"))),
        (None, _) => Err(Error::usage(format!("{name} states several profiles")).help("say which with --profile")),
        (Some(profile), lists) => lists
            .iter()
            .find(|lists| lists.profile == profile)
            .ok_or_else(|| Error::usage(format!("{name} says nothing about the profile {profile}"))),
    }
}

/// Whether the signature and the certificates of a quote that was judged hold, whatever else speaks against it: then what it
/// says is what the machine measures.
pub(in crate::commands) fn is_genuine(section: &Section) -> bool {
    section.findings.iter().any(|finding| finding.check == SIGNATURE.id && finding.status == Status::Pass)
}

/// The role asked about: the one that is known, or the only one the policy states.
fn one_role(lists: &ProfileLists, known: Option<Role>, policy: &str) -> Result<Role> {
    match (known, &lists.kms, &lists.node) {
        (Some(role), _, _) => Ok(role),
        (None, Some(_), None) => Ok(Role::Kms),
        (None, None, Some(_)) => Ok(Role::Node),
        (None, _, _) => {
            let message = format!("{policy} states a KMS and a node role");
            Err(Error::usage(message).help("say which the quote is from with --role"))
        }
    }
}
