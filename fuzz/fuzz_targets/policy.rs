//! A policy of any kind: reading it and every rule over it never panics, and each rule says something.
#![no_main]

use libfuzzer_sys::fuzz_target;
use merotee::{policy::{checks, document::PolicyFile, isolation}, subject::{profile::Profile, tag::Class}, schema};

fuzz_target!(|bytes: &[u8]| {
    let Ok(policy) = PolicyFile::parse("attestation-policy-debug.json", bytes) else { return };
    let mut all = vec![
        checks::profile(&policy, Profile::Debug),
        checks::measurements(&policy),
        checks::tcb(&policy),
        checks::fields(&policy),
        checks::register_zero(&policy),
        checks::role_separation(&policy),
        schema::conforms(&policy.name, policy.kind.schema(), &policy.document),
    ];
    all.extend([Class::Rc, Class::Stable, Class::Hotfix].map(|class| checks::status(&policy, class)));
    assert!(all.iter().all(|findings| !findings.is_empty()), "a rule that says nothing looked at nothing");
    let _ = isolation::policies(&[&policy, &policy]);
});
