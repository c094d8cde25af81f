//! What a rollout lacks is said before it begins, and what it loses on its way is not taken for gone.

use super::stage::{On, Stage};

#[test]
fn a_plan_says_what_is_missing_and_refuses_what_would_leak_keys_or_flood_a_kms() {
    let stage = Stage::new();
    stage
        .plan("--standing-node", "agent:/nowhere/dstack.sock,/nowhere/key")
        .run()
        .expect(10)
        .says(&["standing node", "there is no guest agent at /nowhere/dstack.sock"]);
    let unset = stage.plan("--interval", "300").env("GH_TOKEN", "").env("ACTIONS_ID_TOKEN_REQUEST_URL", "");
    unset.run().expect(10).says(&["no token opens it", "nothing signs the candidates of staging"]);
    for (option, value, says) in [
        ("--production-url", "http://kms.example.com/", "the keys of production would travel to kms.example.com"),
        ("--staging-url", "http://kms.example.com/", "the keys of staging would travel to kms.example.com"),
        ("--requests", "5", "16 key requests of one node a minute"),
    ] {
        stage.plan(option, value).run().expect(2).says(&[says]);
    }
}

#[test]
fn a_command_of_a_node_that_is_too_long_and_an_address_with_a_password_are_refused_and_not_repeated() {
    let stage = Stage::new();
    let (many, long) = ("x ".repeat(65), format!("{0} {0} {0} {0} {0}", "y".repeat(900)));
    for command in [&many, &long] {
        stage.plan("--standing-node", command).run().expect(2).says(&["1 to 64 words, and at most 4096 bytes"]);
    }
    for option in ["--production-url", "--staging-url"] {
        let run = stage.plan(option, "https://ada:hunter2@kms.example.com/").run().expect(2);
        let run = run.says(&["an address has no user, password, query or fragment"]);
        assert!(!run.shown().contains("hunter2"), "{}", run.shown());
    }
}

#[test]
fn staging_whose_journal_is_gone_is_not_called_removed_while_the_account_holds_it() {
    let stage = Stage::spoilt(On::Cloud, "phala-debug-td", &[]);
    stage.run().run().expect(10);
    let evidence = stage.place.path("rollout.jsonl.evidence");
    std::fs::remove_file(evidence.join("rollout-journal.jsonl")).unwrap();
    stage.order("rollback").run().expect(1).says(&["the account still holds the machine mero-kms-staging-"]);
    assert_eq!(stage.cloud().machines().len(), 2, "production, and what is left of staging");
}
