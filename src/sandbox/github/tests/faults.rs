//! What goes wrong on request.

use super::*;

#[tokio::test]
async fn a_fault_hits_the_request_it_waits_for_and_no_other() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let fault = |after, what| Fault { method: Method::POST, path: "/assets?".to_owned(), after, what };
    github.hub.faults().add(fault(1, Trouble::Status(500)));
    assert_eq!(github.upload(&release, "a", "1").await.status, 201);
    assert_eq!(github.upload(&release, "b", "1").await.status, 500);
    assert!(github.hub.faults().are_over());
    assert_eq!(github.upload(&release, "b", "1").await.status, 201, "it was not carried out");

    // An upload that breaks off leaves a starter, which holds the name until it is deleted.
    github.hub.faults().add(fault(0, Trouble::Starter));
    assert_eq!(github.upload(&release, "c", "1").await.status, 502);
    let left = github.get(&release).await.json["assets"][2].clone();
    assert_eq!(
        (&left["name"], &left["state"], &left["size"], &left["digest"]),
        (&json!("c"), &json!("starter"), &json!(0), &Value::Null)
    );
    assert_eq!(code(&github.upload(&release, "c", "1").await), (422, "already_exists"));

    github.hub.faults().add(fault(0, Trouble::DoneButStatus(502)));
    assert_eq!(github.upload(&release, "d", "1").await.status, 502);
    assert_eq!(code(&github.upload(&release, "d", "1").await), (422, "already_exists"), "it was carried out");
}

#[tokio::test]
async fn a_dropped_connection_gives_no_answer_whether_or_not_the_request_was_carried_out() {
    let mut github = GitHub::new();
    let wish = json!({"tag_name": "v1"}).to_string();
    for (what, then) in [(Trouble::Dropped, 201), (Trouble::AnswerLost, 422)] {
        let mut github = GitHub::new();
        github.hub.faults().add(Fault { method: Method::POST, path: "/releases".to_owned(), after: 0, what });
        let request = |wish: &str| {
            let request = Request::post(format!("{REPO}/releases")).header(header::AUTHORIZATION, "Bearer x");
            request.body(Body::from(wish.to_owned())).unwrap()
        };
        assert!(github.send(request(&wish)).await.is_none(), "{what:?}");
        assert_eq!(github.send(request(&wish)).await.unwrap().status, then, "{what:?}");
        let status: Vec<_> = github.hub.recorder().writes().into_iter().map(|one| one.status).collect();
        assert_eq!(status, [None, Some(then)]);
    }
    assert_eq!(github.get(REPO).await.status, 200);
}
