//! The table of every kind of tampering, in the order of `--tamper list`.

use super::{
    Row,
    Stage::{Checksums, Documents, Served, Signature},
    documents, policies, served, signature,
};
use crate::{
    digest::Sha256,
    release::contract::Layout,
    sandbox::{catalog::is_hotfix, release::Sample},
    subject::tag::{Class, Family},
};

const fn row(
    name: &'static str,
    does: &'static str,
    spares: fn(&Sample) -> Option<&'static str>,
    stage: super::Stage,
) -> Row {
    Row { name, does, spares, stage }
}

pub(super) static ROWS: &[Row] = &[
    row("payload-byte", "flips one byte of the SBOM after everything was signed", none, Served(served::payload_byte)),
    row(
        "checksum-entry",
        "replaces one digest in the checksums file and signs the file",
        none,
        Checksums(|checksums| {
            if let Some(digest) = checksums.values_mut().next() {
                *digest = Sha256::of(b"something else");
            }
        }),
    ),
    row("asset-missing", "deletes an asset that the checksums file lists", none, Served(served::asset_missing)),
    row(
        "asset-unlisted",
        "adds an archive that the checksums file does not list",
        none,
        Served(served::asset_unlisted),
    ),
    row("signature-missing", "deletes the signature of the checksums file", none, Served(served::signature_missing)),
    row(
        "signature-other-file",
        "puts the signature of another file in place of the checksums file's",
        none,
        Signature(signature::of_another_file),
    ),
    row(
        "identity-workflow",
        "signs with another workflow of the repository",
        none,
        Documents(documents::identity_workflow),
    ),
    row(
        "identity-repository",
        "signs with the same workflow of a fork",
        none,
        Documents(documents::identity_repository),
    ),
    row("identity-ref", "signs with the right workflow on a feature branch", none, Documents(documents::identity_ref)),
    row(
        "identity-issuer",
        "signs with a certificate of another OIDC issuer",
        none,
        Documents(|draft| draft.identity.issuer = "https://oidc.example.org".into()),
    ),
    row(
        "log-entry-forged",
        "replaces the transparency-log entry with one from an untrusted log",
        detached,
        Signature(signature::forged_log_entry),
    ),
    row(
        "log-proof-removed",
        "cuts the inclusion proof out of the bundle",
        detached,
        Signature(signature::without_log_proof),
    ),
    row("api-digest", "makes GitHub's API state another digest for the SBOM", none, Served(served::api_digest)),
    row("download-truncated", "delivers only the first half of the SBOM", none, Served(served::download_truncated)),
    row(
        "policy-profile",
        "makes the debug policy say that it is the locked-read-only one",
        without_policy,
        Documents(policies::of_another_profile),
    ),
    row(
        "policy-tag",
        "makes the locked-read-only policy one of another version",
        without_policy,
        Documents(policies::of_another_version),
    ),
    // It ships what was merged since, which nobody tried.
    row(
        "hotfix-branch",
        "makes the hotfix from the default branch as it was by then, instead of the tag it patches",
        no_hotfix,
        Documents(documents::hotfix_branch),
    ),
    // A KMS that loads it gives keys to any genuine machine.
    row(
        "policy-not-ready",
        "marks the locked-read-only policy of a stable release as not ready",
        without_final_policy,
        Documents(policies::not_ready),
    ),
    // A check over the list has nothing to compare.
    row(
        "policy-empty-list",
        "empties the KMS RTMR0 list of the locked-read-only policy",
        without_final_policy,
        Documents(policies::empty_list),
    ),
    // One machine satisfies both policies.
    row(
        "policy-not-isolated",
        "gives debug machines the measurements of locked-read-only ones",
        unsettled,
        Documents(policies::not_isolated),
    ),
    // A node image could pass for the KMS.
    row(
        "role-overlap",
        "gives the KMS the RTMR3 of the node image",
        without_final_policy,
        Documents(policies::kms_like_node),
    ),
    // A stranger gets a debug node's key with the locked KMS's answer.
    row(
        "role-overlap-across-profiles",
        "adds the registers of the locked-read-only KMS to the node lists of the debug policy",
        without_final_policy,
        Documents(policies::kms_among_nodes),
    ),
    row(
        "mrtd-malformed",
        "cuts one digit off a published MRTD",
        without_measurements,
        Documents(documents::mrtd_malformed),
    ),
    row(
        "sbom-broken",
        "points a relationship of the SBOM at a package that is not there",
        none,
        Documents(documents::sbom_broken),
    ),
    row(
        "notes-unpinned",
        "names the image in the release notes by a tag instead of a digest",
        without_image,
        Documents(documents::notes_unpinned),
    ),
    row("asset-traversal", "adds an asset named ../x", none, Served(served::asset_traversal)),
    row("asset-duplicate", "adds a second asset with the name of the SBOM", none, Served(served::asset_duplicate)),
    row(
        "asset-unfinished",
        "breaks off the upload of the SBOM: GitHub lists it in state starter",
        none,
        Served(served::asset_unfinished),
    ),
    // No client of bundles reads it.
    row(
        "signature-stray",
        "adds a signature file that is junk beside the checksums file's bundle",
        with_signature_files,
        Served(served::signature_stray),
    ),
];

/// Every sample can be touched.
fn none(_: &Sample) -> Option<&'static str> {
    None
}

fn is_kms(sample: &Sample) -> bool {
    sample.tag.family() == Family::Kms
}

fn no_hotfix(sample: &Sample) -> Option<&'static str> {
    (!is_hotfix(&sample.tag)).then_some("it is not a hotfix")
}

fn detached(sample: &Sample) -> Option<&'static str> {
    (sample.layout != Layout::Pipeline)
        .then_some("its signatures are detached: the log entry is in Rekor, not in the release")
}

fn with_signature_files(sample: &Sample) -> Option<&'static str> {
    (sample.layout != Layout::Pipeline).then_some("it has such a file, which is read")
}

fn without_policy(sample: &Sample) -> Option<&'static str> {
    (!is_kms(sample)).then_some("a node image release holds no policy")
}

fn without_image(sample: &Sample) -> Option<&'static str> {
    (!is_kms(sample)).then_some("the notes of a node image release name no image")
}

fn without_final_policy(sample: &Sample) -> Option<&'static str> {
    (!is_kms(sample) || sample.tag.class() == Class::Rc).then_some("only a stable KMS release has a finished policy")
}

fn unsettled(sample: &Sample) -> Option<&'static str> {
    (sample.tag.class() == Class::Rc).then_some("the lists of a policy that is not ready are empty")
}

fn without_measurements(sample: &Sample) -> Option<&'static str> {
    (is_kms(sample) && sample.layout != Layout::Pipeline)
        .then_some("a KMS release in this layout publishes no measurements")
}
