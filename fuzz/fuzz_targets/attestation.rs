//! A dstack attestation in any form, and a bootstrap document: reading never panics, and what was read reads again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use merotee::dstack::{
    attestation::{Attestation, Form},
    bootstrap_info::BootstrapInfo,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(attestation) = Attestation::decode(bytes) {
        let written = attestation.encode();
        assert_eq!(Attestation::decode(&written).as_ref(), Ok(&attestation));
        match attestation.form {
            // One spelling of everything.
            Form::Scale | Form::Quote => assert_eq!(written, bytes),
            Form::MessagePack => {}
        }
        let _ = attestation.event_log().map(|log| (log.replay(), log.identity()));
    }
    if let Ok(info) = BootstrapInfo::parse(bytes) {
        let _ = (info.quote(), info.event_log(), info.keys.faults());
    }
});
