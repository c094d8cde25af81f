//! What is signed, where its signature goes, and what is there already.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::By;
use crate::{
    adapters::{
        file,
        sigstore::{Artifact, Bundle, MAX_EVIDENCE_BYTES, Rejected, sign, verify_bundle, verify_detached},
    },
    cli::sign::SignArgs,
    commands::checksums::Judged,
    digest::Sha256,
    error::{Error, Result},
    release::{
        contract::{Contract, Signed},
        signer::Signer,
    },
    subject::evidence_name::{EVIDENCE_SUFFIXES, signed_by},
    text::counted,
};

/// The forms of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    /// `X.sigstore.json`.
    Bundle,
    /// The same, called `X.bundle.json`, as evidence beside the files of a probe is.
    NamedBundle,
    /// `X.sig`.
    Detached,
}

/// A file and where its signature goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) file: PathBuf,
    pub(super) signature: PathBuf,
    /// What was judged, where it was.
    pub(super) judged: Option<Sha256>,
}

/// What signs a file already.
pub(super) enum Existing {
    /// Nothing that is worth keeping.
    Nothing,
    /// A valid signature of ours.
    Ours(String),
    /// A signature that is not ours to replace.
    Others(String),
}

impl Signature {
    fn beside(self, file: &Path) -> PathBuf {
        let mut name = file.as_os_str().to_owned();
        name.push(match self {
            Self::Bundle => ".sigstore.json",
            Self::NamedBundle => ".bundle.json",
            Self::Detached => ".sig",
        });
        name.into()
    }
}

/// What the report is about.
pub(super) fn subject(args: &SignArgs) -> String {
    match (&args.dir, args.files.as_slice()) {
        (Some(dir), _) => dir.display().to_string(),
        (None, [file]) => file.display().to_string(),
        (None, files) => counted(files.len(), "file", "files"),
    }
}

/// The files that were named, each once.
///
/// # Errors
/// Usage: one is a signature itself, or no regular file. Input: one is not there.
pub(super) fn of_files(files: &[PathBuf], signature: Signature) -> Result<Vec<Target>> {
    let mut seen = BTreeSet::new();
    let mut targets = Vec::new();
    for file in files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| Error::usage(format!("{} is not a file that can be signed", file.display())))?;
        if file::is_stdin(file) {
            return Err(Error::usage("standard input cannot be signed: the signature is written beside a file")
                .help("write it to a file first; for a file of that name, say ./-"));
        }
        if file.is_dir() {
            return Err(Error::usage(format!("{} is a folder", file.display())).help("sign a release with --dir"));
        }
        if EVIDENCE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) && signed_by(&name).is_some() {
            return Err(Error::usage(format!("{} is a signature itself", file.display()))
                .help("name the files that are to be signed, not what signs them"));
        }
        let unreadable = |e: std::io::Error| Error::input(format!("cannot read {}", file.display())).because(e);
        if !std::fs::metadata(file).map_err(unreadable)?.is_file() {
            return Err(Error::usage(format!("{} is not a regular file", file.display())));
        }
        // The signature of a link goes beside the link, so only the folder's links are followed.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if seen.insert(folder.canonicalize().map_err(unreadable)?.join(&name)) {
            targets.push(Target { signature: signature.beside(file), file: file.clone(), judged: None });
        }
    }
    Ok(targets)
}

/// The files of a folder that the contract wants signed, as they were judged.
pub(super) fn of_folder(dir: &Path, contract: &Contract, judged: &Judged, signature: Signature) -> Vec<Target> {
    let mut names = vec![contract.checksums.name.clone()];
    if contract.signed == Signed::EveryAsset {
        names.extend(contract.assets().map(|asset| asset.name));
        names.extend(judged.listed.iter().cloned());
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let files = names.into_iter().filter_map(|name| Some((dir.join(&name), *judged.digests.get(&name)?)));
    files.map(|(file, digest)| Target { signature: signature.beside(&file), file, judged: Some(digest) }).collect()
}

impl Target {
    pub(super) fn shown(&self) -> String {
        self.file.display().to_string()
    }

    /// What is there, judged by who signs now.
    pub(super) fn existing(&self, artifact: Artifact<'_>, by: &By<'_>) -> Existing {
        if !self.signature.exists() {
            return Existing::Nothing;
        }
        let shown = self.signature.display();
        if !self.signature.is_file() {
            return Existing::Others(format!("{shown} is there, and is not a regular file"));
        }
        let Ok(bytes) = file::read_bounded(&self.signature, MAX_EVIDENCE_BYTES) else {
            return Existing::Others(format!("{shown} is there, and cannot be read"));
        };
        match by {
            By::Identity { who, root, .. } => {
                let bundle = match Bundle::parse(&bytes) {
                    Ok(bundle) => bundle,
                    Err(Rejected(why)) => return Existing::Others(format!("{shown} is there: {why}")),
                };
                match verify_bundle(artifact, &bundle, root) {
                    Ok(signer) if same(&signer, who) => Existing::Ours(signer.to_string()),
                    Ok(signer) => Existing::Others(format!("it is signed already, by {}", not_by(&signer, who))),
                    Err(Rejected(why)) if sign::is_of(artifact.digest, &bundle) => {
                        Existing::Others(format!("it is signed already, though not so that it verifies here: {why}"))
                    }
                    Err(Rejected(why)) => self.worthless(&why),
                }
            }
            By::Key(key) => match verify_detached(artifact, &bytes, key.public()) {
                Ok(()) => Existing::Ours("the key given with --key".to_owned()),
                Err(_) if self.certificate().exists() => {
                    let certificate = self.certificate();
                    Existing::Others(format!("it is signed already, with the certificate in {}", certificate.display()))
                }
                // It names no key, so whether it is of this file by another key cannot be told.
                Err(Rejected(why)) => Existing::Others(format!("{shown} is there, and not by the key given: {why}")),
            },
        }
    }

    /// The certificate of a detached signature.
    fn certificate(&self) -> PathBuf {
        let mut name = self.file.as_os_str().to_owned();
        name.push(".pem");
        name.into()
    }

    /// A signature that proves nothing of the file as it is: it is replaced.
    fn worthless(&self, why: &str) -> Existing {
        tracing::info!("{} does not sign {} as it is: {why}", self.signature.display(), self.file.display());
        Existing::Nothing
    }
}

/// Whether two certificates are of one signer, running for the same source.
fn same(a: &Signer, b: &Signer) -> bool {
    let source = |s: &Signer| [s.source_repository.clone(), s.source_ref.clone(), s.source_commit.clone()];
    (&a.san, &a.issuer) == (&b.san, &b.issuer) && source(a) == source(b)
}

/// Two signers that are not the same, told apart.
fn not_by(signed: &Signer, who: &Signer) -> String {
    let told = |s: &Signer| match &s.source_commit {
        Some(commit) if signed.source_commit != who.source_commit => format!("{s} (commit {commit})"),
        Some(_) | None => s.to_string(),
    };
    format!("{} and not by {}", told(signed), told(who))
}

/// Refuses a signature by another than the report names: a certificate that was renewed within the run may be of anyone.
///
/// # Errors
/// Trust.
pub(super) fn refuse_another(signed: &Signer, who: &Signer) -> Result<()> {
    if same(signed, who) {
        return Ok(());
    }
    let words = not_by(signed, who);
    Err(Error::trust(format!("the certificate was renewed, and is held by {words}: the signature is thrown away"))
        .help("sign again with one identity for the whole run"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn signer(commit: &str) -> Signer {
        Signer { san: "someone".into(), issuer: "i".into(), source_commit: Some(commit.into()), ..Signer::default() }
    }

    #[test]
    fn a_certificate_renewed_for_another_is_refused_and_one_renewed_for_the_same_is_not() {
        let who = signer("aa");
        refuse_another(&Signer { log_index: Some(7), ..signer("aa") }, &who).unwrap();
        let said = refuse_another(&signer("bb"), &who).unwrap_err().to_string();
        assert!(said.contains("someone (commit bb) and not by someone (commit aa)"), "{said}");
        refuse_another(&Signer { san: "another".into(), ..signer("aa") }, &who).unwrap_err();
        refuse_another(&Signer { issuer: "another".into(), ..signer("aa") }, &who).unwrap_err();
    }
}
