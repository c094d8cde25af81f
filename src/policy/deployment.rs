//! The policy of one deployment of a KMS. RTMR3 holds the ids of application and instance, so a fresh deployment never measures
//! the value that its release lists: it is held against its event log, and by this policy a node then knows that KMS.

use serde_json::{Value, json};

use super::document::PolicyFile;
use crate::{attestation::measurement::Register, schema::parse_json, subject::profile::Profile};

/// The policy with the RTMR3 of one deployment, in hex, in place of the one that a probe measured. To be made only of a KMS whose
/// event log was judged. `None`: it has another form than the policy of a release.
pub fn of_this_deployment(policy: &[u8], profile: Profile, rtmr3: &str) -> Option<Vec<u8>> {
    let mut document = parse_json(policy).ok()?;
    let lists = document.get_mut("policy").and_then(Value::as_object_mut)?;
    for name in ["kms_allowed_rtmr3", "allowed_rtmr3"] {
        if let Some(list) = lists.get_mut(name) {
            *list = json!([rtmr3]);
        }
    }
    let bytes = document.to_string().into_bytes();
    let own = PolicyFile::parse("policy", &bytes).ok()?;
    let own = own.profiles.into_iter().find(|lists| lists.profile == profile)?.kms?;
    let listed: Vec<String> = own.register(Register::Rtmr3).iter().map(ToString::to_string).collect();
    (listed == [rtmr3]).then_some(bytes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_deployments_own_rtmr3_replaces_the_listed_one_and_what_is_no_policy_of_the_profile_is_refused() {
        let (listed, own) = ("11".repeat(48), "22".repeat(48));
        let mut lists = serde_json::Map::new();
        for register in Register::ALL {
            for role in ["kms", "node"] {
                lists.insert(format!("{role}_allowed_{}", register.as_str()), json!([listed]));
            }
        }
        let policy = json!({"schema_version": 1, "role": "kms", "profile": "debug", "tag": "1.2.0", "status": "ready", "policy": lists});
        let policy = policy.to_string().into_bytes();
        let made = of_this_deployment(&policy, Profile::Debug, &own).unwrap();
        let read = PolicyFile::parse("policy", &made).unwrap();
        let lists = read.profiles.first().unwrap();
        let of = |allowed: &crate::attestation::measurement::Allowed, register| {
            allowed.register(register).first().unwrap().to_string()
        };
        assert_eq!(of(lists.kms.as_ref().unwrap(), Register::Rtmr3), own);
        assert_eq!(of(lists.kms.as_ref().unwrap(), Register::Rtmr2), listed);
        assert_eq!(of(lists.node.as_ref().unwrap(), Register::Rtmr3), listed);
        for (policy, profile, rtmr3) in [
            (policy.as_slice(), Profile::LockedReadOnly, own.as_str()),
            (policy.as_slice(), Profile::Debug, "no value"),
            (b"{}".as_slice(), Profile::Debug, own.as_str()),
            (b"no".as_slice(), Profile::Debug, own.as_str()),
        ] {
            assert_eq!(of_this_deployment(policy, profile, rtmr3), None, "{profile} {rtmr3}");
        }
    }
}
