//! What is demanded of a probe: that its machine is its own and starts, runs what it was given, and is gone in the end.

use serde_json::Value;

use crate::{
    attestation::compose_hash::{of_app_compose, of_compose_file},
    digest::Sha256,
    report::{CheckInfo, Finding},
    schema::parse_json,
};

/// What is probed is known for good.
pub const IMAGE: CheckInfo =
    CheckInfo { id: "probe-image", title: "the image is pinned by its digest, and of the release that was named" };
/// The machine starts.
pub const MACHINE: CheckInfo = CheckInfo {
    id: "probe-machine",
    title: "the machine that is probed starts, is reached, and is the one that answers",
};
/// The machine runs what it was given.
pub const COMPOSE: CheckInfo = CheckInfo {
    id: "probe-compose",
    title: "the compose hash is the same in the four places that state it, and of the compose file that was deployed",
};
/// What was measured is what the release says.
pub const AS_RELEASED: CheckInfo =
    CheckInfo { id: "probe-as-released", title: "the policy of the release that is probed admits what was measured" };
/// What was made is gone.
pub const TEARDOWN: CheckInfo = CheckInfo { id: "probe-teardown", title: "everything that the probe made is gone" };
/// What was found is kept.
pub const FILES: CheckInfo = CheckInfo { id: "probe-files", title: "the files of the probe are written, all of them" };
/// Probes can be combined.
pub const SOURCE: CheckInfo = CheckInfo {
    id: "probe-source",
    title: "probes that are combined are of one family, profile and image, and passed",
};
/// Probes measured the same.
pub const STABLE: CheckInfo =
    CheckInfo { id: "probe-stable", title: "probes of one image measured the same in every register" };

/// All of them.
pub const RULES: [CheckInfo; 8] = [IMAGE, MACHINE, COMPOSE, AS_RELEASED, TEARDOWN, FILES, SOURCE, STABLE];

/// A place that states the compose hash, and what it states, if anything.
pub type Stated = (&'static str, Option<Sha256>);

/// [`COMPOSE`]: the same hash wherever it is stated. The event log alone is measured; the others show that what the service
/// says is what it does. A place that differs from all others is named; where no hash has a majority, each is told.
pub fn compose_hash(subject: &str, stated: &[Stated]) -> Vec<Finding> {
    const HELP: &str =
        "the service deployed another file than it says, or the log is not of this machine: do not use this probe";
    let fail = |what: String| COMPOSE.fail(subject, what).help(HELP);
    let places = |of: Option<Sha256>| {
        let names = stated.iter().filter(|(_, hash)| *hash == of).map(|(place, _)| *place);
        names.collect::<Vec<_>>()
    };
    let mut hashes: Vec<Sha256> = Vec::new();
    for hash in stated.iter().filter_map(|(_, hash)| *hash) {
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    // The one that most places state comes first.
    hashes.sort_by_key(|hash| std::cmp::Reverse(places(Some(*hash)).len()));
    let mut findings: Vec<Finding> = places(None)
        .into_iter()
        .map(|place| {
            let finding = fail(format!("{place} states no compose hash"));
            if let [hash] = hashes.as_slice() { finding.compared(hash.to_string(), "none") } else { finding }
        })
        .collect();
    match hashes.as_slice() {
        [hash] if stated.len() > 1 && findings.is_empty() => {
            let everywhere = crate::text::listed(&places(Some(*hash)));
            findings.push(COMPOSE.pass(subject, format!("{hash} in {everywhere}")));
        }
        [usual, odd] if places(Some(*odd)).len() == 1 && places(Some(*usual)).len() > 1 => {
            let (one, others) = (places(Some(*odd)).concat(), crate::text::listed(&places(Some(*usual))));
            let what = format!("{one} states another compose hash than {others}");
            findings.push(fail(what).compared(usual.to_string(), odd.to_string()));
        }
        [] | [_] if findings.is_empty() => {
            findings.push(fail("fewer than two places state the compose hash: nothing was compared".to_owned()));
        }
        [] | [_] => {}
        several => findings.extend(several.iter().map(|hash| {
            let what = format!("stated in {} and nowhere else: {hash}", crate::text::listed(&places(Some(*hash))));
            fail(what)
        })),
    }
    findings
}

/// [`COMPOSE`]: the `app-compose.json` that was measured holds the docker-compose file that was to be deployed.
pub fn deployed(subject: &str, app_compose: &[u8], measured: Sha256, wanted: &str) -> Finding {
    let other = |what: &str| {
        COMPOSE.fail(subject, what).help("what was measured is not what this probe deployed: do not use it")
    };
    if of_app_compose(app_compose) != measured {
        return other("the app-compose.json shown is not the one that was measured");
    }
    let document = parse_json(app_compose).unwrap_or(Value::Null);
    let Some(file) = document.get("docker_compose_file").and_then(Value::as_str) else {
        return other("the app-compose.json that was measured holds no docker-compose file");
    };
    match (of_compose_file(file.as_bytes()), of_compose_file(wanted.as_bytes())) {
        (Ok(deployed), Ok(wanted)) if deployed == wanted => {
            COMPOSE.pass(subject, format!("the docker-compose file that was measured is the one deployed: {wanted}"))
        }
        (Ok(deployed), Ok(wanted)) => {
            other("the docker-compose file that was measured is another than the one deployed")
                .compared(wanted.to_string(), deployed.to_string())
        }
        (Err(error), _) | (_, Err(error)) => other(&format!("the docker-compose file cannot be read: {error}")),
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::report::Status;

    const PLACES: [&str; 4] = ["provision", "machine", "event log", "app-compose.json"];

    fn hash(byte: u8) -> Sha256 {
        Sha256::from_bytes([byte; 32])
    }

    #[test]
    fn one_hash_in_all_places_passes_and_the_place_that_differs_is_named_with_both_values() {
        let same: Vec<Stated> = PLACES.map(|place| (place, Some(hash(1)))).to_vec();
        let passed = compose_hash("m", &same);
        assert_eq!(passed.iter().map(|finding| finding.status).collect::<Vec<_>>(), [Status::Pass]);
        for (index, place) in PLACES.iter().enumerate() {
            for (wrong, got) in [(Some(hash(2)), hash(2).to_string()), (None, "none".to_owned())] {
                let mut stated = same.clone();
                stated.get_mut(index).unwrap().1 = wrong;
                let findings = compose_hash("m", &stated);
                let [finding] = findings.as_slice() else { panic!("{findings:?}") };
                assert_eq!(finding.status, Status::Fail, "{place}");
                assert!(finding.message.starts_with(&format!("{place} states ")), "{}", finding.message);
                assert_eq!((&finding.expected, &finding.actual), (&Some(hash(1).to_string()), &Some(got)));
            }
        }
        for few in [Vec::new(), same.iter().take(1).cloned().collect()] {
            assert_eq!(compose_hash("m", &few).iter().map(|f| f.status).collect::<Vec<_>>(), [Status::Fail]);
        }
    }

    #[test]
    fn where_no_hash_has_a_majority_each_is_told_whole() {
        let told = |bytes: [Option<u8>; 4]| {
            let stated = PLACES.into_iter().zip(bytes).map(|(place, byte)| (place, byte.map(hash)));
            let findings = compose_hash("m", &stated.collect::<Vec<_>>());
            assert!(findings.iter().all(|finding| finding.status == Status::Fail), "{findings:?}");
            findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>()
        };
        let pairs = told([Some(1), Some(2), Some(2), Some(1)]);
        assert_eq!(pairs.len(), 2);
        assert!(
            pairs
                .iter()
                .any(|said| said.contains("provision and app-compose.json") && said.contains(&hash(1).to_string()))
        );
        assert_eq!(told([Some(1), Some(2), Some(3), Some(4)]).len(), 4);
        assert_eq!(told([None, None, None, None]).len(), 4);
        let mixed = told([None, Some(1), Some(1), Some(2)]);
        assert!(mixed.iter().any(|said| said == "provision states no compose hash"), "{mixed:?}");
        assert!(
            mixed.iter().any(|said| said == "app-compose.json states another compose hash than machine and event log")
        );
    }

    #[test]
    fn the_measured_file_must_hold_the_deployed_one_whatever_its_spacing() {
        let app = |file: &str| serde_json::json!({ "docker_compose_file": file }).to_string();
        let judged = |app: &str, hash: Sha256, wanted: &str| deployed("m", app.as_bytes(), hash, wanted).status;
        let (file, spaced) = ("services:\n  a:\n    image: x\n", "services: {a: {image:   x}}");
        let own = |app: &str| of_app_compose(app.as_bytes());
        assert_eq!(judged(&app(file), own(&app(file)), spaced), Status::Pass);
        assert_eq!(judged(&app(file), hash(1), file), Status::Fail);
        for other in [app("services:\n  a:\n    image: y\n"), app(": :"), "{}".to_owned(), "no".to_owned()] {
            assert_eq!(judged(&other, own(&other), file), Status::Fail, "{other}");
        }
    }
}
