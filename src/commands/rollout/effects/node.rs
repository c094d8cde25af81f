//! A node asks a KMS of the rollout for its key.

use url::Url;

use super::{Effects, checks::KEY};
use crate::{
    attestation::key_answer::KeyAnswer,
    cli::quote::JudgementArgs,
    commands::{
        node_access::{Asked, NodeAccess, Question, ask},
        quote::judgement::Judgement,
    },
    error::{Error, Result},
    kms::{client::KmsClient, peer::NodeIdentity},
    policy::document::PolicyFile,
    report::Finding,
    rollout::inputs::Access,
    subject::profile::Profile,
};

/// A KMS that is asked, and the policy that says which machine it is.
#[derive(Clone, Copy)]
pub(super) struct Kms<'a> {
    pub(super) url: &'a Url,
    pub(super) policy: &'a [u8],
    pub(super) profile: Profile,
}

impl Effects<'_> {
    /// Has a node ask for its key. The KMS is judged as the node itself judges it: by its quote and its policy.
    ///
    /// # Errors
    /// Usage: the node's key or the policy cannot be used, or the key would travel in the clear.
    pub(super) async fn ask(&self, kms: Kms<'_>, access: &Access) -> Result<KeyAnswer> {
        let args = JudgementArgs { quotes: self.quotes.clone(), ..JudgementArgs::default() };
        let policy = PolicyFile::parse("policy", kms.policy)
            .map_err(|finding| Error::internal(format!("the policy that was kept: {}", finding.message)))?;
        let judgement = Judgement::by(&args, self.context, policy)?;
        let client = KmsClient::new(kms.url, self.context.http.clone())?;
        if client.is_in_the_clear() {
            let what = format!("the key would travel to {} in the clear", client.host());
            return Err(Error::usage(what).help("a KMS that is not on this machine must be reached by https"));
        }
        let Kms { url, policy, profile } = kms;
        let question = Question { client: &client, url, judgement: &judgement, policy, profile };
        let Asked { answer, .. } = ask(&question, &access_of(access)?).await?;
        Ok(answer)
    }
}

/// [`KEY`]: what came of asking.
pub(super) fn told(subject: &str, access: &Access, answer: &KeyAnswer) -> Finding {
    let node = access.described();
    match answer {
        KeyAnswer::Released(key) => {
            let took = key.latency.as_millis();
            KEY.pass(subject, format!("{node} got its key in {took} ms, fingerprint {}", key.fingerprint))
        }
        KeyAnswer::Refused(refusal) => KEY
            .fail(subject, format!("the KMS refuses {node}: {refusal}"))
            .help("is the node of the release and profile that the KMS's policy admits?"),
        KeyAnswer::NoVerdict(why) => KEY
            .undecided(subject, format!("{node}: {why}"))
            .help("make the node able to ask, then go on with `merotee rollout resume`"),
    }
}

fn access_of(access: &Access) -> Result<NodeAccess> {
    Ok(match access {
        Access::Agent { socket, key } => NodeAccess::Agent {
            socket: socket.as_str().into(),
            identity: NodeIdentity::from_file(key.as_str().as_ref())?,
        },
        Access::Command(words) => NodeAccess::Command(words.iter().map(|word| word.as_str().to_owned()).collect()),
    })
}
