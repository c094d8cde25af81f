//! Services and nodes that run are asked: every node asks every KMS for its key, and each node's own endpoints tell of it.

use futures_util::future::join_all;
use url::Url;

use super::{policy_file, running::Running, suite};
use crate::{
    attestation::{
        key_answer::KeyAnswer,
        measurement::{Measurement, Registers},
    },
    cli::{e2e::E2eArgs, quote::JudgementArgs},
    commands::{
        kms::attest::{attested, fresh_nonce},
        node_access::{Asked, Question, ask as ask_kms},
        quote::judgement::{Judgement, is_genuine},
    },
    context::Context,
    e2e::{guardrails::Heard, measurements::Seen, release::KmsRelease, suite::NodeRun},
    error::{Class, Error, Result},
    kms::client::KmsClient,
    subject::{profile::Profile, role::Role},
};

/// What was heard and seen.
#[derive(Default)]
pub(super) struct Live {
    /// What nodes heard from the KMSs of the pair.
    pub(super) heard: Vec<Heard>,
    /// What nodes heard from a KMS of an older release.
    pub(super) stale: Vec<Heard>,
    /// KMSs of an older release that are named and were not asked: why.
    pub(super) unasked: Vec<(Profile, String)>,
    /// KMSs that are named and were not asked, since the catalog does not list the pair in their profile.
    pub(super) unlisted: Vec<Profile>,
    /// Machines of the pair, as their quotes show them.
    pub(super) seen: Vec<Seen>,
    /// Each node from its boot to its key.
    pub(super) runs: Vec<NodeRun>,
    /// What weakens all of it.
    pub(super) caveats: Vec<String>,
}

impl Live {
    /// What nodes were seen to measure.
    pub(super) fn nodes_seen(&self) -> Vec<(Profile, Registers<Measurement>)> {
        let mut seen: Vec<(Profile, Registers<Measurement>)> = Vec::new();
        for one in self.seen.iter().filter(|one| one.role == Role::Node) {
            let machine = (one.profile, one.registers);
            if !seen.contains(&machine) {
                seen.push(machine);
            }
        }
        seen
    }
}

/// The releases that what runs is of.
#[derive(Clone, Copy)]
pub(super) struct Releases<'a> {
    /// The KMS of the pair.
    pub(super) kms: &'a KmsRelease,
    /// The one whose policy is stale.
    pub(super) older: Option<&'a KmsRelease>,
    /// The profiles of the pair.
    pub(super) profiles: &'a [Profile],
}

/// Asks whatever runs.
///
/// # Errors
/// Usage: an address or a policy cannot be used, or a key would travel in the clear.
pub(super) async fn ask(args: &E2eArgs, context: &Context, running: &Running, releases: Releases<'_>) -> Result<Live> {
    let mut live = Live::default();
    let mut own: Vec<(Profile, Asked)> = Vec::new();
    for (profile, url) in &running.kms {
        if !releases.profiles.contains(profile) {
            live.unlisted.push(*profile);
            continue;
        }
        let quotes = args.quotes.judgement(*profile);
        let Some(kms) = Kms::new(args, context, &quotes, (releases.kms, *profile), url)? else { continue };
        live.caveats.extend(kms.caveats());
        let kms = &kms;
        let asked = Profile::ALL.into_iter().filter_map(|node| Some((node, running.node(node)?)));
        let answers =
            join_all(asked.map(|(node, access)| async move { (node, ask_kms(&kms.question(), access).await) }));
        let mut is_seen_elsewhere = false;
        for (node, asked) in answers.await {
            let asked = asked?;
            // A node that was made to ask by a command has judged the KMS by itself, and tells nothing of its quote.
            is_seen_elsewhere |= asked.kms.is_none() && !matches!(asked.answer, KeyAnswer::NoVerdict(_));
            live.heard.push(heard(*profile, node, &asked));
            if node == *profile {
                own.push((node, asked));
            }
        }
        if is_seen_elsewhere {
            live.seen.extend(kms.seen().await?);
        }
    }
    for (profile, url) in &running.stale_kms {
        match ask_stale(args, context, (running, releases), (*profile, url)).await? {
            Ok(one) => live.stale.push(one),
            Err(why) => live.unasked.push((*profile, why)),
        }
    }
    for one in &live.heard {
        let machine =
            |role, profile, registers: Option<_>| registers.map(|registers| Seen { role, profile, registers });
        live.seen.extend(machine(Role::Kms, one.kms, one.kms_registers));
        live.seen.extend(machine(Role::Node, one.node, one.registers));
    }
    for profile in Profile::ALL {
        let url = running.node_urls.iter().find(|(of, _)| *of == profile).map(|(_, url)| url);
        let asked = own.iter().find(|(of, _)| *of == profile).map(|(_, asked)| asked);
        if url.is_none() && running.node(profile).is_none() {
            continue;
        }
        let walk = suite::Walk { args, context, kms: releases.kms, profile };
        let (run, seen) = walk.run(url, asked).await?;
        live.runs.push(run);
        live.seen.extend(seen);
    }
    live.caveats.sort();
    live.caveats.dedup();
    Ok(live)
}

/// Has the node of a profile ask a KMS of the older release; `Err` inside: it could not, and why.
async fn ask_stale(
    args: &E2eArgs,
    context: &Context,
    (running, releases): (&Running, Releases<'_>),
    (profile, url): (Profile, &Url),
) -> Result<std::result::Result<Heard, String>> {
    if !releases.profiles.contains(&profile) {
        return Ok(Err(format!("the catalog does not list the pair in {profile}")));
    }
    let Some(older) = releases.older else {
        return Ok(Err("no older release was read that it could be of".to_owned()));
    };
    let Some(access) = running.node(profile) else {
        return Ok(Err(format!("no node of {profile} is named: --node or --node-socket")));
    };
    let quotes = args.quotes.judgement(profile);
    let Some(kms) = Kms::new(args, context, &quotes, (older, profile), url)? else {
        return Ok(Err(format!("{} has no policy for {profile}", older.tag)));
    };
    Ok(Ok(heard(profile, profile, &ask_kms(&kms.question(), access).await?)))
}

fn heard(kms: Profile, node: Profile, asked: &Asked) -> Heard {
    let (registers, kms_registers) = (asked.registers, asked.kms_registers);
    Heard { kms, node, answer: asked.answer.clone(), registers, kms_registers }
}

/// A KMS that runs, and by what it is judged.
struct Kms<'a> {
    client: KmsClient,
    url: &'a Url,
    judgement: Judgement<'a>,
    policy: &'a [u8],
    profile: Profile,
}

impl<'a> Kms<'a> {
    /// `None`: the release has no policy for the profile, which its guardrails say.
    fn new(
        args: &E2eArgs,
        context: &'a Context,
        quotes: &'a JudgementArgs,
        (release, profile): (&'a KmsRelease, Profile),
        url: &'a Url,
    ) -> Result<Option<Self>> {
        let client = KmsClient::new(url, context.http.clone())?;
        if client.is_in_the_clear() && !args.running.allow_http {
            let what = format!("a key would travel from {} in the clear", client.host());
            return Err(Error::usage(what).help("use https, or say --allow-http if no one can listen on the way"));
        }
        let Some((_, bytes)) = release.policy(profile) else { return Ok(None) };
        let judgement = Judgement::by(quotes, context, policy_file(release, profile)?)?;
        Ok(Some(Self { client, url, judgement, policy: bytes, profile }))
    }

    fn question(&self) -> Question<'_> {
        let Self { client, url, judgement, policy, profile } = self;
        Question { client, url, judgement, policy, profile: *profile }
    }

    /// The KMS as its quote shows it here; `None` where that is not genuine, or does not come.
    async fn seen(&self) -> Result<Option<Seen>> {
        let attested = match attested(&self.client, &self.judgement, fresh_nonce()?, None).await {
            Ok(attested) => attested,
            Err(error) if error.class() == Class::Remote => return Ok(None),
            Err(error) => return Err(error),
        };
        let read = attested.read.filter(|_| is_genuine(&attested.section));
        let registers = read.map(|read| read.input.quote.report.registers);
        Ok(registers.map(|registers| Seen { role: Role::Kms, profile: self.profile, registers }))
    }

    fn caveats(&self) -> Vec<String> {
        let mut caveats = self.judgement.caveats();
        if self.client.is_in_the_clear() {
            caveats.push(format!("keys travel from {} in the clear, as allowed", self.client.host()));
        }
        caveats
    }
}
