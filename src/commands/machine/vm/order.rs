//! Where a machine on Compute Engine is made and who may reach it, as a command line says it, or else the context.

use crate::{
    cli::gcp::GcpMachineArgs,
    context::GcpEndpoints,
    error::{Error, Result},
    subject::gcp::{Cidr, Project, Zone},
};

/// The project that a machine is made in.
///
/// # Errors
/// Usage: none is named.
pub(in crate::commands) fn project(gcp: &GcpEndpoints) -> Result<Project> {
    gcp.project.clone().ok_or_else(|| {
        Error::usage("no project is named").help("give the project that the machine is made in: --project")
    })
}

/// Zones that a machine may be in, all of one region.
///
/// # Errors
/// Usage: none is named, or they are in several regions.
pub(in crate::commands) fn zones(args: &GcpMachineArgs, gcp: &GcpEndpoints) -> Result<Vec<Zone>> {
    let zones = if args.zone.is_empty() { gcp.zones.clone() } else { args.zone.clone() };
    let first = zones.first().ok_or_else(|| {
        Error::usage("no zone is named").help("give one with TDX machines, such as --zone europe-west4-a")
    })?;
    let region = first.region();
    match zones.iter().find(|zone| zone.region() != region) {
        // The subnetwork is one region's.
        Some(other) => Err(Error::usage(format!("{first} and {other} are in two regions"))
            .help("name zones of one region: the subnetwork belongs to it")),
        None => Ok(zones),
    }
}

/// Who may reach a machine.
///
/// # Errors
/// Usage: it is not said.
pub(in crate::commands) fn allowed(args: &GcpMachineArgs, gcp: &GcpEndpoints) -> Result<Vec<Cidr>> {
    let allowed = if args.allow_cidr.is_empty() { gcp.allowed.clone() } else { args.allow_cidr.clone() };
    if allowed.is_empty() {
        return Err(Error::usage("it is not said who may reach the machine").help(
            "give this host's address as the internet sees it: --allow-cidr \"$(curl -fsS https://checkip.amazonaws.com)/32\"",
        ));
    }
    Ok(allowed)
}
