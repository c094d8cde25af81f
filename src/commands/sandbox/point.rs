//! Points a command at the world where no global option does: whatever the caller did not say, the world says.

use url::Url;

use super::kms::Running;
use crate::{
    cli::{
        Command,
        kms::{KmsCommand, KmsServeArgs},
        kms_client::KmsUrlArgs,
        quote::{JudgementArgs, QuoteCommand},
    },
    error::{Error, Result},
    sandbox::world::World,
    subject::{
        profile::Profile,
        tag::{Family, Selector, Tag},
    },
};

/// Fills in what `command` leaves open.
///
/// # Errors
/// Internal, when the world's own addresses are none.
pub(super) fn at_world(command: &mut Command, world: &World, kms: Option<&Running>) -> Result<()> {
    if let Command::Quote(QuoteCommand::Verify(args)) = command {
        return judgement(&mut args.by, world);
    }
    let Command::Kms(command) = command else { return Ok(()) };
    let ask = |args: &mut KmsUrlArgs| args.url = args.url.take().or(kms.map(|kms| kms.url().clone()));
    match command {
        KmsCommand::Serve(args) => serve(args, world),
        KmsCommand::Health(args) => {
            ask(&mut args.kms);
            Ok(())
        }
        KmsCommand::Attest(args) => {
            ask(&mut args.kms);
            args.by.expect_policy.get_or_insert_with(|| world.kms_policy());
            judgement(&mut args.by, world)
        }
        KmsCommand::GetKey(args) => {
            ask(&mut args.kms);
            args.node_key.get_or_insert_with(|| world.node_key());
            args.node_socket.get_or_insert_with(|| world.node_agent());
            if !args.any_kms {
                args.by.expect_policy.get_or_insert_with(|| world.kms_policy());
            }
            judgement(&mut args.by, world)
        }
    }
}

/// Quotes of the world are judged by its root and its collateral.
fn judgement(args: &mut JudgementArgs, world: &World) -> Result<()> {
    args.root.get_or_insert_with(|| world.tdx_root());
    if args.pccs.is_none() {
        args.pccs = Some(pccs(world)?);
    }
    Ok(())
}

/// A service runs on a machine of the release and profile it says it is.
fn serve(args: &mut KmsServeArgs, world: &World) -> Result<()> {
    args.rehearsal = true;
    args.evidence.tdx_root.get_or_insert_with(|| world.tdx_root());
    if args.evidence.pccs.is_none() {
        args.evidence.pccs = Some(pccs(world)?);
    }
    // What is rehearsed here is nobody else's business, and the usual port may be taken.
    args.service.listen_addr.get_or_insert(([127, 0, 0, 1], 0).into());
    if args.service.dstack_socket_path.is_none() {
        // What means nothing is for the service to refuse.
        let machine = tag(args).zip(args.release.profile.as_deref().and_then(|word| word.parse::<Profile>().ok()));
        args.service.dstack_socket_path = Some(match machine {
            Some((tag, profile)) => world.agent(&tag, profile)?,
            None => world.kms_agent(),
        });
    }
    Ok(())
}

fn tag(args: &KmsServeArgs) -> Option<Tag> {
    let selector: Selector = args.release.kms_version.as_deref()?.parse().ok()?;
    selector.tags().into_iter().find(|tag| tag.family() == Family::Kms)
}

fn pccs(world: &World) -> Result<Url> {
    Url::parse(world.pccs_url()).map_err(|e| Error::internal("the address of the world's PCCS").because(e))
}
