//! `emulate` from npm: a stateful GitHub API by other people.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use reqwest::{Method, StatusCode, header::USER_AGENT};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{binary::skip, outside::program};

/// The repository it starts with, which has a branch `master`.
pub(crate) const REPOSITORY: &str = "calimero-network/mero-tee";
/// The token of the repository's owner, whose name is Ada.
pub(crate) const OWNER: &str = "owner";
/// The token of somebody who may only read.
pub(crate) const STRANGER: &str = "stranger";

/// A running one, up until dropped.
pub(crate) struct Emulate {
    child: Child,
    url: String,
    runtime: Runtime,
}

impl Emulate {
    /// `None` with a visible skip where it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let node = program("node", "MEROTEE_NODE")?;
        let Some(folder) = std::env::var_os("MEROTEE_EMULATE").filter(|folder| !folder.is_empty()) else {
            skip("no emulate: set MEROTEE_EMULATE to the folder where `npm install emulate@0.11.2` was run");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/emulate.mjs");
        let mut child = Command::new(node)
            .arg(script)
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "emulate does not start: {url:?}");
        Some(Self { child, url: url.trim_end().to_owned(), runtime: Runtime::new().unwrap() })
    }

    /// Base URL of its API.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What lies at a path below the repository.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask(Method::GET, path, None);
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    /// Changes something, as the owner.
    #[track_caller]
    pub(crate) fn write(&self, method: Method, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, Some(body));
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let url = format!("{}/repos/{REPOSITORY}/{path}", self.url);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.request(method, url).bearer_auth(OWNER).header(USER_AGENT, "merotee-tests");
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.runtime.block_on(async {
            let answer = request.send().await.unwrap();
            let (status, bytes) = (answer.status(), answer.bytes().await.unwrap());
            (status, serde_json::from_slice(&bytes).unwrap_or_default())
        })
    }
}

impl Drop for Emulate {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
