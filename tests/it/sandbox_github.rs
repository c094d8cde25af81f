//! The sandbox's GitHub over real connections: what the binary meets when a limit is reached, and large assets.

use std::time::Duration;

use merotee::sandbox::{
    github::{Account, Fault, Generated, Limits, Permission, Trouble},
    world::{Plan, World},
};
use tokio::runtime::Runtime;

use crate::binary::{Place, Run};

const KMS: &str = "mero-kms-v1.2.0";
const REPOSITORY: &str = "calimero-network/mero-tee";

/// A world in the test's own process, so that the test sets what goes wrong and sees what was asked.
struct InProcess {
    world: World,
    _runtime: Runtime,
}

impl InProcess {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let world = runtime.block_on(World::start(&Plan::default())).unwrap();
        Self { world, _runtime: runtime }
    }

    fn verify(&self, place: &Place, token: &str) -> Run {
        let exports = [
            ("GITHUB_API_URL", self.world.api_url().to_owned()),
            ("GITHUB_REPOSITORY", REPOSITORY.to_owned()),
            ("GH_TOKEN", token.to_owned()),
            ("MEROTEE_TRUSTED_ROOT", self.world.trusted_root().display().to_string()),
            ("MEROTEE_REKOR_URL", self.world.sigstore_url().to_owned()),
        ];
        let exports = exports.map(|(name, value)| (name.to_owned(), value));
        place.merotee(["verify-release-assets", KMS]).envs(exports).run()
    }
}

#[test]
fn a_verification_says_that_the_hours_requests_are_used_up_and_when_they_come_back() {
    let (hub, place) = (InProcess::start(), Place::new());
    hub.world.github().set_limits(Limits { requests_an_hour: Some(3), ..Limits::OFF });
    hub.verify(&place, "x").expect(1).says(&["rate limit"]);
    let asked = hub.world.github().recorder().requests();
    let answered = |status| asked.iter().filter(|one| one.status == Some(status)).count();
    assert!(answered(403) > 0 && asked.len() - answered(403) == 3, "{asked:?}");
    hub.world.github().set_limits(Limits::OFF);
    hub.verify(&place, "x").expect(0);
}

#[test]
fn a_verification_waits_out_a_secondary_limit_and_passes() {
    let (hub, place) = (InProcess::start(), Place::new());
    let limited = Trouble::SecondaryLimit { status: 429, retry_after: Some(Duration::from_secs(1)) };
    hub.world.github().faults().add(Fault { method: http::Method::GET, path: KMS.to_owned(), after: 0, what: limited });
    hub.verify(&place, "x").expect(0);
    assert!(hub.world.github().faults().are_over());
}

#[test]
fn a_token_that_may_only_read_is_enough_to_verify() {
    let (hub, place) = (InProcess::start(), Place::new());
    let account = Account { login: "rita".to_owned(), permission: Permission::Read };
    hub.world.github().give_token("reads", account);
    hub.verify(&place, "reads").expect(0);
    assert!(hub.world.github().recorder().writes().is_empty());
    assert!(hub.world.github().moments().all().is_empty());
}

#[test]
fn a_made_up_asset_of_many_mebibytes_is_read_as_any_other_and_judged() {
    let (hub, place) = (InProcess::start(), Place::new());
    let large = Generated { seed: 3, size: 32 << 20 };
    assert!(hub.world.github().put_generated(REPOSITORY, KMS, "large.bin", large, large.digest()));
    // Nobody listed it.
    hub.verify(&place, "x").expect(10).says(&["large.bin"]);
}
