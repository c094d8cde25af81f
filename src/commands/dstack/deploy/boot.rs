//! The boot of a VM, followed until its KMS waits for its keys, or to the reason why it never will.

use std::time::{Duration, Instant};

use url::Url;

use crate::{
    adapters::{
        dstack_kms::Onboarding,
        http::HttpOptions,
        vmm::{Channel, Vm, Vmm},
    },
    commands::machine::pauses::Pauses,
    context::Context,
    error::{self, Error, Result},
    progress::Phase,
    text::excerpt,
};

/// Last lines of a log that are shown of a VM that does not come up.
const LOG_LINES: u32 = 6;
/// How long one question to the KMS may take.
const QUESTION: Duration = Duration::from_secs(5);

/// The VM, once its KMS waits.
///
/// # Errors
/// Remote: the VM ends, or its KMS does not answer in time. The VM is left as it is.
pub(super) async fn until_it_waits(
    vmm: &Vmm,
    id: &str,
    kms_url: &Url,
    patience: Duration,
    context: &Context,
) -> Result<Vm> {
    let end = Instant::now() + patience;
    let options = HttpOptions {
        attempts: 1,
        request_timeout: QUESTION.min(context.http.request_timeout),
        ..context.http.clone()
    };
    let kms = Onboarding::new(kms_url, options)?;
    let _shown = Phase::waiting(format!("waiting for the KMS at {}", kms.host()));
    let mut pauses = Pauses::of(vmm.is_near());
    loop {
        let vm = vmm.info(id).await?;
        let vm = vm.ok_or_else(|| Error::remote(format!("VM {} is gone before its KMS answered", excerpt(id))))?;
        if let Some(why) = vm.boot_error.as_deref().filter(|why| !why.is_empty()) {
            return Err(with_log(vmm, id, Channel::Serial, format!("it does not boot: {}", excerpt(why))).await);
        }
        if vm.is_down() {
            let what = format!("it is `{}` before its KMS answered", excerpt(&vm.status));
            return Err(with_log(vmm, id, Channel::Stderr, what).await);
        }
        let last = match kms.waits().await {
            Ok(true) => return Ok(vm),
            Ok(false) => "it answers, and does not wait for its keys: it may have them already".to_owned(),
            Err(error) => error::chain(&error),
        };
        if Instant::now() >= end {
            let what = format!("its KMS did not wait for its keys in time: {last}");
            return Err(with_log(vmm, id, Channel::Serial, what).await);
        }
        pauses.sleep().await;
    }
}

/// Why a VM is of no use, with the end of what it wrote.
async fn with_log(vmm: &Vmm, id: &str, channel: Channel, why: String) -> Error {
    let error = Error::remote(format!("VM {}: {why}", excerpt(id)));
    let log = vmm.log(id, channel, LOG_LINES).await;
    let hangs = |text: &str| text.contains("time to be synchronized") || text.contains("time sync");
    match log {
        Ok(Some(log)) if !log.trim().is_empty() => {
            let lines: Vec<String> = log.lines().filter(|line| !line.trim().is_empty()).map(excerpt).collect();
            let advice =
                if hangs(&log) { "; it waits for the time: make app-compose.json without secure_time" } else { "" };
            error.help(format!("the VM is still there; its log ends with: {}{advice}", lines.join(" | ")))
        }
        Ok(_) => error.help("the VM is still there, and its log is empty: look at the host's own log"),
        Err(unread) => error.help(format!("the VM is still there, and its log cannot be read: {unread}")),
    }
}
