//! `--offline` uses no network: shown by what hears nothing, and by a machine that has none.

use super::KMS;
use crate::{
    binary::statuses,
    binary::{BINARY, Place, loopback::Trap, serve::Serve, usable},
};

/// A place with a kept release, and the trust root it verifies by.
fn kept(tag: &str) -> Place {
    let (place, serve) = (Place::new(), Serve::start());
    place.merotee(["verify-release-assets", tag, "--keep", "kept"]).envs(serve.exports()).run().expect(0);
    std::fs::copy(serve.export("MEROTEE_TRUSTED_ROOT"), place.path("root.json")).unwrap();
    place
}

#[test]
fn an_offline_run_knocks_at_no_server_and_no_proxy_while_an_online_one_does() {
    let (place, trap) = (kept("mero-kms-v1.1.0"), Trap::set());
    let away = "http://elsewhere.invalid".to_owned();
    let common = ["verify-release-assets", "mero-kms-v1.1.0", "--dir", "kept", "--trusted-root", "root.json"];
    let bounds = ["--retries", "0", "--timeout", "1"];
    // Once the servers are the trap, and once it is the way to any server.
    for (server, proxy) in [(trap.url(), None), (away, Some(trap.url()))] {
        let run = |offline: &[&str]| {
            let servers = ["--api-url", &server, "--rekor-url", &server];
            let mut run = place.merotee(common).args(bounds).args(servers).args(offline);
            for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
                run = run.env(name, proxy.as_deref().unwrap_or_default());
            }
            run.run()
        };
        let offline = run(&["--offline", "--format", "json"]).expect(1).report();
        assert_eq!(statuses(&offline, "signature"), ["skipped_required"]);
        assert_eq!(trap.knocks(), 0, "{server}");
        // The trap would have told: without --offline the log is asked.
        run(&[]).expect(1);
        assert!(trap.knocks() > 0, "{server}");
    }
}

#[test]
fn a_release_with_bundles_verifies_offline_while_every_server_is_a_trap() {
    let (place, trap) = (kept(KMS), Trap::set());
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--trusted-root", "root.json"];
    let mut run = place.merotee(command).args(["--api-url", &trap.url(), "--rekor-url", &trap.url()]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        run = run.env(name, trap.url());
    }
    run.run().expect(0);
    let artifact = format!("kept/{KMS}/checksums.sha256");
    let bundle = format!("{artifact}.sigstore.json");
    let blob = ["verify-blob", "--offline", "--trusted-root", "root.json", "--bundle", &bundle, &artifact];
    let identity = [
        "--certificate-identity-regexp",
        ".*",
        "--certificate-oidc-issuer",
        "https://token.actions.githubusercontent.com",
    ];
    place.merotee(blob).args(identity).args(["--rekor-url", &trap.url()]).env("ALL_PROXY", trap.url()).run().expect(0);
    assert_eq!(trap.knocks(), 0);
}

#[test]
fn it_verifies_in_a_network_namespace_without_interfaces() {
    if !usable("unshare", &["-rn", "true"]) {
        return;
    }
    let place = kept(KMS);
    let command = ["verify-release-assets", KMS, "--dir", "kept", "--offline", "--trusted-root", "root.json"];
    place.program("unshare", ["-rn", BINARY]).args(command).run().expect(0).says(&["PASSED"]);
}
