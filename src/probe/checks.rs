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
pub const MACHINE: CheckInfo =
    CheckInfo { id: "probe-machine", title: "the machine that is probed starts and is reached" };
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
/// Probes can be combined.
pub const SOURCE: CheckInfo = CheckInfo {
    id: "probe-source",
    title: "probes that are combined are of one family, profile and image, and passed",
};
/// Probes measured the same.
pub const STABLE: CheckInfo =
    CheckInfo { id: "probe-stable", title: "probes of one image measured the same in every register" };

/// All of them.
pub const RULES: [CheckInfo; 7] = [IMAGE, MACHINE, COMPOSE, AS_RELEASED, TEARDOWN, SOURCE, STABLE];

/// A place that states the compose hash, and what it states; or why it states none.
pub type Stated<'a> = (&'static str, Result<Sha256, &'a str>);

/// [`COMPOSE`]: the same hash wherever it is stated. The event log alone is measured; the others show that what the service
/// says is what it does.
pub fn compose_hash(subject: &str, stated: &[Stated<'_>]) -> Finding {
    let told = |(place, hash): &Stated<'_>| match hash {
        Ok(hash) => format!("{place} {hash}"),
        Err(why) => format!("{place} none ({why})"),
    };
    let all: Vec<String> = stated.iter().map(told).collect();
    let hashes: Vec<Option<Sha256>> = stated.iter().map(|(_, hash)| hash.ok()).collect();
    let finding = match hashes.as_slice() {
        [Some(first), others @ ..] if !others.is_empty() && others.iter().all(|other| *other == Some(*first)) => {
            let places: Vec<&str> = stated.iter().map(|(place, _)| *place).collect();
            return COMPOSE.pass(subject, format!("{first} in {}", crate::text::listed(&places)));
        }
        _ if hashes.contains(&None) => COMPOSE.fail(subject, "the compose hash is not stated everywhere"),
        _ => COMPOSE.fail(subject, "the compose hash differs between the places that state it"),
    };
    finding.compared("one hash", all.join(", ")).help(
        "the service deployed another file than it says, or the log is not of this machine: do not use this probe",
    )
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
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::report::Status;

    const PLACES: [&str; 4] = ["provision", "machine", "event log", "app-compose.json"];

    fn hash(byte: u8) -> Sha256 {
        Sha256::from_bytes([byte; 32])
    }

    #[test]
    fn one_hash_in_all_places_passes_and_another_in_any_of_them_fails_and_shows_each() {
        let same: Vec<Stated<'_>> = PLACES.map(|place| (place, Ok(hash(1)))).to_vec();
        assert_eq!(compose_hash("m", &same).status, Status::Pass);
        for (index, place) in PLACES.iter().enumerate() {
            for wrong in [Ok(hash(2)), Err("it states none")] {
                let mut stated = same.clone();
                stated.get_mut(index).unwrap().1 = wrong;
                let finding = compose_hash("m", &stated);
                assert_eq!(finding.status, Status::Fail, "{place}");
                let said = finding.actual.unwrap();
                assert!(PLACES.iter().all(|place| said.contains(place)), "{said}");
            }
        }
        for few in [Vec::new(), same.iter().take(1).cloned().collect()] {
            assert_eq!(compose_hash("m", &few).status, Status::Fail);
        }
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
