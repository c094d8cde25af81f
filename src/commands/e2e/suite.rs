//! A node from its boot to its key: its admin API is asked for health and quote, and its verifier about fakes.

use url::Url;

use super::policy_file;
use crate::{
    adapters::node::{Attested, Health, Node},
    attestation::{key_answer::KeyAnswer, measurement::Register, quote::Quote, verdict::ExpectedBinding},
    cli::e2e::E2eArgs,
    commands::{
        kms::attest::fresh_nonce,
        node_access::{Asked, objection},
        quote::judgement::{Judgement, Occasion, is_genuine},
    },
    context::Context,
    e2e::{
        measurements::Seen,
        release::KmsRelease,
        suite::{BOOT, JUDGED, KEY, NodeRun, Probe, QUOTE, Said, Step, TERMINATE},
    },
    error::{self, Class, Error, Result},
    report::Verdict,
    subject::{profile::Profile, role::Role},
};

/// Where RTMR2 stands in a quote of version 4, and of version 5 with its descriptor before the body.
const RTMR2_OFFSETS: [usize; 2] = [184 + 192 + 96, 190 + 192 + 96];

/// Why a node's verifier is asked about nothing.
const NO_QUOTE: &str = "the node has no quote to ask about";

/// A node's way.
pub(super) struct Walk<'a> {
    pub(super) args: &'a E2eArgs,
    pub(super) context: &'a Context,
    /// The release whose policies say what a node may be.
    pub(super) kms: &'a KmsRelease,
    pub(super) profile: Profile,
}

impl Walk<'_> {
    /// Asks the node at `url`, where that is known; `asked` is what came of its asking the KMS of its profile.
    ///
    /// # Errors
    /// Usage: an address or a policy cannot be used.
    pub(super) async fn run(&self, url: Option<&Url>, asked: Option<&Asked>) -> Result<(NodeRun, Option<Seen>)> {
        let mut seen = None;
        let (boot, quote, anti_fake) = match url {
            None => (without_address(asked), without_address(asked), None),
            Some(url) => {
                let node = Node::new(slashed(url), self.context.http.clone())?;
                let boot = booted(&node).await?;
                let (quote, probes) = self.quoted(&node, &mut seen).await?;
                (boot, quote, Some(probes))
            }
        };
        let (judged, key) = asked.map_or_else(not_asked, |asked| (judged(asked), released(&asked.answer)));
        let steps = vec![(BOOT, boot), (QUOTE, quote), (JUDGED, judged), (KEY, key), (TERMINATE, left())];
        Ok((NodeRun { profile: self.profile, steps, anti_fake }, seen))
    }

    /// The node's quote, judged here, and what the node's own verifier makes of it and of fakes.
    async fn quoted(&self, node: &Node, seen: &mut Option<Seen>) -> Result<(Step, Vec<(Probe, Said)>)> {
        let nonce = fresh_nonce()?;
        let attested = match node.attest(&nonce).await {
            Ok(Ok(attested)) => attested,
            Ok(Err(refusal)) => {
                let why = format!("no quote: it answers {} {}", refusal.status, refusal.said);
                return Ok((Step::Failed(why), Probe::unasked(NO_QUOTE)));
            }
            Err(error) => return Ok((unknown(error)?, Probe::unasked(NO_QUOTE))),
        };
        let step = self.judge(node, &attested, nonce, seen).await?;
        let probes = probes(node, attested.input.quote.as_bytes(), &nonce).await?;
        Ok((step, probes))
    }

    async fn judge(&self, node: &Node, attested: &Attested, nonce: [u8; 32], seen: &mut Option<Seen>) -> Result<Step> {
        let quotes = self.args.quotes.judgement(self.profile);
        let judgement = Judgement::by(&quotes, self.context, policy_file(self.kms, self.profile)?)?;
        // Zeros stand where an application's hash could.
        let binding = ExpectedBinding::Given([0; 32]);
        let occasion = Occasion { role: Some(Role::Node), nonce: Some(nonce), binding };
        let section = match judgement.judge(&node.host(), &attested.input, &occasion).await {
            Ok(section) => section,
            Err(error) => return unknown(error),
        };
        let quote = &attested.input.quote;
        // What a quote says counts once it is proven to be one, whatever else speaks against it.
        if is_genuine(&section) {
            *seen = Some(Seen { role: Role::Node, profile: self.profile, registers: quote.report.registers });
        }
        Ok(match section.verdict() {
            Verdict::Passed => Step::Done(format!("genuine, over a fresh nonce, {} bytes", quote.as_bytes().len())),
            Verdict::Failed | Verdict::Incomplete => Step::Failed(objection(&section)),
            Verdict::Undecided => Step::Unknown(objection(&section)),
        })
    }
}

/// An answer that does not come is not known; anything else is the caller's to hear.
fn unknown(error: Error) -> Result<Step> {
    match error.class() {
        Class::Remote => Ok(Step::Unknown(error::chain(&error))),
        Class::Usage | Class::Trust | Class::Input | Class::Internal => Err(error),
    }
}

async fn booted(node: &Node) -> Result<Step> {
    match node.health().await {
        Ok(Health::Alive) => Ok(Step::Done("alive".to_owned())),
        Ok(Health::Not(words)) => Ok(Step::Failed(format!("not alive: {words}"))),
        Err(error) => unknown(error),
    }
}

/// A node whose address is not known has booted, and made a quote, when a KMS judged that.
fn without_address(asked: Option<&Asked>) -> Step {
    match asked.map(|asked| &asked.answer) {
        Some(KeyAnswer::Released(_)) => Step::Done("the KMS took its quote for genuine".to_owned()),
        Some(KeyAnswer::Refused(refusal)) => Step::Unknown(format!("the KMS answers {refusal}")),
        Some(KeyAnswer::NoVerdict(why)) => Step::Unknown(why.clone()),
        None => not_asked().0,
    }
}

/// What runs before a run is left as it is.
fn left() -> Step {
    Step::NotOurs("left running: this run did not start it".to_owned())
}

fn not_asked() -> (Step, Step) {
    let step = || Step::Unknown("it did not ask the KMS of its profile".to_owned());
    (step(), step())
}

/// How the node judged the KMS.
fn judged(asked: &Asked) -> Step {
    match (&asked.kms, &asked.answer) {
        (Some(section), _) => match section.verdict() {
            Verdict::Passed => Step::Done("its quote is genuine, fresh and as its release's policy says".to_owned()),
            Verdict::Failed | Verdict::Incomplete => Step::Failed(objection(section)),
            Verdict::Undecided => Step::Unknown(objection(section)),
        },
        // `kms get-key` sends nothing of the node to a KMS that fails.
        (None, KeyAnswer::Released(_) | KeyAnswer::Refused(_)) => Step::Done("judged on the node".to_owned()),
        (None, KeyAnswer::NoVerdict(why)) => Step::Unknown(why.clone()),
    }
}

fn released(answer: &KeyAnswer) -> Step {
    match answer {
        KeyAnswer::Released(key) => Step::Done(format!("in {} ms", key.latency.as_millis())),
        KeyAnswer::Refused(refusal) if refusal.is_of_the_node() => Step::Failed(refusal.to_string()),
        KeyAnswer::Refused(refusal) => Step::Unknown(format!("it is answered {refusal}, which is not the KMS's word")),
        KeyAnswer::NoVerdict(why) => Step::Unknown(why.clone()),
    }
}

async fn probes(node: &Node, quote: &[u8], nonce: &[u8; 32]) -> Result<Vec<(Probe, Said)>> {
    let mut told = Vec::new();
    for probe in Probe::ALL {
        let said = match probe {
            Probe::Genuine => node.verify_quote(quote, nonce, None).await?,
            Probe::OtherNonce => node.verify_quote(quote, &fresh_nonce()?, None).await?,
            Probe::OtherApplication => node.verify_quote(quote, nonce, Some(&fresh_nonce()?)).await?,
            Probe::ChangedMeasurement(_) => match with_other_rtmr2(quote) {
                Some(changed) => node.verify_quote(&changed, nonce, None).await?,
                None => Said::Silent("this form of quote cannot be changed in one register alone".to_owned()),
            },
        };
        told.push((probe, said));
    }
    Ok(told)
}

/// The quote with one bit of RTMR2 changed and everything else as it was: it reads well, and its signature does not hold.
fn with_other_rtmr2(quote: &[u8]) -> Option<Vec<u8>> {
    let original = Quote::parse(quote).ok()?.report;
    RTMR2_OFFSETS.into_iter().find_map(|offset| {
        let mut changed = quote.to_vec();
        *changed.get_mut(offset)? ^= 1;
        let report = Quote::parse(&changed).ok()?.report;
        let differing = |register: &Register| report.registers.get(*register) != original.registers.get(*register);
        let differing: Vec<Register> = Register::ALL.into_iter().filter(differing).collect();
        (differing == [Register::Rtmr2] && report.report_data == original.report_data).then_some(changed)
    })
}

/// The address as a folder, below which endpoints lie.
fn slashed(url: &Url) -> Url {
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
}
