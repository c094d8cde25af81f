//! Is the tag where the release was built from, and does GitHub hold what the folder holds?

use super::{
    files::PUBLISH_FILES,
    state::{Held, Standing, Wish},
    target::PUBLISH_TARGET,
};
use crate::{
    release::snapshot::Snapshot,
    release::{checks::source, contract::Layout},
    report::{CheckInfo, Finding},
    schema::excerpt::excerpt,
    subject::tag::Tag,
};

/// `publish-tag`.
pub const PUBLISH_TAG: CheckInfo = CheckInfo {
    id: "publish-tag",
    title: "the tag is on the remote and leads to the commit that the release was built from",
};
/// `publish-readback`.
pub const PUBLISH_READBACK: CheckInfo = CheckInfo {
    id: "publish-readback",
    title: "what GitHub holds after the work is the folder: names, sizes, digests, notes, and published",
};

/// What `publish` checks beside the release's own checks.
pub const RULES: [CheckInfo; 4] = [PUBLISH_FILES, PUBLISH_TAG, PUBLISH_TARGET, PUBLISH_READBACK];

/// The commit that the release was built from: as its signatures say or, where a key signed, as its documents do.
pub fn built_from(snapshot: &Snapshot) -> Option<String> {
    let signed = source::of(snapshot).map(|source| source.commit.to_owned());
    signed.or_else(|| source::agreed(snapshot))
}

/// `publish-tag`: the remote's tag against the commit that the release was built from.
pub fn tag(tag: &Tag, remote: Option<&str>, built_from: Option<&str>) -> Finding {
    let name = tag.as_str();
    let Some(remote) = remote else {
        let message = "the remote has no such tag: GitHub would make one, wherever its default branch is";
        let help = format!("push it first: git push origin refs/tags/{name}");
        return PUBLISH_TAG.missing(name, message).compared("a tag", "none").help(help);
    };
    match built_from {
        Some(commit) if commit.eq_ignore_ascii_case(remote) => {
            PUBLISH_TAG.pass(name, format!("leads to {commit}, which the release was built from"))
        }
        Some(commit) => PUBLISH_TAG
            .fail(name, "the tag on the remote leads to another commit than the release was built from")
            .compared(excerpt(commit), excerpt(remote))
            .help("build the release from the tag again, or find out who moved the tag; never move it to fit"),
        None => PUBLISH_TAG
            .undecided(name, "neither signatures nor documents say which commit the release was built from")
            .help("sign in the release workflow, by certificate"),
    }
}

/// `publish-tag` once more, before anything takes its final name: the tag must lead where it did when it was checked.
pub fn moved(tag: &Tag, remote: Option<&str>, checked: &str) -> Option<Finding> {
    let same = remote.is_some_and(|remote| remote.eq_ignore_ascii_case(checked));
    (!same).then(|| {
        let finding = PUBLISH_TAG.fail(tag.as_str(), "the tag was moved or deleted after it was checked");
        let now = remote.map_or_else(|| "no tag".to_owned(), excerpt);
        finding.compared(excerpt(checked), now).help("find out who moved the tag; never move it to fit")
    })
}

/// `publish` makes releases in one layout; older ones have weaker rules.
pub fn layout(snapshot: &Snapshot, replaced: bool) -> Option<Finding> {
    let other = !replaced && !snapshot.unrecognised && snapshot.contract.layout != Layout::Pipeline;
    other.then(|| {
        let message = "publish makes releases in the pipeline layout, whose rules are held in full";
        let finding = PUBLISH_FILES.fail(&snapshot.contract.checksums.name, message);
        let found = format!("the {} layout", snapshot.contract.layout);
        finding.compared("checksums.sha256", found).help("name the checksums file checksums.sha256, and sign it again")
    })
}

/// `publish-readback`: each file against what the release holds.
pub fn readback(held: &Held, wish: &Wish) -> Vec<Finding> {
    let tag = wish.tag.as_str();
    let mut findings: Vec<Finding> = wish
        .files
        .iter()
        .map(|file| match held.asset(&file.name, file) {
            Some((_, Standing::Good)) => PUBLISH_READBACK.pass(&file.name, format!("sha256:{}", file.digest)),
            Some((_, Standing::Broken(why))) => PUBLISH_READBACK.fail(&file.name, why),
            Some((_, Standing::Differs { expected, actual })) => {
                PUBLISH_READBACK.fail(&file.name, "GitHub holds another content").compared(expected, actual)
            }
            None => PUBLISH_READBACK.missing(&file.name, "GitHub does not hold it"),
        })
        .collect();
    if held.draft {
        findings.push(PUBLISH_READBACK.fail(tag, "the release is still a draft"));
    }
    if wish.notes.is_some() && held.prerelease != wish.prerelease() {
        let word = |is: bool| if is { "a pre-release" } else { "a final release" };
        let finding = PUBLISH_READBACK.fail(tag, "it is marked wrongly");
        findings.push(finding.compared(word(wish.prerelease()), word(held.prerelease)));
    }
    if wish.notes_unlike(held).is_some() {
        findings.push(PUBLISH_READBACK.fail(tag, "the release's notes are not those that were given"));
    }
    findings
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::{
        digest::Sha256,
        release::publish::state::{File, HeldAsset, Others},
        report::Status,
    };

    #[test]
    fn a_tag_passes_only_where_the_release_was_built_from_it() {
        let name: Tag = "mero-kms-v1.2.0".parse().unwrap();
        let (one, other) = ("a".repeat(40), "b".repeat(40));
        let status = |remote: Option<&str>, built: Option<&str>| tag(&name, remote, built).status;
        assert_eq!(status(Some(&one), Some(&one.to_uppercase())), Status::Pass);
        assert_eq!(status(Some(&one), Some(&other)), Status::Fail);
        assert_eq!(status(None, Some(&one)), Status::Missing);
        assert_eq!(status(Some(&one), None), Status::SkippedRequired);
    }

    #[test]
    fn a_tag_that_moved_or_went_after_it_was_checked_fails() {
        let name: Tag = "mero-kms-v1.2.0".parse().unwrap();
        let (one, other) = ("a".repeat(40), "b".repeat(40));
        assert_eq!(moved(&name, Some(&one.to_uppercase()), &one), None);
        for now in [Some(other.as_str()), None] {
            assert_eq!(moved(&name, now, &one).unwrap().status, Status::Fail);
        }
    }

    #[test]
    fn each_thing_that_may_be_wrong_after_the_work_is_a_finding() {
        let file = File { name: "a".to_owned(), size: 1, digest: Sha256::of(b"a") };
        let wish = Wish {
            tag: "mero-kms-v1.2.0".parse().unwrap(),
            commit: String::new(),
            notes: Some("notes".to_owned()),
            files: vec![file],
            others: Others::Unwanted,
            replace: false,
            joins: None,
        };
        let digest = Some(Sha256::of(b"a"));
        let asset = HeldAsset { id: 2, name: "a".to_owned(), size: 1, unfinished: None, digest };
        let (draft, prerelease, immutable) = (false, false, false);
        let (title, notes, assets) = ("t".to_owned(), "notes\r\n".to_owned(), vec![asset.clone()]);
        let good = Held { id: 1, draft, prerelease, immutable, title, notes, assets };
        let statuses = |held: &Held| readback(held, &wish).iter().map(|f| f.status).collect::<Vec<_>>();
        assert_eq!(statuses(&good), [Status::Pass]);
        let (kept, theirs) = (Wish { notes: None, ..wish.clone() }, Held { prerelease: true, ..good.clone() });
        assert!(readback(&theirs, &kept).iter().all(|f| f.status == Status::Pass), "the mark is the maintainers'");
        assert_eq!(statuses(&Held { assets: Vec::new(), ..good.clone() }), [Status::Missing]);
        for broken in [
            HeldAsset { size: 0, ..asset.clone() },
            HeldAsset { unfinished: Some("starter".to_owned()), ..asset.clone() },
            HeldAsset { digest: Some(Sha256::of(b"b")), ..asset.clone() },
            HeldAsset { digest: None, ..asset },
        ] {
            assert_eq!(statuses(&Held { assets: vec![broken], ..good.clone() }), [Status::Fail]);
        }
        for held in [
            Held { draft: true, ..good.clone() },
            Held { prerelease: true, ..good.clone() },
            Held { notes: "others".to_owned(), ..good },
        ] {
            assert_eq!(statuses(&held), [Status::Pass, Status::Fail]);
        }
    }
}
