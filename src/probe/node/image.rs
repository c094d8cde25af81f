//! The image of a node: whether a TD can boot it, and whether the machine booted the one that was meant. An image's name
//! can be given to another image; its number cannot.

use serde_json::Value;

use crate::{
    probe::checks::IMAGE,
    report::Finding,
    subject::{
        gcp::{Name, Project},
        profile::Profile,
    },
    text::excerpt,
};

/// An image as Compute Engine has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its number.
    pub id: String,
    /// Its state.
    pub status: String,
    /// How far it is out of use.
    pub deprecated: Option<String>,
    /// Whether a TD can boot it.
    pub tdx_capable: bool,
}

/// [`IMAGE`]: the image can be booted by a TD and is in use.
pub fn usable(name: &str, seen: &Seen) -> Vec<Finding> {
    let mut findings = Vec::new();
    if seen.status != "READY" {
        findings.push(
            IMAGE
                .fail(name, "the image is not ready")
                .compared("status READY", excerpt(&seen.status))
                .help("wait until it is made, or name another"),
        );
    }
    if !seen.tdx_capable {
        findings.push(
            IMAGE
                .fail(name, "no TD can boot the image: its guest OS features lack TDX_CAPABLE")
                .help("build the image with --guest-os-features=TDX_CAPABLE"),
        );
    }
    match seen.deprecated.as_deref() {
        None | Some("" | "ACTIVE") => {}
        Some(state @ ("OBSOLETE" | "DELETED")) => {
            findings
                .push(IMAGE.fail(name, format!("the image is out of use: {state}")).help("name one that is in use"));
        }
        Some(state) => findings.push(IMAGE.warn(name, format!("the image is going out of use: {}", excerpt(state)))),
    }
    if findings.iter().all(|finding| finding.status == crate::report::Status::Warn) {
        findings.push(IMAGE.pass(name, format!("image {} can be booted by a TD", excerpt(&seen.id))));
    }
    findings
}

/// [`IMAGE`]: the machine's disk was made from the image that was looked at before.
pub fn booted(name: &str, seen: &Seen, source: &str) -> Finding {
    if !seen.id.is_empty() && source == seen.id {
        return IMAGE.pass(name, format!("the machine's disk was made from image {}", excerpt(source)));
    }
    IMAGE
        .fail(name, "the machine's disk was made from another image than the one that was looked at")
        .compared(format!("image {}", excerpt(&seen.id)), format!("image {}", excerpt(source)))
        .help("the image was replaced under the same name meanwhile: probe again, and find out who replaced it")
}

/// The image of a profile that a release's provenance names, and its project where that is said.
///
/// # Errors
/// It names none: why, with the field.
pub fn of_provenance(provenance: &Value, profile: Profile) -> Result<(Name, Option<Project>), String> {
    let field = format!("profiles.{profile}.image.name");
    let name = provenance.pointer(&format!("/profiles/{profile}/image/name")).and_then(Value::as_str);
    let name = name.ok_or_else(|| format!("it has no {field}"))?.parse().map_err(|e| format!("{field}: {e}"))?;
    let field = format!("profiles.{profile}.image.project");
    let project = provenance.pointer(&format!("/profiles/{profile}/image/project")).map(|project| {
        let project = project.as_str().ok_or_else(|| format!("{field}: it is not a text"))?;
        project.parse::<Project>().map_err(|e| format!("{field}: {e}"))
    });
    Ok((name, project.transpose()?))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::report::Status;

    fn seen() -> Seen {
        Seen { id: "77".to_owned(), status: "READY".to_owned(), deprecated: None, tdx_capable: true }
    }

    #[test]
    fn an_image_must_be_ready_in_use_and_fit_for_a_td() {
        let statuses = |seen: &Seen| usable("i", seen).iter().map(|finding| finding.status).collect::<Vec<_>>();
        assert_eq!(statuses(&seen()), [Status::Pass]);
        assert_eq!(statuses(&Seen { status: "PENDING".to_owned(), ..seen() }), [Status::Fail]);
        assert_eq!(statuses(&Seen { tdx_capable: false, ..seen() }), [Status::Fail]);
        for (state, expected) in [("DELETED", vec![Status::Fail]), ("DEPRECATED", vec![Status::Warn, Status::Pass])] {
            assert_eq!(statuses(&Seen { deprecated: Some(state.to_owned()), ..seen() }), expected, "{state}");
        }
    }

    #[test]
    fn a_name_stands_for_no_image_and_a_number_does() {
        assert_eq!(booted("i", &seen(), "77").status, Status::Pass);
        assert_eq!(booted("i", &seen(), "78").status, Status::Fail);
        assert_eq!(booted("i", &Seen { id: String::new(), ..seen() }, "").status, Status::Fail);
    }

    #[test]
    fn provenance_names_an_image_or_what_it_lacks() {
        let of = |json: Value| {
            of_provenance(&json, Profile::Debug).map(|(name, project)| {
                format!("{name} {}", project.map(|project| project.to_string()).unwrap_or_default())
            })
        };
        assert_eq!(of(json!({"profiles": {"debug": {"image": {"name": "node-1"}}}})).unwrap(), "node-1 ");
        let image = json!({"name": "node-1", "project": "images-1"});
        assert_eq!(of(json!({"profiles": {"debug": {"image": image}}})).unwrap(), "node-1 images-1");
        let image = json!({"name": "node-1", "project": "../x"});
        let said = of(json!({"profiles": {"debug": {"image": image}}})).unwrap_err();
        assert!(said.starts_with("profiles.debug.image.project: "), "{said}");
        assert_eq!(of(json!({})).unwrap_err(), "it has no profiles.debug.image.name");
        let said = of(json!({"profiles": {"debug": {"image": {"name": "../x"}}}})).unwrap_err();
        assert!(said.starts_with("profiles.debug.image.name: `../x` is not"), "{said}");
    }
}
