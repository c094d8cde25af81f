//! Whether the list allows a machine, by the rules of the service that reads it.

use super::{AllowList, Devices};
use crate::{
    attestation::{measurement::TcbStatus, verdict::Verdict},
    dstack::measured::Measured,
    report::{CheckInfo, Finding},
    text::{excerpt, listed},
};

/// The auth API would let the KMS boot.
pub const ALLOW_LIST: CheckInfo = CheckInfo {
    id: "dstack-allow-list",
    title: "the allow-list of the auth API admits the KMS: measurement, OS image, device, TCB status and advisories",
};

/// The list says who may boot.
pub const SHOWN: CheckInfo = CheckInfo {
    id: "dstack-allow-list-entries",
    title: "an allow-list reads as the auth API reads it, and allows no more than it seems to",
};

impl AllowList {
    /// [`SHOWN`]: what the list allows, and where that is more than it seems.
    pub fn describe(&self, subject: &str) -> Vec<Finding> {
        let all = |entries: &[String]| if entries.is_empty() { "none".to_owned() } else { entries.join(", ") };
        let tcb = format!("TCB statuses: {}; advisories: {}", all(&self.tcb_statuses), all(&self.advisories));
        let mut findings = vec![
            SHOWN.pass(subject, format!("KMS: {}", all(&self.kms))),
            of_devices(subject, "KMS", &self.kms_devices),
            SHOWN.pass(subject, format!("OS images: {}", all(&self.os_images))),
            SHOWN.pass(subject, tcb),
        ];
        for app in &self.apps {
            let id = excerpt(&app.id);
            findings.push(SHOWN.pass(subject, format!("app {id}: {}", all(&app.compose_hashes))));
            findings.push(of_devices(subject, &format!("app {id}"), &app.devices));
        }
        findings.extend(self.unknown.iter().map(|field| {
            SHOWN.warn(subject, format!("the field `{}` is not one that the service reads", excerpt(field)))
        }));
        findings
    }
}

fn of_devices(subject: &str, whose: &str, devices: &Devices) -> Finding {
    let words = devices.describe();
    if devices.any || !devices.ids.is_empty() {
        let listed = if devices.any { String::new() } else { format!(": {}", devices.ids.join(", ")) };
        return SHOWN.pass(subject, format!("{whose} on {words}{listed}"));
    }
    SHOWN
        .warn(subject, format!("{whose} on {words}"))
        .help("list the devices meant, or set allowAnyDevice to true, so that the file says what it does")
}

/// [`ALLOW_LIST`]: each thing that the service compares, one finding. Without a verdict on the quote its TCB status is not
/// known.
pub fn judge_kms(subject: &str, list: &AllowList, measured: &Measured, verdict: Option<&Verdict>) -> Vec<Finding> {
    let mut findings = vec![measurement(subject, list, measured), os_image(subject, list, measured)];
    findings.push(device(subject, list, measured));
    match verdict {
        Some(verdict) => findings.extend(firmware(subject, list, verdict)),
        None => {
            findings.push(ALLOW_LIST.undecided(subject, "TCB status not compared: the quote is not proven genuine"))
        }
    }
    findings.extend(list.unknown.iter().map(|field| {
        ALLOW_LIST.warn(subject, format!("the field `{}` is not one that the service reads", excerpt(field)))
    }));
    findings
}

fn measurement(subject: &str, list: &AllowList, measured: &Measured) -> Finding {
    let actual = measured.mr_aggregated.to_string();
    if list.kms.contains(&actual) {
        return ALLOW_LIST.pass(subject, format!("kms.mrAggregated lists {actual}"));
    }
    let expected = if list.kms.is_empty() { "nothing: the list is empty".to_owned() } else { shown(&list.kms) };
    ALLOW_LIST
        .fail(subject, "mr_aggregated is not in kms.mrAggregated")
        .compared(expected, actual)
        .help("if this is the KMS you mean, add it: `merotee dstack auth allow --mr-aggregated HEX`")
}

fn os_image(subject: &str, list: &AllowList, measured: &Measured) -> Finding {
    let Some(image) = measured.os_image.as_deref().map(hex::encode) else {
        return ALLOW_LIST
            .undecided(subject, "the machine's event log does not say which OS image it was started from");
    };
    if list.os_images.contains(&image) {
        return ALLOW_LIST.pass(subject, format!("osImages lists {image}"));
    }
    let expected =
        if list.os_images.is_empty() { "nothing: the list is empty".to_owned() } else { shown(&list.os_images) };
    ALLOW_LIST
        .fail(subject, "the OS image is not in osImages")
        .compared(expected, excerpt(&image))
        .help("if this image is meant, add it: `merotee dstack auth allow --os-image HEX`")
}

fn device(subject: &str, list: &AllowList, measured: &Measured) -> Finding {
    let devices = &list.kms_devices;
    match measured.device_id.map(|id| id.to_string()) {
        _ if devices.any => ALLOW_LIST.pass(subject, "kms.allowAnyDevice is true"),
        _ if devices.ids.is_empty() => ALLOW_LIST
            .warn(subject, format!("kms.devices allows {}", devices.describe()))
            .help("list the devices meant, or set allowAnyDevice to true, so that the file says what it does"),
        Some(id) if devices.allow(&id) => ALLOW_LIST.pass(subject, format!("kms.devices lists {id}")),
        Some(id) => ALLOW_LIST
            .fail(subject, "the device is not in kms.devices")
            .compared(shown(&devices.ids), id)
            .help("if this host is meant, add it: `merotee dstack auth allow --device HEX`"),
        None => ALLOW_LIST.undecided(subject, "kms.devices is a list, and the quote names no device"),
    }
}

fn firmware(subject: &str, list: &AllowList, verdict: &Verdict) -> Vec<Finding> {
    let status = intel_spelling(verdict.tcb);
    let mut findings = vec![if list.tcb_statuses.iter().any(|listed| listed == status) {
        ALLOW_LIST.pass(subject, format!("allowedTcbStatuses lists {status}"))
    } else {
        ALLOW_LIST
            .fail(subject, "the TCB status is not in allowedTcbStatuses")
            .compared(shown(&list.tcb_statuses), status)
            .help("update the machine's firmware")
    }];
    let unlisted = verdict.advisories.iter().map(ToString::to_string).find(|id| !list.advisories.contains(id));
    findings.extend(unlisted.map(|id| {
        ALLOW_LIST
            .fail(subject, format!("{id} applies to the machine and is not in allowedAdvisoryIds"))
            .help("update the machine's firmware")
    }));
    findings
}

/// The status as the service compares it, letter by letter.
fn intel_spelling(status: TcbStatus) -> &'static str {
    match status {
        TcbStatus::UpToDate => "UpToDate",
        TcbStatus::SwHardeningNeeded => "SWHardeningNeeded",
        TcbStatus::ConfigurationNeeded => "ConfigurationNeeded",
        TcbStatus::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
        TcbStatus::OutOfDate => "OutOfDate",
        TcbStatus::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
        TcbStatus::Revoked => "Revoked",
    }
}

/// The first three entries of a list.
fn shown(entries: &[String]) -> String {
    let mut shown: Vec<String> = entries.iter().take(3).map(|entry| excerpt(entry)).collect();
    if entries.len() > shown.len() {
        shown.push(format!("{} more", entries.len() - shown.len()));
    }
    listed(&shown)
}
