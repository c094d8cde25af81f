//! Everything a person needs of a quote, for a terminal and for programs. No verdict.

use serde::Serialize;

use super::{Quote, QuoteError, input::Input};
use crate::attestation::measurement::Register;

/// Said wherever a quote is shown: nothing in it is proven.
pub const NO_VERDICT: &str = "not verified: these are the quote's own claims; see `quote verify`";

/// A quote as shown. Bytes are lowercase hex; times are seconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    schema_version: u32,
    verified: bool,
    notice: &'static str,
    form: String,
    quote_bytes: usize,
    padding_bytes: usize,
    signed_bytes: usize,
    /// Ranges of offsets that no signature covers: first byte, byte behind the last.
    unsigned_ranges: Vec<(usize, usize)>,
    header: Header,
    report: Report,
    quoting_enclave: QuotingEnclave,
    platform: Platform,
    certificates: Vec<Certificate>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Header {
    version: u16,
    attestation_key: &'static str,
    tee: &'static str,
    qe_svn: u16,
    pce_svn: u16,
    qe_vendor: String,
    user_data: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Report {
    body: &'static str,
    mrtd: String,
    rtmr0: String,
    rtmr1: String,
    rtmr2: String,
    rtmr3: String,
    report_data: String,
    debug: bool,
    attributes: String,
    attribute_names: Vec<String>,
    xfam: String,
    tee_tcb_svn: String,
    mr_seam: String,
    mr_signer_seam: String,
    seam_attributes: String,
    mr_config_id: String,
    mr_owner: String,
    mr_owner_config: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tee_tcb_svn2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mr_service_td: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct QuotingEnclave {
    mr_enclave: String,
    mr_signer: String,
    isv_prod_id: u16,
    isv_svn: u16,
    attributes: String,
    cpu_svn: String,
    authentication_data: String,
    attestation_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Platform {
    fmspc: String,
    ppid: String,
    ca: &'static str,
    pce_id: String,
    pce_svn: u16,
    cpu_svn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dynamic: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_keys: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    smt: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Certificate {
    subject: String,
    issuer: String,
    serial: String,
    not_before: u64,
    not_after: u64,
}

impl Inspection {
    /// Gathers what is to be shown of a quote and of how it came.
    ///
    /// # Errors
    /// The platform's certificate cannot be read.
    pub fn of(input: &Input) -> Result<Self, QuoteError> {
        let quote = &input.quote;
        Ok(Self {
            schema_version: 1,
            verified: false,
            notice: NO_VERDICT,
            form: input.describe(),
            quote_bytes: quote.as_bytes().len(),
            padding_bytes: quote.padding(),
            signed_bytes: quote.signed_bytes().len(),
            unsigned_ranges: quote.unsigned_ranges().into_iter().map(|r| (r.start, r.end)).collect(),
            header: Header {
                version: quote.header.version.number(),
                attestation_key: "ECDSA P-256",
                tee: "TDX",
                qe_svn: quote.header.qe_svn,
                pce_svn: quote.header.pce_svn,
                qe_vendor: hex::encode(quote.header.qe_vendor),
                user_data: hex::encode(quote.header.user_data),
            },
            report: report(quote),
            quoting_enclave: quoting_enclave(quote),
            platform: platform(quote)?,
            certificates: quote.certification.chain().iter().map(certificate).collect(),
        })
    }

    /// The fields in groups, as name and value, for people.
    pub fn groups(&self) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        let (header, platform, enclave) = (&self.header, &self.platform, &self.quoting_enclave);
        let quote = vec![
            ("form", self.form.clone()),
            ("version", format!("{} ({}, {})", header.version, header.tee, header.attestation_key)),
            ("size", format!("{} bytes, and {} of padding", self.quote_bytes, self.padding_bytes)),
            ("QE vendor", header.qe_vendor.clone()),
            ("user data", header.user_data.clone()),
            ("QE SVN, PCE SVN", format!("{}, {}", header.qe_svn, header.pce_svn)),
        ];
        let mut machine = vec![
            ("FMSPC", platform.fmspc.clone()),
            ("PPID", platform.ppid.clone()),
            ("certified by", format!("PCK {} CA", platform.ca)),
            ("PCE id, SVN", format!("{}, {}", platform.pce_id, platform.pce_svn)),
            ("CPU SVN", platform.cpu_svn.clone()),
        ];
        machine.extend(platform.instance.clone().map(|instance| ("instance", instance)));
        let flag = |name, value: Option<bool>| value.map(|set| (name, if set { "yes" } else { "no" }.to_owned()));
        machine.extend(flag("dynamic", platform.dynamic));
        machine.extend(flag("cached keys", platform.cached_keys));
        machine.extend(flag("SMT", platform.smt));
        let quoting = vec![
            ("MRENCLAVE", enclave.mr_enclave.clone()),
            ("MRSIGNER", enclave.mr_signer.clone()),
            ("product, SVN", format!("{}, {}", enclave.isv_prod_id, enclave.isv_svn)),
            ("attributes", enclave.attributes.clone()),
            ("attestation key", enclave.attestation_key.clone()),
        ];
        let certificates = self.certificates.iter().map(|c| ("certificate", shown(c))).collect();
        vec![
            ("quote", quote),
            ("TD report", self.report.lines()),
            ("platform", machine),
            ("quoting enclave", quoting),
            ("certificates", certificates),
        ]
    }
}

impl Report {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let debug = if self.debug { "YES: the host can read and change everything in this TD" } else { "no" };
        let attributes = format!("{} ({})", self.attributes, self.attribute_names.join(", "));
        let mut lines = vec![
            ("type", self.body.to_owned()),
            ("MRTD", self.mrtd.clone()),
            ("RTMR0", self.rtmr0.clone()),
            ("RTMR1", self.rtmr1.clone()),
            ("RTMR2", self.rtmr2.clone()),
            ("RTMR3", self.rtmr3.clone()),
            ("report data", self.report_data.clone()),
            ("debug", debug.to_owned()),
            ("attributes", attributes),
            ("XFAM", self.xfam.clone()),
            ("TEE TCB SVN", self.tee_tcb_svn.clone()),
            ("MRSEAM", self.mr_seam.clone()),
            ("MRSIGNERSEAM", self.mr_signer_seam.clone()),
            ("SEAM attributes", self.seam_attributes.clone()),
            ("MRCONFIGID", self.mr_config_id.clone()),
            ("MROWNER", self.mr_owner.clone()),
            ("MROWNERCONFIG", self.mr_owner_config.clone()),
        ];
        lines.extend(self.tee_tcb_svn2.clone().map(|value| ("TEE TCB SVN 2", value)));
        lines.extend(self.mr_service_td.clone().map(|value| ("MRSERVICETD", value)));
        lines.extend(self.extension.clone().map(|value| ("extension", value)));
        lines
    }
}

fn report(quote: &Quote) -> Report {
    let report = &quote.report;
    let register = |register| report.registers.get(register).to_string();
    let service = report.service.as_ref();
    Report {
        body: report.body.as_str(),
        mrtd: register(Register::Mrtd),
        rtmr0: register(Register::Rtmr0),
        rtmr1: register(Register::Rtmr1),
        rtmr2: register(Register::Rtmr2),
        rtmr3: register(Register::Rtmr3),
        report_data: hex::encode(report.report_data),
        debug: report.attributes.is_debug(),
        attributes: hex::encode(report.attributes.bits().to_le_bytes()),
        attribute_names: report.attributes.names(),
        xfam: hex::encode(report.xfam.to_le_bytes()),
        tee_tcb_svn: hex::encode(report.tee_tcb_svn),
        mr_seam: report.mr_seam.to_string(),
        mr_signer_seam: report.mr_signer_seam.to_string(),
        seam_attributes: hex::encode(report.seam_attributes.to_le_bytes()),
        mr_config_id: report.mr_config_id.to_string(),
        mr_owner: report.mr_owner.to_string(),
        mr_owner_config: report.mr_owner_config.to_string(),
        tee_tcb_svn2: service.map(|s| hex::encode(s.tee_tcb_svn2)),
        mr_service_td: service.map(|s| s.mr_service_td.to_string()),
        extension: service.and_then(|s| s.extension.as_deref()).map(hex::encode),
    }
}

fn quoting_enclave(quote: &Quote) -> QuotingEnclave {
    let (certification, enclave) = (&quote.certification, &quote.certification.qe_report);
    QuotingEnclave {
        mr_enclave: hex::encode(enclave.mr_enclave),
        mr_signer: hex::encode(enclave.mr_signer),
        isv_prod_id: enclave.isv_prod_id,
        isv_svn: enclave.isv_svn,
        attributes: hex::encode(enclave.attributes),
        cpu_svn: hex::encode(enclave.cpu_svn),
        authentication_data: hex::encode(&certification.qe_authentication),
        attestation_key: hex::encode(certification.attestation_key),
    }
}

fn platform(quote: &Quote) -> Result<Platform, QuoteError> {
    let platform = quote.certification.platform()?;
    Ok(Platform {
        fmspc: hex::encode(platform.fmspc),
        ppid: hex::encode(&platform.ppid),
        ca: platform.ca.as_str(),
        pce_id: hex::encode(&platform.pce_id),
        pce_svn: platform.pce_svn,
        cpu_svn: hex::encode(platform.cpu_svn),
        instance: platform.instance.map(hex::encode),
        dynamic: platform.dynamic,
        cached_keys: platform.cached_keys,
        smt: platform.smt,
    })
}

fn certificate(certificate: &super::Certificate) -> Certificate {
    let validity = certificate.validity();
    Certificate {
        subject: certificate.subject(),
        issuer: certificate.issuer(),
        serial: certificate.serial(),
        not_before: validity.from,
        not_after: validity.until,
    }
}

fn shown(certificate: &Certificate) -> String {
    let time = |seconds: u64| {
        let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
        time.map_or_else(|| seconds.to_string(), |time| time.to_string())
    };
    let Certificate { subject, serial, not_before, not_after, .. } = certificate;
    format!("{subject}, serial {serial}, {} to {}", time(*not_before), time(*not_after))
}
