//! For whom the workflow ran: a foreign caller of our reusable workflow signs with our name.

use merotee::sandbox::sigstore::{Extensions, Identity, Instance};

use super::{BLOB, Verifying, identity, now};

const FORK: &str = "evil/fork";
const MAIN: &str = "refs/heads/main";

/// Our workflow's name in a certificate for whatever `repository` and `git_ref` called it.
fn caller(repository: &str, git_ref: &str, extensions: Extensions) -> Identity {
    Identity { repository: repository.into(), git_ref: git_ref.into(), extensions, ..identity() }
}

/// Options of a command, and an environment variable or none.
type Way = (Vec<String>, Option<(&'static str, String)>);

/// Every way of naming our workflow.
fn ways() -> Vec<Way> {
    let Identity { san, issuer, .. } = identity();
    let options = |words: &[&str]| {
        words.iter().copied().chain(["--certificate-oidc-issuer", &issuer]).map(str::to_owned).collect::<Vec<_>>()
    };
    let pattern = "https://github.com/calimero-network/mero-tee/.*";
    let variable = "COSIGN_CERTIFICATE_IDENTITY_REGEXP";
    vec![
        (options(&["--certificate-identity", &san]), None),
        (options(&["--certificate-identity-regexp", pattern]), None),
        (options(&["--certificate-identity-regexp", ".*"]), None),
        (options(&[]), Some((variable, pattern.to_owned()))),
        (options(&["--certificate-identity", &san]), Some((variable, pattern.to_owned()))),
    ]
}

#[test]
fn a_foreign_caller_is_refused_whoever_names_the_workflow_and_one_that_is_named_is_not() {
    let mut instance = Instance::new(7, now()).unwrap();
    let place = Verifying::under(&instance);
    let ours = "calimero-network/mero-tee";
    let tag = identity().git_ref;
    for (identity, named) in [
        (caller(ours, &tag, Extensions::Both), None),
        (caller(ours, &tag, Extensions::Older), None),
        (caller(ours, &tag, Extensions::Newer), None),
        (caller(FORK, MAIN, Extensions::Both), Some([FORK, MAIN])),
        (caller(FORK, MAIN, Extensions::Older), Some([FORK, MAIN])),
        (caller(FORK, MAIN, Extensions::Newer), Some([FORK, MAIN])),
        (caller(FORK, &tag, Extensions::Both), Some([FORK, &tag])),
        (caller(ours, MAIN, Extensions::Older), Some([ours, MAIN])),
        (caller("calimero-network/mero-tee2", &tag, Extensions::Newer), Some(["calimero-network/mero-tee2", &tag])),
        // One repository in any case, as GitHub has it.
        (caller("Calimero-Network/mero-tee", &tag, Extensions::Both), None),
    ] {
        let bundle = instance.sign(BLOB, &identity, now()).unwrap().bundle_json;
        place.0.write("bundle.json", &bundle);
        for (options, variable) in ways() {
            let verify = |more: &[&str]| {
                let command =
                    ["verify-blob", "--offline", "--trusted-root", "root.json", "--bundle", "bundle.json", "blob"];
                let run = place.0.merotee(command).args(&options).args(more);
                match &variable {
                    Some((name, value)) => run.env(name, value).run(),
                    None => run.run(),
                }
            };
            let Some([repository, git_ref]) = named else {
                verify(&[]).expect(0);
                continue;
            };
            verify(&[]).expect(10).says(&[
                "[PASS] signature",
                "[FAIL] identity",
                "the workflow ran for a different source",
            ]);
            let source = ["--certificate-source-repository", repository, "--certificate-source-ref", git_ref];
            verify(&source).expect(0).says(&["[WARN] the workflow must have run for the repository"]);
            let url = format!("https://github.com/{repository}");
            verify(&["--certificate-source-repository", &url, "--certificate-source-ref", git_ref]).expect(0);
            verify(&["--certificate-source-repository", "somebody/else", "--certificate-source-ref", git_ref])
                .expect(10);
            verify(&["--certificate-source-repository", repository, "--certificate-source-ref", "refs/heads/x"])
                .expect(10);
        }
    }
}

#[test]
fn a_certificate_that_names_no_source_fails_whatever_source_is_demanded() {
    let mut instance = Instance::new(7, now()).unwrap();
    let place = Verifying::under(&instance);
    let named = ["--certificate-source-repository", "calimero-network/mero-tee", "--certificate-source-ref", MAIN];
    let bare = caller("calimero-network/mero-tee", MAIN, Extensions::IssuerOnly);
    // Commit, trigger and workflow, and no word of repository and ref.
    let silent = caller("", "", Extensions::Older);
    for (identity, is_bare) in [(silent, false), (bare, true)] {
        let bundle = instance.sign(BLOB, &identity, now()).unwrap().bundle_json;
        for (options, _) in ways().into_iter().filter(|(_, variable)| variable.is_none()) {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            let run = place.verify_as(&bundle, "blob", &options);
            if is_bare && options[0] == "--certificate-identity" {
                // Name and issuer are all there is, and both were given in full.
                run.expect(0).says(&["[WARN] identity", "does not say for which repository and ref"]);
            } else {
                run.expect(10).says(&["names no source repository", "names no source ref"]);
            }
            place.verify_as(&bundle, "blob", &[&options[..], &named].concat()).expect(10);
        }
    }
}

#[test]
fn the_variables_and_cosigns_own_options_name_the_source_and_an_empty_variable_names_none() {
    let mut instance = Instance::new(7, now()).unwrap();
    let place = Verifying::under(&instance);
    place
        .0
        .write("bundle.json", instance.sign(BLOB, &caller(FORK, MAIN, Extensions::Both), now()).unwrap().bundle_json);
    let Identity { san, issuer, .. } = identity();
    let verify = || {
        let command = ["verify-blob", "--offline", "--trusted-root", "root.json", "--bundle", "bundle.json", "blob"];
        place.0.merotee(command).args(["--certificate-identity", &san, "--certificate-oidc-issuer", &issuer])
    };
    let [repository, git_ref] = ["MEROTEE_CERTIFICATE_SOURCE_REPOSITORY", "MEROTEE_CERTIFICATE_SOURCE_REF"];
    verify().env(repository, FORK).env(git_ref, MAIN).run().expect(0);
    verify().env(repository, "").env(git_ref, "").run().expect(10);
    let cosigns = ["--certificate-github-workflow-repository", FORK, "--certificate-github-workflow-ref", MAIN];
    verify().args(cosigns).run().expect(0);
}

#[test]
fn a_person_signs_without_a_source() {
    let mut instance = Instance::new(7, now()).unwrap();
    let place = Verifying::under(&instance);
    let person =
        Identity { san: "dev@example.org".into(), issuer: "https://accounts.example".into(), ..Identity::default() };
    let bundle = instance.sign(BLOB, &person, now()).unwrap().bundle_json;
    let signer = ["--certificate-identity", "dev@example.org", "--certificate-oidc-issuer", "https://accounts.example"];
    place.verify_as(&bundle, "blob", &signer).expect(0);
}

#[test]
fn a_pattern_that_cosign_would_take_gets_the_advice_to_match_the_whole_name() {
    let mut instance = Instance::new(7, now()).unwrap();
    let place = Verifying::under(&instance);
    let bundle = instance.sign(BLOB, &identity(), now()).unwrap().bundle_json;
    let verify = |pattern: &str| {
        let signer = ["--certificate-identity-regexp", pattern, "--certificate-oidc-issuer", &identity().issuer];
        place.verify_as(&bundle, "blob", &signer)
    };
    let pattern = "^https://github.com/calimero-network/mero-tee/";
    let run = verify(pattern).expect(10).says(&["must match the whole name", &format!("write {pattern}.*")]);
    assert!(run.stdout.contains("[FAIL] identity"), "{}", run.stdout);
    verify(&format!("{pattern}.*")).expect(0);
    let run = verify("^https://github.com/somebody/").expect(10);
    assert!(!run.stdout.contains("as cosign has it"), "{}", run.stdout);
}
