//! Machines: what they are once they run, and that they are gone when they are deleted.

use merotee::{
    adapters::phala::{Answered, Deleted, Status},
    attestation::{event_log::EventLog, measurement::Register, quote::Quote},
    digest::Sha256,
    kms::client::KmsClient,
    sandbox::{boot::Boot, phala::Flaw},
    subject::profile::Profile,
};

use super::{RELEASE, client, compose, done, name, options, provision, running, settled, until, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_is_the_kms_of_its_image_and_its_compose_hash_is_the_same_in_all_four_places() {
    let world = world().await;
    let phala = client(&world);
    let account = phala.me().await.unwrap();
    assert_eq!((account.user(), account.workspace()), ("sandbox", Some("sandbox")));
    let profile = Profile::DebugReadOnly;
    let (cvm, provisioned) = running(&phala, &name("mero-kms-probe-a"), &compose(RELEASE, profile)).await;
    let id = cvm.handle().unwrap();
    let kms = KmsClient::new(cvm.endpoints[0].app.as_ref().unwrap(), options()).unwrap();
    until(|| async { kms.health().await.unwrap().unwrap().policy_loaded }).await;
    let health = kms.health().await.unwrap().unwrap();
    assert_eq!((health.version.as_str(), health.profile.as_str()), ("v1.2.0", profile.as_str()));
    let (answer, _) = kms.attest(&[3; 32], None).await.unwrap().unwrap();
    // The evidence is the machine's own.
    let quote = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &answer.quote_b64).unwrap();
    let quote = Quote::parse(&quote).unwrap();
    let log = EventLog::from_json(&answer.event_log).unwrap();
    let released = Boot::of_release(&RELEASE.parse().unwrap(), profile).registers();
    for register in Register::ALL {
        let same = quote.report.registers.get(register) == released.get(register);
        assert_eq!(same, register != Register::Rtmr3, "{register}: only RTMR3 is the deployment's own");
    }
    assert_eq!(quote.report.report_data[..32], [3; 32]);
    // The four places.
    let attestation = phala.attestation(&id).await.unwrap().unwrap();
    let tcb_info = attestation.tcb_info.unwrap();
    assert!(attestation.is_online && attestation.error.is_none());
    let file = Sha256::of(tcb_info.app_compose.as_bytes());
    let measured = log.identity().unwrap().compose_hash().unwrap();
    assert_eq!([provisioned.compose_hash, cvm.compose_hash.unwrap(), measured], [file; 3]);
    assert_eq!(tcb_info.event_log, *answer.event_log.as_array().unwrap());
    let document: serde_json::Value = serde_json::from_str(&tcb_info.app_compose).unwrap();
    assert_eq!(document["docker_compose_file"], compose(RELEASE, profile));
    assert_eq!(document["name"], "");
    // And its end.
    assert_eq!((world.phala().running(), world.phala().machines().len()), (1, 1));
    assert_eq!(phala.delete(&id).await.unwrap(), Deleted::Accepted);
    until(|| async { phala.cvm(&id).await.unwrap().is_none() }).await;
    assert_eq!(phala.delete(&id).await.unwrap(), Deleted::Gone);
    assert!(kms.health().await.is_err(), "its KMS ended with it");
    assert_eq!((world.phala().running(), world.phala().machines()), (0, Vec::new()));
    assert_eq!(world.phala().orphans(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_deployments_of_one_order_differ_in_rtmr3_alone_and_another_kind_of_machine_in_rtmr0_too() {
    let world = world().await;
    let phala = client(&world);
    let compose = compose(RELEASE, Profile::LockedReadOnly);
    let mut seen = Vec::new();
    for (label, instance_type) in [("one", "tdx.small"), ("two", "tdx.small"), ("three", "tdx.medium")] {
        let (id, provisioned) = settled(&phala, &name(&format!("probe-{label}")), &compose, instance_type).await;
        let url = phala.cvm(&id).await.unwrap().unwrap().endpoints[0].instance.clone().unwrap();
        let kms = KmsClient::new(&url, options()).unwrap();
        let (answer, _) = kms.attest(&[1; 32], None).await.unwrap().unwrap();
        let quote = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &answer.quote_b64).unwrap();
        seen.push((Quote::parse(&quote).unwrap().report.registers, provisioned));
    }
    let differ = |a: usize, b: usize| {
        let unlike = |register: &Register| seen[a].0.get(*register) != seen[b].0.get(*register);
        Register::ALL.into_iter().filter(unlike).collect::<Vec<_>>()
    };
    assert_eq!(differ(0, 1), [Register::Rtmr3]);
    assert_eq!(differ(0, 2), [Register::Rtmr0, Register::Rtmr3]);
    assert_eq!(seen[0].1.compose_hash, seen[1].1.compose_hash);
    assert_ne!(seen[0].1.app_id, seen[1].1.app_id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_boot_says_why_and_waits_for_nothing_more() {
    let world = world().await;
    let phala = client(&world);
    let unknown = compose(RELEASE, Profile::Debug).replace("@sha256:", "@sha256:f");
    let (id, _) = settled(&phala, &name("unknown-image"), &unknown, "tdx.small").await;
    let state = phala.state(&id).await.unwrap().unwrap();
    assert_eq!(state.status, Status::Failed("error".to_owned()));
    assert!(state.boot_error.unwrap().contains("holds no such image"));
    let attestation = phala.attestation(&id).await.unwrap().unwrap();
    assert!(!attestation.is_online && attestation.tcb_info.is_none() && attestation.error.is_some());
    let log = phala.serial_log(&id).await.unwrap().unwrap();
    assert!(log.contains("holds no such image"), "{log}");
    assert!(!world.phala().key_went_to_logs());
    // One that goes on trying has its error beside a status that says nothing.
    world.phala().set_flaw(Some(Flaw::BootError));
    let broken = name("boot-error");
    let provisioned = provision(&phala, &broken, &compose(RELEASE, Profile::Debug), "tdx.small").await;
    let id = done(phala.create(&provisioned, &broken).await.unwrap()).handle().unwrap();
    until(|| async { phala.state(&id).await.unwrap().unwrap().boot_error.is_some() }).await;
    let state = phala.state(&id).await.unwrap().unwrap();
    assert_eq!(state.status, Status::NotYet("starting".to_owned()));
    assert!(state.boot_error.unwrap().contains("dm-verity"));
    assert_eq!(world.phala().running(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_was_only_created_runs_once_it_is_started() {
    let world = world().await;
    let phala = client(&world);
    world.phala().start_on_request();
    let (id, _) = settled(&phala, &name("to-be-started"), &compose(RELEASE, Profile::Debug), "tdx.small").await;
    let cvm = phala.cvm(&id).await.unwrap().unwrap();
    assert_eq!((cvm.status, cvm.endpoints.len()), (Status::Startable("created".to_owned()), 0));
    done(phala.start(&id).await.unwrap());
    let cvm = phala.cvm(&id).await.unwrap().unwrap();
    assert_eq!((cvm.status, cvm.endpoints.len()), (Status::Running, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_deleted_while_it_boots_leaves_nothing_running() {
    let world = world().await;
    let phala = client(&world);
    let hasty = name("deleted-at-once");
    let provisioned = provision(&phala, &hasty, &compose(RELEASE, Profile::Debug), "tdx.small").await;
    let id = done(phala.create(&provisioned, &hasty).await.unwrap()).handle().unwrap();
    assert_eq!(phala.delete(&id).await.unwrap(), Deleted::Accepted);
    until(|| async { phala.cvm(&id).await.unwrap().is_none() }).await;
    // Its name is free again, and the application is not.
    assert!(matches!(phala.create(&provisioned, &hasty).await.unwrap(), Answered::Refused(_)));
    let again = provision(&phala, &hasty, &compose(RELEASE, Profile::Debug), "tdx.small").await;
    done(phala.create(&again, &hasty).await.unwrap());
    assert_eq!(world.phala().machines().len(), 1);
}
