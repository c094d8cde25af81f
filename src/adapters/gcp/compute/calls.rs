//! The calls themselves: one method each.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{Compute, Disk, Firewall, Image, Instance, Serial, Started, Subnetwork};
use crate::{
    error::{Error, Result},
    subject::gcp::{Name, Project, Region, Zone},
};

/// Most pages of a list that are read; a page has up to 500 entries.
const MAX_PAGES: usize = 40;

/// What an image is called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageName {
    /// Its own name.
    Name(Name),
    /// Its family, whose newest image is meant.
    Family(Name),
}

/// Things that were found, and where it could not be looked.
#[derive(Debug)]
pub struct Listing<T> {
    /// What was found.
    pub found: Vec<T>,
    /// Zones and others that gave no answer.
    pub unreachable: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Aggregated {
    #[serde(default)]
    items: BTreeMap<String, Scoped>,
    next_page_token: Option<String>,
    #[serde(default)]
    unreachables: Vec<String>,
}

#[derive(Deserialize)]
struct Scoped {
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Firewalls {
    #[serde(default)]
    items: Vec<Firewall>,
    next_page_token: Option<String>,
}

impl Compute {
    /// An image. `None`: it is not there, or not for this account to see.
    ///
    /// # Errors
    /// Remote: no answer, or one that says nothing of an image.
    pub async fn image(&self, project: &Project, image: &ImageName) -> Result<Option<Image>> {
        let start = ["projects", project.as_str(), "global", "images"];
        let (url, name) = match image {
            ImageName::Name(name) => (self.url(&[&start[..], &[name.as_str()]].concat(), &[])?, name),
            ImageName::Family(name) => (self.url(&[&start[..], &["family", name.as_str()]].concat(), &[])?, name),
        };
        self.read(&url, &format!("the image {name}")).await
    }

    /// A subnetwork.
    ///
    /// # Errors
    /// As [`Compute::image`].
    pub async fn subnetwork(&self, project: &Project, region: &Region, name: &Name) -> Result<Option<Subnetwork>> {
        let path = ["projects", project.as_str(), "regions", region.as_str(), "subnetworks", name.as_str()];
        self.read(&self.url(&path, &[])?, &format!("the subnetwork {name}")).await
    }

    /// Has a machine made.
    ///
    /// # Errors
    /// Remote: it is not known whether it was.
    pub async fn insert_instance(
        &self,
        (project, zone): (&Project, &Zone),
        body: &Value,
        request: &str,
    ) -> Result<Started> {
        let path = ["projects", project.as_str(), "zones", zone.as_str(), "instances"];
        let url = self.url(&path, &[("requestId", request)])?;
        self.change(Method::POST, &url, Some(body), &format!("create a machine in {zone}")).await
    }

    /// A machine.
    ///
    /// # Errors
    /// As [`Compute::image`].
    pub async fn instance(&self, (project, zone): (&Project, &Zone), name: &Name) -> Result<Option<Instance>> {
        self.read(&self.url(&instance(project, zone, name), &[])?, &format!("the machine {name}")).await
    }

    /// Has a machine deleted, with the disks that belong to it.
    ///
    /// # Errors
    /// Remote: it is not known whether it is.
    pub async fn delete_instance(
        &self,
        (project, zone): (&Project, &Zone),
        name: &Name,
        request: &str,
    ) -> Result<Started> {
        let url = self.url(&instance(project, zone, name), &[("requestId", request)])?;
        self.change(Method::DELETE, &url, None, &format!("delete the machine {name}")).await
    }

    /// Machines of all zones that a filter finds, such as `labels.merotee-probe:*`.
    ///
    /// # Errors
    /// Remote: no answer, or more pages than are read.
    pub async fn instances(&self, project: &Project, filter: &str) -> Result<Listing<Instance>> {
        let path = ["projects", project.as_str(), "aggregated", "instances"];
        let subject = format!("the machines of {project}");
        let mut listing = Listing { found: Vec::new(), unreachable: Vec::new() };
        let mut page = String::new();
        for _ in 0..MAX_PAGES {
            let mut query = vec![("filter", filter), ("returnPartialSuccess", "true")];
            if !page.is_empty() {
                query.push(("pageToken", &page));
            }
            let url = self.url(&path, &query)?;
            let answer: Option<Aggregated> = self.read(&url, &subject).await?;
            let answer = answer.ok_or_else(|| no_such(project))?;
            listing.found.extend(answer.items.into_values().flat_map(|scope| scope.instances));
            listing.unreachable.extend(answer.unreachables);
            match answer.next_page_token.filter(|token| !token.is_empty()) {
                Some(next) => page = next,
                None => return Ok(listing),
            }
        }
        Err(Error::remote(format!("{subject} fill more than {MAX_PAGES} pages, which are not read")))
    }

    /// What a machine wrote to a serial port, 1 to 4: its end where that is much.
    ///
    /// # Errors
    /// As [`Compute::image`].
    pub async fn serial_port(
        &self,
        (project, zone): (&Project, &Zone),
        name: &Name,
        port: u8,
    ) -> Result<Option<Serial>> {
        let path = [&instance(project, zone, name)[..], &["serialPort"]].concat();
        let url = self.url(&path, &[("port", &port.to_string())])?;
        self.read(&url, &format!("the serial port of {name}")).await
    }

    /// A disk.
    ///
    /// # Errors
    /// As [`Compute::image`].
    pub async fn disk(&self, (project, zone): (&Project, &Zone), name: &Name) -> Result<Option<Disk>> {
        let path = ["projects", project.as_str(), "zones", zone.as_str(), "disks", name.as_str()];
        self.read(&self.url(&path, &[])?, &format!("the disk {name}")).await
    }

    /// Has a rule added to the firewall.
    ///
    /// # Errors
    /// Remote: it is not known whether it was.
    pub async fn insert_firewall(&self, project: &Project, body: &Value, request: &str) -> Result<Started> {
        let url = self.url(&firewalls(project), &[("requestId", request)])?;
        self.change(Method::POST, &url, Some(body), "add a rule to the firewall").await
    }

    /// A rule of the firewall.
    ///
    /// # Errors
    /// As [`Compute::image`].
    pub async fn firewall(&self, project: &Project, name: &Name) -> Result<Option<Firewall>> {
        let path = [&firewalls(project)[..], &[name.as_str()]].concat();
        self.read(&self.url(&path, &[])?, &format!("the firewall rule {name}")).await
    }

    /// Has a rule taken out of the firewall.
    ///
    /// # Errors
    /// Remote: it is not known whether it was.
    pub async fn delete_firewall(&self, project: &Project, name: &Name, request: &str) -> Result<Started> {
        let path = [&firewalls(project)[..], &[name.as_str()]].concat();
        let url = self.url(&path, &[("requestId", request)])?;
        self.change(Method::DELETE, &url, None, &format!("delete the firewall rule {name}")).await
    }

    /// Every rule of the project's firewalls: they have no labels, so the caller looks at descriptions.
    ///
    /// # Errors
    /// Remote: no answer, or more pages than are read.
    pub async fn firewall_rules(&self, project: &Project) -> Result<Vec<Firewall>> {
        let subject = format!("the firewall rules of {project}");
        let mut found = Vec::new();
        let mut page = String::new();
        for _ in 0..MAX_PAGES {
            let query = [("pageToken", page.as_str())];
            let url = self.url(&firewalls(project), if page.is_empty() { &[] } else { &query })?;
            let answer: Option<Firewalls> = self.read(&url, &subject).await?;
            let answer = answer.ok_or_else(|| no_such(project))?;
            found.extend(answer.items);
            match answer.next_page_token.filter(|token| !token.is_empty()) {
                Some(next) => page = next,
                None => return Ok(found),
            }
        }
        Err(Error::remote(format!("{subject} fill more than {MAX_PAGES} pages, which are not read")))
    }
}

fn instance<'a>(project: &'a Project, zone: &'a Zone, name: &'a Name) -> [&'a str; 6] {
    ["projects", project.as_str(), "zones", zone.as_str(), "instances", name.as_str()]
}

fn firewalls(project: &Project) -> [&str; 4] {
    ["projects", project.as_str(), "global", "firewalls"]
}

fn no_such(project: &Project) -> Error {
    Error::remote(format!("Compute Engine knows no project {project}"))
        .help("check --project, and what the account may see")
}
