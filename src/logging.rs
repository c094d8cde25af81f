//! Messages on standard error: `[INFO]`, `[WARN]`, `[ERROR]` lines, and `[DEBUG]` ones when asked for.

use std::{
    fmt,
    sync::atomic::{AtomicU8, Ordering},
};

use tracing::{Event, Level, Subscriber, field::Visit};
use tracing_subscriber::{
    filter::LevelFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

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
}

/// Whether the messages of each level are wanted: a command inside the sandbox may turn it while the process runs.
static WANTED: AtomicU8 = AtomicU8::new(1);

impl Verbosity {
    fn admits(self, level: Level) -> bool {
        match self {
            Self::Quiet => level <= Level::WARN,
            Self::Normal => level <= Level::INFO,
            Self::Verbose => level <= Level::DEBUG,
        }
    }

    fn current() -> Self {
        match WANTED.load(Ordering::Relaxed) {
            0 => Self::Quiet,
            1 => Self::Normal,
            _ => Self::Verbose,
        }
    }
}

/// Says more or less from now on.
pub fn set(verbosity: Verbosity) {
    let number = match verbosity {
        Verbosity::Quiet => 0,
        Verbosity::Normal => 1,
        Verbosity::Verbose => 2,
    };
    WANTED.store(number, Ordering::Relaxed);
}

/// Starts writing messages. Only the first call of a process counts; the libraries underneath are heard only where
/// they warn.
pub fn start(verbosity: Verbosity) {
    set(verbosity);
    // An error here means that an embedder has its own subscriber: that one stays.
    let _ = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::DEBUG)
        .with_writer(std::io::stderr)
        .event_format(Lines)
        .try_init();
}

/// One line an event.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let ours = metadata.target().starts_with("merotee");
        let level = *metadata.level();
        if !Verbosity::current().admits(level) || (!ours && level > Level::WARN) {
            return Ok(());
        }
        let mut text = Text::default();
        event.record(&mut text);
        let tag = match level {
            Level::ERROR => "ERROR",
            Level::WARN => "WARN",
            Level::INFO => "INFO",
            Level::DEBUG | Level::TRACE => "DEBUG",
        };
        writeln!(writer, "[{tag}] {}", crate::report::escape::terminal(&text.0))
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
