//! Is the release what its class says?

use crate::{
    release::snapshot::{Origin, Snapshot},
    report::{CheckInfo, Finding},
    subject::tag::{Class, Tag},
};

/// `class`.
pub const CLASS: CheckInfo =
    CheckInfo { id: "class", title: "tag, class and release state agree: an rc is never taken for a stable release" };

/// Tag against class, and the release's own flags.
pub fn class(snapshot: &Snapshot) -> Vec<Finding> {
    let (tag, class) = (&snapshot.tag, snapshot.class);
    let mut findings = unfit(tag, class);
    if let Origin::GitHub { draft, prerelease, .. } = snapshot.origin {
        if draft {
            findings.push(CLASS.warn(tag.as_str(), "the release is a draft, not yet public"));
        }
        if tag.is_rc() && !prerelease {
            findings.push(CLASS.warn(tag.as_str(), "the release candidate is not marked as a pre-release on GitHub"));
        }
        if !tag.is_rc() && prerelease {
            findings.push(CLASS.warn(tag.as_str(), "the release is marked as a pre-release on GitHub"));
        }
    }
    if findings.is_empty() {
        findings.push(CLASS.pass(tag.as_str(), class.to_string()));
    }
    findings
}

/// [`CLASS`] of a tag that is not released yet.
pub fn of_tag(tag: &Tag, class: Class) -> Vec<Finding> {
    let findings = unfit(tag, class);
    if findings.is_empty() { vec![CLASS.pass(tag.as_str(), class.to_string())] } else { findings }
}

/// Why a tag cannot be of a class; nothing where it can.
fn unfit(tag: &Tag, class: Class) -> Vec<Finding> {
    let mut findings = Vec::new();
    match (class, tag.is_rc()) {
        (Class::Rc, false) => findings.push(
            CLASS
                .fail(tag.as_str(), "a tag without -rc.N is not a release candidate")
                .compared("a tag with -rc.N", tag.as_str()),
        ),
        (Class::Stable | Class::Hotfix, true) => findings.push(
            CLASS
                .fail(tag.as_str(), "a release candidate is never for production")
                .compared(format!("a {class} tag without -rc.N"), tag.as_str())
                .help("release the final version, or verify this one as what it is: --class rc"),
        ),
        (Class::Rc, true) | (Class::Stable | Class::Hotfix, false) => {}
    }
    if class == Class::Hotfix && !tag.is_rc() && tag.version().patch == 0 {
        findings.push(
            CLASS
                .fail(tag.as_str(), "a hotfix patches a stable release")
                .compared("a patch version above 0", tag.version().to_string()),
        );
    }
    findings
}
