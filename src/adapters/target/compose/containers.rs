//! What `docker compose ps` says of the containers of a service.

use serde_json::Value;

use super::super::Phase;
use crate::{
    error::{Error, Result},
    schema::parse_json,
    text::excerpt,
};

/// Marks a container of `docker compose run`, which is not the service.
const ONE_OFF: &str = "com.docker.compose.oneoff";

/// A container of a service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Container {
    image: String,
    state: String,
    health: String,
}

/// The containers of a service: a list, or an object a line since version 2.21. Those of other services and those that
/// `docker compose run` made are left out.
///
/// # Errors
/// Input: it is in another form.
pub(super) fn containers(said: &str, service: &str) -> Result<Vec<Container>> {
    let odd = |why: &str| Error::input(format!("`docker compose ps` answered in an unexpected form: {}", excerpt(why)));
    let read = |text: &str| parse_json(text.as_bytes()).map_err(|e| odd(&e.to_string()));
    let said = said.trim();
    let values = match said.starts_with('[') {
        true => match read(said)? {
            Value::Array(values) => values,
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
        },
        false => said.lines().filter(|line| !line.trim().is_empty()).map(read).collect::<Result<_>>()?,
    };
    let mut found = Vec::new();
    for value in &values {
        let field = |name: &str| {
            let text = value.get(name).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| odd(&format!("no {name}")))
        };
        let container = Container { image: field("Image")?, state: field("State")?, health: field("Health")? };
        if field("Service")? == service && !is_one_off(value) {
            found.push(container);
        }
    }
    Ok(found)
}

/// Whether `docker compose run` made it. Labels are a text or an object, as the version has it.
fn is_one_off(container: &Value) -> bool {
    match container.get("Labels") {
        Some(Value::String(labels)) => labels.split(',').any(|label| {
            label.split_once('=').is_some_and(|(name, value)| name == ONE_OFF && value.eq_ignore_ascii_case("true"))
        }),
        Some(Value::Object(labels)) => {
            labels.get(ONE_OFF).and_then(Value::as_str).is_some_and(|value| value.eq_ignore_ascii_case("true"))
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_)) | None => false,
    }
}

/// How far a service is that is to run `image`.
pub(super) fn phase(containers: &[Container], image: &str) -> Phase {
    let [container] = containers else {
        return match containers.len() {
            0 => Phase::Behind("it has no container".to_owned()),
            several => Phase::Coming(format!("it has {several} containers, and is to have one")),
        };
    };
    if container.image != image {
        return Phase::Behind("its container has another image than its file".to_owned());
    }
    match (container.state.as_str(), container.health.as_str()) {
        ("running", "" | "healthy") => Phase::Running,
        ("running", "unhealthy") => Phase::Failed("its container is `unhealthy`".to_owned()),
        ("running", health) => Phase::Coming(excerpt(health)),
        ("exited" | "dead", _) => Phase::Failed(format!("its container is `{}`", excerpt(&container.state))),
        (state, _) => Phase::Coming(excerpt(state)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn line(service: &str, image: &str, state: &str, health: &str, labels: &str) -> String {
        format!(
            r#"{{"Service":"{service}","Image":"{image}","State":"{state}","Health":"{health}","Labels":{labels},"Name":"n"}}"#
        )
    }

    #[test]
    fn only_containers_of_the_service_count_and_none_that_was_run_once() {
        let mine = line("kms", "a@sha256:b", "running", "", r#""com.docker.compose.oneoff=False,x=y""#);
        let others = [
            line("proxy", "a@sha256:b", "running", "", r#""""#),
            line("kms", "a@sha256:b", "running", "", r#""x=y,com.docker.compose.oneoff=True""#),
            line("kms", "a@sha256:b", "running", "", r#"{"com.docker.compose.oneoff":"True"}"#),
        ];
        let all = format!("{},{mine}", others.join(","));
        for said in [format!("[{all}]"), format!("{}\n{mine}\n", others.join("\n"))] {
            let found = containers(&said, "kms").unwrap();
            let [only] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!((only.image.as_str(), only.state.as_str()), ("a@sha256:b", "running"));
        }
        assert!(containers("", "kms").unwrap().is_empty() && containers("[]", "kms").unwrap().is_empty());
        for bad in ["no JSON", r#"{"Image":"a"}"#, r#"[{"State":1}]"#, r#"{"Image":"a","State":"b","Service":"kms"}"#] {
            assert!(containers(bad, "kms").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_service_runs_when_its_one_container_has_the_image_and_is_not_found_unhealthy() {
        let of = |image: &str, state: &str, health: &str| Container {
            image: image.to_owned(),
            state: state.to_owned(),
            health: health.to_owned(),
        };
        let coming = |why: &str| Phase::Coming(why.to_owned());
        let behind = |why: &str| Phase::Behind(why.to_owned());
        for (found, expected) in [
            (vec![of("a", "running", "")], Phase::Running),
            (vec![of("a", "running", "healthy")], Phase::Running),
            (vec![of("a", "running", "starting")], coming("starting")),
            (vec![of("a", "running", "unhealthy")], Phase::Failed("its container is `unhealthy`".to_owned())),
            (vec![of("a", "exited", "")], Phase::Failed("its container is `exited`".to_owned())),
            (vec![of("a", "restarting", "")], coming("restarting")),
            (vec![of("b", "running", "")], behind("its container has another image than its file")),
            (vec![], behind("it has no container")),
            (vec![of("a", "running", ""), of("b", "running", "")], coming("it has 2 containers, and is to have one")),
        ] {
            assert_eq!(phase(&found, "a"), expected, "{found:?}");
        }
    }
}
