//! Whether a VM that is there is the one that is ordered. What the VMM does not state is not compared.

use super::Wanted;
use crate::{adapters::vmm::Configuration, cli::dstack::host::MachineArgs, text::excerpt};

/// What differs: the setting, what was ordered, what the VM has.
pub(super) fn differences(
    vm: &Configuration,
    machine: &MachineArgs,
    wanted: &Wanted,
) -> Vec<(&'static str, String, String)> {
    let number = |what, ordered: u32, has: Option<u64>| {
        has.filter(|has| *has != u64::from(ordered)).map(|has| (what, ordered.to_string(), has.to_string()))
    };
    // This command orders neither.
    let flag = |what, has: Option<bool>| has.filter(|has| *has).map(|has| (what, false.to_string(), has.to_string()));
    let app_id = vm.app_id.as_deref().filter(|id| !id.is_empty() && !id.eq_ignore_ascii_case(&wanted.app_id));
    [
        number("vcpu", machine.vcpu, vm.vcpu),
        number("memory", machine.memory, vm.memory),
        number("disk_size", machine.disk, vm.disk_size),
        ports(vm, machine),
        app_id.map(|id| ("app_id", wanted.app_id.clone(), excerpt(id))),
        flag("hugepages", vm.hugepages),
        flag("pin_numa", vm.pin_numa),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ports(vm: &Configuration, machine: &MachineArgs) -> Option<(&'static str, String, String)> {
    let mut has: Vec<String> = vm.ports.iter().map(|port| excerpt(&port.spelled())).collect();
    let spelled = |port: &crate::subject::vmm::PortMapping| {
        let (protocol, address) = (port.protocol.as_str(), port.host_address.to_string());
        format!("{protocol}:{address}:{}:{}", port.host_port, port.vm_port)
    };
    let mut ordered: Vec<String> = machine.ports.iter().map(spelled).collect();
    has.sort();
    ordered.sort();
    (has != ordered)
        .then(|| ("ports", ordered.join(" "), if has.is_empty() { "none".to_owned() } else { has.join(" ") }))
}
