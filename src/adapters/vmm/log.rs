//! What a VM wrote: its serial console, and what the program that runs it said.

use super::Vmm;
use crate::{
    adapters::http::{Request, excerpt},
    error::Result,
};

/// Which of a VM's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The guest's serial console.
    Serial,
    /// Standard output of the program that runs it.
    Stdout,
    /// Its standard error.
    Stderr,
}

impl Channel {
    /// As the VMM names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

impl Vmm {
    /// The last lines of a log, as hostile text; `None` where there is no such VM.
    ///
    /// # Errors
    /// Remote: every failure of the API.
    pub async fn log(&self, id: &str, channel: Channel, lines: u32) -> Result<Option<String>> {
        let mut url = self.http.base().clone();
        let path = format!("{}/logs", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let lines = lines.to_string();
        url.query_pairs_mut().extend_pairs([
            ("id", id),
            ("follow", "false"),
            ("ansi", "false"),
            ("lines", &lines),
            ("ch", channel.as_str()),
        ]);
        let request = Request { headers: self.headers(), ..Request::get(&url, "text/plain") };
        let fetched = self.http.ask(&request, &format!("the log of VM {}", excerpt(id))).await?;
        Ok(fetched.map(|fetched| self.without_secrets(&String::from_utf8_lossy(&fetched.body))))
    }

    /// The text without the lines that repeat what the VMM was sent as a secret.
    fn without_secrets(&self, text: &str) -> String {
        let shown = |line| if self.http.repeats_token(str::as_bytes(line)) { "(repeats the token)" } else { line };
        let lines: Vec<&str> = text.split('\n').map(shown).collect();
        lines.join("\n")
    }
}
