//! What the help of `dstack …` ends with.

/// `merotee dstack compose`.
pub(in crate::cli) const DSTACK_COMPOSE: &str =
    "The compose hash is the SHA-256 of app-compose.json, byte for byte as the VMM's
own client writes it; the app id is its first 20 bytes.

Examples:
  merotee dstack compose --image registry.example.com/dstack-kms:fixed \\
    --domain kms.example.com --chain sepolia --no-instance-id --out kms-deploy \\
    --contract 0x0000000000000000000000000000000000000001
  merotee dstack compose --docker-compose docs/examples/kms-compose.yaml --out own";

/// `merotee dstack preflight`.
pub(in crate::cli) const DSTACK_PREFLIGHT: &str = "Examples:
  merotee dstack preflight --image dstack-0.5.7 --domain localhost
  merotee sandbox -- dstack preflight --image dstack-0.5.7";

/// `merotee dstack deploy`.
pub(in crate::cli) const DSTACK_DEPLOY: &str = "The VMM's socket is named as --vmm unix:/run/dstack/vmm.sock.

Example:
  merotee dstack deploy --compose app-compose.json --image dstack-0.5.7 --dry-run";

/// `merotee dstack bootstrap`.
pub(in crate::cli) const DSTACK_BOOTSTRAP: &str = "Examples:
  merotee dstack bootstrap --kms-url http://kms-host:9100 --domain kms.example.com \\
    --allow-list auth-config.json --out kms
  merotee sandbox -- dstack bootstrap --domain kms.example.com --out kms-keys";

/// `merotee dstack onboard`.
pub(in crate::cli) const DSTACK_ONBOARD: &str = "Examples:
  merotee dstack onboard --kms-url http://kms-host-2:9100 --domain kms-2.example.com \\
    --source-url https://kms.example.com:9100 \\
    --bootstrap-info kms/bootstrap-info.json --allow-list auth-config.json
  merotee sandbox -- dstack onboard --domain kms-2.example.com";

/// `merotee dstack logs`.
pub(in crate::cli) const DSTACK_LOGS: &str = "Examples:
  merotee dstack logs kms --lines 20
  merotee sandbox -- dstack logs kms";

/// `merotee dstack verify`.
pub(in crate::cli) const DSTACK_VERIFY: &str =
    "A pass says where the keys were made, and not that this is the machine you mean:
compare it with --allow-list, --attestation-info, --app-compose or
--mr-aggregated.

Examples:
  merotee dstack verify --bootstrap-info bootstrap-info.json
  merotee dstack verify --bootstrap-info bootstrap-info.json \\
    --meta meta.json --allow-list auth-config.json --app-compose app-compose.json";

/// `merotee dstack backup`.
pub(in crate::cli) const DSTACK_BACKUP: &str =
    "The copy holds public keys and an attestation. The private keys never leave the
machine: a KMS that is lost with no replica is lost with all its keys.

Example:
  merotee dstack backup --bootstrap-info bootstrap-info.json --dir backups";

/// `merotee dstack auth show`.
pub(in crate::cli) const DSTACK_AUTH_SHOW: &str = "Example:
  merotee dstack auth show docs/examples/auth-config.json";

/// `merotee dstack auth allow`.
pub(in crate::cli) const DSTACK_AUTH_ALLOW: &str =
    "The service reads the file anew for each request, so the change counts at once.

Example:
  merotee dstack auth allow docs/examples/auth-config.json --dry-run \\
    --mr-aggregated 9218777cbf9d7539e34576d42e6b6097ba324a8ad7794452614957e8bc170535";

/// `merotee dstack auth revoke`.
pub(in crate::cli) const DSTACK_AUTH_REVOKE: &str =
    "A KMS that runs goes on running: it is asked about when it boots, onboards, or
is asked for its keys. The last device of a list is not taken out, since an
empty list allows any.

Example:
  merotee dstack auth revoke docs/examples/auth-config.json --dry-run \\
    --os-image 0b327bcd642788b0517de3ff46d31ebd3847b6c64ea40bacde268bb9f1c8ec83";
