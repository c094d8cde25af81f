//! The images that the host has, and the containers of its services. It starts and ends nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::SeenService;
use crate::sandbox::phala::machine::{Phase, Shared, Up, seen};

/// What is on the host.
#[derive(Default)]
pub(super) struct State {
    pub(super) images: BTreeSet<String>,
    /// By project and service.
    containers: BTreeMap<(String, String), Container>,
}

/// The container of a service.
pub(super) struct Container {
    pub(super) image: String,
    /// The file that it was brought up with.
    pub(super) compose: String,
    pub(super) updates: usize,
    pub(super) phase: Shared,
}

impl State {
    pub(super) fn container(&self, key: (&str, &str)) -> Option<&Container> {
        self.containers.get(&owned(key))
    }

    pub(super) fn put(&mut self, key: (&str, &str), container: Container) {
        self.containers.insert(owned(key), container);
    }

    pub(super) fn take(&mut self, key: (&str, &str)) -> Option<Container> {
        self.containers.remove(&owned(key))
    }

    /// A container as `docker compose ps --format json` prints it, or nothing.
    pub(super) fn listed(&self, key: (&str, &str)) -> String {
        let (project, service) = key;
        self.container(key).map_or_else(String::new, |container| {
            let line = json!({
                "ID": "0123456789ab",
                "Name": format!("{project}-{service}-1"),
                "Image": container.image,
                "Project": project,
                "Service": service,
                "State": container.state(),
                "Health": "",
                "Labels": format!("com.docker.compose.project={project},com.docker.compose.oneoff=False"),
            });
            format!("{line}\n")
        })
    }

    /// Where the port of a service is published.
    pub(super) fn port(&self, key: (&str, &str)) -> Result<String, String> {
        let (project, service) = key;
        let address = self.container(key).and_then(Container::address);
        let address = address.ok_or_else(|| format!("no running container found for {project}-{service}-1"))?;
        Ok(format!("{}\n", address.trim_start_matches("http://")))
    }

    pub(super) fn services(&self) -> Vec<SeenService> {
        let seen = |((project, _), container): (&(String, String), &Container)| SeenService {
            project: project.clone(),
            image: container.image.clone(),
            updates: container.updates,
            address: container.address(),
        };
        self.containers.iter().map(seen).collect()
    }
}

impl Container {
    fn address(&self) -> Option<String> {
        seen(&self.phase, |phase| match phase {
            Phase::Up(up) => Some(up.endpoint.clone()),
            Phase::Creating | Phase::Broken(_) | Phase::Ended => None,
        })
    }

    /// How far it is, in Docker's word. It is to restart unless it is stopped.
    fn state(&self) -> &'static str {
        seen(&self.phase, |phase| match phase {
            Phase::Creating => "created",
            Phase::Up(up) if Up::serves(up) => "running",
            Phase::Up(_) | Phase::Broken(_) => "restarting",
            Phase::Ended => "exited",
        })
    }
}

fn owned((project, service): (&str, &str)) -> (String, String) {
    (project.to_owned(), service.to_owned())
}
