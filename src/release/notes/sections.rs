//! The sections that notes of each class must have. [`SECTIONS`] is the list, and these are the headings it accepts:
//!
//! | section | accepted headings | required of |
//! |---|---|---|
//! | changelog | Changelog, Change log, What's changed, Changes | stable, hotfix |
//! | breaking changes | Breaking changes, Breaking change, Backwards incompatible changes, Incompatible changes | stable, hotfix |
//! | upgrade path | Upgrade path, Upgrade, Upgrading, Upgrade instructions, Upgrade notes, How to upgrade, Migration | stable, hotfix |
//! | measurements | MRTD/RTMR changes, MRTD and RTMR changes, MRTD changes, Measurement changes, Measurements | stable, hotfix |
//! | counterpart | Compatible counterpart versions, Compatible versions, Compatible KMS versions, Compatible node image versions, Compatible node versions, Compatibility | stable, hotfix |
//! | incident | CVE or incident reference, CVE reference, Incident reference, CVE, CVEs, Incident, Security advisory | hotfix |
//! | exact change | Exact change, Exact change description, Change description, The change, The fix, Fix | hotfix |
//! | rollback | Rollback instructions, Rollback, Rolling back, How to roll back | hotfix |
//! | reason | Why a patch was needed, Why a patch was necessary, Why a patch release was necessary, Why this patch, Why this hotfix, Reason for the patch, Rationale | hotfix |
//!
//! A heading is compared by its words: case, punctuation, emphasis, emoji and a leading number do not matter, and neither
//! does anything after `:`, `(`, `–` or `—`.

use crate::subject::tag::Class;

/// What a section is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What changed.
    Changelog,
    /// What stops working.
    Breaking,
    /// How to get there.
    Upgrade,
    /// Registers of the machines.
    Measurements,
    /// Versions of the other family.
    Counterpart,
    /// What made a hotfix necessary.
    Incident,
    /// The change of a hotfix.
    ExactChange,
    /// The way back.
    Rollback,
    /// Why a hotfix could not wait.
    Reason,
}

impl Topic {
    /// What a gap in the section is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changelog => "changelog",
            Self::Breaking => "breaking-changes",
            Self::Upgrade => "upgrade-path",
            Self::Measurements => "measurements",
            Self::Counterpart => "counterpart",
            Self::Incident => "incident",
            Self::ExactChange => "exact-change",
            Self::Rollback => "rollback",
            Self::Reason => "reason",
        }
    }
}

/// A section that notes may have to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// What it is about.
    pub topic: Topic,
    /// The heading to write.
    pub heading: &'static str,
    /// Every heading that is accepted, as words: lowercase, one space between. The first is [`Self::heading`].
    pub accepted: &'static [&'static str],
    /// What the section has to tell.
    pub tells: &'static str,
    /// Whether only hotfixes need it. Otherwise stable releases do too.
    pub hotfix_only: bool,
}

/// Every section, in the order to write them.
pub const SECTIONS: [Section; 9] = [
    Section {
        topic: Topic::Changelog,
        heading: "Changelog",
        accepted: &["changelog", "change log", "whats changed", "changes"],
        tells: "what changed since the previous release",
        hotfix_only: false,
    },
    Section {
        topic: Topic::Breaking,
        heading: "Breaking changes",
        accepted: &["breaking changes", "breaking change", "backwards incompatible changes", "incompatible changes"],
        tells: "what stops working, or that nothing does",
        hotfix_only: false,
    },
    Section {
        topic: Topic::Upgrade,
        heading: "Upgrade path",
        accepted: &[
            "upgrade path",
            "upgrade",
            "upgrading",
            "upgrade instructions",
            "upgrade notes",
            "how to upgrade",
            "migration",
        ],
        tells: "from which versions and how to upgrade",
        hotfix_only: false,
    },
    Section {
        topic: Topic::Measurements,
        heading: "MRTD/RTMR changes",
        accepted: &[
            "mrtd rtmr changes",
            "mrtd and rtmr changes",
            "mrtd changes",
            "measurement changes",
            "measurements",
        ],
        tells: "which measurements changed, or that none did",
        hotfix_only: false,
    },
    Section {
        topic: Topic::Counterpart,
        heading: "Compatible counterpart versions",
        accepted: &[
            "compatible counterpart versions",
            "compatible versions",
            "compatible kms versions",
            "compatible node image versions",
            "compatible node versions",
            "compatibility",
        ],
        tells: "which versions of the other family work with this one",
        hotfix_only: false,
    },
    Section {
        topic: Topic::Incident,
        heading: "CVE or incident reference",
        accepted: &[
            "cve or incident reference",
            "cve reference",
            "incident reference",
            "cve",
            "cves",
            "incident",
            "security advisory",
        ],
        tells: "the CVE or incident that made the hotfix necessary",
        hotfix_only: true,
    },
    Section {
        topic: Topic::ExactChange,
        heading: "Exact change",
        accepted: &["exact change", "exact change description", "change description", "the change", "the fix", "fix"],
        tells: "exactly what was changed",
        hotfix_only: true,
    },
    Section {
        topic: Topic::Rollback,
        heading: "Rollback instructions",
        accepted: &["rollback instructions", "rollback", "rolling back", "how to roll back"],
        tells: "how to go back to the patched release",
        hotfix_only: true,
    },
    Section {
        topic: Topic::Reason,
        heading: "Why a patch was needed",
        accepted: &[
            "why a patch was needed",
            "why a patch was necessary",
            "why a patch release was necessary",
            "why this patch",
            "why this hotfix",
            "reason for the patch",
            "rationale",
        ],
        tells: "why the change could not wait for the next release",
        hotfix_only: true,
    },
];

/// The sections notes of a release of `class` must have, in the order to write them. None for a release candidate.
pub fn required_sections(class: Class) -> impl Iterator<Item = &'static Section> {
    SECTIONS.iter().filter(move |section| match class {
        Class::Rc => false,
        Class::Stable => !section.hotfix_only,
        Class::Hotfix => true,
    })
}
