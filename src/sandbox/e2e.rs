//! What an end-to-end run may find wrong: documents that say what they must not, a service that is down, nodes that are not
//! what they are taken for. Each is told by another guardrail.

use serde_json::json;

use super::{boot::Boot, catalog::Pair, release::Draft};
use crate::{
    attestation::measurement::{Measurement, Register, Registers},
    subject::{profile::Profile, tag::Tag},
};

/// The releases that are spoilt: the pair that runs, and the KMS release before it that is not listed with its node image.
const KMS: &str = "mero-kms-v1.2.0";
const NODE: &str = "mero-tee-v1.2.0";
const OLDER_KMS: &str = "mero-kms-v1.1.1";

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The locked policy lists the debug image too.
    PolicyAdmitsTwo,
    /// The KMS of the locked profile is down.
    KmsDown,
    /// The older KMS release's policies list the new image.
    OldPolicyAdmits,
    /// `published-mrtds.json` of the node release states another RTMR2 of the debug image.
    MeasurementChanged,
    /// The catalog lists a pair that does not work.
    PairListed,
    /// The node of the debug profile presents the quote of a KMS: it is refused, and not for a register.
    OtherReason,
    /// The node of the locked profile boots an older image.
    OldImage,
    /// The nodes' own verifier accepts every quote.
    Credulous,
    /// The nodes' own verifier hangs up.
    Silent,
    /// The nodes' quotes answer another nonce.
    OtherNonce,
    /// The nodes are not alive.
    NotAlive,
    /// A proxy before the KMS of the locked profile answers 403 where a key is asked for.
    Barred,
    /// The KMS of the locked profile runs on the machine of an older release.
    OtherKms,
}

impl Flaw {
    /// Changes the documents of a release before anything is hashed or signed.
    pub(super) fn change_documents(self, draft: &mut Draft) {
        let tag = draft.sample.tag.as_str();
        match self {
            Self::PolicyAdmitsTwo if tag == KMS => admit(draft, Profile::LockedReadOnly, Profile::Debug),
            Self::OldPolicyAdmits if tag == OLDER_KMS => {
                Profile::ALL.into_iter().for_each(|profile| admit(draft, profile, profile));
            }
            Self::MeasurementChanged if tag == NODE => {
                let other = Measurement::from_bytes([0x5a; 48]);
                let published = draft.json.get_mut("published-mrtds.json");
                let debug = published.and_then(|published| published.pointer_mut("/profiles/debug"));
                if let Some(fields) = debug.and_then(|debug| debug.as_object_mut()) {
                    fields.insert("rtmr2".to_owned(), json!(other));
                    fields.insert("allowed_rtmr2".to_owned(), json!([other]));
                }
            }
            Self::PolicyAdmitsTwo
            | Self::OldPolicyAdmits
            | Self::MeasurementChanged
            | Self::KmsDown
            | Self::PairListed
            | Self::OtherReason
            | Self::OldImage
            | Self::Credulous
            | Self::Silent
            | Self::OtherNonce
            | Self::NotAlive
            | Self::Barred
            | Self::OtherKms => {}
        }
    }

    /// The release on whose machine a KMS runs.
    pub(super) fn machine(self, kms: &Tag, profile: Profile) -> Tag {
        let is_other = self == Self::OtherKms && profile == Profile::LockedReadOnly && kms.as_str() == KMS;
        if is_other { OLDER_KMS.parse().unwrap_or_else(|_| kms.clone()) } else { kms.clone() }
    }

    /// A pair that the catalog lists in addition.
    pub(super) fn listed(self) -> Option<Pair> {
        (self == Self::PairListed).then_some(("1.2.0", "1.0.0"))
    }

    /// What the node of a profile boots.
    pub(super) fn boot(self, kms: &Tag, node: &Tag, profile: Profile) -> Boot {
        match (self, profile) {
            (Self::OtherReason, Profile::Debug) => Boot::of_release(kms, Profile::LockedReadOnly),
            (Self::OldImage, Profile::LockedReadOnly) => {
                let older = "1.1.0".parse().map(|version| Tag::new(node.family(), version));
                Boot::of_release(older.as_ref().unwrap_or(node), profile)
            }
            (_, Profile::Debug | Profile::DebugReadOnly | Profile::LockedReadOnly) => Boot::of_release(node, profile),
        }
    }
}

/// Lets the policy of `profile` admit the machine of the new node image's profile `of` as well.
fn admit(draft: &mut Draft, profile: Profile, of: Profile) {
    let Ok(node) = NODE.parse::<Tag>() else { return };
    let registers: Registers<Measurement> = Boot::of_release(&node, of).registers();
    let policy = draft.sample.policy_name(profile);
    for register in Register::ALL {
        let place = format!("/policy/node_allowed_{}", register.as_str());
        let list = draft.json.get_mut(&policy).and_then(|policy| policy.pointer_mut(&place)?.as_array_mut());
        if let Some(list) = list {
            let value = json!(registers.get(register));
            if !list.contains(&value) {
                list.push(value);
            }
        }
    }
}
