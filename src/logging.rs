//! Messages on standard error: `[INFO]`, `[WARN]`, `[ERROR]` lines for people, or one JSON object a line for programs.
//!
//! What is said is decided before a message is made up, so that one that is not wanted costs next to nothing. Of the
//! libraries underneath only warnings and errors are heard, however much is asked for: theirs are full of what they send.

mod json;

use std::{
    fmt, io,
    sync::atomic::{AtomicBool, AtomicU8, Ordering},
};

use tracing::{Event, Level, Metadata, Subscriber, field::Visit};
use tracing_subscriber::{
    filter::filter_fn,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use crate::progress;

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// Warnings and errors.
    Quiet,
    /// What a person waiting wants to know.
    #[default]
    Normal,
    /// Requests and retries too.
    Verbose,
    /// Every step of ours.
    Everything,
}

/// Form of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// `[INFO] message`
    #[default]
    Human,
    /// {"time","level","target","message", fields…}, one object a line
    Json,
}

impl LogFormat {
    /// Every form.
    pub const ALL: [Self; 2] = [Self::Human, Self::Json];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }

    /// The format of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    fn current() -> Self {
        match FORMAT.load(Ordering::Relaxed) {
            0 => Self::Human,
            _ => Self::Json,
        }
    }
}

/// Which messages are wanted, and how.
static WANTED: AtomicU8 = AtomicU8::new(1);
static FORMAT: AtomicU8 = AtomicU8::new(0);
/// Whether the messages of the key-management service are those of the command.
static OF_SERVICE: AtomicBool = AtomicBool::new(true);
/// What messages of that service have for a target.
const SERVICE: &str = "merotee::kms::";

impl Verbosity {
    fn admits(self, level: Level) -> bool {
        match self {
            Self::Quiet => level <= Level::WARN,
            Self::Normal => level <= Level::INFO,
            Self::Verbose => level <= Level::DEBUG,
            Self::Everything => true,
        }
    }

    fn current() -> Self {
        match WANTED.load(Ordering::Relaxed) {
            0 => Self::Quiet,
            1 => Self::Normal,
            2 => Self::Verbose,
            _ => Self::Everything,
        }
    }
}

/// Says more or less, and in which form, from now on.
fn set(verbosity: Verbosity, format: LogFormat) {
    let wanted = match verbosity {
        Verbosity::Quiet => 0,
        Verbosity::Normal => 1,
        Verbosity::Verbose => 2,
        Verbosity::Everything => 3,
    };
    let format = match format {
        LogFormat::Human => 0,
        LogFormat::Json => 1,
    };
    WANTED.store(wanted, Ordering::Relaxed);
    FORMAT.store(format, Ordering::Relaxed);
    // What is wanted of each place in the code is remembered there.
    tracing::callsite::rebuild_interest_cache();
}

/// Leaves out what the key-management service says unless more than usual is asked for: a sandbox runs that service inside
/// other commands, in place of a machine whose messages no one would see.
pub fn leave_out_service() {
    OF_SERVICE.store(false, Ordering::Relaxed);
}

/// Starts writing messages. Only the first call of a process counts.
pub fn start(verbosity: Verbosity, format: LogFormat) {
    set(verbosity, format);
    let lines = tracing_subscriber::fmt::layer().with_writer(|| Beside).event_format(Lines);
    // An error here means that an embedder has its own subscriber: that one stays.
    let _ = tracing_subscriber::registry().with(filter_fn(wanted)).with(lines).try_init();
}

/// Standard error, beside whatever bar is drawn there.
struct Beside;

impl io::Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::without_bar(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn wanted(metadata: &Metadata<'_>) -> bool {
    let (target, level) = (metadata.target(), *metadata.level());
    let ours = target == "merotee" || target.starts_with("merotee::");
    let verbosity = Verbosity::current();
    let meant = OF_SERVICE.load(Ordering::Relaxed) || verbosity.admits(Level::DEBUG) || !target.starts_with(SERVICE);
    verbosity.admits(level) && meant && (ours || level <= Level::WARN)
}

/// One line an event.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match LogFormat::current() {
            LogFormat::Human => {
                let mut text = Text::default();
                event.record(&mut text);
                let level = event.metadata().level();
                writeln!(writer, "[{level}] {}", crate::report::escape::terminal(&text.0))
            }
            LogFormat::Json => writeln!(writer, "{}", json::line(event, jiff::Timestamp::now())),
        }
    }
}

/// The message, then every other field as `name=value`.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        use fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
