//! Requests: whose key they carry and where it never goes, what is asked again and what is not, and how errors read.

use axum::http::Method;
use merotee::{
    adapters::phala::{Answered, Deleted, Order, Phala},
    error::{Class, chain},
    sandbox::{
        phala::{API_KEY, Flaw},
        trouble::{Mishap, Trouble},
    },
    subject::profile::Profile,
};
use secrecy::SecretString;
use url::Url;

use super::{RELEASE, client, compose, done, name, options, provision, with_key, world};

/// A part of a key that nothing may show.
const PART: &str = "phak_sandbox_the";

fn trouble(method: Method, path: &str, what: Mishap) -> Trouble {
    Trouble { method, path: path.to_owned(), after: 0, what }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_refused_is_not_repeated_even_where_the_service_repeats_it() {
    let world = world().await;
    let wrong = with_key(&world, "phak_sandbox_the_key_of_somebody_else");
    world.phala().set_flaw(None);
    for phala in [&wrong, &client(&world)] {
        let refused = phala.me().await;
        if let Ok(account) = refused {
            assert_eq!(account.user(), "sandbox");
            world.phala().set_flaw(Some(Flaw::KeyRefused));
        }
        let error = phala.me().await.unwrap_err();
        let told = format!("{} {error:?} {phala:?}", chain(&error));
        assert!(told.contains("401") && !told.contains(PART), "{told}");
        assert_eq!(error.class(), Class::Remote);
        assert!(error.advice().unwrap().contains("PHALA_CLOUD_API_KEY"));
    }
    let order = Order { name: &name("refused"), instance_type: "tdx.small", region: None, compose: "services: {}" };
    let Answered::Refused(error) = client(&world).provision(&order).await.unwrap() else { panic!("not refused") };
    assert!(!chain(&error).contains(PART));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_something_is_asked_again_only_where_it_surely_was_not_done() {
    let world = world().await;
    let (phala, cloud, probe) = (client(&world), world.phala(), name("asked-once"));
    let compose = compose(RELEASE, Profile::Debug);
    let order = Order { name: &probe, instance_type: "tdx.small", region: None, compose: &compose };
    let posts = || cloud.record().writes().len();
    // A limit keeps it from being done: it is asked again.
    cloud.troubles().add(trouble(Method::POST, "/provision", Mishap::Limited(0)));
    let provisioned = done(phala.provision(&order).await.unwrap());
    assert_eq!(posts(), 2);
    // After anything else it is unknown.
    for mishap in [Mishap::Status(500), Mishap::Dropped, Mishap::AnswerLost] {
        cloud.record().clear();
        cloud.troubles().add(trouble(Method::POST, "/provision", mishap));
        assert!(matches!(phala.provision(&order).await.unwrap(), Answered::Unknown(_)), "{mishap:?}");
        assert_eq!(posts(), 1, "{mishap:?}");
    }
    assert_eq!(cloud.orphans().len(), 2, "the first, and the one whose answer was lost");
    // A machine whose answer was lost is found by its name, and by nothing else's.
    cloud.set_flaw(Some(Flaw::CommitLost));
    assert!(matches!(phala.create(&provisioned, &probe).await.unwrap(), Answered::Unknown(_)));
    let found = phala.named("asked-once").await.unwrap();
    assert_eq!((found.len(), found[0].app_id.as_ref()), (1, Some(&provisioned.app_id)));
    assert_eq!(phala.named("asked-twice").await.unwrap(), []);
    // A no is one sentence.
    cloud.set_flaw(None);
    let Answered::Refused(error) = phala.create(&provisioned, &probe).await.unwrap() else { panic!("not refused") };
    let told = chain(&error);
    assert!(told.contains("409: App ID conflict: app_id: is in use (ERR-03-007)"), "{told}");
    let odd = Order { instance_type: "sgx", ..order };
    let Answered::Refused(error) = phala.provision(&odd).await.unwrap() else { panic!("not refused") };
    assert!(chain(&error).contains("422: instance_type: unknown instance type"), "{}", chain(&error));
    // Deleting may be asked again, and is.
    let id = found[0].handle().unwrap();
    cloud.record().clear();
    cloud.troubles().add(trouble(Method::DELETE, "/cvms", Mishap::Status(502)));
    cloud.troubles().add(trouble(Method::DELETE, "/cvms", Mishap::AnswerLost));
    assert_eq!(phala.delete(&id).await.unwrap(), Deleted::Accepted);
    assert_eq!(posts(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_in_trouble_is_told_from_a_limit_and_from_an_address_that_is_wrong() {
    let world = world().await;
    let phala = client(&world);
    world.phala().troubles().add_after(0, Mishap::Status(503));
    world.phala().troubles().add_after(0, Mishap::Status(500));
    phala.me().await.expect("what only reads is asked again");
    world.phala().set_flaw(Some(Flaw::Unavailable));
    let error = phala.me().await.unwrap_err();
    assert!(chain(&error).contains("503: Service Unavailable (after 4 attempts)"), "{}", chain(&error));
    world.phala().set_flaw(Some(Flaw::Limited));
    let error = client(&world).me().await.unwrap_err();
    let told = chain(&error);
    assert!(told.contains("the rate limit is reached: Rate limit exceeded; it ends in 60 min"), "{told}");
    world.phala().set_flaw(None);
    let mut url = Url::parse(world.phala_url()).unwrap();
    url.set_path("/api/v2");
    let error = Phala::new(&url, &SecretString::from(API_KEY), options()).unwrap().me().await.unwrap_err();
    assert!(chain(&error).contains("404") && error.advice().unwrap().contains("/api/v1"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn machines_are_listed_over_pages_by_how_their_names_begin() {
    let world = world().await;
    let phala = client(&world);
    world.phala().set_flaw(Some(Flaw::NeverReady));
    for number in 0..53 {
        let label = if number % 2 == 0 { "even" } else { "odd" };
        let machine = name(&format!("{label}-{number:03}"));
        let provisioned = provision(&phala, &machine, "services: {}", "tdx.small").await;
        done(phala.create(&provisioned, &machine).await.unwrap());
    }
    world.phala().record().clear();
    assert_eq!(phala.named("even-").await.unwrap().len(), 27);
    assert_eq!(world.phala().record().requests().len(), 2, "two pages");
    let seen = phala.named("odd-05").await.unwrap();
    assert_eq!(seen.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["odd-051"]);
}

#[test]
fn a_key_goes_nowhere_in_the_clear_and_none_is_not_a_key() {
    let new = |url: &str, key: &str| Phala::new(&Url::parse(url).unwrap(), &SecretString::from(key), options());
    for (url, key, why) in [
        ("http://cloud.example/api/v1", "k", "does not go to cloud.example without encryption"),
        ("https://cloud.example/api/v1", " \n", "is empty"),
        ("https://cloud.example/api/v1", "a\u{7}b", "a character that tokens never have"),
        ("https://u:p@cloud.example/api/v1", "k", "must not carry a user name or password"),
        ("ftp://cloud.example/", "k", "must start with https://"),
    ] {
        let error = new(url, key).unwrap_err();
        assert!(error.class() == Class::Usage && chain(&error).contains(why), "{url}: {error:?}");
    }
    assert_eq!(new("https://cloud.example/api/v1", "k").unwrap().host(), "cloud.example");
}
