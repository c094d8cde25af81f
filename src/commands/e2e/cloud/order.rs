//! What is made: the image of each machine, as a verified release states it, and what the machine is made of. Nothing is made
//! here.

use std::path::PathBuf;

use super::{super::running::Running, refuse_unjournaled};
use crate::{
    adapters::release_source::ReleaseSource,
    cli::e2e::{CloudsArgs, E2eArgs},
    commands::machine::{
        cvm::order::deployment,
        stated::Images,
        vm::order::{allowed, project, zones},
    },
    context::Context,
    e2e::scheme::Pair,
    error::{Error, Result},
    probe::{checks::IMAGE, kms::Deployment, label::Label, node::Plan},
    product::random_bytes,
    report::{Action, Fact, Finding},
    subject::{
        e2e_part::{kms_image, node_image},
        gcp::{Name, Project},
        profile::Profile,
        repository::Repository,
        role::Role,
        tag::Tag,
    },
};

/// What the command line gives for the machines that is used up when they run.
pub(in crate::commands::e2e) struct Given {
    /// Folder of the journal.
    pub(super) out: PathBuf,
    /// How nodes are made to ask.
    pub(super) nodes: Running,
}

/// What is made.
pub(in crate::commands::e2e) struct Order {
    /// What the names of all machines end with.
    pub(super) label: Label,
    pub(super) kms: Vec<KmsOrder>,
    /// A node of every profile: each KMS must refuse the others.
    pub(super) nodes: Vec<Plan>,
    /// What was found out about the images.
    pub(super) findings: Vec<Finding>,
}

/// A KMS that is made.
pub(super) struct KmsOrder {
    pub(super) profile: Profile,
    pub(super) label: Label,
    pub(super) deployment: Deployment,
}

/// What a run on the clouds is given, and `None` inside for a rehearsal.
///
/// # Errors
/// Usage: there is no folder, an earlier run left something behind in it, or a node's key cannot be used.
pub(in crate::commands::e2e) fn given(args: &E2eArgs, context: &Context) -> Result<Option<Given>> {
    let nodes = Running::made(&args.running, context)?;
    if args.clouds.dry_run {
        return Ok(None);
    }
    refuse_unjournaled(args.clouds.out.as_deref())?;
    Ok(args.clouds.out.clone().map(|out| Given { out, nodes }))
}

impl Order {
    /// Finds out what is to be made: the KMS of `profiles`, and nodes of every profile.
    ///
    /// # Errors
    /// Usage: what the arguments say is not enough, or the release does not say its images. Trust: it is not trusted.
    pub(in crate::commands::e2e) async fn of(
        (args, context): (&CloudsArgs, &Context),
        (source, repository): (&ReleaseSource<'_>, &Repository),
        pair: &Pair,
    ) -> Result<Self> {
        let gcp = &context.endpoints.gcp;
        // Before anything is asked: words that cannot be used.
        let (project, zones, allowed) = (project(gcp)?, zones(&args.machine, gcp)?, allowed(&args.machine, gcp)?);
        let label = match &args.label {
            Some(label) => label.clone(),
            None => {
                let [a, b, c, d, ..] = random_bytes()?;
                Label::of_run(context.now(), [a, b, c, d])
            }
        };
        let part = |role, profile| label.of_part(role, profile).map_err(|e| Error::usage("--label").because(e));
        let mut order = Self { label: label.clone(), kms: Vec::new(), nodes: Vec::new(), findings: Vec::new() };
        let images = Images::read(source, &pair.kms).await?;
        for profile in pair.profiles.iter().copied() {
            let image = stated(&pair.kms, &images, images.of_kms(profile, repository)?)?;
            let told = format!("its signed manifest states {image} for {profile}");
            order.findings.push(IMAGE.pass(pair.kms.as_str(), told));
            let label = part(Role::Kms, profile)?;
            let deployment = deployment(label.machine(), image, (pair.kms.version(), profile), &args.cvm)?;
            order.kms.push(KmsOrder { profile, label, deployment });
        }
        let images = Images::read(source, &pair.node).await?;
        for profile in Profile::ALL {
            let (image, own) = stated(&pair.node, &images, images.of_node(profile)?)?;
            order.findings.push(IMAGE.pass(image.as_str(), format!("named by {}, as {profile}", pair.node)));
            order.nodes.push(Plan {
                label: part(Role::Node, profile)?,
                profile,
                project: project.clone(),
                zones: zones.clone(),
                subnetwork: args.machine.subnetwork.clone(),
                machine_type: args.machine.machine_type.clone(),
                image_project: image_project((&pair.node, &image), own, args, context)?,
                image,
                allowed: allowed.clone(),
                patience: args.patience().as_secs(),
            });
        }
        Ok(order)
    }

    /// What is known beforehand.
    pub(super) fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![Fact::named("label", self.label.as_str())];
        if let Some(KmsOrder { deployment, .. }) = self.kms.first() {
            facts.push(Fact::named("instance type", deployment.instance_type.clone()));
            facts.extend(deployment.region.clone().map(|region| Fact::named("region", region)));
        }
        if let Some(plan) = self.nodes.first() {
            let zones: Vec<&str> = plan.zones.iter().map(|zone| zone.as_str()).collect();
            facts.extend([
                Fact::named("machine type", plan.machine_type.as_str()),
                Fact::named("project", plan.project.as_str()),
                Fact::named("zone", zones.join(", else ")),
            ]);
        }
        facts.extend(self.kms.iter().map(|one| Fact::named(kms_image(one.profile), one.deployment.image.to_string())));
        facts.extend(
            self.nodes
                .iter()
                .map(|plan| Fact::named(node_image(plan.profile), format!("{}/{}", plan.image_project, plan.image))),
        );
        facts
    }

    /// What would be done, in the order of doing it.
    pub(super) fn planned(&self) -> Vec<Action> {
        let mut actions: Vec<Action> = self.kms.iter().flat_map(|one| one.deployment.making()).collect();
        actions.extend(self.nodes.iter().flat_map(Plan::making));
        let profiles: Vec<&str> = self.kms.iter().map(|one| one.profile.as_str()).collect();
        let nodes = "every node asks each of them for its key";
        actions.push(Action::planned("try", format!("the KMS of {}: {nodes}", crate::text::listed(&profiles))));
        actions.extend(self.kms.iter().map(|one| one.deployment.deleting()));
        actions.extend(self.nodes.iter().flat_map(Plan::deleting));
        actions
    }
}

/// What a release states of an image, or why nothing is made of it.
fn stated<T>(tag: &Tag, images: &Images, stated: Option<std::result::Result<T, String>>) -> Result<T> {
    let Some(stated) = stated else {
        let layout = images.layout();
        return Err(Error::usage(format!(
            "releases of the {layout} layout do not say which image each profile has: {tag}"
        ))
        .help("start its KMS and nodes yourself, and name them: --kms-url, --node, --node-url"));
    };
    stated.map_err(|why| {
        Error::trust(format!("{tag} does not say which image is booted: {why}"))
            .help(format!("find out what is wrong with it: merotee verify-release-assets {tag}"))
    })
}

/// Where an image is. Its name is nothing without the project: another has images of the same name.
fn image_project(
    (tag, image): (&Tag, &Name),
    own: Option<Project>,
    args: &CloudsArgs,
    context: &Context,
) -> Result<Project> {
    let offered = context.endpoints.gcp.offered.as_ref().map(|offered| &offered.project);
    match (&args.machine.image_project, own, offered) {
        (Some(given), Some(stated), _) if *given != stated => {
            Err(Error::usage(format!("the image of {tag} is in {stated}, and not in {given}"))
                .help("leave out --image-project"))
        }
        (_, Some(project), _) => Ok(project),
        (Some(project), None, _) | (None, None, Some(project)) => Ok(project.clone()),
        (None, None, None) => Err(Error::usage(format!("{tag} does not say which project {image} is in"))
            .help("give the project that the release's images are published in: --image-project")),
    }
}
