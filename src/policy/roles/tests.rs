//! Every KMS against every node: pairs one by one, against brute force, in every kind of document.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::policy::{
    acceptance::{Objection, Unacceptable, accept_roles},
    fixtures::{allowed, measurement, mrtds_json, only, policy, policy_json, read, read_mrtds, spoiled, statuses},
};

fn lists<'d>(document: &'d Value, role: &str) -> Vec<&'d Value> {
    Register::ALL.map(|r| &document["policy"][format!("{role}_allowed_{}", r.as_str())]).to_vec()
}

/// Adds what `from` accepts as `role` to what `to` accepts as the other.
fn add(to: &mut Value, from: &Value, role: Role) {
    let other = if role == Role::Kms { "node" } else { "kms" };
    for (register, values) in Register::ALL.into_iter().zip(lists(from, role.as_str())) {
        let list = to["policy"][format!("{other}_allowed_{}", register.as_str())].as_array_mut().expect("a list");
        list.extend(values.as_array().expect("a list").iter().cloned());
    }
}

fn separated(documents: &[Value]) -> Vec<Finding> {
    let files: Vec<PolicyFile> = documents.iter().map(read).collect();
    of_release(&files.iter().collect::<Vec<_>>(), &[], &[])
}

fn failed(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|f| f.status == Status::Fail).collect()
}

#[test]
fn three_final_policies_keep_every_kms_apart_from_every_node() {
    let findings = separated(&Profile::ALL.map(policy_json));
    assert_eq!(statuses(&findings), [Status::Pass; 3]);
    assert_eq!(
        findings[0].message,
        "debug KMS: no machine of it passes for a node of debug, debug-read-only, locked-read-only"
    );
}

#[test]
fn each_of_the_nine_pairs_fails_whichever_of_the_two_lists_took_in_the_other() {
    for kms in Profile::ALL {
        for node in Profile::ALL {
            for taken in Role::ALL {
                let mut documents = Profile::ALL.map(policy_json);
                let (from, to) = if taken == Role::Kms { (kms, node) } else { (node, kms) };
                let source = documents[from as usize].clone();
                add(&mut documents[to as usize], &source, taken);
                let findings = separated(&documents);
                let what = format!("{kms} KMS, {node} node, {taken:?} taken in: {findings:#?}");
                let failed = failed(&findings);
                assert_eq!(failed.len(), 1, "{what}");
                assert_eq!(failed[0].check, "role-separation");
                assert_eq!(failed[0].subject, format!("attestation-policy-{node}.json"), "{what}");
                let named = if kms == node { format!("{kms}: KMS and node are not") } else { format!("{kms} KMS (") };
                assert!(failed[0].message.starts_with(&named), "{what}");
                assert!(failed[0].actual.as_ref().is_some_and(|a| a.contains("RTMR3 ")), "{what}");
            }
        }
    }
}

#[test]
fn one_register_without_a_common_value_separates_and_four_do_not_make_up_for_it() {
    for spared in Register::ALL {
        let mut documents = Profile::ALL.map(policy_json);
        let locked = documents[2].clone();
        let before = documents[0].clone();
        add(&mut documents[0], &locked, Role::Kms);
        let key = format!("node_allowed_{}", spared.as_str());
        documents[0]["policy"][&key] = before["policy"][&key].clone();
        let findings = separated(&documents);
        assert!(failed(&findings).is_empty(), "{spared}: {findings:#?}");
        let warned = findings.iter().filter(|f| f.status == Status::Warn && f.message.contains("RTMR3, which"));
        assert_eq!(warned.count(), usize::from(spared != Register::Rtmr3), "{spared}: {findings:#?}");
    }
}

#[test]
fn a_machine_mixed_from_values_of_several_is_one_machine_too() {
    let mut documents = Profile::ALL.map(policy_json);
    for (register, from) in Register::ALL.into_iter().zip([1, 2, 1, 2, 2]) {
        let value = documents[from]["policy"][format!("node_allowed_{}", register.as_str())][0].clone();
        let list = &mut documents[0]["policy"][format!("kms_allowed_{}", register.as_str())];
        *list = json!([measurement(0x70).to_string(), value, measurement(0x71).to_string()]);
    }
    // MRTD to RTMR2 are the same in all profiles of a release: only the node of RTMR3's profile is met.
    let findings = separated(&documents);
    assert_eq!(failed(&findings).len(), 1, "{findings:#?}");
    assert!(failed(&findings)[0].message.contains("locked-read-only node"), "{findings:#?}");
}

#[test]
fn an_empty_or_absent_list_takes_any_value_on_either_side() {
    let fails = |change: &dyn Fn(&mut [Value; 3])| {
        let mut documents = Profile::ALL.map(policy_json);
        let locked = documents[2].clone();
        add(&mut documents[0], &locked, Role::Kms);
        change(&mut documents);
        !failed(&separated(&documents)).is_empty()
    };
    for register in Register::ALL.map(Register::as_str) {
        let (node, kms) = (format!("node_allowed_{register}"), format!("kms_allowed_{register}"));
        assert!(fails(&|d| d[0]["policy"][&node] = json!([])), "{node} empty");
        assert!(fails(&|d| d[2]["policy"][&kms] = json!([])), "{kms} empty");
        assert!(fails(&|d| drop(d[0]["policy"].as_object_mut().expect("lists").remove(&node))), "{node} absent");
        assert!(fails(&|d| drop(d[2]["policy"].as_object_mut().expect("lists").remove(&kms))), "{kms} absent");
        assert!(fails(&|d| d[0]["policy"][&node] = json!("any")), "{node} is no list");
        // Another value in that register would have separated them.
        assert!(!fails(&|d| d[0]["policy"][&node] = json!([measurement(0x70).to_string()])), "{node} differs");
    }
    let nothing = spoiled(Profile::Debug, |d| d["policy"] = json!({}));
    assert_eq!(
        statuses(&of_release(&[&nothing, &policy(Profile::LockedReadOnly)], &[], &[])),
        [Status::Fail, Status::Fail, Status::Fail]
    );
}

#[test]
fn spelling_does_not_hide_a_shared_value() {
    let mut documents = Profile::ALL.map(policy_json);
    for register in Register::ALL.map(Register::as_str) {
        let value = documents[2]["policy"][format!("kms_allowed_{register}")][0].as_str().expect("hex").to_uppercase();
        documents[1]["policy"][format!("node_allowed_{register}")] = json!([format!("0X{value}")]);
    }
    assert_eq!(failed(&separated(&documents)).len(), 1);
}

#[test]
fn within_a_profile_rtmr3_alone_must_tell_the_roles_apart() {
    let file =
        spoiled(Profile::Debug, |d| d["policy"]["node_allowed_rtmr3"] = d["policy"]["kms_allowed_rtmr3"].clone());
    let finding = only(&of_release(&[&file], &[], &[]), Status::Fail);
    assert_eq!(finding.message, "debug: KMS and node share a value of RTMR3");
    // Across profiles it is only looked at.
    let mut documents = Profile::ALL.map(policy_json);
    documents[0]["policy"]["node_allowed_rtmr3"] = documents[1]["policy"]["kms_allowed_rtmr3"].clone();
    let findings = separated(&documents);
    assert!(failed(&findings).is_empty());
    assert_eq!(only(&findings, Status::Warn).subject, "attestation-policy-debug.json");
}

#[test]
fn a_draft_is_skipped_while_its_lists_are_empty_and_fails_for_values_it_names() {
    let draft = |fill: bool| {
        let mut documents = Profile::ALL.map(policy_json);
        let locked = documents[2].clone();
        for document in &mut documents {
            document["status"] = json!("policy_not_ready");
            for list in document["policy"].as_object_mut().expect("lists").values_mut().filter(|_| !fill) {
                *list = json!([]);
            }
        }
        if fill {
            add(&mut documents[0], &locked, Role::Kms);
        }
        separated(&documents)
    };
    assert_eq!(statuses(&draft(false)), [Status::Skipped; 3], "one line a KMS, not one a pair");
    assert_eq!(failed(&draft(true)).len(), 1);
}

/// The registry's files: KMS lists of one profile, node lists of three.
fn registry(kms: &Value, nodes: [&Value; 3]) -> [Value; 2] {
    let unprefixed = |document: &Value, role: &str| {
        let mut lists = json!({"allowed_tcb_statuses": ["uptodate"]});
        for (register, values) in Register::ALL.into_iter().zip(self::lists(document, role)) {
            lists[format!("allowed_{}", register.as_str())] = values.clone();
        }
        lists
    };
    let profiles: serde_json::Map<String, Value> =
        Profile::ALL.iter().zip(nodes).map(|(p, d)| (p.to_string(), unprefixed(d, "node"))).collect();
    [
        json!({"schema_version": 2, "policy_id": "k", "release_tag": "2.1.4", "status": "approved",
               "policy": unprefixed(kms, "kms")}),
        json!({"schema_version": 1, "policy_id": "n", "release_tag": "2.1.9", "status": "approved",
               "profiles": profiles}),
    ]
}

#[test]
fn the_registrys_kms_and_node_files_are_held_against_each_other_in_all_profiles() {
    let sound = Profile::ALL.map(policy_json);
    let across = |documents: &[Value; 2]| {
        let files = documents.each_ref().map(read);
        Roles::of(&files.each_ref()).separated_across()
    };
    assert_eq!(statuses(&across(&registry(&sound[2], sound.each_ref()))), [Status::Pass]);
    for profile in Profile::ALL {
        let mut nodes = sound.clone();
        add(&mut nodes[profile as usize], &sound[2], Role::Kms);
        let findings = across(&registry(&sound[2], nodes.each_ref()));
        assert_eq!(failed(&findings).len(), 1, "{profile}: {findings:#?}");
        assert!(failed(&findings)[0].message.contains(&format!("{profile} node")), "{findings:#?}");
    }
}

#[test]
fn what_releases_publish_of_either_role_is_held_against_the_policies() {
    let policies = Profile::ALL.map(policy);
    let policies: Vec<&PolicyFile> = policies.iter().collect();
    let (kms, node) = (read_mrtds(&mrtds_json(Role::Kms)), read_mrtds(&mrtds_json(Role::Node)));
    let findings = of_release(&policies, &[&kms], &[&node]);
    assert_eq!(statuses(&findings), [Status::Pass; 3], "what the policies say already is said once");
    for (kms_profile, node_profile) in Profile::ALL.into_iter().flat_map(|p| Profile::ALL.map(|q| (p, q))) {
        let mut published = mrtds_json(Role::Node);
        published["profiles"][node_profile.as_str()] = mrtds_json(Role::Kms)["profiles"][kms_profile.as_str()].clone();
        let findings = of_release(&policies, &[], &[&read_mrtds(&published)]);
        assert_eq!(failed(&findings).len(), 1, "{kms_profile} {node_profile}: {findings:#?}");
        assert_eq!(failed(&findings)[0].subject, format!("attestation-policy-{kms_profile}.json"));
        let mut published = mrtds_json(Role::Kms);
        published["profiles"][kms_profile.as_str()] = mrtds_json(Role::Node)["profiles"][node_profile.as_str()].clone();
        let findings = of_release(&policies, &[&read_mrtds(&published)], &[]);
        assert_eq!(failed(&findings).len(), 1, "{kms_profile} {node_profile}: {findings:#?}");
        assert_eq!(failed(&findings)[0].subject, format!("attestation-policy-{node_profile}.json"));
    }
}

#[test]
fn a_thousand_overlaps_are_told_in_twenty_lines_and_a_count() {
    let files: Vec<PolicyFile> = (0..40)
        .map(|_| {
            spoiled(Profile::Debug, |d| {
                let own = d.clone();
                add(d, &own, Role::Kms);
            })
        })
        .collect();
    let findings = Roles::of(&files.iter().collect::<Vec<_>>()).separated_across();
    assert_eq!(findings.len(), 21);
    assert!(findings[20].message.starts_with("and 1540 more"), "{:?}", findings[20]);
}

fn bytes(document: &Value) -> Vec<u8> {
    document.to_string().into_bytes()
}

fn served(own: &Value, others: &[&Value]) -> Result<Vec<Objection>, Unacceptable> {
    let others: Vec<_> = others.iter().map(|d| ("other.json".to_owned(), bytes(d))).collect();
    accept_roles("own.json", &bytes(own), &others)
}

#[test]
fn a_service_refuses_to_take_the_kms_of_another_profile_for_a_node() {
    let [debug, read_only, locked] = Profile::ALL.map(policy_json);
    assert_eq!(served(&debug, &[&read_only, &locked]), Ok(Vec::new()));
    assert_eq!(served(&debug, &[]), Ok(Vec::new()));
    let mut open = debug.clone();
    add(&mut open, &locked, Role::Kms);
    // With the locked policy at hand it is seen in the lists; alone, from what all KMSs of a release boot.
    for others in [&[&read_only, &locked][..], &[&locked], &[&read_only], &[]] {
        let refusal = served(&open, others).expect_err("the locked KMS passes for a node");
        assert!(matches!(refusal, Unacceptable::Refused(_)));
        assert_eq!(refusal.objections()[0].check, "role-separation", "{refusal:?}");
    }
    // The lists of the others count as well as its own.
    assert!(served(&locked, &[&read_only, &open]).is_err());
    for no_policy in [&b"{"[..], b"[]"] {
        assert!(accept_roles("own.json", &bytes(&debug), &[("other.json".to_owned(), no_policy.to_vec())]).is_err());
    }
}

#[test]
fn what_a_lone_file_shares_with_its_own_kms_besides_rtmr2_and_rtmr3_is_warned_about_and_not_served() {
    let sharing = |registers: &[Register]| {
        let mut document = policy_json(Profile::Debug);
        for register in registers.iter().map(|r| r.as_str()) {
            document["policy"][format!("node_allowed_{register}")] =
                document["policy"][format!("kms_allowed_{register}")].clone();
        }
        document
    };
    let all = sharing(&OF_ALL_PROFILES);
    let finding = only(&within(&read(&all)), Status::Warn);
    assert!(finding.message.starts_with("debug: a node may have the KMS's own MRTD, RTMR0 and RTMR1"), "{finding:?}");
    assert!(served(&all, &[]).is_err());
    // Where the release says what the other KMSs are, their lists decide.
    let [_, read_only, locked] = Profile::ALL.map(policy_json);
    assert!(served(&all, &[&read_only, &locked]).is_ok());
    for pair in
        [[Register::Mrtd, Register::Rtmr0], [Register::Rtmr0, Register::Rtmr1], [Register::Mrtd, Register::Rtmr2]]
    {
        assert_eq!(statuses(&within(&read(&sharing(&pair)))), [Status::Pass]);
        assert_eq!(served(&sharing(&pair), &[]), Ok(Vec::new()));
    }
}

/// Whether `machine` is accepted, spelled out: each value in its list, and an empty list accepts anything.
fn accepts(policy: &Allowed, machine: [u8; 5]) -> bool {
    Register::ALL.into_iter().zip(machine).all(|(register, byte)| {
        let list = policy.register(register);
        list.is_empty() || list.contains(&measurement(byte))
    })
}

fn any_lists() -> impl Strategy<Value = Allowed> {
    proptest::collection::vec(proptest::collection::vec(0_u8..4, 0..3), 5)
        .prop_map(|l| allowed([&l[0], &l[1], &l[2], &l[3], &l[4]]))
}

proptest! {
    #[test]
    fn the_verdict_agrees_with_trying_every_machine_on_every_pair(
        kms in proptest::array::uniform3(any_lists()),
        node in proptest::array::uniform3(any_lists()),
    ) {
        let machines = || (0..4_u32.pow(5)).map(|n| [0, 2, 4, 6, 8].map(|shift| ((n >> shift) & 3) as u8));
        let one_machine = |k: &Allowed, n: &Allowed| machines().any(|m| accepts(k, m) && accepts(n, m));
        let shares_rtmr3 = |k: &Allowed, n: &Allowed| {
            k.register(Register::Rtmr3).iter().any(|value| n.register(Register::Rtmr3).contains(value))
        };
        let expected = (0..3).any(|k| (0..3).any(|n| {
            one_machine(&kms[k], &node[n]) || (k == n && shares_rtmr3(&kms[k], &node[n]))
        }));
        let files: Vec<PolicyFile> = Profile::ALL.into_iter().zip(kms.into_iter().zip(node)).map(|(profile, (k, n))| {
            let mut file = policy(profile);
            file.profiles[0].kms = Some(k);
            file.profiles[0].node = Some(n);
            file
        }).collect();
        let findings = of_release(&files.iter().collect::<Vec<_>>(), &[], &[]);
        let failed = findings.iter().any(|f| f.status == Status::Fail);
        prop_assert_eq!(failed, expected, "{:#?}", findings);
    }
}
