//! A rollout for tests.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::{SignedDuration, Timestamp};

use super::{
    inputs::{Access, Inputs, Site, Target},
    record::{Operator, Proof, Reach, Record, Verdict},
    soak::Limits,
    state::State,
    words::Remark,
};
use crate::{digest::Sha256, probe::journal::RequestId, rollout::path::Look, subject::profile::Profile};

pub(crate) fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-30T01:00:00Z".parse().unwrap();
    start.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

pub(crate) fn operator() -> Operator {
    Operator { name: Remark::new("ada"), host: Remark::new("ops-1"), pid: 4711 }
}

pub(crate) fn inputs() -> Inputs {
    let node = || Access::Command(vec![Remark::new("ssh"), Remark::new("node-1")]);
    let site = |name: &str| Site {
        target: Target::Phala {
            name: name.parse().unwrap(),
            instance_type: "tdx.small".parse().unwrap(),
            region: None,
        },
        url: None,
        node: node(),
        standing: None,
    };
    Inputs {
        repository: "calimero-network/mero-tee".parse().unwrap(),
        kms: "mero-kms-v1.2.0".parse().unwrap(),
        node: "mero-tee-v1.2.0".parse().unwrap(),
        profile: Profile::LockedReadOnly,
        staging: site("staging"),
        production: site("production"),
        soak: Limits { length: 60, interval_ms: 15_000, ..Limits::default() },
    }
}

pub(crate) fn reach() -> Reach {
    let word = Remark::new;
    let (github, phala) = (word("api.github.com"), word("cloud-api.phala.com"));
    Reach { github, phala, trust_root: word("embedded"), quote_root: word("embedded"), compressed: false }
}

pub(crate) fn started() -> Record {
    Record::Started { id: RequestId::new([7; 16]), inputs: Box::new(inputs()), reach: reach(), by: operator() }
}

pub(crate) fn state() -> State {
    State::started(at(0), RequestId::new([7; 16]), inputs(), reach(), operator())
}

pub(crate) fn judged(look: Look, verdict: Verdict) -> Record {
    let bytes = look.name().as_bytes();
    let file = format!("{}.json", look.name()).try_into().unwrap();
    let proof = Proof { file, sha256: Sha256::of(bytes), bytes: bytes.len() as u64 };
    let passed = verdict == Verdict::Passed;
    Record::Judged {
        look,
        verdict,
        why: (!passed).then(|| Remark::new("as the test wants it")),
        report: passed.then_some(proof),
        attachments: Vec::new(),
        facts: [].into(),
    }
}
