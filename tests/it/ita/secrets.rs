//! The key of Intel Trust Authority is nowhere but at its API: not at the portal, not along a redirect, not in any output.

use merotee::sandbox::ita::{API_KEY, Fault};

use super::commands::Stage;
use crate::binary::Run;

/// No part of the key that is telling, in any stream.
#[track_caller]
fn silent(run: &Run) {
    for part in API_KEY.as_bytes().windows(12) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!run.stdout.contains(part) && !run.stderr.contains(part), "{part}\n{}", run.shown());
    }
}

#[test]
fn the_key_is_never_printed_not_even_at_the_finest_level_or_in_what_servers_say() {
    let stage = Stage::new();
    for (fault, code) in [
        (None, 0),
        (Some(Fault::EchoesKey), 1),
        (Some(Fault::RefusesWithKey), 1),
        (Some(Fault::KeyInToken), 1),
        (Some(Fault::Status(401, 1)), 1),
        (Some(Fault::Oversized), 1),
        (Some(Fault::Redirects), 1),
    ] {
        for format in ["human", "json", "sarif", "html", "markdown"] {
            stage.world.ita().recover();
            fault.into_iter().for_each(|fault| stage.world.ita().fail(fault));
            let run = stage.verify("quote.bin").args(["-vvv", "--format", format]).run();
            assert_eq!(run.code, code, "{fault:?}\n{}", run.shown());
            silent(&run);
        }
    }
}

#[test]
fn the_key_goes_to_the_api_alone_and_not_along_a_redirect() {
    let stage = Stage::new();
    stage.verify("quote.bin").run().expect(0);
    let keyed: Vec<_> = stage.world.ita().seen().into_iter().filter(|one| one.keyed).map(|one| one.path).collect();
    assert_eq!(keyed, ["/appraisal/v2/attest"]);
    let asked = stage.world.ita().seen().len();
    stage.world.ita().fail(Fault::Redirects);
    stage.verify("quote.bin").run().expect(1).says(&["redirected an API call to another host"]);
    assert_eq!(stage.world.ita().seen().len(), asked + 1, "the redirect was not followed");
}
