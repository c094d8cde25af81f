//! What the process was given apart from arguments. Nothing else in the program reads the environment.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use secrecy::SecretString;

use crate::logging::LogFormat;

/// What the process was given apart from arguments, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Token for GitHub's API.
    pub token: Option<SecretString>,
    /// `$MEROTEE_TEAM_TOKEN`, for GitHub's API as far as it knows of teams.
    pub team_token: Option<SecretString>,
    /// As whom signatures can be made.
    pub signing: SigningEnvironment,
    /// Whose account in Google Cloud is used.
    pub google: GoogleEnvironment,
    /// Whose machines Phala Cloud runs.
    pub phala: PhalaEnvironment,
    /// As whom the VMM of a dstack host is asked.
    pub dstack: DstackEnvironment,
    /// `$ITA_API_KEY`: Intel Trust Authority's.
    pub ita_key: Option<SecretString>,
    /// Set when running as a step of a workflow.
    pub actions: Option<Actions>,
    /// Whether the report may hold colour.
    pub color: bool,
    /// Whether standard error is a terminal that can redraw a line: progress is a bar there, and lines elsewhere.
    pub stderr_terminal: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// The working folder, which paths in annotations are relative to; empty where it is not known.
    pub folder: PathBuf,
    /// Form of messages while nothing was parsed yet.
    pub log_format: LogFormat,
    /// Whether `$MEROTEE_SANDBOX_PACE` is set: what is waited for is that of a sandbox which is served.
    pub sandbox_pace: bool,
}

/// As whom signatures can be made.
#[derive(Debug, Clone, Default)]
pub struct SigningEnvironment {
    /// `$SIGSTORE_ID_TOKEN`.
    pub token: Option<SecretString>,
    /// `$ACTIONS_ID_TOKEN_REQUEST_URL` and `$ACTIONS_ID_TOKEN_REQUEST_TOKEN`, which a job with the permission
    /// `id-token: write` has.
    pub request: Option<(String, SecretString)>,
    /// `$COSIGN_PASSWORD`.
    pub password: Option<SecretString>,
    /// `$COSIGN_KEY`: a private key itself, PEM.
    pub key: Option<SecretString>,
}

/// Whose account in Google Cloud is used.
#[derive(Debug, Clone, Default)]
pub struct GoogleEnvironment {
    /// `$GOOGLE_OAUTH_ACCESS_TOKEN`.
    pub token: Option<SecretString>,
    /// `$GOOGLE_APPLICATION_CREDENTIALS`.
    pub credentials: Option<PathBuf>,
    /// Folder of gcloud: `$CLOUDSDK_CONFIG`, else `~/.config/gcloud`.
    pub gcloud: Option<PathBuf>,
    /// `$GCE_METADATA_HOST`.
    pub metadata_host: Option<String>,
}

/// Whose machines Phala Cloud runs.
#[derive(Debug, Clone, Default)]
pub struct PhalaEnvironment {
    /// `$PHALA_CLOUD_API_KEY`.
    pub key: Option<SecretString>,
    /// `$PHALA_CLOUD_API_PREFIX`, another name of the option's `$PHALA_API_BASE_URL`.
    pub url: Option<String>,
}

/// As whom the VMM of a dstack host is asked.
#[derive(Debug, Clone, Default)]
pub struct DstackEnvironment {
    /// `$DSTACK_VMM_TOKEN`.
    pub token: Option<SecretString>,
    /// `$DSTACK_VMM_AUTH_USER`.
    pub user: Option<String>,
    /// `$DSTACK_VMM_AUTH_PASSWORD`.
    pub password: Option<SecretString>,
    /// `$MEROTEE_DSTACK_ALLOW_LIST`.
    pub allow_list: Option<PathBuf>,
}

/// What a workflow step reports through, and the run it is part of.
#[derive(Debug, Clone, Default)]
pub struct Actions {
    /// `$GITHUB_STEP_SUMMARY`.
    pub summary: Option<PathBuf>,
    /// `$GITHUB_OUTPUT`.
    pub output: Option<PathBuf>,
    /// Page of the run, from `$GITHUB_SERVER_URL`, `$GITHUB_REPOSITORY` and `$GITHUB_RUN_ID`.
    pub run: Option<String>,
}

impl Environment {
    /// Reads the process environment. Empty variables count as unset.
    pub fn from_process() -> Self {
        use std::io::IsTerminal as _;
        let var = |name: &str| variable(OsStr::new(name));
        let text = |name: &str| var(name).and_then(|v| v.into_string().ok());
        let secret = |name: &str| text(name).map(SecretString::from);
        let path = |name: &str| var(name).map(PathBuf::from);
        let stdout_terminal = std::io::stdout().is_terminal();
        let color = match (var("NO_COLOR"), var("CLICOLOR_FORCE")) {
            (Some(_), _) => false,
            (None, Some(force)) => force != "0" || stdout_terminal,
            (None, None) => stdout_terminal,
        };
        let columns = text("COLUMNS").and_then(|c| c.parse().ok()).filter(|c| *c >= 20);
        Self {
            token: text("GH_TOKEN").or_else(|| text("GITHUB_TOKEN")).map(SecretString::from),
            team_token: secret("MEROTEE_TEAM_TOKEN"),
            signing: SigningEnvironment {
                token: secret("SIGSTORE_ID_TOKEN"),
                request: text("ACTIONS_ID_TOKEN_REQUEST_URL").zip(secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN")),
                password: secret("COSIGN_PASSWORD"),
                key: secret("COSIGN_KEY"),
            },
            google: GoogleEnvironment {
                token: secret("GOOGLE_OAUTH_ACCESS_TOKEN"),
                credentials: path("GOOGLE_APPLICATION_CREDENTIALS"),
                gcloud: path("CLOUDSDK_CONFIG").or_else(|| path("HOME").map(|home| home.join(".config/gcloud"))),
                metadata_host: text("GCE_METADATA_HOST"),
            },
            phala: PhalaEnvironment { key: secret("PHALA_CLOUD_API_KEY"), url: text("PHALA_CLOUD_API_PREFIX") },
            dstack: DstackEnvironment {
                token: secret("DSTACK_VMM_TOKEN"),
                user: text("DSTACK_VMM_AUTH_USER"),
                password: secret("DSTACK_VMM_AUTH_PASSWORD"),
                allow_list: path("MEROTEE_DSTACK_ALLOW_LIST"),
            },
            ita_key: secret("ITA_API_KEY"),
            actions: (text("GITHUB_ACTIONS").as_deref() == Some("true")).then(|| Actions {
                summary: path("GITHUB_STEP_SUMMARY"),
                output: path("GITHUB_OUTPUT"),
                run: run_page([text("GITHUB_SERVER_URL"), text("GITHUB_REPOSITORY"), text("GITHUB_RUN_ID")]),
            }),
            color,
            // A dumb terminal cannot take back a line.
            stderr_terminal: std::io::stderr().is_terminal() && text("TERM").as_deref() != Some("dumb"),
            folder: std::env::current_dir().unwrap_or_default(),
            log_format: text("MEROTEE_LOG_FORMAT").and_then(|f| LogFormat::named(&f)).unwrap_or_default(),
            sandbox_pace: var("MEROTEE_SANDBOX_PACE").is_some(),
            width: columns.unwrap_or_else(|| if stdout_terminal { terminal_width() } else { UNLIMITED }),
        }
    }
}

/// The page of a workflow's run; `None` where any part is unknown, or could be no part of an address.
fn run_page(parts: [Option<String>; 3]) -> Option<String> {
    let [server, repository, run] = parts;
    let (server, repository, run) = (server?, repository?, run?);
    let safe = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:".contains(&b));
    let page = format!("{}/{repository}/actions/runs/{run}", server.trim_end_matches('/'));
    (page.len() <= 256 && safe(&page)).then_some(page)
}

/// Every variable of the process, for a command whose subject is the environment. Values may be secrets: they are not for
/// printing.
pub fn variables() -> Vec<(String, String)> {
    let text = |value: OsString| value.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}

/// Width used where columns do not matter: a file or a pipe.
const UNLIMITED: usize = 10_000;

fn terminal_width() -> usize {
    console::Term::stdout().size_checked().map_or(80, |(_, columns)| usize::from(columns))
}

/// A variable whose name a configuration gives; an empty one, and one that is not text, count as unset.
pub fn named_variable(name: &str) -> Option<String> {
    variable(OsStr::new(name)).and_then(|value| value.into_string().ok())
}

/// A variable of the environment; an empty one counts as unset.
pub(super) fn variable(name: &OsStr) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
