//! A promotion as a change of the repository: the branch it lies on, the files, the mark.

use semver::Version;
use serde_json::json;

use super::{Part, Place, Probe, Seal, Target};
use crate::{
    change::{Branch, Change, File, Label},
    digest::Sha256,
};

/// Where a promotion is proposed, and how.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The branch it is for.
    pub base: &'a Branch,
    /// Name of its own branch; `None` makes one of what is promoted.
    pub branch: Option<&'a Branch>,
    /// Name of the label.
    pub label: &'a str,
    /// Whether it is a draft.
    pub draft: bool,
    /// The release that the policies are to be for.
    pub version: Option<&'a Version>,
    /// The commit of that release.
    pub commit: Option<&'a str>,
}

/// What is promoted.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// The policies that change: path and text.
    pub policies: &'a [(String, String)],
    /// The probes, each at the place of its candidates.
    pub probes: &'a [(Place, &'a Probe)],
    /// Evidence of former promotions in the base, by its path.
    pub there: &'a [String],
    /// What the pull request says.
    pub body: &'a str,
}

impl Proposal<'_> {
    /// The change. Its branch follows from the targets and the release alone, so that candidates of another probe land in the
    /// same pull request; its mark from the candidates, so that the same ones are not proposed again once they were
    /// turned down.
    pub fn change(&self, content: &Content<'_>) -> Change {
        let targets: Vec<Target> =
            Target::all().filter(|target| content.probes.iter().any(|(place, _)| place.target == *target)).collect();
        let named = targets.iter().map(ToString::to_string).collect::<Vec<_>>().join("_");
        let release = self.version.map(|version| format!("-{version}")).unwrap_or_default();
        let mark = self.mark(content);
        let branch = self.branch.cloned().or_else(|| format!("merotee/policy-promotion/{named}{release}").parse().ok());
        // A name that is too long gives way to a digest of it.
        let short = || format!("merotee/policy-promotion/{}", Sha256::of(named.as_bytes())).parse().ok();
        Change {
            branch: branch.or_else(short).unwrap_or_else(|| self.base.clone()),
            mark,
            title: title(&targets, self.version),
            body: content.body.to_owned(),
            label: Label { name: self.label.to_owned(), description: "Changes which machines attestation accepts" },
            draft: self.draft,
            files: if content.policies.is_empty() { Vec::new() } else { files(content) },
        }
    }

    fn mark(&self, content: &Content<'_>) -> Sha256 {
        let digests: Vec<_> =
            content.probes.iter().map(|(place, probe)| json!([place.to_string(), probe.digest.to_string()])).collect();
        let version = self.version.map(ToString::to_string);
        let said = json!(["policy promote", self.base.as_str(), version, self.commit, digests]);
        Sha256::of(said.to_string().as_bytes())
    }
}

/// `Promote measured values of kms locked-read-only, for 1.2.0`.
fn title(targets: &[Target], version: Option<&Version>) -> String {
    let names: Vec<_> = targets.iter().map(|target| format!("{} {}", target.role.as_str(), target.profile)).collect();
    let release = version.map(|version| format!(" for {version}")).unwrap_or_default();
    format!("Promote measured values of {}{release}", names.join(", "))
}

/// The policies, the evidence, and the evidence of former promotions of the same targets that is no longer part of it.
fn files(content: &Content<'_>) -> Vec<File> {
    let mut files: Vec<File> =
        content.policies.iter().map(|(path, text)| File { path: path.clone(), content: Some(text.clone()) }).collect();
    for (place, probe) in content.probes {
        let (part, seal) = match &probe.seal {
            Seal::Bundle(text) => (Part::Bundle, text),
            Seal::Signature(text) => (Part::Signature, text),
        };
        for (part, text) in [(Part::Candidates, &probe.text), (part, seal)] {
            files.push(File { path: Place { part, ..*place }.to_string(), content: Some(text.clone()) });
        }
    }
    let concerns = |place: &Place| content.probes.iter().any(|(of, _)| of.target == place.target);
    let gone = content.there.iter().filter(|path| Place::of(path).is_some_and(|place| concerns(&place)));
    let gone: Vec<_> = gone.filter(|path| files.iter().all(|file| file.path != **path)).cloned().collect();
    files.extend(gone.into_iter().map(|path| File { path, content: None }));
    files
}

#[cfg(test)]
mod tests;
