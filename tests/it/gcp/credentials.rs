//! Access tokens: every kind of credentials gets one that Compute Engine takes; secrets go to Google and to the job's runner
//! and to nobody else, and no message holds one.

use merotee::{
    adapters::gcp::{
        compute::ImageName,
        credentials::{Credentials, Hosts, Sources},
    },
    error::{Class, chain},
    sandbox::{
        gcp::{PROJECT, tokens},
        trouble::{Mishap, Trouble},
    },
};
use secrecy::SecretString;

use super::{Cloud, options};

/// Every secret that the sandbox hands out.
const SECRETS: [&str; 5] =
    [tokens::REFRESH_TOKEN, tokens::CLIENT_SECRET, tokens::RUNNER_TOKEN, "ya29.", "sandbox-job-"];

async fn sees_an_image(cloud: &Cloud, sources: &Sources) {
    let (project, name) = (PROJECT.parse().unwrap(), "mero-tee-debug-1-2-0".parse().unwrap());
    let image = cloud.compute(sources).image(&project, &ImageName::Name(name)).await.unwrap().unwrap();
    assert!(image.is_tdx_capable());
}

#[track_caller]
fn holds_no_secret(said: &str) {
    for secret in SECRETS {
        assert!(!said.contains(secret), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_credentials_gets_a_token_that_is_taken() {
    let cloud = Cloud::start(None).await;
    let file = |path| Sources { file: Some(path), ..cloud.sources() };
    let runs: [(&str, Sources, &[&str]); 6] = [
        ("a service account", file(cloud.service_account()), &[]),
        ("a person", file(cloud.user()), &["/oauth2/token"]),
        ("a person, by gcloud's file", Sources { gcloud: Some(cloud.user()), ..cloud.sources() }, &["/oauth2/token"]),
        (
            "a workload",
            file(cloud.file("w.json", cloud.workload(false).to_string())),
            &["/runner/idtoken", "/sts/v1/token"],
        ),
        (
            "a workload as a service account",
            file(cloud.file("i.json", cloud.workload(true).to_string())),
            &["/runner/idtoken", "/sts/v1/token", "/iam/v1/generateAccessToken"],
        ),
        ("a machine", cloud.sources(), &["/computeMetadata/v1/token"]),
    ];
    for (whose, sources, asked) in runs {
        cloud.world.gcp().record().clear();
        sees_an_image(&cloud, &sources).await;
        let first: Vec<String> = cloud.asked().into_iter().filter(|path| !path.starts_with("/compute/")).collect();
        assert_eq!(first, asked, "{whose}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_given_wins_over_a_file_and_a_file_over_gclouds() {
    let cloud = Cloud::start(None).await;
    let broken = cloud.file("broken.json", "{");
    let token = Some(SecretString::from(merotee::sandbox::gcp::ACCESS_TOKEN));
    sees_an_image(&cloud, &Sources { token, file: Some(broken.clone()), ..cloud.sources() }).await;
    sees_an_image(&cloud, &Sources { file: Some(cloud.user()), gcloud: Some(broken), ..cloud.sources() }).await;
    assert_eq!(cloud.asked().iter().filter(|path| *path == "/computeMetadata/v1/token").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_kept_while_it_holds_and_renewed_once_when_it_is_refused() {
    let cloud = Cloud::start(None).await;
    let compute = cloud.compute(&cloud.sources());
    let (project, name) = (PROJECT.parse().unwrap(), ImageName::Family("mero-tee-debug".parse().unwrap()));
    let tokens = || cloud.asked().iter().filter(|path| *path == "/computeMetadata/v1/token").count();
    for _ in 0..3 {
        compute.image(&project, &name).await.unwrap().unwrap();
    }
    assert_eq!(tokens(), 1);
    cloud.world.gcp().revoke_all();
    compute.image(&project, &name).await.unwrap().unwrap();
    assert_eq!(tokens(), 2);
    cloud.world.gcp().revoke_all();
    let none = "none".parse().unwrap();
    let started = compute.delete_firewall(&project, &none, "5f0c3a4e-0000-4000-8000-000000000000");
    assert!(matches!(started.await.unwrap(), merotee::adapters::gcp::compute::Started::Missing));
    assert_eq!(tokens(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_given_token_that_is_refused_is_said_so_and_not_repeated() {
    let cloud = Cloud::start(None).await;
    cloud.world.gcp().revoke_all();
    let name = ImageName::Name("mero-tee-debug-1-2-0".parse().unwrap());
    let error = cloud.given().image(&PROJECT.parse().unwrap(), &name).await.unwrap_err();
    assert_eq!(error.class(), Class::Remote);
    let said = format!("{} {}", chain(&error), error.advice().unwrap());
    assert!(said.contains("(401)") && said.contains("access token"), "{said}");
    holds_no_secret(&said);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_service_says_is_never_repeated() {
    let cloud = Cloud::start(None).await;
    let with = |change: fn(&mut serde_json::Value)| {
        let mut file = cloud.workload(true);
        change(&mut file);
        file.to_string()
    };
    let files = [
        with(|file| file["audience"] = "//iam.googleapis.com/other".into()),
        with(|file| file["credential_source"]["headers"]["Authorization"] = "Bearer sandbox-runner-token-wrong".into()),
        with(|file| file["subject_token_type"] = "urn:other".into()),
    ];
    let mut sources: Vec<Sources> =
        files.iter().map(|text| Sources { file: Some(cloud.file("w.json", text)), ..cloud.sources() }).collect();
    for (at, sources) in sources.iter_mut().enumerate() {
        let path = cloud.file(&format!("w{at}.json"), &files[at]);
        sources.file = Some(path);
        let credentials = Credentials::find(sources, options(), jiff::Timestamp::now).unwrap();
        let error = credentials.token().await.unwrap_err();
        let said = format!("{} {:?} {credentials:?}", chain(&error), error.advice());
        assert!(said.contains("cannot get "), "{said}");
        holds_no_secret(&said);
    }
    let user = Sources { file: Some(cloud.user()), ..cloud.sources() };
    for what in [Mishap::Status(400), Mishap::Status(403), Mishap::Status(500), Mishap::Dropped] {
        for _ in 0..options().attempts {
            let (method, path) = (http::Method::POST, "/oauth2/token".to_owned());
            cloud.world.gcp().troubles().add(Trouble { method, path, after: 0, what });
        }
        let credentials = Credentials::find(&user, options(), jiff::Timestamp::now).unwrap();
        let error = credentials.token().await.unwrap_err();
        holds_no_secret(&format!("{} {:?}", chain(&error), error.advice()));
        cloud.world.gcp().troubles().clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_leads_elsewhere_is_refused_before_anything_is_sent() {
    let cloud = Cloud::start(None).await;
    // In the real world no server of this host stands in Google's place.
    let hosts = Hosts::default();
    let on_actions = Hosts {
        actions: Some("https://run-actions-1.actions.githubusercontent.com/1//idtoken".parse().unwrap()),
        besides: Vec::new(),
    };
    let files = [
        ("token_uri", hosts.clone(), std::fs::read_to_string(cloud.user()).unwrap()),
        ("token_url", on_actions.clone(), cloud.workload(false).to_string()),
        ("credential_source.url", on_actions, {
            let mut file = cloud.workload(false);
            file["token_url"] = "https://sts.googleapis.com/v1/token".into();
            file.to_string()
        }),
    ];
    for (field, hosts, text) in files {
        let file = Some(cloud.file("elsewhere.json", text));
        let sources = Sources { file, hosts, ..cloud.sources() };
        let error = Credentials::find(&sources, options(), jiff::Timestamp::now).unwrap_err();
        let said = chain(&error);
        assert_eq!(error.class(), Class::Usage);
        assert!(said.contains(&format!("the credentials file's {field} leads to http://127.0.0.1:")), "{said}");
        holds_no_secret(&said);
    }
    assert_eq!(cloud.asked(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_none_is_refused_by_its_field_and_not_by_its_value() {
    let cloud = Cloud::start(None).await;
    let key = cloud.world.gcp().key_file().unwrap();
    let changed = |from: &str, to: &str| key.replace(from, to);
    let cases = [
        (String::new(), "not acceptable JSON"),
        ("[]".to_owned(), "has no type"),
        (
            r#"{"type":"impersonated_service_account"}"#.to_owned(),
            "expected service_account, external_account or authorized_user",
        ),
        (
            r#"{"type":"external_account","credential_source":{"executable":{"command":"sh"}}}"#.to_owned(),
            "only identity tokens of GitHub Actions",
        ),
        (r#"{"type":"authorized_user","client_id":"x","client_secret":7}"#.to_owned(), "client_secret is not a text"),
        (changed("googleapis.com\"\n", "example.com\"\n"), "is for `example.com`"),
        (changed("BEGIN PRIVATE KEY", "BEGIN EC PRIVATE KEY"), "private_key must be one PEM block"),
        (changed("MII", "MIJ"), "private_key must be one PEM block"),
    ];
    for (text, expected) in cases {
        let sources = Sources { file: Some(cloud.file("none.json", &text)), ..cloud.sources() };
        let error = Credentials::find(&sources, options(), jiff::Timestamp::now).unwrap_err();
        let said = chain(&error);
        assert!(said.contains(expected) && !said.contains("MII"), "{expected}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_none_it_is_said_what_to_give() {
    let cloud = Cloud::start(None).await;
    let sources = Sources { metadata: Some("127.0.0.1:1".to_owned()), ..cloud.sources() };
    let credentials = Credentials::find(&sources, options(), jiff::Timestamp::now).unwrap();
    let error = credentials.token().await.unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(chain(&error).starts_with("there are no credentials for Google Cloud"), "{}", chain(&error));
    assert!(error.advice().unwrap().contains("GOOGLE_APPLICATION_CREDENTIALS"));
    // Another server than the metadata server does not say that it is one.
    let other = cloud.world.network_url().trim_start_matches("http://").to_owned();
    let sources = Sources { metadata: Some(other), ..cloud.sources() };
    let credentials = Credentials::find(&sources, options(), jiff::Timestamp::now).unwrap();
    assert_eq!(credentials.token().await.unwrap_err().class(), Class::Usage);
}
