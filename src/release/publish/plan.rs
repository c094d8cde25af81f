//! What is to be done so that GitHub holds what a folder holds: a pure function of the two.
//!
//! A plan has stages. The caller does one stage, asks GitHub again what it holds, and plans anew: so every stage
//! is checked by reading it back, and a run that begins where another was interrupted does what is left. A release is
//! published in a stage of its own, once everything was read back.
//!
//! What is deleted: names without content, in a draft of ours what has another content than the file, and in a published
//! release what has been replaced. An asset that is good is never deleted. In a published release a new asset is uploaded
//! under a name of the moment, read back, and takes the old one's name when that is out of its way; only then does the old
//! one go. No content is ever missing; between the two renames its name is, for a moment. All new assets are there before the
//! first takes its place, and those that vouch for others move last. Assets that the folder lacks go too.

use super::{
    files::MAX_ASSETS,
    names,
    state::{File, Held, HeldAsset, Others, Remote, Standing, Wish},
    target::{PUBLISH_TARGET, Run, Stop, Target, choose},
};
use crate::{
    report::{Action, Finding},
    subject::tag::Tag,
};

/// What is to be done, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The release or draft that is worked on, once there is one.
    pub release: Option<u64>,
    /// What can be done without asking again, and then what comes after that.
    pub stages: Vec<Vec<Step>>,
    /// What people should know about it.
    pub remarks: Vec<Finding>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make a draft with the mark of this run.
    Create,
    /// Delete a draft that this run made and that is not needed.
    DiscardDraft(u64),
    /// Put the mark of this run on a draft.
    TakeOver(u64),
    /// Delete an asset.
    Discard {
        /// Its number.
        asset: u64,
        /// Its name.
        name: String,
        /// Why it goes.
        why: String,
    },
    /// Upload a file.
    Upload {
        /// Its name.
        file: String,
        /// What the asset is called, for now.
        as_name: String,
    },
    /// Give an asset another name.
    Rename {
        /// Its number; `None` for one that is yet to be uploaded.
        asset: Option<u64>,
        /// What it is called.
        from: String,
        /// What it is to be called.
        to: String,
    },
    /// Change title, notes and the mark of a pre-release.
    Describe(u64),
    /// Make a draft public.
    Publish {
        /// Its number; `None` for one that is yet to be made.
        release: Option<u64>,
        /// Whether it becomes the repository's latest.
        latest: bool,
    },
}

impl Step {
    /// As reports show it; `tag` is what a release is called.
    pub fn described(&self, tag: &str) -> (String, String) {
        let of = |what: &str, target: &str| (what.to_owned(), target.to_owned());
        match self {
            Self::Create => of("create draft", tag),
            Self::DiscardDraft(id) => of("delete draft", &id.to_string()),
            Self::TakeOver(id) => of("take over draft", &id.to_string()),
            Self::Discard { name, why, .. } => of("delete", &format!("{name} ({why})")),
            Self::Upload { file, as_name } if file == as_name => of("upload", file),
            Self::Upload { file, as_name } => of("upload", &format!("{file} as {as_name}")),
            Self::Rename { from, to, .. } => of("rename", &format!("{from} to {to}")),
            Self::Describe(_) => of("change title, notes and pre-release mark", tag),
            Self::Publish { latest: true, .. } => of("publish as latest", tag),
            Self::Publish { latest: false, .. } => of("publish", tag),
        }
    }

    /// The step as something that would be done.
    pub fn planned(&self, tag: &str) -> Action {
        let (what, target) = self.described(tag);
        Action::planned(what, target)
    }

    /// The step as something that was done.
    pub fn done(&self, tag: &str) -> Action {
        let (what, target) = self.described(tag);
        Action::done(what, target)
    }
}

/// Compares what is there with what is wished.
///
/// # Errors
/// [`Stop`]: what is there must not be changed, or another run is at work.
pub fn plan(remote: &Remote, wish: &Wish, run: &Run) -> Result<Plan, Stop> {
    let (target, mut remarks) = choose(remote, wish, run)?;
    let latest = is_latest(remote.highest.as_ref(), wish);
    let (release, mut stages) = match target {
        Target::New => {
            let uploads = wish.files.iter().map(|file| upload(file, &file.name)).collect();
            (None, vec![vec![Step::Create], uploads, vec![Step::Publish { release: None, latest }]])
        }
        Target::Abandoned(held) | Target::Own(held) => {
            let taken = match target {
                Target::Own(_) => Vec::new(),
                Target::New | Target::Abandoned(_) | Target::Published(_) => vec![Step::TakeOver(held.id)],
            };
            let publish = vec![Step::Publish { release: Some(held.id), latest }];
            (Some(held.id), vec![taken, fill(held, wish)?, publish])
        }
        Target::Published(held) => {
            let mut stages = replace(held, wish);
            permit(held, wish, &stages)?;
            remarks.extend(stand_ins(held, wish).filter(|asset| is_foreign(asset, wish)).map(left_alone));
            // Another run published while this one made a draft of its own.
            let own = remote.releases.iter().filter(|other| other.run().as_ref() == Some(&run.id));
            stages.push(own.map(|draft| Step::DiscardDraft(draft.id)).collect());
            (Some(held.id), stages)
        }
    };
    stages.retain(|stage| !stage.is_empty());
    Ok(Plan { release, stages, remarks })
}

/// A pre-release is never the latest, and an older version never in place of a newer one.
fn is_latest(highest: Option<&Tag>, wish: &Wish) -> bool {
    !wish.prerelease() && highest.is_none_or(|highest| highest.version() <= wish.tag.version())
}

/// What a draft lacks, and what is in the way.
fn fill(held: &Held, wish: &Wish) -> Result<Vec<Step>, Stop> {
    let (mut discards, mut uploads) = (Vec::new(), Vec::new());
    for file in &wish.files {
        let kept = match held.asset(&file.name, file) {
            Some((asset, Standing::Good)) => Some(asset.id),
            Some(_) | None => {
                uploads.push(upload(file, &file.name));
                None
            }
        };
        let in_the_way = held.assets.iter().filter(|asset| asset.name == file.name && Some(asset.id) != kept);
        discards.extend(in_the_way.map(|asset| discard(asset, why(asset, file))));
    }
    let others: Vec<&HeldAsset> = held.others(wish).chain(stand_ins(held, wish)).collect();
    discards.extend(others.iter().filter_map(|asset| asset.broken().map(|why| discard(asset, why))));
    let whole: Vec<&HeldAsset> = others.into_iter().filter(|asset| asset.broken().is_none()).collect();
    match (wish.others, wish.replace) {
        (Others::Stay, _) => {}
        (Others::Unwanted, true) => discards.extend(whole.iter().map(|asset| discard(asset, NOT_IN_FOLDER.to_owned()))),
        (Others::Unwanted, false) if whole.is_empty() => {}
        (Others::Unwanted, false) => {
            let draft = held.id;
            let one = |asset: &&HeldAsset| {
                PUBLISH_TARGET
                    .fail(&asset.name, format!("draft {draft} holds it, and the folder does not"))
                    .help("put it into the folder, or delete what the folder does not hold: --replace")
            };
            return Err(Stop::Refused(whole.iter().map(one).collect()));
        }
    }
    room(held, uploads.len(), discards.len(), wish)?;
    Ok(discards.into_iter().chain(uploads).collect())
}

const NOT_IN_FOLDER: &str = "the folder does not hold it";

/// What makes a published release hold the files: uploads, exchanges of names, deletions.
fn replace(held: &Held, wish: &Wish) -> Vec<Vec<Step>> {
    let (mut bring, mut exchange, mut clear) = (Vec::new(), Vec::new(), Vec::new());
    for file in &wish.files {
        let moment = names::incoming(&file.name, file.digest);
        let arrived = held.asset(&moment, file);
        let waiting = match &arrived {
            Some((asset, Standing::Good)) => Some(asset.id),
            Some(_) | None => None,
        };
        let comes = Step::Rename { asset: waiting, from: moment.clone(), to: file.name.clone() };
        match (held.asset(&file.name, file), waiting) {
            (Some((_, Standing::Good)), _) => {}
            (Some((asset, Standing::Broken(why))), _) => {
                bring.push(discard(asset, why));
                match waiting {
                    Some(_) => exchange.push(comes),
                    None => bring.push(upload(file, &file.name)),
                }
            }
            (Some((asset, Standing::Differs { .. })), _) => {
                if waiting.is_none() {
                    bring.extend(arrived.iter().map(|(broken, _)| discard(broken, why(broken, file))));
                    bring.push(upload(file, &moment));
                }
                let to = names::retired(&file.name, asset.id);
                exchange.push(Step::Rename { asset: Some(asset.id), from: file.name.clone(), to });
                exchange.push(comes);
            }
            (None, Some(_)) => exchange.push(comes),
            (None, None) => bring.push(upload(file, &file.name)),
        }
    }
    let taken: Vec<u64> = exchange.iter().filter_map(renamed).collect();
    let gone: Vec<u64> = bring.iter().filter_map(discarded).collect();
    let left = |asset: &&HeldAsset| !taken.contains(&asset.id) && !gone.contains(&asset.id);
    let replaced = stand_ins(held, wish).filter(left).filter(|asset| !is_foreign(asset, wish));
    clear.extend(replaced.map(|asset| discard(asset, "it was replaced".to_owned())));
    for step in &exchange {
        // What is renamed out of the way in this plan goes in the same.
        if let Step::Rename { asset: Some(id), to, .. } = step
            && names::stands_in_for(to).is_some()
        {
            clear.push(Step::Discard { asset: *id, name: to.clone(), why: "it was replaced".to_owned() });
        }
    }
    let unwanted = held.others(wish).filter(|asset| wish.others == Others::Unwanted || asset.broken().is_some());
    clear.extend(unwanted.map(|asset| discard(asset, asset.broken().unwrap_or_else(|| NOT_IN_FOLDER.to_owned()))));
    // Who gives no notes leaves title and mark to the maintainers as well.
    let marked_wrongly = wish.notes.is_some() && held.prerelease != wish.prerelease();
    let describes = marked_wrongly || wish.notes_unlike(held).is_some();
    let describe = describes.then_some(Step::Describe(held.id));
    // Deletions first: uploads next to each other can be made at the same time.
    bring.sort_by_key(|step| discarded(step).is_none());
    vec![bring, exchange, clear, describe.into_iter().collect()]
}

/// Whether a published release may be changed so.
fn permit(held: &Held, wish: &Wish, stages: &[Vec<Step>]) -> Result<(), Stop> {
    let steps: Vec<&Step> = stages.iter().flatten().collect();
    if steps.is_empty() {
        return Ok(());
    }
    let tag = wish.tag.as_str();
    let refuse = |finding: Finding| Err(Stop::Refused(vec![finding]));
    let (first, target) = steps.first().map(|step| step.described(tag)).unwrap_or_default();
    let differs = format!("published, and not as the folder is; to begin with it would take: {first} {target}");
    if held.immutable {
        let help = "an immutable release stays as it is: publish the change under a new patch version";
        return refuse(
            PUBLISH_TARGET.fail(tag, differs).compared("the folder's assets and notes", "immutable").help(help),
        );
    }
    if !wish.replace {
        let help = "publish the change under a new patch version; to change this release all the same, add --replace";
        let finding = PUBLISH_TARGET.fail(tag, differs).compared("no release, or the same one", "another one");
        return refuse(finding.help(help));
    }
    let uploads = steps.iter().filter(|step| matches!(step, Step::Upload { .. })).count();
    room(held, uploads, 0, wish)
}

/// Whether a release has room for so many more assets.
fn room(held: &Held, uploads: usize, discards: usize, wish: &Wish) -> Result<(), Stop> {
    let assets = (held.assets.len() + uploads).saturating_sub(discards);
    if assets <= MAX_ASSETS {
        return Ok(());
    }
    let message = "the release would hold more assets than GitHub takes";
    let finding = PUBLISH_TARGET.fail(wish.tag.as_str(), message);
    Err(Stop::Refused(vec![finding.compared(format!("at most {MAX_ASSETS}"), assets.to_string())]))
}

/// Assets under a name of the moment, for one of the files.
fn stand_ins<'a>(held: &'a Held, wish: &'a Wish) -> impl Iterator<Item = &'a HeldAsset> {
    let wanted = |name: &str| wish.files.iter().any(|file| file.name == name);
    held.assets
        .iter()
        .filter(move |asset| !wanted(&asset.name) && names::stands_in_for(&asset.name).is_some_and(wanted))
}

/// What another run brought and may be about to give its name to. Measurements that join a release are signed anew by each
/// run, so there it is what an interrupted run left.
fn is_foreign(asset: &HeldAsset, wish: &Wish) -> bool {
    let own = |file: &File| asset.name == names::incoming(&file.name, file.digest);
    let waits = asset.broken().is_none() && names::is_incoming(&asset.name);
    waits && wish.joins.is_none() && !wish.files.iter().any(own)
}

fn left_alone(asset: &HeldAsset) -> Finding {
    let message = "another run brought it, and the folder holds another content; it was left as found";
    PUBLISH_TARGET.warn(&asset.name, message).help("when no other run is at work, delete it by hand")
}

fn upload(file: &File, as_name: &str) -> Step {
    Step::Upload { file: file.name.clone(), as_name: as_name.to_owned() }
}

fn discard(asset: &HeldAsset, why: String) -> Step {
    Step::Discard { asset: asset.id, name: asset.name.clone(), why }
}

fn why(asset: &HeldAsset, file: &File) -> String {
    match asset.beside(file) {
        Standing::Good => "it is there twice".to_owned(),
        Standing::Broken(why) => why,
        Standing::Differs { .. } => "it differs from the folder's".to_owned(),
    }
}

fn renamed(step: &Step) -> Option<u64> {
    if let Step::Rename { asset, .. } = step { *asset } else { None }
}

fn discarded(step: &Step) -> Option<u64> {
    if let Step::Discard { asset, .. } = step { Some(*asset) } else { None }
}

#[cfg(test)]
mod tests;
