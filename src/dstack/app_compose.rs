//! `app-compose.json`: what a dstack machine is told to run. Its bytes are measured: one blank more is another
//! application. They are written here exactly as the VMM's own client writes them, so that the hash is the same whoever
//! wrote the file.

use serde::Serialize;
use serde_json::ser::PrettyFormatter;

use crate::digest::Sha256;

/// Version of the manifest that the VMM's client writes.
const MANIFEST_VERSION: u32 = 2;

/// What goes into the file. Fields stand in the order in which the client writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppCompose {
    manifest_version: u32,
    name: String,
    runner: &'static str,
    docker_compose_file: String,
    kms_enabled: bool,
    gateway_enabled: bool,
    local_key_provider_enabled: bool,
    key_provider_id: String,
    public_logs: bool,
    public_sysinfo: bool,
    allowed_envs: Vec<String>,
    no_instance_id: bool,
    secure_time: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pre_launch_script: Option<String>,
}

/// What may be chosen of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Whether the machine's disk key comes from the key provider of its host: a KMS has no KMS to ask.
    pub local_key_provider: bool,
    /// Whether anybody may read the logs.
    pub public_logs: bool,
    /// Whether anybody may read the state of the machine.
    pub public_sysinfo: bool,
    /// Whether the machine measures no id of its own. Its `mr_aggregated` is then the same at every deployment.
    pub no_instance_id: bool,
    /// A script that the machine runs before the containers.
    pub pre_launch_script: Option<String>,
}

/// The file, and what it is called by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Its bytes, without a line end behind them.
    pub bytes: Vec<u8>,
    /// The compose hash: SHA-256 of the bytes.
    pub hash: Sha256,
    /// The application's id: the first 20 bytes of the hash, in hex.
    pub app_id: String,
}

impl AppCompose {
    /// A file that runs `docker_compose_file` under `name`. The VMM's client reads the compose file as text: line ends of
    /// other systems (`\r\n`, `\r`) become `\n`.
    pub fn new(name: &str, docker_compose_file: &str, options: Options) -> Self {
        let Options { local_key_provider, public_logs, public_sysinfo, no_instance_id, pre_launch_script } = options;
        Self {
            manifest_version: MANIFEST_VERSION,
            name: name.to_owned(),
            runner: "docker-compose",
            docker_compose_file: universal_newlines(docker_compose_file),
            kms_enabled: false,
            gateway_enabled: false,
            local_key_provider_enabled: local_key_provider,
            key_provider_id: String::new(),
            public_logs,
            public_sysinfo,
            allowed_envs: Vec::new(),
            no_instance_id,
            // A machine told to wait for secure time hangs while it boots.
            secure_time: false,
            pre_launch_script: pre_launch_script.map(|script| universal_newlines(&script)),
        }
    }

    /// The file.
    ///
    /// # Errors
    /// Never, short of a defect: everything in it is text.
    pub fn render(&self) -> serde_json::Result<Rendered> {
        let mut bytes = Vec::new();
        // Python's `json.dumps(indent=4, ensure_ascii=False)`: the same blanks and the same escapes.
        let formatter = PrettyFormatter::with_indent(b"    ");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter))?;
        Ok(Rendered::of(bytes))
    }
}

impl Rendered {
    /// What bytes of such a file are called by.
    pub fn of(bytes: Vec<u8>) -> Self {
        let hash = Sha256::of(&bytes);
        let app_id = hex::encode(hash.as_bytes().split_at(20).0);
        Self { bytes, hash, app_id }
    }
}

/// As Python reads text.
fn universal_newlines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn rendered(compose: &str, options: Options) -> String {
        String::from_utf8(AppCompose::new("kms", compose, options).render().unwrap().bytes).unwrap()
    }

    #[test]
    fn the_file_is_what_python_writes() {
        let options = Options { local_key_provider: true, ..Options::default() };
        let text = rendered("a: \"é\\\"\u{1}\u{7f}/\t\n", options);
        // json.dumps({…}, indent=4, ensure_ascii=False) of Python 3.
        assert_eq!(
            text,
            "{\n    \"manifest_version\": 2,\n    \"name\": \"kms\",\n    \"runner\": \"docker-compose\",\n    \
             \"docker_compose_file\": \"a: \\\"é\\\\\\\"\\u0001\u{7f}/\\t\\n\",\n    \"kms_enabled\": false,\n    \
             \"gateway_enabled\": false,\n    \"local_key_provider_enabled\": true,\n    \"key_provider_id\": \"\",\n    \
             \"public_logs\": false,\n    \"public_sysinfo\": false,\n    \"allowed_envs\": [],\n    \
             \"no_instance_id\": false,\n    \"secure_time\": false\n}"
        );
    }

    #[test]
    fn line_ends_are_read_as_python_reads_them() {
        assert_eq!(rendered("a\r\nb\rc\n", Options::default()), rendered("a\nb\nc\n", Options::default()));
    }

    #[test]
    fn hash_and_id_are_of_the_bytes() {
        let rendered = Rendered::of(b"abc".to_vec());
        assert_eq!(rendered.hash.to_string(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(rendered.app_id, "ba7816bf8f01cfea414140de5dae2223b00361a3");
    }

    #[test]
    fn every_choice_changes_the_file() {
        let script = Some("true".to_owned());
        let choices = [
            Options::default(),
            Options { local_key_provider: true, ..Options::default() },
            Options { public_logs: true, ..Options::default() },
            Options { public_sysinfo: true, ..Options::default() },
            Options { no_instance_id: true, ..Options::default() },
            Options { pre_launch_script: script, ..Options::default() },
        ];
        let texts: std::collections::BTreeSet<_> =
            choices.into_iter().map(|options| rendered("services: {}\n", options)).collect();
        assert_eq!(texts.len(), 6);
    }
}
