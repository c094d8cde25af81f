//! The image of a machine on Compute Engine: looked at before the machine is made, and once more on the machine's disk.

use crate::{
    adapters::gcp::compute::{Compute, Image, ImageName, Instance},
    error::{Error, Result},
    probe::node::{
        Plan,
        image::{self, Seen},
    },
    report::Finding,
    subject::gcp::Zone,
};

/// The image, as it is before the machine is made.
///
/// # Errors
/// Usage: it is not there. Remote: it cannot be asked for.
pub(in crate::commands) async fn image(compute: &Compute, plan: &Plan) -> Result<Seen> {
    let Plan { image_project, image, .. } = plan;
    let found = compute.image(image_project, &ImageName::Name(image.clone())).await?;
    let found = found.ok_or_else(|| {
        Error::usage(format!("{image_project} has no image {image}, or {} may not see it", compute.whose()))
            .help("check --image-name and --image-project: gcloud compute images list --project PROJECT")
    })?;
    Ok(seen(found))
}

fn seen(image: Image) -> Seen {
    Seen {
        tdx_capable: image.is_tdx_capable(),
        id: image.id,
        status: image.status,
        deprecated: image.deprecated.map(|deprecation| deprecation.state),
    }
}

/// Whether the image can be booted.
pub(in crate::commands) fn usable(plan: &Plan, seen: &Seen) -> Vec<Finding> {
    image::usable(plan.image.as_str(), seen)
}

/// The machine's disk is of the image that was looked at.
///
/// # Errors
/// Remote: the disk cannot be asked for.
pub(in crate::commands) async fn booted(
    compute: &Compute,
    plan: &Plan,
    image: &Seen,
    (zone, instance): (&Zone, &Instance),
) -> Result<Finding> {
    let disk = instance.boot_disk().ok_or_else(|| Error::remote("the machine says no disk that it boots from"))?;
    let disk = compute.disk((&plan.project, zone), &disk).await?;
    let source = disk.map(|disk| disk.source_image_id).unwrap_or_default();
    Ok(image::booted(plan.image.as_str(), image, &source))
}
