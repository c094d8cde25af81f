//! `kms get-key`: the node's side of a key release, from the judgement of the KMS to the key.
//!
//! The KMS is judged first. Nothing of the node is sent to one that fails.

use std::{path::Path, time::Instant};

use super::attest;
use crate::{
    adapters::{dstack::GuestAgent, file},
    attestation::{
        key_answer::KeyRefusal,
        measurement::{Measurement, Register, Registers},
    },
    cli::kms_client::KmsGetKeyArgs,
    commands::quote::judgement::Judgement,
    context::Context,
    error::{Error, Result},
    kms::{
        asking::{Asking, Exchange, KeyOutcome, QuoteFault},
        client::Refused,
        peer::NodeIdentity,
    },
    product::Product,
    report::{CheckInfo, Exhibit, Fact, Finding, RegisterMatrix, RegisterRow, Report, Section, Table, Verdict},
    text::time,
};

/// The service issues a challenge.
const CHALLENGE: CheckInfo = CheckInfo { id: "kms-challenge", title: "the KMS issues a challenge to the node" };
/// The node's quote is fit to be sent.
const NODE_QUOTE: CheckInfo =
    CheckInfo { id: "node-quote", title: "the node's quote answers the challenge and names its peer" };
/// The service releases the key.
pub(in crate::commands) const KEY: CheckInfo =
    CheckInfo { id: "kms-key", title: "the KMS releases the node's storage key" };

/// Checks of `kms get-key`.
fn rules(judgement: &Judgement<'_>) -> Vec<CheckInfo> {
    attest::rules(judgement).into_iter().chain([CHALLENGE, NODE_QUOTE, KEY]).collect()
}

/// Name of the fact that says how long the node waited, in milliseconds.
pub(in crate::commands) const LATENCY: &str = "latency";

pub(super) async fn run(args: &KmsGetKeyArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let own = &context.endpoints.kms;
    let (identity, thrown_away) = identity(args.node_key.as_deref().or(own.node_key.as_deref()))?;
    let socket = args.node_socket.as_deref().or(own.node_agent.as_deref()).ok_or_else(|| {
        Error::usage("nothing makes the node's quote")
            .help("name the socket of the node's guest agent with --node-socket")
    })?;
    let judgement =
        if args.any_kms { Judgement::new(&args.by, context, false)? } else { Judgement::of_kms(&args.by, context)? };
    refuse_any_kms(args, &judgement)?;
    let client = super::client(&args.kms, context)?;
    if client.is_in_the_clear() && !args.allow_http {
        let what = format!("the key would travel to {} in the clear", client.host());
        return Err(Error::usage(what).help("use https, or say --allow-http if no one can listen on the way"));
    }
    let kms = attest::attested(&client, &judgement, attest::fresh_nonce()?, None).await?.section;
    let mut node = Section::new(identity.peer_id());
    if Verdict::of(kms.findings.iter()) == Verdict::Passed {
        let asking = Asking { client: &client, identity: &identity, agent: &GuestAgent::new(socket) };
        told(asking.run().await?, args, &mut node)?;
    } else {
        let why = "not asked: the KMS is not proven to be one";
        node.findings.push(KEY.undecided(&node.subject, why).help("nothing of the node was sent to it"));
    }
    let mut caveats = attest::caveats(&judgement);
    if client.is_in_the_clear() {
        caveats.push(format!("the key travels from {} in the clear, as allowed", client.host()));
    }
    if thrown_away {
        caveats.push("the node's key was made for this run: no other run gets the same storage key".to_owned());
    }
    Ok(Product::report(Report {
        command: "kms get-key".into(),
        rules: rules(&judgement),
        sections: vec![kms, node],
        caveats,
        elapsed: Some(started.elapsed()),
        ..Report::default()
    }))
}

/// A genuine quote proves a genuine machine. That a KMS runs on it, and which, only a policy says.
fn refuse_any_kms(args: &KmsGetKeyArgs, judgement: &Judgement<'_>) -> Result<()> {
    if judgement.by_policy() || args.any_kms {
        return Ok(());
    }
    let help =
        "give the policy of the KMS's release with --expect-policy; --any-kms takes a key from any genuine machine";
    Err(Error::usage("no policy says which machines are the KMS").help(help))
}

/// The node, and whether it exists for this run alone.
fn identity(path: Option<&Path>) -> Result<(NodeIdentity, bool)> {
    match path {
        Some(path) => Ok((NodeIdentity::from_file(path)?, false)),
        None => Ok((NodeIdentity::generate()?, true)),
    }
}

/// Says what came of a node's asking.
fn told(exchange: Exchange, args: &KmsGetKeyArgs, node: &mut Section) -> Result<()> {
    let peer = node.subject.clone();
    match exchange {
        Exchange::NoChallenge(refused) => node.findings.push(refusal(CHALLENGE, &peer, &refused)),
        Exchange::Unanswerable => node.findings.push(CHALLENGE.fail(&peer, "the nonce is not 32 bytes in base64")),
        Exchange::NoQuote { expires_at, why } => {
            node.findings.push(challenged(&peer, expires_at));
            node.findings.push(match why {
                QuoteFault::OtherReportData => NODE_QUOTE
                    .fail(&peer, "the guest agent made a quote over something else")
                    .help("is this the node's own guest agent?"),
                QuoteFault::Unreadable(why) => NODE_QUOTE.fail(&peer, format!("no quote that can be read: {why}")),
            });
        }
        Exchange::Answered(answered) => {
            node.findings.push(challenged(&peer, answered.expires_at));
            node.findings.push(NODE_QUOTE.pass(&peer, format!("{} bytes", answered.quote_bytes)));
            node.facts.push(Fact::named(LATENCY, format!("{} ms", answered.latency.as_millis())));
            node.exhibits.push(measured(&answered.registers));
            node.findings.push(match answered.key {
                KeyOutcome::Refused(refused) => refusal(KEY, &peer, &refused),
                KeyOutcome::NotAKey => KEY.fail(&peer, "the KMS answered with something that is not a key"),
                KeyOutcome::Released(key) => {
                    if let Some(path) = &args.key_out {
                        file::write_secret(path, key.hex.as_bytes())?;
                    }
                    let (bytes, fingerprint) = (key.bytes, key.fingerprint);
                    KEY.pass(&peer, format!("{bytes} bytes, fingerprint {fingerprint}"))
                }
            });
        }
    }
    Ok(())
}

fn challenged(peer: &str, expires_at: u64) -> Finding {
    CHALLENGE.pass(peer, format!("valid until {}", time(expires_at)))
}

/// What the node measures: what the KMS's policy was compared with.
fn measured(registers: &Registers<Measurement>) -> Exhibit {
    let values = Register::ALL.map(|register| vec![registers.get(register).to_string()]).to_vec();
    let row = RegisterRow { profile: "node".to_owned(), role: None, values };
    let registers = Register::ALL.map(Register::name).to_vec();
    Exhibit { checks: &[KEY.id], table: Table::Registers(RegisterMatrix { registers, rows: vec![row] }) }
}

fn refusal(check: CheckInfo, peer: &str, refused: &Refused) -> Finding {
    let demanded = if check == KEY { "200 and a key" } else { "200 and a challenge" };
    let help = match refused.status {
        403 => "the node is not one that the KMS's policy allows: wrong image, wrong profile, or an old release",
        401 => "the KMS does not trust the node: its log has the cause",
        429 => "wait as long as a challenge is good for, then try again",
        _ => "look at the KMS's log: it has the cause",
    };
    let said = KeyRefusal::from(refused).to_string();
    check.fail(peer, "the KMS turns the node away").compared(demanded, said).help(help)
}
