//! How the VMM writes what it says.

use serde_json::{Value, json};

use super::machine::{Status, Vm};

/// A VM; the list of them leaves the compose file out.
pub(super) fn vm(vm: &Vm, in_full: bool) -> Value {
    let order = &vm.order;
    let version = order.image.strip_prefix("dstack-").unwrap_or_default();
    let uptime = match (vm.state, vm.started) {
        (Status::Running, Some(started)) => format!("{}s", started.elapsed().as_secs()),
        _ => "never".to_owned(),
    };
    json!({
        "id": vm.id,
        "name": order.name,
        "status": vm.state.word(),
        "uptime": uptime,
        "app_url": null,
        "app_id": order.app_id(),
        "instance_id": null,
        "configuration": {
            "name": order.name,
            "image": order.image,
            "compose_file": if in_full { order.compose_file.as_str() } else { "" },
            "vcpu": order.vcpu,
            "memory": order.memory,
            "disk_size": order.disk_size,
            "ports": order.ports,
            "encrypted_env": "",
            "app_id": order.app_id(),
            "user_config": "",
            "hugepages": false,
            "pin_numa": false,
            "gpus": {"gpus": [], "attach_mode": "listed"},
            "kms_urls": [],
            "gateway_urls": [],
            "stopped": vm.state != Status::Running,
            "no_tee": order.no_tee,
            "networking": null,
            "networks": [],
            "simulated_tee": null,
        },
        "exited_at": if vm.exited { "1s ago" } else { "never" },
        "boot_progress": "N/A",
        "boot_error": "",
        "shutdown_progress": "N/A",
        "image_version": version,
        "events": [],
        "interfaces": [{"mode": "user", "backend": "slirp", "mac": "1e:77:17:6f:6b:34", "bridge_name": null, "netdev_id": "net0"}],
    })
}

/// The images on the host.
pub(super) fn images() -> Value {
    let version = super::IMAGE.strip_prefix("dstack-").unwrap_or_default();
    json!({"images": [{"name": super::IMAGE, "description": "", "version": version, "is_dev": false}]})
}

/// What the VMM says of itself.
pub(super) fn version() -> Value {
    json!({"version": "0.6.0", "rev": "git:312dc605ebaaf9337253-modified"})
}

/// What the VMM is told to use.
pub(super) fn meta() -> Value {
    json!({
        "kms": {"url": "http://127.0.0.1:8081", "urls": ["http://127.0.0.1:8081"]},
        "gateway": {
            "url": "http://127.0.0.1:8082",
            "base_domain": "localhost",
            "port": 8082,
            "agent_port": 8090,
            "urls": ["http://127.0.0.1:8082"],
        },
        "resources": {"max_cvm_number": 1000, "max_allocable_vcpu": 20, "max_allocable_memory_in_mb": 100_000},
        "networking": {"supported_modes": ["user"], "default_mode": "user", "default_bridge": ""},
    })
}
