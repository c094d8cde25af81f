//! What is signed, where its signature goes, and what is there already.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::By;
use crate::{
    adapters::{
        file,
        sigstore::{Artifact, Bundle, MAX_EVIDENCE_BYTES, Rejected, verify_bundle, verify_detached},
    },
    cli::sign::SignArgs,
    error::{Error, Result},
    release::{
        checksums::ChecksumsFile,
        contract::{Contract, Signed},
        signer::Signer,
        snapshot::MAX_DOCUMENT_BYTES,
    },
    subject::evidence_name::{EVIDENCE_SUFFIXES, signed_by},
    text::counted,
};

/// The two forms of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    /// `X.sigstore.json`.
    Bundle,
    /// `X.sig`.
    Detached,
}

/// A file and where its signature goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) file: PathBuf,
    pub(super) signature: PathBuf,
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
/// Usage: one is a signature itself, or no file.
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
        std::fs::metadata(file).map_err(|e| Error::input(format!("cannot read {}", file.display())).because(e))?;
        if seen.insert(file.clone()) {
            targets.push(Target { signature: signature.beside(file), file: file.clone() });
        }
    }
    Ok(targets)
}

/// The files of a folder that the contract wants signed.
pub(super) fn of_folder(dir: &Path, contract: &Contract, listed: &[String], signature: Signature) -> Vec<Target> {
    let mut names = vec![contract.checksums.name.clone()];
    if contract.signed == Signed::EveryAsset {
        names.extend(contract.assets().map(|asset| asset.name));
        names.extend(listed.iter().cloned());
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let files = names.into_iter().map(|name| dir.join(name)).filter(|file| file.is_file());
    files.map(|file| Target { signature: signature.beside(&file), file }).collect()
}

/// Names that a checksums file lists. That it can be used was found before.
///
/// # Errors
/// Input: it cannot be read.
pub(super) fn listed(path: &Path, own: &str) -> Result<Vec<String>> {
    let bytes = file::read_bounded(path, MAX_DOCUMENT_BYTES)?;
    Ok(ChecksumsFile::parse(own, &bytes).0.iter().map(|(name, _)| name.to_owned()).collect())
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
        let Ok(bytes) = file::read_bounded(&self.signature, MAX_EVIDENCE_BYTES) else {
            let shown = self.signature.display();
            return Existing::Others(format!("{shown} is there, and cannot be read"));
        };
        match by {
            By::Identity { who, root, .. } => {
                match Bundle::parse(&bytes).and_then(|bundle| verify_bundle(artifact, &bundle, root)) {
                    Ok(signer) if same(&signer, who) => Existing::Ours(signer.to_string()),
                    Ok(signer) => Existing::Others(format!("it is signed already, by {signer} and not by {who}")),
                    Err(Rejected(why)) => self.worthless(&why),
                }
            }
            By::Key(key) => match verify_detached(artifact, &bytes, key.public()) {
                Ok(()) => Existing::Ours("the key given with --key".to_owned()),
                Err(_) if self.certificate().exists() => {
                    let certificate = self.certificate();
                    Existing::Others(format!("it is signed already, with the certificate in {}", certificate.display()))
                }
                Err(Rejected(why)) => self.worthless(&why),
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
    let told =
        |s: &Signer| [Some(s.san.clone()), Some(s.issuer.clone()), s.source_repository.clone(), s.source_ref.clone()];
    told(a) == told(b)
}
