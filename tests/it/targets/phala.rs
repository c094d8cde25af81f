//! A machine on Phala Cloud is updated in place, and everything that can go wrong with that.

use std::time::Duration;

use merotee::{
    adapters::{
        http::HttpOptions,
        phala::Phala,
        target::{Applied, Current, PhalaMachine, Phase, Target},
    },
    error::{Class, chain},
    kms::client::KmsClient,
    sandbox::{
        boot::compose_of,
        phala::{API_KEY, Flaw, SeenMachine},
        world::{
            Plan, World,
            production::{MACHINE, Production, RUNS},
        },
    },
    subject::profile::Profile,
};
use secrecy::SecretString;
use url::Url;

const NEXT: &str = "mero-kms-v1.2.0";

fn compose(release: &str) -> String {
    compose_of(&release.parse().unwrap(), Profile::LockedReadOnly)
}

fn client(world: &World) -> Phala {
    let options = HttpOptions { backoff: Duration::from_millis(1), ..HttpOptions::default() };
    Phala::new(&Url::parse(world.phala_url()).unwrap(), &SecretString::from(API_KEY), options).unwrap()
}

/// A world with a machine in production.
async fn stage() -> (World, Production, PhalaMachine) {
    let world = World::start(&Plan::default()).await.unwrap();
    let production = world.production().await.unwrap();
    let machine = PhalaMachine::find(client(&world), MACHINE.parse().unwrap()).await.unwrap();
    (world, production, machine)
}

/// Looks until the machine has settled, for a minute at most.
async fn settled(machine: &PhalaMachine) -> Current {
    let looking = async {
        loop {
            let current = machine.current().await.unwrap();
            match current.phase {
                Phase::Running if current.compose.is_some() => return current,
                Phase::Failed(_) => return current,
                Phase::Running | Phase::Coming(_) | Phase::Behind(_) => {
                    tokio::time::sleep(Duration::from_millis(10)).await
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), looking).await.expect("it never settled")
}

fn only(world: &World) -> SeenMachine {
    let [machine] = world.phala().machines().try_into().unwrap();
    machine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_runs_the_new_release_on_the_same_application_and_can_be_taken_back() {
    let (world, _production, machine) = stage().await;
    assert_eq!(machine.describe(), "machine mero-kms-production on Phala Cloud");
    let before = only(&world);
    let current = settled(&machine).await;
    assert_eq!(current, Current { compose: Some(compose(RUNS)), phase: Phase::Running });
    for (release, version) in [(NEXT, "v1.2.0"), (RUNS, "v1.1.1")] {
        assert!(matches!(machine.apply(&compose(release)).await.unwrap(), Applied::Begun));
        assert_eq!(settled(&machine).await.compose, Some(compose(release)));
        // To ask for the same once more changes nothing.
        assert!(matches!(machine.apply(&compose(release)).await.unwrap(), Applied::Unchanged));
        let [address] = machine.addresses().await.unwrap().try_into().unwrap();
        let health = KmsClient::new(&address, HttpOptions::default()).unwrap().health().await.unwrap().unwrap();
        assert_eq!((health.version.as_str(), health.profile.as_str()), (version, "locked-read-only"));
    }
    let after = only(&world);
    assert_eq!((&after.uuid, &after.app_id, after.updates), (&before.uuid, &before.app_id, 2));
    assert_eq!(world.phala().running(), 1, "what ran before has ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_with_an_update_is_told_apart() {
    let (world, _production, machine) = stage().await;
    // A blockchain has to be told first: nothing changed.
    world.phala().set_flaw(Some(Flaw::UpdateRefused));
    let Applied::Refused(error) = machine.apply(&compose(NEXT)).await.unwrap() else { panic!("not refused") };
    assert!(chain(&error).contains("465") && error.advice().unwrap().contains("blockchain"), "{error}");
    assert_eq!((settled(&machine).await.compose, only(&world).updates), (Some(compose(RUNS)), 0));
    // It is promised, and not done.
    world.phala().set_flaw(Some(Flaw::UpdateIgnored));
    assert!(matches!(machine.apply(&compose(NEXT)).await.unwrap(), Applied::Begun));
    assert_eq!(settled(&machine).await.compose, Some(compose(RUNS)));
    // It is done, and the answer is lost: what the machine runs tells.
    world.phala().set_flaw(Some(Flaw::UpdateLost));
    let Applied::Unknown(error) = machine.apply(&compose(NEXT)).await.unwrap() else { panic!("known") };
    assert_eq!(error.class(), Class::Remote);
    assert_eq!(settled(&machine).await.compose, Some(compose(NEXT)));
    assert_eq!(only(&world).updates, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_does_not_boot_after_its_update_boots_again_with_what_it_had() {
    let (world, _production, machine) = stage().await;
    world.phala().set_flaw(Some(Flaw::UpdatedNotBooting));
    assert!(matches!(machine.apply(&compose(NEXT)).await.unwrap(), Applied::Begun));
    let Phase::Failed(why) = settled(&machine).await.phase else { panic!("it boots") };
    assert!(why.contains("dm-verity"), "{why}");
    assert!(matches!(machine.apply(&compose(RUNS)).await.unwrap(), Applied::Begun));
    assert_eq!(settled(&machine).await, Current { compose: Some(compose(RUNS)), phase: Phase::Running });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_is_not_there_is_not_made() {
    let (world, _production, _) = stage().await;
    let error = PhalaMachine::find(client(&world), "mero-kms-elsewhere".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(chain(&error).contains("holds no machine mero-kms-elsewhere"), "{error}");
    // A name that begins like it is another one.
    let error = PhalaMachine::find(client(&world), "mero-kms-prod".parse().unwrap()).await.unwrap_err();
    assert!(chain(&error).contains("holds no machine mero-kms-prod"), "{error}");
    assert_eq!(world.phala().machines().len(), 1);
}
