//! Who may sign, and for which source, by every way of naming a signer.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use super::*;

const SAN: &str =
    "https://github.com/calimero-network/mero-tee/.github/workflows/release-kms-phala.yaml@refs/tags/mero-kms-v1.2.0";
const REPOSITORY: &str = "https://github.com/calimero-network/mero-tee";
const TAG: &str = "refs/tags/mero-kms-v1.2.0";
const PERSON: &str = "dev@example.org";

fn release() -> ExpectedSigner {
    let workflow = ExpectedWorkflow {
        server: "https://github.com".into(),
        repository: "calimero-network/mero-tee".parse().unwrap(),
        workflow: ".github/workflows/release-kms-phala.yaml".into(),
        refs: vec![TAG.into(), "refs/heads/master".into()],
    };
    ExpectedSigner::workflow(workflow, GITHUB_ACTIONS_ISSUER)
}

fn signer(san: &str, repository: Option<&str>, git_ref: Option<&str>) -> Signer {
    Signer {
        san: san.into(),
        issuer: GITHUB_ACTIONS_ISSUER.into(),
        source_repository: repository.map(str::to_owned),
        source_ref: git_ref.map(str::to_owned),
        ..Signer::default()
    }
}

fn ours(san: &str) -> Signer {
    signer(san, Some(REPOSITORY), Some(TAG))
}

fn parts(expected: &ExpectedSigner, signer: &Signer) -> Vec<&'static str> {
    expected.mismatches(signer).iter().map(|m| m.part).collect()
}

fn named(repository: &str, git_ref: &str) -> NamedSource {
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    NamedSource { repository: given(repository), git_ref: given(git_ref) }
}

#[test]
fn the_release_workflow_at_its_tag_or_branch_may_sign() {
    assert_eq!(parts(&release(), &ours(SAN)), [""; 0]);
    let branch = SAN.replace(TAG, "refs/heads/master");
    assert_eq!(parts(&release(), &signer(&branch, Some(REPOSITORY), Some("refs/heads/master"))), [""; 0]);
}

#[test]
fn each_differing_part_is_named() {
    let foreign = Signer { issuer: "https://evil.example".into(), ..ours(SAN) };
    assert_eq!(parts(&release(), &foreign), ["issuer"]);
    for (san, part) in [
        (SAN.replace("calimero-network", "evil"), "repository"),
        (SAN.replace("release-kms-phala", "test"), "workflow"),
        (SAN.replace("v1.2.0", "v1.2.1"), "ref"),
        (SAN.replace("github.com", "github.com.evil"), "server"),
        (format!("{SAN}@refs/heads/master"), "ref"),
        ("dev@example.org".to_owned(), "identity"),
    ] {
        assert_eq!(parts(&release(), &ours(&san)), [part], "{san}");
    }
}

/// Every way of saying who must have signed, all of which the workflow's own name fulfils.
fn ways() -> Vec<ExpectedSigner> {
    let pattern = |text: &str| ExpectedSigner::pattern(text, GITHUB_ACTIONS_ISSUER).unwrap();
    vec![
        release(),
        ExpectedSigner::exact(SAN, GITHUB_ACTIONS_ISSUER),
        pattern(r"https://github\.com/calimero-network/mero-tee/\.github/workflows/release-.*@refs/tags/.*"),
        pattern(".*"),
    ]
}

#[test]
fn a_foreign_caller_of_our_workflow_may_not_sign_whoever_names_the_identity() {
    let (fork, main) = ("https://github.com/evil/fork", "refs/heads/main");
    for expected in ways() {
        assert_eq!(parts(&expected, &ours(SAN)), [""; 0], "{expected}");
        for (repository, git_ref, wrong) in [
            (Some(fork), Some(main), &["source repository", "source ref"][..]),
            (Some(fork), Some(TAG), &["source repository"]),
            (Some(REPOSITORY), Some(main), &["source ref"]),
            (None, Some(TAG), &["source repository"]),
            (Some(REPOSITORY), None, &["source ref"]),
            (None, None, &["source repository", "source ref"]),
            (Some(""), Some(""), &["source repository", "source ref"]),
            (Some("calimero-network/mero-tee"), Some(TAG), &["source repository"]),
            (Some("https://github.com/calimero-network/mero-tee/"), Some(TAG), &["source repository"]),
            (Some("https://github.com/Calimero_Network/mero-tee"), Some(TAG), &["source repository"]),
            (Some("https://github.com/calimero-network/mero-tee2"), Some(TAG), &["source repository"]),
            (Some("https://github.example/calimero-network/mero-tee"), Some(TAG), &["source repository"]),
            (Some(REPOSITORY), Some("refs/tags/mero-kms-v1.2.0-rc.1"), &["source ref"]),
            (Some(REPOSITORY), Some("mero-kms-v1.2.0"), &["source ref"]),
        ] {
            assert_eq!(
                parts(&expected, &signer(SAN, repository, git_ref)),
                wrong,
                "{expected}: {repository:?} {git_ref:?}"
            );
        }
    }
}

#[test]
fn an_option_of_its_own_names_another_source_and_then_no_other() {
    let foreign = signer(SAN, Some("https://github.com/friend/app"), Some("refs/heads/main"));
    for expected in ways() {
        for source in
            [named("friend/app", "refs/heads/main"), named("https://github.com/friend/app", "refs/heads/main")]
        {
            let expected = expected.clone().running_for(source);
            assert_eq!(parts(&expected, &foreign), [""; 0], "{expected}");
            assert_eq!(parts(&expected, &ours(SAN)), ["source repository", "source ref"], "{expected}");
            assert_eq!(parts(&expected, &signer(SAN, None, None)), ["source repository", "source ref"], "{expected}");
        }
        let only_repository = expected.clone().running_for(named("friend/app", ""));
        assert_eq!(parts(&only_repository, &foreign), ["source ref"], "what is not named stays implied");
        let only_ref = expected.clone().running_for(named("", "refs/heads/main"));
        assert_eq!(parts(&only_ref, &foreign), ["source repository"]);
    }
}

#[test]
fn a_person_has_no_source_and_whatever_is_not_a_person_needs_one() {
    let exact = |san: &str, issuer: &str| ExpectedSigner::exact(san, issuer);
    let person = Signer { san: PERSON.into(), issuer: "https://accounts.example".into(), ..Signer::default() };
    assert_eq!(parts(&exact(PERSON, "https://accounts.example"), &person), [""; 0]);
    let demanded = exact(PERSON, "https://accounts.example").running_for(named("o/r", ""));
    assert_eq!(parts(&demanded, &person), ["source repository", "source ref"], "a source was demanded");
    // The issuer signs for workflows only, so this one hides its source.
    let odd = Signer { san: PERSON.into(), issuer: GITHUB_ACTIONS_ISSUER.into(), ..Signer::default() };
    assert_eq!(parts(&exact(PERSON, GITHUB_ACTIONS_ISSUER), &odd), ["source repository", "source ref"]);
    // A pipeline whose name is of another shape: which source is right, only the user can say.
    let pipeline = Signer {
        san: "https://ci.example/org/pipeline".into(),
        issuer: "https://ci.example".into(),
        source_repository: Some("https://git.example/o/r".into()),
        source_ref: Some("refs/heads/main".into()),
        ..Signer::default()
    };
    let expected = exact(&pipeline.san, "https://ci.example");
    assert_eq!(parts(&expected, &pipeline), ["source repository", "source ref"]);
    let told = expected.running_for(named("https://git.example/o/r", "refs/heads/main"));
    assert_eq!(parts(&told, &pipeline), [""; 0]);
}

#[test]
fn a_certificate_with_name_and_issuer_alone_is_taken_only_where_both_are_given_in_full_and_it_is_asked_for() {
    let bare = Signer { bare: true, ..signer(SAN, None, None) };
    let both = ["source repository", "source ref"];
    for expected in ways() {
        assert_eq!(parts(&expected, &bare), both, "{expected}");
        let asked = expected.clone().or_bare();
        let exact = matches!(expected.identity, ExpectedIdentity::Exact(_));
        let wrong: &[&str] = if exact { &[] } else { &both };
        assert_eq!(parts(&asked, &bare), wrong, "{expected}");
        assert_eq!(parts(&asked, &signer(SAN, None, None)), both, "it says something, and of the source nothing");
        assert_eq!(parts(&asked.clone().running_for(named("", TAG)), &bare), both);
        let other = Signer { san: SAN.replace("kms", "node"), ..bare.clone() };
        assert!(!parts(&asked, &other).is_empty() || expected.to_string().contains("a match of"));
    }
}

#[test]
fn a_gitlab_project_may_lie_deeper_than_two_names() {
    let san = "https://gitlab.com/group/sub/app//.gitlab-ci.yml@refs/heads/main";
    let identity = WorkflowIdentity::parse(san).unwrap();
    assert_eq!((identity.repository, identity.workflow), ("group/sub/app", ".gitlab-ci.yml"));
    let signer = Signer {
        san: san.into(),
        issuer: "https://gitlab.com".into(),
        source_repository: Some("https://gitlab.com/group/sub/app".into()),
        source_ref: Some("refs/heads/main".into()),
        ..Signer::default()
    };
    assert_eq!(parts(&ExpectedSigner::exact(san, "https://gitlab.com"), &signer), [""; 0]);
}

#[test]
fn a_pattern_must_match_the_whole_identity() {
    let matches = |pattern: &str, san: &str| {
        let signer = Signer { san: san.into(), issuer: "i".into(), ..Signer::default() };
        ExpectedSigner::pattern(pattern, "i").is_ok_and(|e| e.mismatches(&signer).is_empty())
    };
    assert!(matches("dev@.*", PERSON));
    assert!(!matches("dev@", PERSON));
    assert!(!matches("a|b", "xb"));
    assert!(!matches("a", "a\nb"));
    // Both of these would close the group that anchors them.
    assert!(!matches("a)|(?:.*", "x"));
    assert!(!matches("(?x)a #", "ab"));
}

#[test]
fn a_pattern_from_cosign_gets_the_advice_that_makes_it_match() {
    for (pattern, advised) in [
        ("https://github.com/calimero-network/mero-tee", Some("https://github.com/calimero-network/mero-tee.*")),
        ("^https://github.com/calimero-network/", Some("^https://github.com/calimero-network/.*")),
        ("@refs/tags/mero-kms-v1.2.0", Some(".*@refs/tags/mero-kms-v1.2.0")),
        ("mero-tee", Some(".*mero-tee.*")),
        ("release-kms|release-node", Some(".*(?:release-kms|release-node).*")),
        ("release-node", None),
        ("^mero-tee", None),
    ] {
        let expected = ExpectedSigner::pattern(pattern, GITHUB_ACTIONS_ISSUER).unwrap();
        let found = expected.mismatches(&ours(SAN)).remove(0);
        assert_eq!(found.part, "identity");
        match advised {
            Some(wider) => {
                assert!(found.advice.as_deref().unwrap().contains(&format!("write {wider}, ")), "{found:?}");
                let taken = ExpectedSigner::pattern(wider, GITHUB_ACTIONS_ISSUER).unwrap();
                assert_eq!(parts(&taken, &ours(SAN)), [""; 0], "{wider}");
            }
            None => assert_eq!(found.advice, None, "{pattern}"),
        }
    }
}

#[test]
fn a_repository_in_another_case_is_the_same_signer_while_workflow_and_ref_are_not() {
    let san = SAN.replace("calimero-network/mero-tee", "Calimero-Network/Mero-TEE");
    assert_eq!(parts(&release(), &ours(&san)), [""; 0]);
    assert_eq!(parts(&release(), &ours(&SAN.replace("release-kms-phala", "Release-KMS-Phala"))), ["workflow"]);
    assert_eq!(parts(&release(), &ours(&SAN.replace("mero-kms-v1", "MERO-KMS-v1"))), ["ref"]);
    let from = |source: &str| parts(&release(), &signer(SAN, Some(source), Some(TAG)));
    assert_eq!(from("https://github.com/Calimero-Network/MERO-tee"), [""; 0]);
    for other in [
        "https://github.com/calimero-network/mero-tee/x",
        "https://github.com.evil/calimero-network/mero-tee",
        "calimero-network/mero-tee",
        "https://github.comcalimero-network/mero-tee",
    ] {
        assert_eq!(from(other), ["source repository"], "{other}");
    }
}
