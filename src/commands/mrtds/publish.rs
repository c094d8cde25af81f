//! `mrtds publish`: measurements join a release that is published already. Its checksums file is made to vouch for them and
//! is signed again; the work itself is that of `publish`.

mod basis;

use std::time::Instant;

use self::basis::{Basis, Downloaded, Names};
use crate::{
    adapters::{
        file,
        github::{Allowance, GitHub},
    },
    cli::mrtds_publish::MrtdsPublishArgs,
    commands::{
        publish::{
            self,
            apply::Publisher,
            folder::{self, Judged, Request},
        },
        repository::resolve,
        snapshot::MAX_DOWNLOAD,
    },
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    product::{Product, random_bytes},
    release::{
        checks::{
            authenticity::{IDENTITY, SIGNATURE},
            evidence::EVIDENCE,
            source::SOURCE_COMMIT,
        },
        contract::{AssetKind, Contract, Contracts},
        publish::{
            checks::{self, RULES},
            mark::RunId,
            refresh::refreshed,
            state::{File, Held, HeldAsset, Joined, Others, Wish},
            target::{PUBLISH_TARGET, Run},
        },
        snapshot::MAX_DOCUMENT_BYTES,
    },
    report::{Action, Fact, Finding, Report, Section, Verdict},
    subject::{repository::Repository, tag::Tag},
};

/// What a run was asked for, and who does it.
struct Work<'a> {
    args: &'a MrtdsPublishArgs,
    context: &'a Context,
    github: &'a GitHub,
    repository: &'a Repository,
    names: Names,
    document: Vec<u8>,
}

pub(super) async fn run(args: &MrtdsPublishArgs, context: &Context) -> Result<Product> {
    let started = Instant::now();
    let repository = resolve(&context.endpoints)?;
    let github = publish::writing(context)?.within(Allowance::new(args.max_download, MAX_DOWNLOAD));
    let document = file::read_source(&args.measurements, MAX_DOCUMENT_BYTES)?;
    let names = names(&args.tag)?;
    let work = Work { args, context, github: &github, repository: &repository, names, document };
    let Outcome { section, caveats, page } = work.done().await?;
    let report = Report {
        command: "mrtds publish".into(),
        rules: crate::release::checks::rules().into_iter().chain(RULES).collect(),
        sections: vec![section],
        caveats,
        elapsed: Some(started.elapsed()),
        ..Report::default()
    };
    let product = Product::report(report);
    Ok(match page {
        Some(page) => product.output("release-url", page),
        None => product,
    })
}

/// What came of it.
struct Outcome {
    section: Section,
    caveats: Vec<String>,
    page: Option<String>,
}

impl Outcome {
    fn refused(work: &Work<'_>, findings: Vec<Finding>) -> Self {
        let facts = vec![Fact::Repository(work.repository.to_string())];
        let section = Section { findings, facts, ..Section::new(work.args.tag.as_str()) };
        tracing::error!("nothing was written: {} was left as it is", work.args.tag);
        Self { section, caveats: Vec::new(), page: None }
    }
}

fn names(tag: &Tag) -> Result<Names> {
    let contracts =
        Contracts::built_in().map_err(|e| Error::internal("the built-in contracts do not parse").because(e))?;
    let contract: &Contract =
        contracts.first(tag.family()).ok_or_else(|| Error::internal("a family has no contract"))?;
    let measurements = contract.assets().find(|asset| asset.role == AssetKind::Measurements);
    let document = measurements.ok_or_else(|| Error::internal("a contract without measurements"))?.name;
    let checksums = contract.checksums.name.clone();
    Ok(Names { document, signature: format!("{checksums}.sigstore.json"), checksums })
}

impl Work<'_> {
    async fn done(&self) -> Result<Outcome> {
        let tag = &self.args.tag;
        let seen = self.github.held(self.repository, tag, None, &[self.file()]).await?;
        let held = seen.remote.releases.iter().find(|held| !held.draft);
        let held = match held.ok_or_else(|| unpublished(tag)).and_then(|held| self.may_change(held).map(|()| held)) {
            Ok(held) => held,
            Err(finding) => return Ok(Outcome::refused(self, vec![*finding])),
        };
        let release =
            Downloaded::fetch(self.github, self.repository, held, &self.names.all(), usize::from(self.args.jobs))
                .await?;
        let request = self.request(release.folder());
        let found = release.basis(held, &self.names, request, self.context, self.repository).await?;
        let basis = match found {
            Ok(basis) => basis,
            Err(findings) => return Ok(Outcome::refused(self, findings)),
        };
        self.refresh(&release, held, &basis).await
    }

    /// The measurements as a file: where the API states no digest, they are compared by their bytes.
    fn file(&self) -> File {
        let (size, digest) = (self.document.len() as u64, Sha256::of(&self.document));
        File { name: self.names.document.clone(), size, digest }
    }

    /// Whether the release may be changed at all: asked before anything is signed.
    fn may_change(&self, held: &Held) -> Result<(), Box<Finding>> {
        let (name, digest) = (&self.names.document, Sha256::of(&self.document));
        let there = |asset: &&HeldAsset| asset.name == *name && asset.broken().is_none();
        let other = held.assets.iter().filter(there).find(|asset| asset.digest != Some(digest));
        if held.immutable {
            let finding = PUBLISH_TARGET.fail(name, "the release is immutable: nothing can be added to it");
            let help = "publish a new patch version, with the measurements in its folder";
            return Err(Box::new(finding.compared("a release that can be changed", "immutable").help(help)));
        }
        match other {
            Some(other) if !self.args.replace => {
                let finding = PUBLISH_TARGET.fail(name, "the release holds other measurements");
                let actual =
                    other.digest.map_or_else(|| "another file".to_owned(), |digest| format!("sha256:{digest}"));
                let help = "people may rely on them: publish a new patch version, or add --replace";
                Err(Box::new(finding.compared(format!("sha256:{digest}"), actual).help(help)))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn request<'a>(&'a self, dir: &'a std::path::Path) -> Request<'a> {
        let args = self.args;
        Request {
            tag: &args.tag,
            class: args.class.unwrap_or_else(|| args.tag.class()),
            dir,
            notes: None,
            contract: None,
            catalog: args.catalog.as_deref(),
            identity: &args.identity,
            jobs: usize::from(args.jobs),
        }
    }

    /// The release as it will be, judged, and its tag. Without the new signature, what only that can answer is left open.
    async fn judged(
        &self,
        release: &Downloaded,
        held: &Held,
        basis: &Basis,
        text: &[u8],
        signed: Option<&[u8]>,
    ) -> Result<(Judged, Option<String>)> {
        let Names { document, checksums, signature } = &self.names;
        let bundle = signed.unwrap_or(&basis.signature).to_vec();
        let files = [(document, self.document.clone()), (checksums, text.to_vec()), (signature, bundle)];
        let dir = release.compose(if signed.is_some() { "after" } else { "unsigned" }, &files, &held.notes)?;
        let mut judged = folder::judge(self.request(&dir), self.context, self.repository).await?;
        if signed.is_none() {
            let of_signature = [SIGNATURE.id, IDENTITY.id, SOURCE_COMMIT.id, EVIDENCE.id];
            judged.section.findings.retain(|finding| !of_signature.contains(&finding.check));
            let why = if self.args.dry_run { "a rehearsal signs nothing" } else { "signed when all else is right" };
            judged.section.findings.push(SIGNATURE.skip(checksums, why));
            judged.built_from.clone_from(&basis.built_from);
        }
        let commit = self.github.tag_commit(self.repository, &self.args.tag).await?;
        let tagged = checks::tag(&self.args.tag, commit.as_deref(), judged.built_from.as_deref());
        judged.section.findings.push(tagged);
        Ok((judged, commit))
    }

    /// Writes the new checksums file, judges the release that comes of it, signs, judges it again with its signature, and
    /// publishes the three files.
    async fn refresh(&self, release: &Downloaded, held: &Held, basis: &Basis) -> Result<Outcome> {
        let Names { document, checksums, signature } = &self.names;
        let text = refreshed(&basis.checksums, document, Sha256::of(&self.document)).into_bytes();
        let signs = text != basis.text;
        let own = (!signs).then_some(basis.signature.as_slice());
        let (mut judged, mut commit) = self.judged(release, held, basis, &text, own).await?;
        // A signature is public and for good: none is made for what is refused.
        if signs && !self.args.dry_run && matches!(judged.section.verdict(), Verdict::Passed) {
            let signer = self.context.signer(&self.args.signing)?;
            let bundle = signer.sign(checksums, Sha256::of(&text)).await?.bundle;
            (judged, commit) = self.judged(release, held, basis, &text, Some(&bundle)).await?;
        }
        let Judged { mut section, files, paths, caveats, .. } = judged;
        let unsigned = signs && self.args.dry_run;
        let wish = Wish {
            tag: self.args.tag.clone(),
            commit: commit.unwrap_or_default(),
            notes: None,
            files: files.into_iter().filter(|file| self.names.all().contains(&file.name.as_str())).collect(),
            others: Others::Stay,
            // The checksums and their signature follow from the measurements, which `keeps` holds fast.
            replace: true,
            joins: Some(Joined { judged: held.clone(), keeps: (!self.args.replace).then(|| document.clone()) }),
        };
        let mut publisher = Publisher {
            github: self.github,
            endpoints: &self.context.endpoints,
            options: &self.context.http,
            repository: self.repository,
            wish: &wish,
            paths,
            jobs: usize::from(self.args.jobs),
            run: Run { id: RunId::new(random_bytes()?), works_on: None, made: false },
            done: Vec::new(),
        };
        let mut page = None;
        match section.verdict() {
            Verdict::Passed if self.args.dry_run => {
                publish::rehearse(&publisher, &mut section).await?;
                if unsigned {
                    unnamed(&mut section.actions, signature);
                    section.actions.insert(0, Action::planned("sign", checksums));
                }
            }
            Verdict::Passed => {
                page = publish::publish(&mut publisher, &mut section).await;
                if signs {
                    section.actions.insert(0, Action::done("sign", checksums));
                }
            }
            Verdict::Failed | Verdict::Incomplete | Verdict::Undecided => {
                tracing::error!("nothing was written: {} must be right before the first upload", self.args.tag);
            }
        }
        Ok(Outcome { section, caveats, page })
    }
}

fn unpublished(tag: &Tag) -> Box<Finding> {
    let finding = PUBLISH_TARGET.missing(tag.as_str(), "the tag has no published release that measurements could join");
    Box::new(finding.help("publish the release first: merotee publish"))
}

/// The name of the moment of a signature that is not made yet is not known either.
fn unnamed(actions: &mut [Action], signature: &str) {
    let start = format!("{signature}.incoming-");
    for action in actions {
        if let Some((before, after)) = action.target.split_once(&start) {
            let rest: String = after.chars().skip_while(char::is_ascii_hexdigit).collect();
            action.target = format!("{before}{start}…{rest}");
        }
    }
}
