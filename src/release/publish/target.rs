//! Which release or draft a run works on, and why it may not.
//!
//! A draft that `publish` made bears a mark with the number of the run that works on it. A run that finds such a draft takes
//! it over by writing its own number; the run before, if it still lives, sees that and stops. Of two drafts that two runs made
//! at the same time the older one stays, and the run that made the other deletes it and stops.

use super::{
    mark::RunId,
    state::{Held, Joined, Remote, Standing, Wish},
};
use crate::{
    report::{CheckInfo, Finding},
    text::listed,
};

/// `publish-target`.
pub const PUBLISH_TARGET: CheckInfo = CheckInfo {
    id: "publish-target",
    title: "the tag has no release yet, a draft that can be finished, or a release that may be replaced",
};

/// What a run has to do with the releases there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The draft or release it works on, once it does.
    pub works_on: Option<u64>,
    /// Whether it made that itself.
    pub made: bool,
}

/// What a run works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'a> {
    /// Nothing is there yet.
    New,
    /// A draft whose mark names another run, or without a mark: it is to be taken over first.
    Abandoned(&'a Held),
    /// A draft of this run.
    Own(&'a Held),
    /// The release.
    Published(&'a Held),
}

/// Why a run goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// What is there must not be changed.
    Refused(Vec<Finding>),
    /// Another run is at work. What this one made is to be deleted, if anything.
    Lost {
        /// A draft of this run's own.
        leftover: Option<u64>,
        /// What happened.
        finding: Box<Finding>,
    },
}

/// What a run works on, and what people should know about the rest.
///
/// # Errors
/// [`Stop`].
pub fn choose<'a>(remote: &'a Remote, wish: &Wish, run: &Run) -> Result<(Target<'a>, Vec<Finding>), Stop> {
    let published = remote.releases.iter().find(|held| !held.draft);
    let mut drafts: Vec<&Held> = remote.releases.iter().filter(|held| held.draft).collect();
    drafts.sort_by_key(|held| held.id);
    let (marked, foreign): (Vec<&Held>, Vec<&Held>) = drafts.iter().copied().partition(|held| held.run().is_some());
    if let Some(joined) = &wish.joins {
        let held = still_as_judged(joined, remote, wish)?;
        return Ok((Target::Published(held), beside(wish, held.id, &drafts)));
    }
    if let Some(held) = published {
        return Ok((Target::Published(held), beside(wish, held.id, &drafts)));
    }
    if let Some(id) = run.works_on {
        return still_own(id, wish, run, &marked).map(|held| (Target::Own(held), beside(wish, id, &drafts)));
    }
    // Made by this run, whose answer got lost.
    if let Some(held) = marked.iter().find(|held| held.run().as_ref() == Some(&run.id)) {
        return still_own(held.id, wish, run, &marked).map(|held| (Target::Own(held), beside(wish, held.id, &drafts)));
    }
    match (marked.first(), &foreign[..]) {
        (Some(held), []) => Ok((Target::Abandoned(held), beside(wish, held.id, &drafts))),
        (None, []) => Ok((Target::New, Vec::new())),
        (None, [held]) if wish.replace => Ok((Target::Abandoned(held), Vec::new())),
        (Some(_) | None, _) => Err(Stop::Refused(vec![unclear(wish, &foreign, !marked.is_empty())])),
    }
}

/// The release that was judged, if it is still published and holds what it held then.
fn still_as_judged<'a>(joined: &Joined, remote: &'a Remote, wish: &Wish) -> Result<&'a Held, Stop> {
    let id = joined.judged.id;
    let refuse = |findings: Vec<Finding>| {
        let help = "find out who changes the release; then run this again: it judges what is there by then";
        Err(Stop::Refused(findings.into_iter().map(|finding| finding.help(help)).collect()))
    };
    let Some(held) = remote.releases.iter().find(|held| held.id == id && !held.draft) else {
        let message = format!("release {id}, which was judged, is no longer published");
        return refuse(vec![PUBLISH_TARGET.fail(wish.tag.as_str(), message)]);
    };
    let message = format!("release {id} was changed after it was judged");
    let changed: Vec<Finding> =
        joined.changed(held, wish).into_iter().map(|name| PUBLISH_TARGET.fail(name, message.as_str())).collect();
    if !changed.is_empty() {
        return refuse(changed);
    }
    let kept = wish.files.iter().filter(|file| joined.keeps.as_ref() == Some(&file.name));
    for file in kept {
        for asset in held.assets.iter().filter(|asset| asset.name == file.name) {
            if let Standing::Differs { expected, actual } = asset.beside(file) {
                return refuse(vec![PUBLISH_TARGET.fail(&file.name, message).compared(expected, actual)]);
            }
        }
    }
    Ok(held)
}

/// The draft that this run works on, if it is still there and its own.
fn still_own<'a>(id: u64, wish: &Wish, run: &Run, marked: &[&'a Held]) -> Result<&'a Held, Stop> {
    let tag = wish.tag.as_str();
    let lost = |leftover: Option<u64>, message: String| {
        let help = "let the other run finish, then run this again: it compares what is there with the folder";
        let finding = Box::new(PUBLISH_TARGET.undecided(tag, message).help(help));
        Err(Stop::Lost { leftover, finding })
    };
    let Some(own) = marked.iter().find(|held| held.id == id) else {
        return lost(None, format!("draft {id} is gone: somebody deleted it, or removed its mark, meanwhile"));
    };
    if own.run().as_ref() != Some(&run.id) {
        return lost(
            None,
            format!("another run of publish took draft {id} over; this one stopped and deleted nothing"),
        );
    }
    match marked.first() {
        Some(first) if run.made && first.id < id && first.run() != own.run() => {
            let message =
                format!("another run of publish made draft {} first; this one deleted its own, {id}", first.id);
            lost(Some(id), message)
        }
        Some(_) | None => Ok(own),
    }
}

/// What is said of drafts that are left alone.
fn beside(wish: &Wish, used: u64, drafts: &[&Held]) -> Vec<Finding> {
    let others: Vec<String> = drafts.iter().filter(|held| held.id != used).map(|held| held.id.to_string()).collect();
    if others.is_empty() {
        return Vec::new();
    }
    let message = format!("release {used} is used; the tag also has {}, left as found", named(&others));
    vec![PUBLISH_TARGET.warn(wish.tag.as_str(), message).help("delete the drafts that are not needed")]
}

/// Drafts that somebody else made, where it is not clear that they may be changed.
fn unclear(wish: &Wish, foreign: &[&Held], beside_own: bool) -> Finding {
    let ids: Vec<String> = foreign.iter().map(|held| held.id.to_string()).collect();
    let finding =
        PUBLISH_TARGET.fail(wish.tag.as_str(), format!("the tag has {} that publish did not make", named(&ids)));
    let finding = finding.compared("no draft, or one that publish made", named(&ids));
    finding.help(match (foreign.len(), beside_own) {
        (1, false) => "delete it, or finish it with what the folder holds: --replace",
        (_, _) => "delete the drafts that are not wanted",
    })
}

fn named(ids: &[String]) -> String {
    format!("{} {}", if ids.len() == 1 { "draft" } else { "drafts" }, listed(ids))
}
