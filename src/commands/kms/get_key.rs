//! `kms get-key`: the node's side of a key release, from the judgement of the KMS to the key.
//!
//! The KMS is judged first. Nothing of the node is sent to one that fails.

use std::{path::Path, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::attest;
use crate::{
    adapters::{dstack::GuestAgent, file},
    attestation::{quote::Quote, report_data::report_data},
    cli::kms_client::KmsGetKeyArgs,
    commands::quote::judgement::Judgement,
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    kms::{
        client::{KmsClient, Refused},
        peer::NodeIdentity,
        wire::{ChallengeResponse, GetKeyRequest, binds, peer_binding},
    },
    product::Product,
    report::{CheckInfo, Finding, Report, Section, Verdict},
    text::time,
};

/// The service issues a challenge.
const CHALLENGE: CheckInfo = CheckInfo { id: "kms-challenge", title: "the KMS issues a challenge to the node" };
/// The node's quote is fit to be sent.
const NODE_QUOTE: CheckInfo =
    CheckInfo { id: "node-quote", title: "the node's quote answers the challenge and names its peer" };
/// The service releases the key.
const KEY: CheckInfo = CheckInfo { id: "kms-key", title: "the KMS releases the node's storage key" };

/// Checks of `kms get-key`.
fn rules(judgement: &Judgement<'_>) -> Vec<CheckInfo> {
    attest::rules(judgement).into_iter().chain([CHALLENGE, NODE_QUOTE, KEY]).collect()
}

/// Shortest key, in bytes.
const MIN_KEY_BYTES: usize = 16;
/// Digits of a key's SHA-256 that are shown: enough to compare two keys by, and nothing of the key.
const FINGERPRINT_DIGITS: usize = 16;

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
        let asking = Asking {
            client: &client,
            identity: &identity,
            agent: GuestAgent::new(socket),
            key_out: args.key_out.as_deref(),
        };
        asking.run(&mut node.findings).await?;
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

/// A node that asks for its key.
struct Asking<'a> {
    client: &'a KmsClient,
    identity: &'a NodeIdentity,
    agent: GuestAgent,
    key_out: Option<&'a Path>,
}

impl Asking<'_> {
    async fn run(&self, findings: &mut Vec<Finding>) -> Result<()> {
        let peer = self.identity.peer_id();
        let challenge = match self.client.challenge(&peer).await? {
            Ok(challenge) => challenge,
            Err(refused) => {
                findings.push(refusal(CHALLENGE, &peer, &refused));
                return Ok(());
            }
        };
        let Some(nonce) = nonce(&challenge) else {
            findings.push(CHALLENGE.fail(&peer, "the nonce is not 32 bytes in base64"));
            return Ok(());
        };
        findings.push(CHALLENGE.pass(&peer, format!("valid until {}", time(challenge.expires_at))));
        let binding = peer_binding(&peer);
        let quote = self.agent.get_quote(&report_data(&nonce, &binding)).await?.quote;
        match Quote::parse(&quote) {
            Ok(parsed) if binds(&parsed, &nonce, &binding) => {
                findings.push(NODE_QUOTE.pass(&peer, format!("{} bytes", quote.len())));
            }
            Ok(_) => {
                let why = "the guest agent made a quote over something else";
                findings.push(NODE_QUOTE.fail(&peer, why).help("is this the node's own guest agent?"));
                return Ok(());
            }
            Err(error) => {
                findings.push(NODE_QUOTE.fail(&peer, format!("no quote that can be read: {error}")));
                return Ok(());
            }
        }
        let request = self.identity.request_key(challenge.challenge_id, &nonce, &quote);
        findings.push(self.key(&request).await?);
        Ok(())
    }

    async fn key(&self, request: &GetKeyRequest) -> Result<Finding> {
        let peer = &request.peer_id;
        let answer = match self.client.get_key(request).await? {
            Ok(answer) => answer,
            Err(refused) => return Ok(refusal(KEY, peer, &refused)),
        };
        let mut bytes = Zeroizing::new(vec![0; answer.key.len() / 2]);
        if bytes.len() < MIN_KEY_BYTES || hex::decode_to_slice(answer.key.as_str(), &mut bytes).is_err() {
            return Ok(KEY.fail(peer, "the KMS answered with something that is not a key"));
        }
        let fingerprint = Sha256::of(&bytes).to_string();
        let fingerprint = fingerprint.get(..FINGERPRINT_DIGITS).unwrap_or(&fingerprint);
        if let Some(path) = self.key_out {
            file::write_secret(path, answer.key.as_bytes())?;
        }
        Ok(KEY.pass(peer, format!("{} bytes, fingerprint {fingerprint}", bytes.len())))
    }
}

fn refusal(check: CheckInfo, peer: &str, refused: &Refused) -> Finding {
    let help = match refused.status {
        403 => "the node is not one that the KMS's policy allows: wrong image, wrong profile, or an old release",
        401 => "the KMS does not trust the node: its log has the cause",
        429 => "wait as long as a challenge is good for, then try again",
        _ => "look at the KMS's log: it has the cause",
    };
    check.fail(peer, format!("the KMS refuses: {refused}")).help(help)
}

fn nonce(challenge: &ChallengeResponse) -> Option<[u8; 32]> {
    STANDARD.decode(&challenge.nonce_b64).ok()?.try_into().ok()
}
