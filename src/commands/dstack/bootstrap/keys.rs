//! The one request that has a KMS make its keys: made only where it is allowed, and never twice where that would replace them.

use super::{INFO, MADE, Work};
use crate::{
    adapters::{
        dstack_kms::{Announced, Answered},
        file,
    },
    digest::Sha256,
    dstack::progress::Record,
    error::{self, Error, Result},
    report::{Action, Fact, Status},
};

/// What helps where the keys exist and their attestation is unknown.
const START_ANEW: &str =
    "nothing has used these keys: remove the VM, deploy it again, and bootstrap it into another folder";

impl Work<'_> {
    /// The answer of the KMS, which is on disk when this returns; `None` where there is none, and the findings say why.
    pub(super) async fn ask(&mut self) -> Result<Option<Vec<u8>>> {
        if !self.kms.waits().await? {
            return Err(Error::remote(format!("the KMS at {} does not wait for its keys", self.kms.host())).help(
                "one that serves already is verified with `dstack verify --kms-url`; one without bootstrap-info.json has it in its \
                 metadata",
            ));
        }
        let announced = self.kms.attestation_info().await?;
        self.facts.push(Fact::named("mr_aggregated", announced.info.mr_aggregated.to_string()));
        let allowed = self.authority.judge(&self.subject, &announced.info).await?;
        let is_allowed = allowed.status == Status::Pass;
        self.findings.push(allowed);
        if !is_allowed {
            return Ok(None);
        }
        if self.journal.progress().is_lost() && announced.may_replace_keys {
            let message = "the KMS was asked for its keys before, and its answer was lost";
            let why = "a KMS before 0.6.0 may replace its keys when it is asked again, so it is not";
            self.findings.push(MADE.undecided(&self.subject, format!("{message}; {why}")).help(START_ANEW));
            return Ok(None);
        }
        if self.args.dry_run {
            self.actions.push(Action::planned("bootstrap the KMS", self.kms.host()));
            self.findings.push(MADE.skip(&self.subject, "the KMS was not asked (--dry-run)"));
            return Ok(None);
        }
        self.made(announced).await
    }

    async fn made(&mut self, announced: Announced) -> Result<Option<Vec<u8>>> {
        let was_lost = self.journal.progress().is_lost();
        self.record(Record::Asked {
            kms: self.kms.host(),
            domain: self.args.kms.domain.to_string(),
            announced: announced.text,
        })?;
        match self.kms.bootstrap(&self.args.kms.domain).await? {
            Answered::Done(bytes) => {
                file::write_secret(&self.info, &bytes)?;
                self.record(Record::Answered { sha256: Sha256::of(&bytes).to_string() })?;
                self.actions.push(Action::done("bootstrap the KMS", self.kms.host()));
                self.actions.push(Action::done("write", self.info.display().to_string()));
                self.findings.push(MADE.pass(&self.subject, format!("its answer is in {INFO}")));
                Ok(Some(bytes))
            }
            Answered::Refused(refused) => {
                let has_keys = refused.to_string().contains("already been bootstrapped");
                // It keeps what it has: an answer that was lost stays lost.
                if !has_keys {
                    self.record(Record::Refused)?;
                }
                let finding = MADE.fail(&self.subject, refused.to_string());
                self.findings.push(if has_keys && was_lost {
                    finding.help(format!("an earlier request was carried out, and its answer was lost; {START_ANEW}"))
                } else if has_keys {
                    finding
                        .help(format!("somebody else had it make keys: anyone who reaches its port can; {START_ANEW}"))
                } else {
                    finding.help(
                        "the KMS asks its auth API itself: look at what that says, and whether the KMS reaches it",
                    )
                });
                Ok(None)
            }
            Answered::Unknown(error) => {
                let message = format!("whether it made keys is not known: {}", error::chain(&error));
                let help = "run this again: it asks once more where that is safe, and says what to do where it is not";
                self.findings.push(MADE.undecided(&self.subject, message).help(help));
                Ok(None)
            }
        }
    }
}
