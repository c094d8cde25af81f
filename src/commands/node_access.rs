//! A node that asks a KMS for its key, for those who want to know what comes of it and not the key: through the node's guest
//! agent, or by a command that runs `merotee kms get-key` on the node.
//!
//! The KMS is judged before it is asked, as the node itself would. A key that is released is not kept.

mod told;

use std::{path::PathBuf, time::Duration};

use self::told::Told;
use super::{
    kms::attest::{attested, fresh_nonce},
    quote::judgement::{Judgement, is_genuine},
};
use crate::{
    adapters::{
        dstack::GuestAgent,
        tools::{self, Call, Called},
    },
    attestation::{
        key_answer::{KeyAnswer, KeyRefusal, KeyRelease},
        measurement::{Measurement, Registers},
    },
    error::{self, Class, Error, Result},
    kms::{
        asking::{Asking, Exchange, KeyOutcome, QuoteFault},
        client::KmsClient,
        peer::NodeIdentity,
    },
    report::{Section, Status, Verdict},
    subject::profile::Profile,
    text::{excerpt, excerpt_within},
};

/// Longest a command on a node may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// Largest report read, in bytes. One has some 20 KiB.
const MAX_REPORT_BYTES: u64 = 1 << 20;
/// Most of a program's complaint that is repeated, in characters.
const MAX_COMPLAINT: usize = 200;

/// How a node is made to ask.
#[expect(clippy::large_enum_variant, reason = "there are three at most, and a key is not copied about")]
pub(in crate::commands) enum NodeAccess {
    /// Its guest agent makes the quote, and its libp2p key signs.
    Agent {
        /// Socket of the guest agent.
        socket: PathBuf,
        /// The key.
        identity: NodeIdentity,
    },
    /// A command that runs `merotee kms get-key` on the node, in words: `ssh node-1 merotee kms get-key`. Address and policy
    /// of the KMS are put behind it.
    Command(Vec<String>),
}

/// The KMS that is asked, and by what it is judged.
pub(in crate::commands) struct Question<'a> {
    /// The service.
    pub(in crate::commands) client: &'a KmsClient,
    /// Its address, as a command on the node is told it.
    pub(in crate::commands) url: &'a url::Url,
    /// By what its quote is judged here: the policy of its release, above all.
    pub(in crate::commands) judgement: &'a Judgement<'a>,
    /// The same policy, by which a command on the node judges it.
    pub(in crate::commands) policy: &'a [u8],
    /// The profile of the KMS.
    pub(in crate::commands) profile: Profile,
}

/// What came of asking.
pub(in crate::commands) struct Asked {
    /// The answer.
    pub(in crate::commands) answer: KeyAnswer,
    /// What the node measures, as the quote that it sent says.
    pub(in crate::commands) registers: Option<Registers<Measurement>>,
    /// How the KMS was judged; `None` where a command on the node did that.
    pub(in crate::commands) kms: Option<Section>,
    /// What the KMS measures, where its quote was seen here and is genuine, whatever else speaks against it.
    pub(in crate::commands) kms_registers: Option<Registers<Measurement>>,
}

impl Asked {
    fn undecided(why: impl Into<String>) -> Self {
        Self { answer: KeyAnswer::NoVerdict(why.into()), registers: None, kms: None, kms_registers: None }
    }
}

/// Has a node ask for its key. That no answer comes, or none that can be trusted, is an answer too:
/// [`KeyAnswer::NoVerdict`].
///
/// # Errors
/// Usage: there is nothing to judge the KMS by, or its address cannot be given to a command. Internal: a defect of ours.
pub(in crate::commands) async fn ask(question: &Question<'_>, access: &NodeAccess) -> Result<Asked> {
    match access {
        NodeAccess::Agent { socket, identity } => by_agent(question, socket.clone(), identity).await,
        NodeAccess::Command(words) => by_command(question, words).await,
    }
}

async fn by_agent(question: &Question<'_>, socket: PathBuf, identity: &NodeIdentity) -> Result<Asked> {
    let client = question.client;
    let host = client.host();
    let attested = match attested(client, question.judgement, fresh_nonce()?, None).await {
        Ok(attested) => attested,
        Err(error) => return silent(&format!("the KMS at {host} could not be judged"), error),
    };
    let kms = attested.section;
    let kms_registers = attested.read.filter(|_| is_genuine(&kms)).map(|read| read.input.quote.report.registers);
    if kms.verdict() != Verdict::Passed {
        let asked = Asked::undecided(format!("not asked: {host} is not proven to be the KMS ({})", objection(&kms)));
        return Ok(Asked { kms: Some(kms), kms_registers, ..asked });
    }
    let asking = Asking { client, identity, agent: &GuestAgent::new(socket) };
    let asked = match asking.run().await {
        Ok(exchange) => heard(&host, exchange),
        Err(error) => silent("no answer", error)?,
    };
    Ok(Asked { kms: Some(kms), kms_registers, ..asked })
}

/// An answer that did not come, or not in a form that is known, decides nothing.
fn silent(what: &str, error: Error) -> Result<Asked> {
    match error.class() {
        Class::Remote => Ok(Asked::undecided(format!("{what}: {}", error::chain(&error)))),
        Class::Usage | Class::Trust | Class::Input | Class::Internal => Err(error),
    }
}

/// The first thing that speaks against a machine that was judged.
pub(in crate::commands) fn objection(kms: &Section) -> String {
    let against = |status| kms.findings.iter().find(|finding| finding.status == status);
    let worst = [Status::Fail, Status::Missing, Status::SkippedRequired].into_iter().find_map(against);
    worst.map_or_else(|| "nothing was judged".to_owned(), |finding| format!("{}: {}", finding.check, finding.message))
}

fn heard(host: &str, exchange: Exchange) -> Asked {
    let answered = match exchange {
        Exchange::NoChallenge(refused) => return Asked::undecided(format!("{host} issues no challenge: {refused}")),
        Exchange::Unanswerable => return Asked::undecided(format!("{host} issues a challenge that is not 32 bytes")),
        Exchange::NoQuote { why: QuoteFault::OtherReportData, .. } => {
            return Asked::undecided("not asked: the node's guest agent made a quote over something else");
        }
        Exchange::NoQuote { why: QuoteFault::Unreadable(why), .. } => {
            return Asked::undecided(format!("not asked: the node has no quote that can be read: {why}"));
        }
        Exchange::Answered(answered) => answered,
    };
    let answer = match &answered.key {
        KeyOutcome::Released(key) => {
            KeyAnswer::Released(KeyRelease { latency: answered.latency, fingerprint: key.fingerprint.clone() })
        }
        KeyOutcome::Refused(refused) => KeyAnswer::Refused(KeyRefusal::from(refused)),
        KeyOutcome::NotAKey => KeyAnswer::NoVerdict(format!("{host} answers with something that is not a key")),
    };
    Asked { answer, registers: Some(answered.registers), kms: None, kms_registers: None }
}

/// What a remote shell, such as ssh's, could take for more than a word.
fn is_plain(url: &url::Url) -> bool {
    url.as_str().chars().all(|c| c.is_ascii_alphanumeric() || ":/.-_[]".contains(c))
}

async fn by_command(question: &Question<'_>, words: &[String]) -> Result<Asked> {
    let url = question.url;
    if !is_plain(url) {
        let help = "a shell on the way could take it apart; letters, digits and :/.-_[] are safe";
        let what = format!("{} cannot be given to a command on a node", excerpt(url.as_str()));
        return Err(Error::usage(what).help(help));
    }
    let profile = question.profile.as_str();
    let added = ["--url", url.as_str(), "--expect-policy", "-", "--profile", profile, "--format", "json"];
    let words: Vec<String> = words.iter().cloned().chain(added.map(str::to_owned)).collect();
    let program = words.first().cloned().unwrap_or_default();
    let call = Call { words, input: question.policy.to_vec(), patience: PATIENCE, max_output: MAX_REPORT_BYTES };
    Ok(match tools::call(call).await {
        Called::Absent => Asked::undecided(format!("not asked: there is no program {program}")),
        Called::Failed(why) => Asked::undecided(format!("not asked: {program} {why}")),
        Called::Ended { code, output, complaint } => match told::read(&output, code) {
            Ok(Told { answer, registers }) => Asked { answer, registers, kms: None, kms_registers: None },
            Err(why) => {
                let said = complaint.trim();
                let ends = code.map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit code {code}"));
                let mut told = format!("{program} ({ends}) made no report of kms get-key: {why}");
                if !said.is_empty() {
                    told.push_str(&format!(": {}", excerpt_within(format_args!("{said}"), MAX_COMPLAINT)));
                }
                Asked::undecided(told)
            }
        },
    })
}
