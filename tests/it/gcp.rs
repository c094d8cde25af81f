//! Google Cloud on loopback: credentials of every kind, whom they are sent to, and Compute Engine's calls.

mod compute;
mod credentials;
mod node;
mod probe;

use std::{path::PathBuf, time::Duration};

use merotee::{
    adapters::{
        gcp::{
            compute::Compute,
            credentials::{Credentials, Hosts, Sources},
        },
        http::HttpOptions,
    },
    sandbox::{
        gcp::{ACCESS_TOKEN, Flaw, tokens},
        world::{Plan, World},
    },
};
use secrecy::SecretString;
use serde_json::json;
use url::Url;

/// A world, with a folder for credentials files.
struct Cloud {
    world: World,
    folder: tempfile::TempDir,
}

fn options() -> HttpOptions {
    HttpOptions { attempts: 3, backoff: Duration::ZERO, limit_pause: Duration::ZERO, ..HttpOptions::default() }
}

impl Cloud {
    async fn start(flaw: Option<Flaw>) -> Self {
        let world = World::start(&Plan { gcp: flaw, ..Plan::default() }).await.unwrap();
        Self { world, folder: tempfile::tempdir().unwrap() }
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(self.world.gcp_url()).unwrap().join(path).unwrap()
    }

    /// What leads to this world's services and to no others.
    fn hosts(&self) -> Hosts {
        Hosts { actions: Some(self.url("/runner/idtoken")), besides: vec![self.url("/")] }
    }

    /// No credentials but the metadata server's.
    fn sources(&self) -> Sources {
        let metadata = self.world.gcp_url().trim_start_matches("http://").to_owned();
        Sources { token: None, file: None, gcloud: None, metadata: Some(metadata), hosts: self.hosts() }
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The key of the service account.
    fn service_account(&self) -> PathBuf {
        self.file("account.json", self.world.gcp().key_file().unwrap())
    }

    /// What gcloud writes for a person.
    fn user(&self) -> PathBuf {
        let user = json!({"type": "authorized_user", "client_id": "client", "client_secret": tokens::CLIENT_SECRET,
            "refresh_token": tokens::REFRESH_TOKEN, "token_uri": self.url("/oauth2/token").as_str()});
        self.file("user.json", user.to_string())
    }

    /// What google-github-actions/auth writes.
    fn workload(&self, impersonates: bool) -> serde_json::Value {
        let mut runner = self.url("/runner/idtoken");
        runner.query_pairs_mut().append_pair("audience", tokens::AUDIENCE);
        let mut file = json!({
            "type": "external_account",
            "audience": tokens::AUDIENCE,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": self.url("/sts/v1/token").as_str(),
            "universe_domain": "googleapis.com",
            "credential_source": {
                "url": runner.as_str(),
                "headers": {"Authorization": format!("Bearer {}", tokens::RUNNER_TOKEN)},
                "format": {"type": "json", "subject_token_field_name": "value"},
            },
        });
        if impersonates {
            let account = merotee::sandbox::gcp::SERVICE_ACCOUNT;
            let path = format!("/iam/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
            file["service_account_impersonation_url"] = self.url(&path).as_str().into();
        }
        file
    }

    fn compute(&self, sources: &Sources) -> Compute {
        let credentials = Credentials::find(sources, options(), jiff::Timestamp::now).unwrap();
        Compute::new(&self.url("/compute/v1/"), credentials, options()).unwrap()
    }

    /// With a token that is given.
    fn given(&self) -> Compute {
        self.compute(&Sources { token: Some(SecretString::from(ACCESS_TOKEN)), ..self.sources() })
    }

    /// Paths that were asked for, without queries.
    fn asked(&self) -> Vec<String> {
        let path = |path: &str| path.split('?').next().unwrap_or_default().to_owned();
        self.world.gcp().record().requests().iter().map(|one| path(&one.path)).collect()
    }
}
