//! Whether a KMS may have keys, asked before it gets any: of the allow-list in a file, of the auth API, or of the operator who
//! had the measurement allowed elsewhere.

use std::path::Path;

use crate::{
    adapters::{dstack_auth::DstackAuth, file},
    cli::dstack::onboarding::AllowedArgs,
    context::Context,
    digest::Sha256,
    dstack::{
        allow_list::{AllowList, MAX_BYTES},
        attestation_info::AttestationInfo,
        measured::Measured,
    },
    error::{Error, Result},
    report::{CheckInfo, Finding},
    text::excerpt,
};

/// The KMS is allowed to start.
pub(super) const ALLOWED: CheckInfo =
    CheckInfo { id: "dstack-allowed", title: "a KMS is allowed by its auth API before it is asked for keys" };

/// Who says it.
pub(super) enum Authority {
    /// The allow-list of auth-simple, under the name of its file.
    List(Box<AllowList>, String),
    /// The auth API.
    Api(Box<DstackAuth>),
    /// The operator.
    Operator(Sha256),
}

impl Authority {
    /// The one that is named; everything that is a file is read.
    ///
    /// # Errors
    /// Usage: none is named. Input: the file cannot be used.
    pub(super) fn named(args: &AllowedArgs, context: &Context) -> Result<Self> {
        if let Some(measurement) = args.allowed_mr {
            return Ok(Self::Operator(measurement));
        }
        if let Some(url) = &args.auth_url {
            return Ok(Self::Api(Box::new(DstackAuth::new(url, context.http.clone())?)));
        }
        match args.allow_list.as_ref().or(context.endpoints.dstack.allow_list.as_ref()) {
            Some(path) => list(path),
            None => Err(Error::usage("nothing says whether the KMS may have keys").help(
                "name the allow-list of auth-simple with --allow-list, the auth API with --auth-url, or the measurement \
                 that was allowed on the chain with --allowed-mr",
            )),
        }
    }

    /// Whether it allows the machine that was attested.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub(super) async fn judge_attested(&self, subject: &str, measured: &Measured, variant: &str) -> Result<Finding> {
        let attested = AttestationInfo {
            mr_aggregated: measured.mr_aggregated,
            device_id: measured.device_id,
            os_image_hash: measured.os_image.as_deref().map(hex::encode).unwrap_or_default(),
            variant: variant.to_owned(),
        };
        self.judge(subject, &attested).await
    }

    /// Whether it allows a KMS that says this of itself.
    ///
    /// # Errors
    /// Remote: the auth API cannot be asked.
    pub(super) async fn judge(&self, subject: &str, kms: &AttestationInfo) -> Result<Finding> {
        let measurement = kms.mr_aggregated.to_string();
        Ok(match self {
            Self::List(list, name) => {
                if !list.kms.contains(&measurement) {
                    return Ok(refused(subject, &measurement, format!("{} does not list it", excerpt(name))));
                }
                if !kms.os_image_hash.is_empty() && !list.os_images.contains(&kms.os_image_hash) {
                    let finding = ALLOWED.fail(subject, format!("{} does not list its OS image", excerpt(name)));
                    let image = excerpt(&kms.os_image_hash);
                    return Ok(finding.help(format!("if this image is meant, add \"{image}\" to osImages")));
                }
                let restricted = !list.kms_devices.any && !list.kms_devices.ids.is_empty();
                if restricted && kms.device_id.is_none() {
                    return Ok(ALLOWED.undecided(subject, "kms.devices is a list, and its device is not known"));
                }
                let device = kms.device_id.map(|id| id.to_string()).unwrap_or_default();
                if !list.kms_devices.allow(&device) {
                    let finding = ALLOWED.fail(subject, format!("{} does not list its device", excerpt(name)));
                    return Ok(finding.help(format!("if this is the host that is meant, add \"{device}\" to kms.devices")));
                }
                ALLOWED.pass(subject, format!("{name} lists {measurement}"))
            }
            Self::Api(api) => {
                let decision = api.decide(kms).await?;
                if decision.is_allowed {
                    ALLOWED.pass(subject, format!("{} allows {measurement}", api.host()))
                } else {
                    let why = format!("{} does not allow it: {}", api.host(), excerpt(&decision.reason));
                    refused(subject, &measurement, why)
                }
            }
            Self::Operator(allowed) if *allowed == kms.mr_aggregated => {
                ALLOWED.pass(subject, format!("{measurement}, as given with --allowed-mr"))
            }
            Self::Operator(allowed) => ALLOWED
                .fail(subject, "the KMS has another measurement than the one given with --allowed-mr")
                .compared(allowed.to_string(), measurement)
                .help("another image, compose file or size of machine measures otherwise: have this one allowed, or deploy the other"),
        })
    }
}

/// Not allowed, and what to add for every auth backend.
fn refused(subject: &str, measurement: &str, why: String) -> Finding {
    ALLOWED.fail(subject, why).help(format!(
        "if it is the KMS you mean, add \"{measurement}\" to kms.mrAggregated (auth-simple, webhook), or send \
         addKmsAggregatedMr(0x{measurement}) to the contract (auth-eth); then run this again"
    ))
}

fn list(path: &Path) -> Result<Authority> {
    let name = file::source_name(path);
    let bytes = file::read_source(path, MAX_BYTES)?;
    let list = AllowList::parse(&bytes).map_err(|e| {
        Error::input(format!("{name} is not an allow-list that can be used"))
            .because(e)
            .help("the auth API would take it for an empty one: correct it first")
    })?;
    Ok(Authority::List(Box::new(list), name))
}
