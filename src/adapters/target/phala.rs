//! A machine on Phala Cloud that stays. It is updated in place: a second machine would be another application, with other
//! storage keys, and no node could read its disk any more.

use futures_util::{FutureExt as _, future::BoxFuture};
use serde_json::Value;
use url::Url;

use super::{Applied, Current, Phase, Target};
use crate::{
    adapters::phala::{Answered, Cvm, Phala, Status, Update},
    error::{Error, Result},
    schema::parse_json,
    subject::cvm::{CvmId, CvmName},
    text::excerpt,
};

/// A machine of an account.
#[derive(Debug)]
pub struct PhalaMachine {
    phala: Phala,
    name: CvmName,
    id: CvmId,
}

impl PhalaMachine {
    /// The machine of this name, which must be the only one.
    ///
    /// # Errors
    /// Usage: the account holds none, or several. Remote: it cannot be asked.
    pub async fn find(phala: Phala, name: CvmName) -> Result<Self> {
        let listed = phala.named(name.as_str()).await?;
        let mut found = listed.into_iter().filter(|listed| listed.name == name.as_str());
        let (first, second) = (found.next(), found.next());
        if second.is_some() {
            return Err(Error::usage(format!("the account holds several machines {name}"))
                .help("rename all but the one in production"));
        }
        let id = first.and_then(|listed| listed.handle());
        let id = id.ok_or_else(|| {
            Error::usage(format!("the account holds no machine {name}")).help(
                "a rollout updates the machine in production: deploy the first KMS by hand, then name its machine",
            )
        })?;
        Ok(Self { phala, name, id })
    }

    /// What the API calls it by.
    pub fn id(&self) -> &CvmId {
        &self.id
    }

    async fn cvm(&self) -> Result<Cvm> {
        let cvm = self.phala.cvm(&self.id).await?;
        cvm.ok_or_else(|| Error::remote(format!("the machine {} ({}) is gone from the account", self.name, self.id)))
    }

    async fn read(&self) -> Result<Current> {
        let state = self.phala.state(&self.id).await?;
        let state =
            state.ok_or_else(|| Error::remote(format!("the machine {} is gone from the account", self.name)))?;
        let phase = match (&state.boot_error, &state.status) {
            (Some(why), _) => Phase::Failed(format!("it does not boot: {}", excerpt(why))),
            (None, Status::Running) => Phase::Running,
            (None, Status::Failed(word)) => Phase::Failed(format!("its state is `{}`", excerpt(word))),
            (None, Status::Startable(word) | Status::NotYet(word)) => Phase::Coming(excerpt(word)),
        };
        let attestation = self.phala.attestation(&self.id).await?;
        let measured = attestation.and_then(|attestation| attestation.tcb_info).map(|info| info.app_compose);
        let compose = measured.map(|text| {
            let file = parse_json(text.as_bytes())
                .ok()
                .and_then(|document| document.get("docker_compose_file").and_then(Value::as_str).map(str::to_owned));
            file.ok_or_else(|| Error::remote(format!("the machine {} states no docker-compose file", self.name)))
        });
        Ok(Current { compose: compose.transpose()?, phase })
    }
}

impl Target for PhalaMachine {
    fn describe(&self) -> String {
        format!("machine {} on Phala Cloud", self.name)
    }

    fn current(&self) -> BoxFuture<'_, Result<Current>> {
        self.read().boxed()
    }

    fn apply<'a>(&'a self, compose: &'a str) -> BoxFuture<'a, Result<Applied>> {
        async move {
            Ok(match self.phala.update(&self.id, compose).await? {
                Answered::Done(Update::Begun) => Applied::Begun,
                Answered::Done(Update::Unchanged) => Applied::Unchanged,
                Answered::Refused(error) => Applied::Refused(error),
                Answered::Unknown(error) => Applied::Unknown(error),
            })
        }
        .boxed()
    }

    fn addresses(&self) -> BoxFuture<'_, Result<Vec<Url>>> {
        async move { Ok(self.phala.addresses(&self.cvm().await?)) }.boxed()
    }
}
