//! What `sign` makes, judged by sigstore-python; and what sigstore-python signs with Rekor v2, judged by us.

use super::{rekor2, token, verified, workflow};
use crate::{
    binary::{Place, serve::Serve},
    outside::sigstore_python::SigstorePython,
};

fn trust(world: &Serve, name: &str) -> std::path::PathBuf {
    world.trust_config().with_file_name(name)
}

#[test]
fn sigstore_python_accepts_what_is_signed_here_with_either_rekor_and_refuses_it_changed() {
    let Some(python) = SigstorePython::find() else { return };
    let (world, place, signer) = (Serve::start(), Place::new(), workflow("refs/heads/master"));
    let config = world.export("MEROTEE_SIGNING_CONFIG").to_owned();
    for (name, config) in [("rekor-1", config), ("rekor-2", rekor2(&world))] {
        place.write(name, "a release asset\n");
        place.merotee(["sign", name, "--signing-config", &config]).envs(world.exports()).run().expect(0);
        let bundle = format!("{name}.sigstore.json");
        let verify = |who: &_| python.verify(&place.work(), &world.trust_config(), name, &bundle, who);
        let accepted = verify(&signer);
        assert!(accepted.status.success(), "{name}: {}", String::from_utf8_lossy(&accepted.stderr));
        assert!(!verify(&workflow("refs/heads/other")).status.success(), "{name}");
        place.write(name, "another asset\n");
        let refused = verify(&signer);
        // It judged, and did not merely fail to run.
        let said = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
        assert!(!refused.status.success() && said.contains("FAIL: "), "{name}: {said}");
    }
}

#[test]
fn what_sigstore_python_signs_with_rekor_2_in_the_sandbox_verifies_here() {
    let Some(python) = SigstorePython::find() else { return };
    let (world, place, signer) = (Serve::start(), Place::new(), workflow("refs/tags/mero-kms-v1.2.0"));
    place.write("blob", "a release asset\n");
    let config = trust(&world, "trust_config_rekor2.json");
    let sign = ["sign", "--identity-token", &token(&signer), "--bundle", "blob.sigstore.json", "blob"];
    let signed = python.run(&place.work(), &config, &sign);
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    assert!(place.read("blob.sigstore.json").contains("0.0.2"), "an entry of Rekor v2");
    verified(&place, &world, "blob", &signer).expect(0);
    place.write("blob", "another asset\n");
    verified(&place, &world, "blob", &signer).expect(10);
}
