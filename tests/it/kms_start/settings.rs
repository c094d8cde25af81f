//! Words that mean nothing, words that contradict each other, and the table of all words in the documents.

use clap::Arg;
use merotee::cli::Cli;

use super::serve;
use crate::binary::{Place, loopback::Trap};

/// `kms serve` that must be refused before anybody is asked.
#[track_caller]
fn refused(arguments: &[&str], code: i32, says: &[&str]) {
    let place = Place::new();
    let trap = Trap::set();
    let run = place.merotee(["kms", "serve", "--api-url", &trap.url(), "--retries", "0"]).args(arguments).run();
    run.expect(code).says(says).without_product();
    assert_eq!(trap.knocks(), 0, "{arguments:?}");
}

#[test]
fn without_version_or_profile_it_does_not_start() {
    refused(&[], 2, &["[ERROR] MERO_KMS_VERSION is not set: which release is this?", "mero-kms-v1.2.0"]);
    refused(&["--kms-version", "1.2.0"], 2, &["[ERROR] MERO_KMS_PROFILE is not set", "locked-read-only"]);
    refused(&["--profile", "debug"], 2, &["MERO_KMS_VERSION is not set"]);
    refused(
        &["--kms-version", "latest", "--profile", "debug"],
        2,
        &["MERO_KMS_VERSION: `latest` is not a release tag"],
    );
    refused(&["--kms-version", "1.2.0", "--profile", "prod"], 2, &["MERO_KMS_PROFILE: `prod` is not a profile"]);
}

#[test]
fn the_locked_profile_starts_neither_with_a_policy_from_the_environment_nor_without_enforcement() {
    let locked = ["--kms-version", "1.2.0", "--profile", "locked-read-only"];
    let environment = [&locked[..], &["--use-env-policy"]].concat();
    refused(&environment, 2, &["(USE_ENV_POLICY) is refused for the profile locked-read-only, which is production"]);
    let lax = [&locked[..], &["--enforce-measurement-policy", "false"]].concat();
    refused(&lax, 2, &["(ENFORCE_MEASUREMENT_POLICY=false) is refused for the profile locked-read-only"]);
    let place = Place::new();
    for (name, value) in [("USE_ENV_POLICY", "1"), ("ENFORCE_MEASUREMENT_POLICY", "off")] {
        let run = place.merotee(["kms", "serve"]).args(locked).env(name, value).run();
        run.expect(2).says(&[name, "is refused for the profile locked-read-only"]);
    }
}

#[test]
fn the_locked_profile_believes_nobody_else_unless_it_is_a_rehearsal() {
    let locked = ["--kms-version", "1.2.0", "--profile", "locked-read-only"];
    for (arguments, says) in [
        (["--tdx-root", "root.der"], "a TDX root other than Intel's (root.der) is refused for the profile"),
        (["--repo", "fork/mero-tee"], "the repository fork/mero-tee is refused for the profile"),
        (["--server-url", "https://git.example"], "the server https://git.example/ is refused for the profile"),
    ] {
        refused(&[&locked[..], &arguments].concat(), 2, &[says, "only a rehearsal"]);
    }
    let place = Place::new();
    let run = place.merotee(["kms", "serve"]).args(locked).env("MEROTEE_TDX_ROOT", "root.der").run();
    run.expect(2).says(&["a TDX root other than Intel's"]);
    place.write("p.json", "{}");
    let pin = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    let run =
        place.merotee(["kms", "serve"]).args(locked).args(["--policy-file", "p.json", "--policy-sha256", pin]).run();
    run.expect(2).says(&["an unsigned policy, only pinned (p.json), is refused for the profile"]);
}

#[test]
fn an_image_that_is_pinned_to_another_profile_or_to_none_does_not_start() {
    let place = Place::new();
    let debug = serve("1.2.0", "debug");
    let pinned = |content: &str| {
        place.write("image-profile", content);
        place.merotee(debug.clone()).args(["--image-profile-file", "image-profile"]).run()
    };
    let run = pinned("locked-read-only\n").expect(10);
    run.says(&["[ERROR] this image is pinned to locked-read-only by image-profile, and MERO_KMS_PROFILE says debug"]);
    for nonsense in ["", "production", "debug debug"] {
        pinned(nonsense).expect(10).says(&["image-profile pins this image to an unknown profile"]);
    }
    for unreadable in [".", "not-there"] {
        let run = place.merotee(debug.clone()).args(["--image-profile-file", unreadable]).run();
        run.expect(10).says(&["pins this image to a profile and cannot be read"]);
    }
    place.write("image-profile", "debug\n");
    place.sandbox(debug).args(["--image-profile-file", "image-profile"]).run().expect(0);
}

#[test]
fn values_that_mean_nothing_are_refused_under_the_name_they_were_given() {
    let good = ["--kms-version", "1.2.0", "--profile", "debug"];
    for (arguments, says) in [
        (["--challenge-ttl-secs", "0"], "CHALLENGE_TTL_SECS: expected 1 to 3600, got 0"),
        (["--max-pending-challenges", "0"], "MAX_PENDING_CHALLENGES"),
        (["--key-namespace-prefix", "/a"], "KEY_NAMESPACE_PREFIX"),
        (["--cors-allowed-origins", "*"], "CORS_ALLOWED_ORIGINS: `*` is not an origin"),
        (["--policy-sha256", "12"], "MERO_KMS_POLICY_SHA256: not a SHA-256 digest"),
        (["--listen-addr", "everywhere"], "'--listen-addr <ADDR>'"),
        (["--policy-url", "file:///etc/p.json"], "the policy's address is not acceptable"),
        (["--policy-url", "https://u:hunter2@a.example/p.json"], "must not carry a user name or password"),
    ] {
        refused(&[&good[..], &arguments].concat(), 2, &[says]);
    }
    let both = [&good[..], &["--policy-url", "https://a.example/p.json", "--policy-file", "p.json"]].concat();
    refused(&both, 2, &["a policy cannot come from a URL and from a file"]);
}

#[test]
fn a_policy_from_the_environment_starts_a_debug_service_with_a_warning() {
    let place = Place::new();
    let registers = ["ALLOWED_MRTD", "ALLOWED_RTMR0", "ALLOWED_RTMR1", "ALLOWED_RTMR2", "ALLOWED_RTMR3"];
    let with = |lists: &[&str]| {
        let run = place.merotee(serve("1.2.0", "debug")).env("USE_ENV_POLICY", "true");
        run.envs(lists.iter().map(|name| ((*name).to_owned(), format!(r#"["{}"]"#, "ab".repeat(48))))).run()
    };
    with(&registers).expect(0).says(&["[WARN] the policy is from the environment: it is not signed"]);
    with(&registers[..4]).expect(2).says(&["the policy in the environment is refused", "nothing in RTMR3"]);
    // Lists without the switch are told, and not heeded.
    let run = place.sandbox(serve("1.2.0", "debug")).args(["--allowed-mrtd", &"ab".repeat(48)]).run().expect(0);
    run.says(&["[WARN] ALLOWED_* are ignored", "policy loaded from mero-kms-v1.2.0"]);
}

#[test]
fn without_enforcement_a_debug_service_starts_with_a_warning() {
    let run = Place::new().sandbox(serve("1.2.0", "debug")).args(["--enforce-measurement-policy=false"]).run();
    run.expect(0).says(&["[WARN] ENFORCE_MEASUREMENT_POLICY is off", "everything holds, policy not enforced"]);
}

#[test]
fn whom_else_than_the_default_is_trusted_is_said() {
    let run = Place::new().sandbox(serve("1.2.0", "debug")).args(["--tdx-root", "root.der"]).run().expect(1);
    let run = run
        .says(&["[WARN] using custom trust root", "[WARN] using custom TDX root root.der"])
        .says(&["[ERROR] cannot read root.der"]);
    assert!(!run.stderr.contains("[WARN] the policy must be signed by a workflow of"), "{}", run.stderr);
    let args = ["--repo", "fork/mero-tee", "--retries", "0"];
    let run = Place::new().sandbox(serve("1.2.0", "debug")).args(args).run().expect(1);
    run.says(&["[WARN] the policy must be signed by a workflow of fork/mero-tee"]);
}

#[test]
fn the_page_of_the_service_names_every_setting_with_its_variable() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kms.md")).unwrap();
    let command = Cli::whole();
    let serve = command.find_subcommand("kms").unwrap().find_subcommand("serve").unwrap();
    let mut settings = 0;
    let own = |argument: &&Arg| !argument.is_global_set() && argument.get_id() != "help";
    for argument in serve.get_arguments().filter(own) {
        let flag = format!("`--{}`", argument.get_long().unwrap());
        let row = page.lines().find(|line| line.starts_with(&format!("| {flag} |")));
        let row = row.unwrap_or_else(|| panic!("docs/kms.md has no row for {flag}"));
        if let Some(name) = argument.get_env() {
            let name = name.to_str().unwrap();
            assert!(row.contains(&format!("`{name}`")), "{row}");
        }
        settings += 1;
    }
    assert_eq!(page.lines().filter(|line| line.starts_with("| `--")).count(), settings, "a row too many");
}
