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

#[tokio::test]
async fn a_fault_may_wait_for_the_nth_request_whatever_it_asks() {
    let mut github = GitHub::new();
    github.hub.faults().add_after(2, Trouble::Status(500));
    github.hub.faults().add_after(0, Trouble::Status(502));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(github.get(REPO).await.status);
    }
    assert_eq!(statuses, [502, 200, 500, 200]);
    github.hub.faults().add_after(9, Trouble::Dropped);
    assert!(!github.hub.faults().are_over());
    github.hub.faults().clear();
    assert!(github.hub.faults().are_over());
}

#[tokio::test]
async fn either_limit_is_said_as_github_says_it() {
    let mut github = GitHub::new();
    let second = std::time::Duration::from_secs;
    let header = |answer: &Answer, name: &str| answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    for status in [403, 429] {
        github.hub.faults().add_after(0, Trouble::PrimaryLimit { status, reset: second(90) });
        let answer = github.get(REPO).await;
        let in_seconds: i64 = header(&answer, "x-ratelimit-reset").unwrap().parse().unwrap();
        let wait = in_seconds - jiff::Timestamp::now().as_second();
        assert_eq!((answer.status, header(&answer, "x-ratelimit-remaining").as_deref()), (status, Some("0")));
        assert!((0..=90).contains(&wait), "{wait}");
        for (retry_after, said) in [(Some(second(7)), Some("7")), (None, None)] {
            github.hub.faults().add_after(0, Trouble::SecondaryLimit { status, retry_after });
            let answer = github.get(REPO).await;
            assert_eq!((answer.status, header(&answer, "retry-after").as_deref()), (status, said));
            assert!(answer.json["message"].as_str().unwrap().contains("secondary rate limit"));
            assert_ne!(header(&answer, "x-ratelimit-remaining").as_deref(), Some("0"));
        }
    }
}

#[tokio::test]
async fn a_budget_runs_out_and_asking_for_it_costs_nothing() {
    let mut github = GitHub::new();
    github.hub.set_limits(Limits { requests_an_hour: Some(3), made_a_minute: Some(1), ..Limits::GITHUB });
    github.made(REPO, json!({"tag_name": "v1"})).await;
    let second = github.post(&format!("{REPO}/releases"), json!({"tag_name": "v2"})).await;
    let wait: u64 = second.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(second.status == 403 && (1..=60).contains(&wait), "{wait}");
    assert_eq!(github.get(REPO).await.status, 200);
    let last = github.get(REPO).await;
    assert_eq!((last.status, &last.headers["x-ratelimit-remaining"]), (403, &HeaderValue::from(0)));
    assert_eq!(last.json["message"], "API rate limit exceeded for user ID 41898282.");
    let rate = github.get("/rate_limit").await;
    assert_eq!((rate.status, &rate.json["rate"]["used"], &rate.json["rate"]["remaining"]), (200, &json!(3), &json!(0)));
}

#[tokio::test]
async fn an_upload_that_goes_wrong_leaves_what_it_leaves_on_github() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let request = |name: &str| {
        let request = Request::post(format!("{release}/assets?name={name}")).header(header::AUTHORIZATION, "Bearer x");
        request.body(Body::from("1")).unwrap()
    };
    for (name, what, status, left) in [
        ("a", Trouble::CutOff, None, Some(("starter", 0))),
        ("b", Trouble::Empty, Some(201), Some(("uploaded", 0))),
        ("c", Trouble::DoneButExists, Some(422), Some(("uploaded", 1))),
        ("d", Trouble::AnswerLost, None, Some(("uploaded", 1))),
        ("e", Trouble::Dropped, None, None),
        ("f", Trouble::Starter, Some(502), Some(("starter", 0))),
    ] {
        github.hub.faults().add_after(0, what);
        let answer = github.send(request(name)).await;
        assert_eq!(answer.map(|answer| answer.status), status, "{name}");
        let found = github.get(&format!("{release}/assets")).await.json;
        let asset = found.as_array().unwrap().iter().find(|asset| asset["name"] == name);
        let is = asset.map(|asset| (asset["state"].as_str().unwrap(), asset["size"].as_u64().unwrap()));
        assert_eq!(is, left, "{name}");
    }
}

#[tokio::test]
async fn an_upload_whose_sender_goes_away_leaves_a_starter() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let pieces = [Ok("half"), Err(std::io::Error::other("gone"))];
    let body = Body::from_stream(futures_util::stream::iter(pieces));
    let request = Request::post(format!("{release}/assets?name=a")).header(header::AUTHORIZATION, "Bearer x");
    assert!(github.send(request.body(body).unwrap()).await.is_none());
    assert_eq!(github.get(&release).await.json["assets"][0]["state"], "starter");
}
