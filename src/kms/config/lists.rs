//! A policy from the environment: the lists a developer writes instead of a release's.

use std::str::FromStr;

use crate::{
    attestation::measurement::{Allowed, Measurement, Register, Registers, TcbStatus},
    error::{Error, Result},
    policy::acceptance,
};

/// What reasons call the lists.
const NAME: &str = "ALLOWED_*";

/// The lists as somebody wrote them: comma separated, or a JSON array of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenLists {
    /// `ALLOWED_TCB_STATUSES`; `uptodate` alone when nothing is said.
    pub tcb_statuses: Option<String>,
    /// `ALLOWED_MRTD` and `ALLOWED_RTMR0` to `ALLOWED_RTMR3`.
    pub registers: Registers<Option<String>>,
}

impl GivenLists {
    /// Whether nothing was said at all.
    pub fn is_empty(&self) -> bool {
        self.tcb_statuses.is_none() && Register::ALL.iter().all(|r| self.registers.get(*r).is_none())
    }
}

/// The lists, judged as those of a policy are. Only where nothing is enforced may one be empty.
pub(super) fn judged(given: &GivenLists, enforce: bool) -> Result<Allowed> {
    let mut registers = Registers::<Vec<Measurement>>::default();
    for register in Register::ALL {
        let name = format!("ALLOWED_{register}");
        if let Some(text) = given.registers.get(register) {
            *registers.get_mut(register) = entries(&name, text)?;
        }
    }
    let tcb = match &given.tcb_statuses {
        Some(text) => entries("ALLOWED_TCB_STATUSES", text)?,
        None => vec![TcbStatus::UpToDate],
    };
    let allowed = Allowed::new(registers, tcb);
    if enforce {
        acceptance::accept_lists(NAME, &allowed).map_err(|refusal| {
            let reasons: Vec<_> = refusal.objections().iter().map(ToString::to_string).collect();
            Error::usage(format!("the policy in the environment is refused: {}", reasons.join("; ")))
                .help("set ALLOWED_MRTD and ALLOWED_RTMR0 to ALLOWED_RTMR3, or unset USE_ENV_POLICY")
        })?;
    }
    Ok(allowed)
}

/// The entries of one list.
fn entries<T>(name: &str, text: &str) -> Result<Vec<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = text.trim();
    let words: Vec<String> = if text.starts_with('[') {
        serde_json::from_str(text)
            .map_err(|e| Error::usage(format!("{name} is not a JSON array of strings")).because(e))?
    } else {
        text.split(',').map(|word| word.trim().to_owned()).collect()
    };
    let parsed = words
        .iter()
        .enumerate()
        .map(|(index, word)| word.parse().map_err(|e| Error::usage(format!("{name}, entry {}", index + 1)).because(e)));
    parsed.collect()
}
