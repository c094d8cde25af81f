//! The way through the gates, act by act: what is looked at, what is changed, and in which order.

use serde::{Deserialize, Serialize};

use super::gate::Gate;

/// Something that is judged and not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// D1: the release of the KMS.
    KmsRelease,
    /// D2: the release of the node image.
    NodeRelease,
    /// D3: staging answers with the version and profile that were deployed.
    StagingHealth,
    /// D4: staging measures what was published, and a node of staging gets its key.
    StagingProbe,
    /// D5: the pull request, its approvals and its merge.
    Review,
    /// D6: the release of the KMS once more.
    KmsReleaseAgain,
    /// D6: the release of the node image once more.
    NodeReleaseAgain,
    /// D6: the pull request once more.
    ReviewAgain,
    /// D6: what production runs before the switch, kept to go back to.
    Previous,
    /// D6: health and attestation of production after the switch.
    Production,
    /// D6: a production node gets its key of the new KMS.
    Canary,
    /// Rollback of D6: the nodes get keys of the old KMS again.
    Proof,
}

/// Something that changes the world outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// D3: make the KMS of staging.
    DeployStaging,
    /// D4, or a rollback: remove the KMS of staging.
    RemoveStaging,
    /// D5: open the pull request with the policy.
    OpenPull,
    /// Rollback of D5: close it without a merge.
    ClosePull,
    /// D6: production runs the new digest.
    SwitchProduction,
    /// Rollback of D6: production runs what it ran before.
    RestoreProduction,
}

/// One act on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Judge something.
    Look(Look),
    /// Change something.
    Effect(Effect),
    /// Sample production before the switch.
    Baseline,
    /// Sample production after the switch, until the soak is over.
    Soak,
}

/// The whole way. An act is done only after all before it.
pub const PATH: [(Gate, Act); 17] = [
    (Gate::D1, Act::Look(Look::KmsRelease)),
    (Gate::D2, Act::Look(Look::NodeRelease)),
    (Gate::D3, Act::Effect(Effect::DeployStaging)),
    (Gate::D3, Act::Look(Look::StagingHealth)),
    (Gate::D4, Act::Look(Look::StagingProbe)),
    (Gate::D4, Act::Effect(Effect::RemoveStaging)),
    (Gate::D5, Act::Effect(Effect::OpenPull)),
    (Gate::D5, Act::Look(Look::Review)),
    (Gate::D6, Act::Look(Look::KmsReleaseAgain)),
    (Gate::D6, Act::Look(Look::NodeReleaseAgain)),
    (Gate::D6, Act::Look(Look::ReviewAgain)),
    (Gate::D6, Act::Look(Look::Previous)),
    (Gate::D6, Act::Baseline),
    (Gate::D6, Act::Effect(Effect::SwitchProduction)),
    (Gate::D6, Act::Look(Look::Production)),
    (Gate::D6, Act::Look(Look::Canary)),
    (Gate::D6, Act::Soak),
];

/// The number of the first act of `gate` in [`PATH`].
pub fn start(gate: Gate) -> usize {
    PATH.iter().position(|(of, _)| *of == gate).unwrap_or(PATH.len())
}

/// The number of the act behind the last one of `gate` in [`PATH`].
pub fn end(gate: Gate) -> usize {
    PATH.iter().rposition(|(of, _)| *of == gate).map_or(PATH.len(), |last| last + 1)
}

impl Look {
    /// Its name in file names and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::KmsRelease => "kms-release",
            Self::NodeRelease => "node-release",
            Self::StagingHealth => "staging-health",
            Self::StagingProbe => "staging-probe",
            Self::Review => "review",
            Self::KmsReleaseAgain => "kms-release-again",
            Self::NodeReleaseAgain => "node-release-again",
            Self::ReviewAgain => "review-again",
            Self::Previous => "previous",
            Self::Production => "production",
            Self::Canary => "canary",
            Self::Proof => "proof",
        }
    }

    /// The gate it belongs to.
    pub fn gate(self) -> Gate {
        match self {
            Self::KmsRelease => Gate::D1,
            Self::NodeRelease => Gate::D2,
            Self::StagingHealth => Gate::D3,
            Self::StagingProbe => Gate::D4,
            Self::Review => Gate::D5,
            Self::KmsReleaseAgain
            | Self::NodeReleaseAgain
            | Self::ReviewAgain
            | Self::Previous
            | Self::Production
            | Self::Canary
            | Self::Proof => Gate::D6,
        }
    }

    /// The command whose report is its evidence.
    pub fn command(self) -> &'static str {
        match self {
            Self::KmsRelease | Self::NodeRelease | Self::KmsReleaseAgain | Self::NodeReleaseAgain => {
                "verify-release-assets"
            }
            Self::Review | Self::ReviewAgain => "policy review",
            Self::StagingHealth
            | Self::StagingProbe
            | Self::Previous
            | Self::Production
            | Self::Canary
            | Self::Proof => "rollout run",
        }
    }

    /// What it does, as a verb and what it looks at.
    pub fn described(self) -> &'static str {
        match self {
            Self::KmsRelease => "verify the KMS release",
            Self::NodeRelease => "verify the node image release",
            Self::StagingHealth => "ask staging for its health",
            Self::StagingProbe => "probe staging, and let a staging node ask for its key",
            Self::Review => "review the pull request: two approvals, merged",
            Self::KmsReleaseAgain => "verify the KMS release again",
            Self::NodeReleaseAgain => "verify the node image release again",
            Self::ReviewAgain => "review the merged pull request again",
            Self::Previous => "keep what production runs, to go back to",
            Self::Production => "ask production for its health and its attestation",
            Self::Canary => "let a production node ask for its key",
            Self::Proof => "let a production node ask the old KMS for its key",
        }
    }
}

impl Effect {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::DeployStaging => "deploy-staging",
            Self::RemoveStaging => "remove-staging",
            Self::OpenPull => "open-pull",
            Self::ClosePull => "close-pull",
            Self::SwitchProduction => "switch-production",
            Self::RestoreProduction => "restore-production",
        }
    }

    /// The gate it belongs to.
    pub fn gate(self) -> Gate {
        match self {
            Self::DeployStaging => Gate::D3,
            Self::RemoveStaging => Gate::D4,
            Self::OpenPull | Self::ClosePull => Gate::D5,
            Self::SwitchProduction | Self::RestoreProduction => Gate::D6,
        }
    }

    /// What it does.
    pub fn described(self) -> &'static str {
        match self {
            Self::DeployStaging => "deploy the staging KMS",
            Self::RemoveStaging => "remove the staging KMS",
            Self::OpenPull => "open the pull request with the policy",
            Self::ClosePull => "close the pull request without a merge",
            Self::SwitchProduction => "switch production to the new digest",
            Self::RestoreProduction => "switch production back to the digest it had",
        }
    }

    /// Whether it undoes another, so that it is tried again until it is done.
    pub fn undoes(self) -> bool {
        match self {
            Self::RemoveStaging | Self::ClosePull | Self::RestoreProduction => true,
            Self::DeployStaging | Self::OpenPull | Self::SwitchProduction => false,
        }
    }
}

impl Act {
    /// What it does.
    pub fn described(self) -> &'static str {
        match self {
            Self::Look(look) => look.described(),
            Self::Effect(effect) => effect.described(),
            Self::Baseline => "sample production before the switch",
            Self::Soak => "soak: sample production until the time is up",
        }
    }

    /// Whether it changes the world outside.
    pub fn is_effect(self) -> bool {
        match self {
            Self::Effect(_) => true,
            Self::Look(_) | Self::Baseline | Self::Soak => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_goes_through_every_gate_in_order_and_deploys_nothing_before_both_releases() {
        let gates: Vec<Gate> = PATH.iter().map(|(gate, _)| *gate).collect();
        assert!(gates.is_sorted());
        assert_eq!(Gate::ALL.map(start), [0, 1, 2, 4, 6, 8]);
        assert_eq!(Gate::ALL.map(end), [1, 2, 4, 6, 8, PATH.len()]);
        let first = PATH.iter().position(|(_, act)| act.is_effect());
        assert_eq!(first, Some(start(Gate::D3)));
    }

    #[test]
    fn an_act_belongs_to_the_gate_that_it_says() {
        for (gate, act) in PATH {
            match act {
                Act::Look(look) => assert_eq!(look.gate(), gate, "{}", look.name()),
                Act::Effect(effect) => assert_eq!(effect.gate(), gate, "{}", effect.name()),
                Act::Baseline | Act::Soak => assert_eq!(gate, Gate::D6),
            }
        }
    }
}
