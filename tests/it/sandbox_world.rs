//! The sandbox as a world of its own: nothing of the surroundings gets in, and nothing of it stays behind.

use std::process::{Command, Stdio};

use crate::binary::{BINARY, Place, Run, loopback::Trap, serve::Serve};

const KMS: &str = "mero-kms-v1.2.0";
const VERIFY: [&str; 2] = ["verify-release-assets", KMS];

#[test]
fn a_served_world_ends_cleanly_on_either_signal_and_takes_its_files_along() {
    for signal in ["TERM", "INT"] {
        let mut world = Serve::start();
        let [folder] = &world.temporary()[..] else { panic!("{:?}", world.temporary()) };
        assert!(folder.starts_with("merotee-sandbox-"), "{folder}");
        let (code, messages) = world.stop(signal);
        assert_eq!(code, Some(0), "{signal}: {messages}");
        assert!(
            messages.ends_with("[INFO] the sandbox is up; stop it with Ctrl-C\n[INFO] the sandbox stops\n"),
            "{messages}"
        );
        assert!(!messages.contains("[WARN]") && !messages.contains("[ERROR]"), "{messages}");
        assert_eq!(world.temporary(), [""; 0], "{signal}");
    }
}

#[test]
fn the_exports_are_all_that_another_process_needs() {
    let (world, place) = (Serve::start(), Place::new());
    place.merotee(["verify-release-assets", "1.2.0"]).envs(world.exports()).run().expect(0).says(&["PASSED"]);
    // Read by a shell, as they are meant to be.
    let script = format!("{}exec {BINARY} verify-release-assets {KMS}", world.printed());
    place.program("sh", ["-c", &script]).run().expect(0).says(&["mero-kms-v1.2.0: PASSED"]);
}

#[test]
fn a_shell_reads_the_exports_where_temporary_files_lie_in_a_folder_with_blanks() {
    let place = Place::new();
    let folder = place.path("a folder, it's odd");
    std::fs::create_dir(&folder).unwrap();
    let script = format!(
        "{BINARY} sandbox --output exports serve & \
         while ! [ -s exports ]; do kill -0 $! || exit 9; done; \
         . ./exports; {BINARY} verify-release-assets {KMS}; code=$?; kill $!; wait $!; exit $code"
    );
    place.program("sh", ["-c", &script]).env("TMPDIR", &folder).run().expect(0).says(&["PASSED"]);
    assert_eq!(place.names("a folder, it's odd"), [""; 0]);
}

#[test]
fn an_enterprise_host_s_api_is_served_under_its_prefix_and_stays_under_it() {
    let (world, place) = (Serve::start(), Place::new());
    let api = format!("{}/api/v3", world.export("GITHUB_API_URL"));
    let run = place.merotee(VERIFY).args(["--api-url", &api]).envs(world.exports()).run();
    run.expect(0).says(&["PASSED"]);
    let script = format!(
        "exec 3<>/dev/tcp/{}; \
         printf 'GET /api/v3/repos/calimero-network/mero-tee/releases/latest HTTP/1.0\\r\\nHost: ghe.example\\r\\n\\r\\n' >&3; \
         cat <&3",
        world.export("GITHUB_API_URL").trim_start_matches("http://").replace(':', "/")
    );
    let answer = place.program("bash", ["-c", &script]).run().expect(0).stdout;
    assert!(
        answer.contains("\"http://ghe.example/api/v3/repos/calimero-network/mero-tee/releases/assets/"),
        "{answer}"
    );
}

#[test]
fn serving_to_nobody_is_an_error_and_leaves_nothing_behind() {
    let place = Place::new();
    let mut command = Command::new(BINARY);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.args(["sandbox", "serve"]).env_clear().env("TMPDIR", place.work()).current_dir(place.work());
    let output = command.stdin(Stdio::null()).stdout(writer).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.lines().last().unwrap().starts_with("[ERROR] cannot write to standard output"), "{stderr}");
    assert_eq!(place.names("."), [""; 0]);
}

#[test]
fn a_sandbox_in_a_sandbox_is_refused() {
    for inner in [["sandbox", "serve"], ["sandbox", "--"]] {
        Place::new().sandbox(inner).run().expect(2).without_product().says(&["a sandbox in a sandbox"]);
    }
    Place::new().merotee(["sandbox", "--"]).run().expect(2).without_product().says(&["nothing to run in the sandbox"]);
}

#[test]
fn help_and_the_version_of_the_inner_command_are_the_product() {
    for (inner, outer) in [
        (&["--help"][..], &["--help"][..]),
        (&["verify-release-assets", "--help"], &["verify-release-assets", "--help"]),
        (&["verify-blob", "-h"], &["verify-blob", "-h"]),
        (&["--version"], &["--version"]),
    ] {
        let place = Place::new();
        let (inner, outer) = (place.sandbox(inner).run().expect(0), place.merotee(outer).run().expect(0));
        assert_eq!((&inner.stdout, &inner.stderr), (&outer.stdout, &outer.stderr));
        assert!(inner.stdout.contains("merotee") && inner.stderr.is_empty());
    }
}

#[test]
fn words_of_the_inner_command_win_over_what_the_sandbox_says() {
    let place = Place::new();
    let unknown = |run: Run| run.expect(1).without_product().says(&["has no repository other/repo"]);
    unknown(place.sandbox(VERIFY).args(["--repo", "other/repo"]).run());
    place.sandbox(VERIFY).args(["--trusted-root", "no-such-root"]).run().expect(1).says(&["no-such-root"]);
}

#[test]
fn what_the_sandbox_would_ignore_before_the_dashes_is_refused() {
    for (flag, value) in
        [("--repo", "a/b"), ("--api-url", "http://x"), ("--trusted-root", "r"), ("--rekor-url", "http://x")]
    {
        for words in [[flag, value, "sandbox", "--"], ["sandbox", flag, value, "--"]] {
            let run = Place::new().merotee(words).args(VERIFY).run();
            run.expect(2).without_product().says(&["unexpected argument", flag]);
        }
    }
}

#[test]
fn what_is_said_about_output_before_the_dashes_holds_behind_them() {
    let place = Place::new();
    let run = place.merotee(["sandbox", "--format", "json", "--output", "report.json", "--"]).args(VERIFY).run();
    run.expect(0).without_product();
    let report: serde_json::Value = serde_json::from_str(&place.read("report.json")).unwrap();
    assert_eq!(report["verdict"], "passed");
    let report = place.merotee(["sandbox", "--format", "sarif", "--"]).args(VERIFY).args(["--format", "json"]).run();
    assert_eq!(report.expect(0).report()["verdict"], "passed", "the nearer word wins");
}

#[test]
fn nothing_of_the_ci_around_it_gets_into_the_sandbox() {
    let (place, trap) = (Place::new(), Trap::set());
    let clean = place.sandbox(VERIFY).run().expect(0);
    let surrounded = place
        .sandbox(VERIFY)
        .env("GITHUB_API_URL", trap.url())
        .env("GITHUB_SERVER_URL", "https://ghe.example")
        .env("GITHUB_REPOSITORY", "somebody/else")
        .env("GH_TOKEN", "a-real-token")
        .env("GITHUB_TOKEN", "a-real-token")
        .env("MEROTEE_TRUSTED_ROOT", "/no/such/root.json")
        .env("MEROTEE_REKOR_URL", trap.url())
        .env("COSIGN_REPOSITORY", "somebody/else")
        .env("COSIGN_CERTIFICATE_IDENTITY_REGEXP", "nobody")
        .env("COSIGN_CERTIFICATE_OIDC_ISSUER", "https://nobody.example")
        .env("HTTP_PROXY", trap.url())
        .env("ALL_PROXY", trap.url())
        .run()
        .expect(0);
    assert_eq!(surrounded.shown(), clean.shown());
    assert_eq!(trap.knocks(), 0);
}

#[test]
fn only_the_release_that_the_command_names_is_spoilt() {
    let place = Place::new();
    // A value that looks like a release is none.
    let who = ["--certificate-identity", "mero-tee-v1.2.0"];
    let run = place.tampered("payload-byte", ["verify-release-assets", KMS]).args(who).run().expect(10);
    run.says(&["[FAIL] checksum", "[FAIL] identity", "counterpart-measurements (all 3)"]);
}
