//! What is deployed to Phala Cloud, as a command line says it.

use semver::Version;

use crate::{
    cli::phala::CvmArgs,
    error::{Error, Result},
    probe::{
        image::Image,
        kms::{Deployment, compose},
    },
    subject::{cvm::CvmName, profile::Profile},
};

/// A KMS of an image, as a machine of this name.
///
/// # Errors
/// Usage: the name is none of the cloud's, and neither is a word of the machine.
pub(in crate::commands) fn deployment(
    name: String,
    image: Image,
    (version, profile): (&Version, Profile),
    args: &CvmArgs,
) -> Result<Deployment> {
    let name: CvmName = name.parse().map_err(|e| Error::usage("--label").because(e))?;
    Ok(Deployment {
        name,
        compose: compose(&image, version, profile),
        image,
        instance_type: word("--instance-type", &args.instance_type)?,
        region: args.region.as_deref().map(|region| word("--region", region)).transpose()?,
    })
}

/// A word of the cloud's, which goes into a request.
fn word(option: &str, text: &str) -> Result<String> {
    let safe = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if safe && !text.is_empty() && text.len() <= 64 {
        return Ok(text.to_owned());
    }
    let message = format!("{option} {}: expected letters, digits and `._-`, 64 at most", crate::text::excerpt(text));
    Err(Error::usage(message))
}
