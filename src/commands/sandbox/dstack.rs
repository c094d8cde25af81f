//! The sandbox's own dstack host, as a command finds it: its VMM, and a KMS in the state that the command is about.

use crate::{
    adapters::vmm::VmmCredentials,
    cli::dstack::DstackCommand,
    context::{DstackEndpoints, url},
    error::{Error, Result},
    sandbox::{
        vmm::{STANDING, TOKEN},
        world::World,
    },
};

/// The name that the sandbox's KMS is certified under, where it serves before the command begins.
const DOMAIN: &str = "kms.example.com";
/// A second KMS.
const REPLICA: &str = "kms-2";

/// Where the dstack host is in this world.
pub(super) fn endpoints(world: &World) -> Result<DstackEndpoints> {
    let host = world.dstack();
    let vmm = host.vmm_url().parse().map_err(|_| Error::internal("the address of the sandbox's VMM"))?;
    Ok(DstackEndpoints {
        vmm: Some(vmm),
        credentials: VmmCredentials::Token(TOKEN.into()),
        kms_url: Some(url(&host.kms_url())?),
        source_url: None,
        bootstrap_info: None,
        allow_list: Some(host.allow_list().to_owned()),
    })
}

/// Sets up the KMS that a command is about, and has `endpoints` lead to it.
pub(super) async fn stage(world: &World, command: &DstackCommand, endpoints: &mut DstackEndpoints) -> Result<()> {
    let host = world.dstack();
    match command {
        DstackCommand::Bootstrap(_) | DstackCommand::Logs(_) => host.stand(STANDING).await,
        DstackCommand::Onboard(_) => {
            host.stand(STANDING).await?;
            let info = host.bootstrapped(STANDING, DOMAIN).await?;
            host.stand_replica(REPLICA).await?;
            let path = world.write("bootstrap-info.json", &info)?;
            let source = host.kms_url().replacen("http://", "https://", 1);
            endpoints.source_url = Some(url(&source)?);
            endpoints.kms_url = Some(url(&host.replica_url())?);
            endpoints.bootstrap_info = Some(path);
            Ok(())
        }
        DstackCommand::Preflight(_)
        | DstackCommand::Deploy(_)
        | DstackCommand::Compose(_)
        | DstackCommand::Verify(_)
        | DstackCommand::Auth(_)
        | DstackCommand::Backup(_) => Ok(()),
    }
}

/// The same for other programs, by the variables that they read.
pub(super) fn exports(world: &World, endpoints: &DstackEndpoints) -> Vec<(&'static str, Option<String>)> {
    let host = world.dstack();
    let path = endpoints.allow_list.as_ref().map(|path| path.to_string_lossy().into_owned());
    vec![
        ("DSTACK_VMM_URL", Some(host.vmm_url())),
        ("DSTACK_VMM_TOKEN", Some(TOKEN.to_owned())),
        ("DSTACK_KMS_URL", Some(host.kms_url())),
        ("MEROTEE_DSTACK_SECOND_KMS_URL", Some(host.replica_url())),
        ("MEROTEE_DSTACK_ALLOW_LIST", path),
    ]
}
