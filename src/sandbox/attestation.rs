//! What GitHub states of an immutable release, in both forms that it has written: see [`crate::release::attestation`].

use serde_json::{Value, json};

use super::{account_id, documents::REPOSITORY};

/// GitHub's number of the sample repository.
const REPOSITORY_ID: u64 = 1;

/// A form of attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// That of 2025.
    V0_1,
    /// That of 2026.
    V0_2,
}

/// A release of the sample repository that is attested.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attested<'a> {
    pub(super) form: Form,
    /// GitHub's number of it.
    pub(super) release: u64,
    pub(super) tag: &'a str,
    /// What its tag points to, hex.
    pub(super) object: &'a str,
}

/// A repository by its name and the numbers that GitHub gives it and its owner.
pub(super) struct Repository<'a> {
    pub(super) name: &'a str,
    pub(super) id: u64,
}

impl Attested<'_> {
    /// What is stated of it, with assets by name and `sha256:…`.
    pub(super) fn statement<'s>(self, assets: impl Iterator<Item = (&'s str, String)>) -> Value {
        self.of(&Repository { name: REPOSITORY, id: REPOSITORY_ID }, assets)
    }

    /// The same of any repository.
    pub(super) fn of<'s>(self, repository: &Repository<'_>, assets: impl Iterator<Item = (&'s str, String)>) -> Value {
        let Self { form, release, tag, object } = self;
        let Repository { name, id } = repository;
        let owner = name.split_once('/').map_or(*name, |(owner, _)| owner);
        let purl = format!("pkg:github/{name}@{tag}");
        let mut subjects = vec![json!({ "uri": purl, "digest": { "sha1": object } })];
        subjects.extend(assets.map(|(name, digest)| {
            json!({ "name": name, "digest": { "sha256": digest.strip_prefix("sha256:").unwrap_or(&digest) } })
        }));
        let mut predicate = json!({
            "ownerId": account_id::of(owner).to_string(),
            "purl": purl,
            "repository": name,
            "repositoryId": id.to_string(),
            "tag": tag,
        });
        let (version, named) = match form {
            Form::V0_1 => ("v0.1", vec![("releaseId", release)]),
            Form::V0_2 => ("v0.2", vec![("databaseId", release), ("packageId", *id)]),
        };
        if let Value::Object(fields) = &mut predicate {
            fields.extend(named.into_iter().map(|(name, id)| (name.to_owned(), json!(id.to_string()))));
        }
        json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": format!("https://in-toto.io/attestation/release/{version}"),
            "predicate": predicate,
        })
    }
}
