//! Phala Cloud: its client against the sandbox's, a machine from its order to its end, and what a probe makes of everything
//! that can go wrong.

mod faults;
mod interrupted;
mod machines;
mod requests;
mod stage;

use std::time::Duration;

use merotee::{
    adapters::{
        http::HttpOptions,
        phala::{Answered, Cvm, Order, Phala, Provisioned, Status},
    },
    sandbox::{
        boot::image_digest,
        phala::API_KEY,
        world::{Plan, World},
    },
    subject::{
        cvm::{CvmId, CvmName},
        profile::Profile,
    },
};
use secrecy::SecretString;
use url::Url;

const RELEASE: &str = "mero-kms-v1.2.0";

/// A compose file as a probe writes it.
fn compose(release: &str, profile: Profile) -> String {
    let (version, digest) = (release.trim_start_matches("mero-kms-"), image_digest(&release.parse().unwrap(), profile));
    format!(
        "services:\n  mero-kms:\n    image: ghcr.io/calimero-network/mero-kms-phala@{digest}\n    ports:\n      - \"8080:8080\"\n    \
         environment:\n      - MERO_KMS_VERSION={version}\n      - MERO_KMS_PROFILE={profile}\n"
    )
}

fn options() -> HttpOptions {
    HttpOptions { backoff: Duration::from_millis(1), ..HttpOptions::default() }
}

fn client(world: &World) -> Phala {
    with_key(world, API_KEY)
}

fn with_key(world: &World, key: &str) -> Phala {
    let url = Url::parse(world.phala_url()).unwrap();
    Phala::new(&url, &SecretString::from(key), options()).unwrap()
}

async fn world() -> World {
    World::start(&Plan::default()).await.unwrap()
}

fn name(text: &str) -> CvmName {
    text.parse().unwrap()
}

fn done<T: std::fmt::Debug>(answered: Answered<T>) -> T {
    match answered {
        Answered::Done(value) => value,
        other @ (Answered::Refused(_) | Answered::Unknown(_)) => panic!("not done: {other:?}"),
    }
}

async fn provision(phala: &Phala, name: &CvmName, compose: &str, instance_type: &str) -> Provisioned {
    done(phala.provision(&Order { name, instance_type, region: None, compose }).await.unwrap())
}

/// Orders a machine, and waits until it has left `creating`.
async fn settled(phala: &Phala, name: &CvmName, compose: &str, instance_type: &str) -> (CvmId, Provisioned) {
    let provisioned = provision(phala, name, compose, instance_type).await;
    let id = done(phala.create(&provisioned, name).await.unwrap()).handle().unwrap();
    until(|| async { !matches!(phala.state(&id).await.unwrap().unwrap().status, Status::NotYet(_)) }).await;
    (id, provisioned)
}

/// Orders a machine, and waits until it runs.
async fn running(phala: &Phala, name: &CvmName, compose: &str) -> (Cvm, Provisioned) {
    let (id, provisioned) = settled(phala, name, compose, "tdx.small").await;
    let cvm = phala.cvm(&id).await.unwrap().unwrap();
    assert_eq!(cvm.status, Status::Running);
    (cvm, provisioned)
}

/// Looks again and again until it is so, for a minute at most.
async fn until<F: Future<Output = bool>>(so: impl Fn() -> F) {
    let looking = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect("it never came");
}
