//! What is to be probed: the image that a verified release states, or the one that the caller names, and the machine that is
//! made of it. Nothing is made.

use super::Node;
use crate::{
    cli::probe::ProbeRunArgs,
    commands::{
        counterparts::Basis,
        machine::{
            stated::Images,
            vm::order::{allowed, project, zones},
        },
        probe::{course::Order, place},
        repository::resolve,
    },
    context::{Context, GcpEndpoints},
    error::{Error, Result},
    policy::mrtds::PublishedMrtds,
    probe::{checks::IMAGE, node::Plan},
    subject::{
        gcp::{Name, Project},
        profile::Profile,
        tag::Tag,
    },
};

/// What a release says.
#[derive(Default)]
struct Released {
    image: Option<Name>,
    project: Option<Project>,
    published: Option<PublishedMrtds>,
    caveats: Vec<String>,
}

/// Finds out what is to be probed.
///
/// # Errors
/// Usage: what the arguments say is not enough. Trust: the release is not trusted.
pub(super) async fn order(args: &ProbeRunArgs, context: &Context) -> Result<Order<Node>> {
    if args.image.is_some() || args.kms_url.is_some() {
        return Err(Error::usage("--image and --kms-url apply to --family kms only")
            .help("name the image of a node with --image-name and --image-project"));
    }
    let label = place::label(args, context)?;
    let gcp = &context.endpoints.gcp;
    let offered = gcp.offered.as_ref().filter(|_| args.image_name.is_none());
    let release = args.tag.clone().or_else(|| offered.map(|offered| offered.release.clone()));
    let chosen = release.as_ref().filter(|_| args.tag.is_none());
    let mut caveats: Vec<String> = chosen
        .map(|tag| {
            format!("no TAG was given: probing {tag}, the newest release here that names an image for each profile")
        })
        .into_iter()
        .collect();
    let mut said = match &release {
        Some(tag) => released(tag, args.profile, context).await?,
        None => Released::default(),
    };
    caveats.append(&mut said.caveats);
    let vouched = said.image.is_some();
    let image = named(args, release.as_ref(), said.image.as_ref())?;
    if !vouched {
        let of = release
            .as_ref()
            .map_or_else(|| "no release".to_owned(), |tag| format!("{tag} names no image, and no other release"));
        caveats.push(format!("{of} vouches for the image: it was named by the caller"));
    }
    let project = project(gcp)?;
    let image_project = image_project(args, gcp, &project, &said)?;
    let plan = Plan {
        label,
        profile: args.profile,
        zones: zones(&args.machine, gcp)?,
        subnetwork: args.machine.subnetwork.clone(),
        machine_type: args.machine.machine_type.clone(),
        allowed: allowed(&args.machine, gcp)?,
        patience: args.patience().as_secs(),
        image_project,
        image,
        project,
    };
    let named = match release.as_ref().filter(|_| vouched) {
        Some(tag) => format!("named by {tag}, as {}", args.profile),
        None => "named by the caller".to_owned(),
    };
    let findings = vec![IMAGE.pass(plan.image.as_str(), format!("{named}; its number is noted before it is booted"))];
    Ok(Order { probed: Node { plan, vouched, published: said.published }, release, findings, caveats })
}

/// The image: the release's where it names one, and only then the caller's.
fn named(args: &ProbeRunArgs, release: Option<&Tag>, stated: Option<&Name>) -> Result<Name> {
    match (args.image_name.as_ref(), stated, release) {
        (Some(given), Some(stated), Some(tag)) if given != stated => {
            Err(Error::usage(format!("{tag} names {stated} as its {}, and not {given}", args.profile))
                .help("leave out --image-name to probe the release's image, or TAG to probe another"))
        }
        (Some(image), _, _) | (None, Some(image), _) => Ok(image.clone()),
        (None, None, Some(tag)) => {
            Err(Error::usage(format!("{tag} does not say which image of Compute Engine is its {}", args.profile))
                .help("name it with --image-name and --image-project"))
        }
        (None, None, None) => {
            Err(Error::usage("no image is named")
                .help("give the TAG of a release, or --image-name and --image-project"))
        }
    }
}

/// Where the image is. A name that a release states is nothing without the project: another has images of the same name.
fn image_project(args: &ProbeRunArgs, gcp: &GcpEndpoints, own: &Project, said: &Released) -> Result<Project> {
    let offered = gcp.offered.as_ref().map(|offered| &offered.project);
    match (args.machine.image_project.as_ref(), said.project.as_ref()) {
        (Some(given), Some(stated)) if given != stated => {
            Err(Error::usage(format!("the release's image is in {stated}, and not in {given}"))
                .help("leave out --image-project"))
        }
        (Some(project), _) | (None, Some(project)) => Ok(project.clone()),
        (None, None) => match (offered, &said.image) {
            (Some(project), _) => Ok(project.clone()),
            (None, None) => Ok(own.clone()),
            (None, Some(image)) => Err(Error::usage(format!("the release does not say which project {image} is in"))
                .help("give the project that the release's images are published in: --image-project")),
        },
    }
}

/// The image that the signed documents of a release state, and what it publishes of its measurements.
async fn released(tag: &Tag, profile: Profile, context: &Context) -> Result<Released> {
    let repository = resolve(&context.endpoints)?;
    let basis = Basis::new(context, &repository)?;
    let images = Images::read(&basis.source(context)?, tag).await?;
    let stated = images.of_node(profile)?.transpose().map_err(|why| {
        Error::trust(format!("{tag} does not say which image is probed: {why}"))
            .help(format!("find out what is wrong with it: merotee verify-release-assets {tag}"))
    })?;
    let (image, project) = stated.map_or((None, None), |(image, project)| (Some(image), project));
    // What is published is compared with where there is any: a first probe comes before it.
    let mut caveats: Vec<String> = basis.root.caveat().into_iter().collect();
    let published = match images.published()? {
        Ok(published) => Some(published),
        Err(why) => {
            caveats.push(format!("nothing was compared with what {tag} publishes: {why}"));
            None
        }
    };
    Ok(Released { image, project, published, caveats })
}
