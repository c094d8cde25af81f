//! A change under way: how it is watched to its end, and what is said when it fails.

use serde::Deserialize;

use super::Compute;
use crate::{
    error::{Error, Result},
    subject::gcp::{Name, Project, Zone},
    text::excerpt,
};

/// What is asked for, in messages.
const SUBJECT: &str = "the state of a change in Compute Engine";

/// A change that Compute Engine makes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// PENDING, RUNNING or DONE.
    #[serde(default)]
    pub status: String,
    /// Number of what it changes.
    pub target_id: Option<String>,
    error: Option<Errors>,
    http_error_status_code: Option<u16>,
    http_error_message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Fault {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The code, as Compute Engine has it.
    pub code: String,
    /// Its words, as remote text.
    pub message: String,
}

/// What a change belongs to.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// A zone of the project.
    Zone(&'a Project, &'a Zone),
    /// The project.
    Global(&'a Project),
}

impl Operation {
    /// Whether it is over.
    pub fn is_done(&self) -> bool {
        self.status == "DONE"
    }

    /// Why it failed, once it is over. One that is over without saying so succeeded.
    pub fn trouble(&self) -> Option<Trouble> {
        let fault = self.error.as_ref().map(|error| error.errors.first());
        match (fault, self.http_error_status_code) {
            (Some(Some(fault)), _) => Some(Trouble { code: excerpt(&fault.code), message: excerpt(&fault.message) }),
            (Some(None), _) => Some(Trouble { code: "UNKNOWN".to_owned(), message: String::new() }),
            (None, Some(code)) if code >= 400 => Some(Trouble {
                code: code.to_string(),
                message: excerpt(self.http_error_message.as_deref().unwrap_or_default()),
            }),
            (None, Some(_) | None) => None,
        }
    }
}

impl Trouble {
    /// Whether another zone may have room for the machine.
    pub fn is_of_the_zone(&self) -> bool {
        self.code.starts_with("ZONE_RESOURCE_POOL_EXHAUSTED") || self.code == "RESOURCE_POOL_EXHAUSTED"
    }

    /// Whether what should be deleted is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self.code.as_str(), "RESOURCE_NOT_FOUND" | "404")
    }

    /// What can be done about it, where that is known.
    pub fn advice(&self) -> Option<&'static str> {
        match self.code.as_str() {
            code if code.starts_with("ZONE_RESOURCE_POOL_EXHAUSTED") || code == "RESOURCE_POOL_EXHAUSTED" => {
                Some("the zone has no machine of this type free: give several zones with --zone, or try again later")
            }
            "QUOTA_EXCEEDED" => {
                Some("the project's quota is used up: delete machines that are not needed, or ask Google for more")
            }
            "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE" => Some("something else uses it: delete that first"),
            _ => None,
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let meaning = match self.code.as_str() {
            code if code.starts_with("ZONE_RESOURCE_POOL_EXHAUSTED") || code == "RESOURCE_POOL_EXHAUSTED" => {
                "the zone has no room for such a machine"
            }
            "QUOTA_EXCEEDED" => "the project's quota is used up",
            _ => "Compute Engine gave up",
        };
        write!(f, "{meaning} ({})", self.code)?;
        if self.message.is_empty() { Ok(()) } else { write!(f, ": {}", self.message) }
    }
}

impl Compute {
    /// The state of a change at this moment.
    ///
    /// # Errors
    /// Remote: it cannot be had.
    pub async fn operation(&self, scope: Scope<'_>, operation: &Operation) -> Result<Operation> {
        // The name comes from the API; a name that could lead elsewhere is refused.
        let name: Name = operation.name.parse().map_err(|e| Error::remote("the name of an operation").because(e))?;
        let found = self.known_operation(scope, &name).await?;
        found.ok_or_else(|| Error::remote(format!("cannot get {SUBJECT}: it is not known there")))
    }

    /// A change by its name; `None` of one that is not known, or not any more: they are kept for two weeks.
    ///
    /// # Errors
    /// Remote: it cannot be asked for.
    pub async fn known_operation(&self, scope: Scope<'_>, name: &Name) -> Result<Option<Operation>> {
        let url = match scope {
            Scope::Zone(project, zone) => {
                let path = ["projects", project.as_str(), "zones", zone.as_str(), "operations", name.as_str()];
                self.url(&path, &[])?
            }
            Scope::Global(project) => {
                self.url(&["projects", project.as_str(), "global", "operations", name.as_str()], &[])?
            }
        };
        self.read(&url, SUBJECT).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn trouble(json: &str) -> Option<String> {
        serde_json::from_str::<Operation>(json).unwrap().trouble().map(|trouble| trouble.to_string())
    }

    #[test]
    fn an_operation_that_failed_says_why_in_a_sentence() {
        assert_eq!(trouble(r#"{"name":"op","status":"DONE"}"#), None);
        let full = r#"{"name":"op","status":"DONE","error":{"errors":[{"code":"ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS",
            "message":"The zone does not have enough resources."}]},"httpErrorStatusCode":503}"#;
        let said = trouble(full).unwrap();
        let expected =
            "the zone has no room for such a machine (ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS): The zone does not";
        assert!(said.starts_with(expected), "{said}");
        let quota = r#"{"name":"op","status":"DONE","error":{"errors":[{"code":"QUOTA_EXCEEDED"}]}}"#;
        assert_eq!(trouble(quota).unwrap(), "the project's quota is used up (QUOTA_EXCEEDED)");
        let bare = r#"{"name":"op","status":"DONE","httpErrorStatusCode":400,"httpErrorMessage":"BAD REQUEST"}"#;
        assert_eq!(trouble(bare).unwrap(), "Compute Engine gave up (400): BAD REQUEST");
        assert_eq!(trouble(r#"{"name":"op","status":"DONE","error":{}}"#).unwrap(), "Compute Engine gave up (UNKNOWN)");
    }
}
