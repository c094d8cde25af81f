//! The dstack guest agent, asked over its unix socket: HTTP/1.1, POST, JSON, bytes in hex.
//!
//! The agent is the only part of a confidential VM that makes quotes of it and knows its application's keys. What comes
//! back is brought into one shape whatever the agent's version, and bounded; it is not judged: whether a quote is
//! genuine and a log explains it is for [`crate::attestation`] to say. Nothing is asked twice: a failed call fails.
//!
//! Source of the format: dstack's `agent_rpc.proto`, service `DstackGuest`.

mod answer;
#[cfg(unix)]
mod connection;

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use self::answer::{Answer, Malformed};
#[cfg(unix)]
use self::connection::{Broken, Connections};
use super::http::{excerpt, readable};
use crate::{
    error::{Error, Result},
    schema::parse_json_within,
};

/// Longest a call may take as a whole, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer read, in bytes. A quote with its log has some 60,000.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// A guest agent. Connections are kept between calls, so share one of these.
#[derive(Debug)]
pub struct GuestAgent {
    socket: PathBuf,
    timeout: Duration,
    #[cfg(unix)]
    connections: Connections,
}

/// A quote of the machine, with what explains it.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentQuote {
    /// The TDX quote, never empty.
    pub quote: Vec<u8>,
    /// The entries of the event log: a list. Empty where the agent gives no log.
    pub event_log: Value,
    /// The machine's configuration, JSON in a string. Empty where the agent's version does not tell it.
    pub vm_config: String,
}

/// What the agent says of the application. Nothing of it is proven; what older versions do not tell is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentInfo {
    /// Identifier of the application, hex.
    pub app_id: String,
    /// Identifier of this instance, hex; empty with `no_instance_id`.
    pub instance_id: String,
    /// Name of the application.
    pub app_name: String,
    /// Identifier of the machine, hex.
    pub device_id: String,
    /// SHA-256 of the `app-compose.json` bytes, hex.
    pub compose_hash: String,
    /// Registers, event log and `app_compose`: an object, or null.
    pub tcb_info: Value,
}

/// A method of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    GetKey,
    GetQuote,
    Info,
    EmitEvent,
}

impl Call {
    fn name(self) -> &'static str {
        match self {
            Self::GetKey => "GetKey",
            Self::GetQuote => "GetQuote",
            Self::Info => "Info",
            Self::EmitEvent => "EmitEvent",
        }
    }

    /// Whether words of an answer may hold a key, and so must not be repeated.
    fn is_secret(self) -> bool {
        match self {
            Self::GetKey => true,
            Self::GetQuote | Self::Info | Self::EmitEvent => false,
        }
    }
}

impl GuestAgent {
    /// The agent that listens on `socket`. Nothing is opened before the first call.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
            timeout: TIMEOUT,
            #[cfg(unix)]
            connections: Connections::default(),
        }
    }

    /// With another limit on a whole call than 10 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The application's key at `path`: 16 to 64 bytes as lowercase hex.
    ///
    /// dstack derives it from the application and `path` alone; `purpose` goes only into a chain of signatures, which
    /// is not looked at here. Keys that must differ need paths that differ.
    ///
    /// # Errors
    /// Remote: the agent cannot be asked, refuses, or answers with no such key. The key is never part of it.
    pub async fn get_key(&self, path: &str, purpose: &str) -> Result<SecretString> {
        let answer = self.ask(Call::GetKey, &json!({"path": path, "purpose": purpose})).await?;
        answer.key("key").map_err(|e| self.malformed(Call::GetKey, e))
    }

    /// A quote over `report_data`.
    ///
    /// # Errors
    /// Remote: the agent cannot be asked, refuses, gives no quote, or says itself that it is over other data.
    pub async fn get_quote(&self, report_data: &[u8; 64]) -> Result<AgentQuote> {
        let answer = self.ask(Call::GetQuote, &json!({"report_data": hex::encode(report_data)})).await?;
        let read = || {
            let quote = answer.bytes("quote")?.filter(|quote| !quote.is_empty());
            let quote = quote.ok_or_else(|| Malformed::new("quote", "empty"))?.to_vec();
            let stated = answer.bytes("report_data")?.filter(|data| !data.is_empty());
            if stated.is_some_and(|stated| *stated != report_data) {
                return Err(Malformed::new("report_data", "not what was asked for"));
            }
            Ok(AgentQuote { quote, event_log: answer.list("event_log")?, vm_config: answer.document("vm_config")? })
        };
        read().map_err(|e| self.malformed(Call::GetQuote, e))
    }

    /// What the agent says of application and machine.
    ///
    /// # Errors
    /// Remote: the agent cannot be asked, refuses, or answers with something else.
    pub async fn info(&self) -> Result<AgentInfo> {
        let answer = self.ask(Call::Info, &json!({})).await?;
        let read = || {
            let tcb_info = answer.object("tcb_info")?;
            // Some versions tell these among the TCB's facts alone.
            let nested = |field| match answer.hex(field)? {
                text if text.is_empty() => Answer::of(tcb_info.clone()).hex(field),
                text => Ok(text),
            };
            Ok(AgentInfo {
                app_id: answer.hex("app_id")?,
                instance_id: answer.hex("instance_id")?,
                app_name: answer.text("app_name")?.to_owned(),
                device_id: nested("device_id")?,
                compose_hash: nested("compose_hash")?,
                tcb_info,
            })
        };
        read().map_err(|e| self.malformed(Call::Info, e))
    }

    /// Extends RTMR3 with an event. From version 0.6 on dstack leaves RTMR3 to the system, and refuses.
    ///
    /// # Errors
    /// Remote: the agent cannot be asked, or refuses.
    pub async fn emit_event(&self, name: &str, payload: &[u8]) -> Result<()> {
        // The answer is empty, and how an empty one is written differs by version.
        self.post(Call::EmitEvent, &json!({"event": name, "payload": hex::encode(payload)})).await.map(drop)
    }

    async fn ask(&self, call: Call, request: &Value) -> Result<Answer> {
        let body = self.post(call, request).await?;
        let document = parse_json_within(&body, MAX_ANSWER_BYTES).map_err(|e| {
            let error = self.error(call, "the answer is not JSON");
            if call.is_secret() { error } else { error.because(e) }
        })?;
        if !document.is_object() {
            return Err(self.error(call, "the answer is not a JSON object"));
        }
        Ok(Answer::of(document))
    }

    /// The body of a successful answer, within the time of a whole call.
    async fn post(&self, call: Call, request: &Value) -> Result<Zeroizing<Vec<u8>>> {
        tokio::time::timeout(self.timeout, self.exchange(call, request)).await.map_err(|elapsed| {
            self.error(call, &format!("no answer within {}", readable(self.timeout))).because(elapsed)
        })?
    }

    #[cfg(unix)]
    async fn exchange(&self, call: Call, request: &Value) -> Result<Zeroizing<Vec<u8>>> {
        tracing::debug!("guest agent at {}: {}", self.socket.display(), call.name());
        let body = request.to_string().into();
        let asked = connection::Call { method: call.name(), body, most: MAX_ANSWER_BYTES };
        let answered = self.connections.post(&self.socket, &asked).await;
        let (status, body) = answered.map_err(|broken| self.broken(call, broken))?;
        if status.is_success() {
            return Ok(body);
        }
        let said = if call.is_secret() { None } else { said(&body) };
        let said = said.map(|words| format!(": {}", excerpt(&words))).unwrap_or_default();
        Err(self.error(call, &format!("answered {}{said}", status.as_u16())))
    }

    #[cfg(not(unix))]
    async fn exchange(&self, call: Call, _: &Value) -> Result<Zeroizing<Vec<u8>>> {
        Err(self.error(call, "this system has no unix sockets"))
    }

    #[cfg(unix)]
    fn broken(&self, call: Call, broken: Broken) -> Error {
        match broken {
            Broken::Unreachable(error) => self
                .error(call, "cannot connect")
                .because(error)
                .help("is this a dstack VM, and is its socket mounted into the container?"),
            Broken::Exchange(error) => self.error(call, "the answer was cut off").because(error),
            Broken::TooLarge => self.error(call, &format!("sent more than the {MAX_ANSWER_BYTES} bytes allowed")),
        }
    }

    fn malformed(&self, call: Call, malformed: Malformed) -> Error {
        self.error(call, "the answer cannot be used").because(malformed)
    }

    fn error(&self, call: Call, what: &str) -> Error {
        Error::remote(format!("guest agent at {}, {}: {what}", self.socket.display(), call.name()))
    }
}

/// The agent's own words about a failure, as remote text.
fn said(body: &[u8]) -> Option<String> {
    parse_json_within(body, MAX_ANSWER_BYTES).ok()?.get("error")?.as_str().map(str::to_owned)
}
