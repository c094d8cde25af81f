//! What a rollout lacks is said before it begins, and what it loses on its way is not taken for gone.

use super::stage::Stage;

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
fn staging_whose_journal_is_gone_is_not_called_removed_while_the_account_holds_it() {
    let stage = Stage::spoilt("phala-debug-td", &[]);
    stage.run().run().expect(10);
    let evidence = stage.place.path("rollout.jsonl.evidence");
    std::fs::remove_file(evidence.join("rollout-journal.jsonl")).unwrap();
    stage.order("rollback").run().expect(1).says(&["the account still holds the machine mero-kms-staging-"]);
    assert_eq!(stage.cloud().machines().len(), 2, "production, and what is left of staging");
}
