//! `-` where a file is read: every command reads standard input there, once.

use crate::binary::{BINARY, Place, Run, serve::Serve, usable};

/// Runs the binary with a file of the working folder as its standard input.
fn piped(place: &Place, file: &str, arguments: &str) -> Run {
    let script = format!("{BINARY} {arguments} < {file}");
    place.program("sh", ["-c", &script]).run()
}

/// A key, its PEM, and what it signed.
fn signed(place: &Place) -> bool {
    place.write("file", "signed bytes");
    let script = "openssl ecparam -name prime256v1 -genkey -noout -out key.pem \
                  && openssl ec -in key.pem -pubout -out pub.pem \
                  && openssl dgst -sha256 -sign key.pem -out file.sig file";
    usable("openssl", &["version"]) && place.program("sh", ["-c", script]).run().code == 0
}

#[test]
fn verify_blob_reads_the_file_the_signature_or_the_key_from_standard_input() {
    let place = Place::new();
    if !signed(&place) {
        return;
    }
    for (file, arguments) in [
        ("file", "--signature file.sig --key pub.pem -"),
        ("file.sig", "--signature - --key pub.pem file"),
        ("pub.pem", "--signature file.sig --key - file"),
    ] {
        piped(&place, file, &format!("verify-blob {arguments}")).expect(0).says(&["PASSED"]);
    }
    // Another file of the same length.
    place.write("other", "singed bytes");
    piped(&place, "other", "verify-blob --signature file.sig --key pub.pem -").expect(10);
}

#[test]
fn a_quote_and_what_it_is_judged_by_are_read_from_standard_input() {
    let (serve, place) = (Serve::start(), Place::new());
    let export = |name| serve.export(name);
    let (quote, collateral) = (export("MEROTEE_TDX_QUOTE"), export("MEROTEE_TDX_COLLATERAL"));
    let (root, policy) = (export("MEROTEE_TDX_ROOT"), export("MEROTEE_KMS_POLICY"));
    for (file, arguments) in [
        (quote, format!("- --collateral {collateral} --root {root}")),
        (collateral, format!("{quote} --collateral - --root {root}")),
        (root, format!("{quote} --collateral {collateral} --root -")),
        (policy, format!("{quote} --collateral {collateral} --root {root} --expect-policy - --role kms")),
    ] {
        piped(&place, file, &format!("quote verify {arguments}")).expect(0).says(&["PASSED"]);
    }
    piped(&place, quote, "quote inspect -").expect(0).says(&["standard input"]);
    let (kms, key, socket) = (export("MERO_KMS_URL"), export("MEROTEE_NODE_KEY"), export("MEROTEE_NODE_DSTACK_SOCKET"));
    let judged = format!("--url {kms} --pccs {} --root {root}", export("PCCS_URL"));
    let get_key = format!("kms get-key {judged} --node-socket {socket}");
    for (file, arguments) in [
        (key, format!("{get_key} --expect-policy {policy} --node-key -")),
        (policy, format!("{get_key} --expect-policy - --node-key {key}")),
        (policy, format!("kms attest {judged} --expect-policy -")),
        (policy, "merod-config generate --url http://kms --policy -".to_owned()),
    ] {
        piped(&place, file, &arguments).expect(0);
    }
}

#[test]
fn two_inputs_from_standard_input_are_a_usage_error_before_anything_is_read() {
    let place = Place::new();
    for arguments in ["verify-blob --key - --signature - x", "quote verify - --collateral -"] {
        let run = place.merotee(arguments.split(' ')).run().expect(2).without_product();
        run.says(&["standard input can be read once, and "]);
    }
}
