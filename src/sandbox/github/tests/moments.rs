//! The record of what releases were, as a proof that nothing was lost.

use super::*;

fn gaps(github: &GitHub) -> Vec<String> {
    github.hub.moments().gaps("o/r").into_iter().map(|gap| gap.name).collect()
}

#[tokio::test]
async fn replacing_an_asset_by_deleting_it_first_leaves_a_gap() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let old = github.upload(&release, "a", "old").await.json["id"].clone();
    assert_eq!(gaps(&github), [""; 0]);
    github.delete(&format!("{REPO}/releases/assets/{old}")).await;
    assert_eq!(gaps(&github), ["a"]);
    github.upload(&release, "a", "new").await;
    // Missing, and half there.
    assert_eq!(gaps(&github), ["a", "a"]);
    let moments = github.hub.moments().all();
    let assets = |at: usize| {
        let seen = moments[at].releases.iter().find(|release| release.tag == "v1")?;
        Some(seen.assets.iter().map(|asset| (asset.state, asset.size)).collect::<Vec<_>>())
    };
    let of_repository = moments.iter().position(|moment| moment.repository == "o/r").unwrap();
    assert_eq!(of_repository, 0, "reading notes nothing");
    assert_eq!([assets(0), assets(1), assets(2)], [None, Some(vec![]), Some(vec![("starter", 0)])]);
    assert_eq!(assets(3), Some(vec![("uploaded", 3)]));
    assert_eq!(assets(moments.len() - 1), Some(vec![("uploaded", 3)]));
}

#[tokio::test]
async fn replacing_an_asset_by_one_that_is_uploaded_first_leaves_none() {
    let mut github = GitHub::new();
    let release = github.made(REPO, json!({"tag_name": "v1"})).await;
    let old = github.upload(&release, "a", "old").await.json["id"].clone();
    let new = github.upload(&release, "a.new", "new").await.json["id"].clone();
    github.delete(&format!("{REPO}/releases/assets/{old}")).await;
    let renamed = github.patch(&format!("{REPO}/releases/assets/{new}"), json!({"name": "a"})).await;
    assert_eq!(renamed.status, 200);
    assert_eq!(gaps(&github), [""; 0]);
    // Deleting all of it loses all of it.
    github.delete(&release).await;
    assert_eq!(gaps(&github), ["a", "a.new"]);
}
