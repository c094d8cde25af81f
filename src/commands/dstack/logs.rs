//! `dstack logs`: what a VM wrote, whatever credentials the VMM wants.

use super::reach;
use crate::{
    adapters::vmm::Channel,
    cli::dstack::host::{LogArg, LogsArgs},
    context::Context,
    error::{Error, Result},
    product::Product,
    report::escape,
};

pub(super) async fn run(args: &LogsArgs, context: &Context) -> Result<Product> {
    let vmm = reach::vmm(context)?;
    let vms = vmm.vms().await?;
    let name = args.vm.as_str();
    let found: Vec<&str> = vms.iter().filter(|vm| vm.name == name || vm.id == name).map(|vm| vm.id.as_str()).collect();
    let id = match found.as_slice() {
        [id] => id,
        [] => {
            return Err(Error::input(format!("the host has no VM {name}"))
                .help("`dstack deploy` makes one; name another VM, or another host with --vmm"));
        }
        several => {
            return Err(Error::input(format!("{} VMs are named {name}", several.len()))
                .help(format!("name one by its id: {}", several.join(", "))));
        }
    };
    let channel = match args.log {
        LogArg::Serial => Channel::Serial,
        LogArg::Stdout => Channel::Stdout,
        LogArg::Stderr => Channel::Stderr,
    };
    let log = vmm.log(id, channel, args.lines).await?;
    let log = log.ok_or_else(|| Error::remote(format!("VM {name} is gone")))?;
    Ok(Product::bytes(escape::lines(&log)))
}
