//! What is to be probed: the image that a verified release states, the one that the caller pins, or what runs at an address.

use semver::Version;

use super::Kms;
use crate::{
    adapters::http::is_loopback,
    attestation::{compose_hash::of_compose_file, measurement::Allowed},
    cli::probe::ProbeRunArgs,
    commands::{
        counterparts::Basis,
        machine::{cvm::order::deployment, stated::Images},
        probe::{course::Order, place},
        repository::resolve,
    },
    context::Context,
    digest::Sha256,
    error::{Error, Result},
    probe::{
        checks::IMAGE,
        image::Image,
        kms::{Deployment, Plan, Target},
    },
    subject::{profile::Profile, tag::Tag},
};

/// What a release says of the image of a profile.
struct Released {
    image: Image,
    admitted: Option<Allowed>,
    caveats: Vec<String>,
}

/// Finds out what is to be probed. Nothing is made.
///
/// # Errors
/// Usage: what the arguments say makes no sense together, or an image is not pinned. Trust: the release is not trusted.
pub(super) async fn order(args: &ProbeRunArgs, context: &Context) -> Result<Order<Kms>> {
    let label = place::label(args, context)?;
    let named = args.tag.clone().or_else(|| match (&args.image, &args.kms_url) {
        (None, None) => context.endpoints.kms.release.clone(),
        (Some(_), _) | (_, Some(_)) => None,
    });
    let version = args.expect_version.clone().or_else(|| named.as_ref().map(|tag| tag.version().clone()));
    let chosen = named.as_ref().filter(|_| args.tag.is_none()).map(|tag| {
        format!(
            "no TAG was given: probing {tag}, the newest release here whose manifest states an image for each profile"
        )
    });
    let profile = args.profile;
    let plan = |version: Option<Version>, target| Plan { label: label.clone(), profile, version, target };
    if let Some(url) = &args.kms_url {
        if url.scheme() == "http" && !is_loopback(url) {
            let message = "the KMS is asked over an encrypted connection alone: anyone on the way could answer for it";
            return Err(Error::usage(message).help("give --kms-url an https:// address"));
        }
        let plan = plan(version, Target::Running(url.clone()));
        // What runs there is of no release that anything here could verify.
        let probed = Kms { plan, admitted: None };
        return Ok(Order { probed, release: None, findings: Vec::new(), caveats: Vec::new() });
    }
    let (image, admitted, finding, caveats) = match (&args.image, &named) {
        (Some(text), _) => {
            let image = pinned(text)?;
            let finding = IMAGE.pass(image.name(), format!("pinned: sha256:{}", image.digest()));
            (image, None, finding, vec!["no release vouches for the image: it was named by its digest".to_owned()])
        }
        (None, Some(tag)) => {
            let Released { image, admitted, caveats } = released(tag, profile, context).await?;
            let finding = IMAGE.pass(tag.as_str(), format!("its signed manifest states {image} for {profile}"));
            (image, admitted, finding, caveats)
        }
        (None, None) => {
            return Err(Error::usage("nothing to probe is named")
                .help("give the TAG of a release, --image NAME@sha256:DIGEST, or --kms-url URL"));
        }
    };
    let version = version.ok_or_else(|| {
        Error::usage("the version of the KMS is not known")
            .help("give --expect-version: the KMS is told its version, and must answer with it")
    })?;
    let deployment = deployment(label.machine(), image, (&version, profile), &args.cvm)?;
    let plan = plan(Some(version), Target::Deployed(deployment));
    let caveats = chosen.into_iter().chain(caveats).collect();
    Ok(Order { probed: Kms { plan, admitted }, release: named, findings: vec![finding], caveats })
}

/// The docker-compose hash of what is deployed, as releases publish it.
pub(super) fn compose_hash(deployment: &Deployment) -> Option<Sha256> {
    of_compose_file(deployment.compose.as_bytes()).ok()
}

fn pinned(text: &str) -> Result<Image> {
    text.parse().map_err(|e| {
        Error::usage(format!("--image {}", crate::text::excerpt(text)))
            .because(e)
            .help("the release's manifest states the digest of each profile; a registry shows it: `docker buildx imagetools inspect NAME:TAG`")
    })
}

/// The image that the signed documents of a release state, and what its policy admits.
async fn released(tag: &Tag, profile: Profile, context: &Context) -> Result<Released> {
    let repository = resolve(&context.endpoints)?;
    let basis = Basis::new(context, &repository)?;
    let images = Images::read(&basis.source(context)?, tag).await?;
    let Some(stated) = images.of_kms(profile, &repository)? else {
        let layout = images.layout();
        return Err(Error::usage(format!("releases of the {layout} layout do not say which image each profile has"))
            .help("name the image and its version: --image NAME@sha256:DIGEST --expect-version X.Y.Z"));
    };
    let image = stated.map_err(|why| {
        Error::trust(format!("{tag} does not say which image is probed: {why}")).help(format!(
            "look at it with `merotee verify-release-assets {tag}`, or name the image: --image NAME@sha256:DIGEST"
        ))
    })?;
    let admitted = images.admitted(profile)?;
    Ok(Released { image, admitted, caveats: basis.root.caveat().into_iter().collect() })
}
