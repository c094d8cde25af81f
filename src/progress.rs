//! What a person who waits is shown, on standard error: a bar at a terminal, now and then a line in a log.
//!
//! Responsible for how much is said and when. Nothing is shown of what is over within half a second, and in a log at most a
//! line every few seconds, however many phases there are. What is shown is decided once a process, as with messages.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shown {
    /// Not at all.
    #[default]
    Nothing,
    /// As a bar, which is gone when the phase is.
    Bar,
    /// As messages.
    Lines,
}

/// A phase that is shorter gets no bar.
const PATIENCE: Duration = Duration::from_millis(500);
/// Between two drawings of a bar.
const FRAME: Duration = Duration::from_millis(100);
/// At least so long between two lines of a log, of whatever phases, and before the first of a phase.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// The same where others do the work.
const BETWEEN_WAITS: Duration = Duration::from_secs(60);

static SHOWN: AtomicU8 = AtomicU8::new(0);
/// How often [`without_bar`] was called.
static WRITTEN: AtomicU64 = AtomicU64::new(0);
/// When the last line was written.
static LAST_LINE: Mutex<Option<Instant>> = Mutex::new(None);
/// The bar that is drawn at the moment: messages must not be written into it.
static DRAWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Says how progress is shown from now on, in the whole process.
pub fn show(shown: Shown) {
    let number = match shown {
        Shown::Nothing => 0,
        Shown::Bar => 1,
        Shown::Lines => 2,
    };
    SHOWN.store(number, Ordering::Relaxed);
}

/// How often something was written that stays, so that who draws in the place of an earlier drawing knows whether that is still
/// the last thing on the screen.
pub fn written() -> u64 {
    WRITTEN.load(Ordering::SeqCst)
}

/// Runs `write` while no bar is drawn.
pub fn without_bar<T>(write: impl FnOnce() -> T) -> T {
    WRITTEN.fetch_add(1, Ordering::SeqCst);
    let bar = DRAWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// Work that takes a while. It is over when the value is dropped.
#[derive(Debug)]
pub struct Phase {
    work: Arc<Work>,
    watcher: Option<Watcher>,
}

/// What there is to do, and how much of it is done.
#[derive(Debug)]
struct Work {
    /// What is done, as a participle: `downloading mero-kms-v1.2.0`.
    what: String,
    /// In bytes; 0 where that is not known.
    bytes: u64,
    /// How many things, 0 where that is not known, and what they are called.
    items: u64,
    noun: &'static str,
    bytes_done: AtomicU64,
    items_done: AtomicU64,
}

/// The thread that draws a phase, until its sender is dropped.
#[derive(Debug)]
struct Watcher {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Phase {
    /// Work whose end cannot be foreseen.
    pub fn begin(what: impl Into<String>) -> Self {
        Self::of(what, 0, 0, "")
    }

    /// Work on so many things, called `noun` when it is one, of so many bytes together; 0 is not known.
    pub fn of(what: impl Into<String>, bytes: u64, items: usize, noun: &'static str) -> Self {
        Self::shown(what.into(), (bytes, u64::try_from(items).unwrap_or(u64::MAX), noun), BETWEEN_LINES)
    }

    fn shown(what: String, (bytes, items, noun): (u64, u64, &'static str), pause: Duration) -> Self {
        let (bytes_done, items_done) = (AtomicU64::new(0), AtomicU64::new(0));
        let work = Arc::new(Work { what, bytes, items, noun, bytes_done, items_done });
        let watcher = match SHOWN.load(Ordering::Relaxed) {
            1 => Watcher::start(&work, draw),
            2 => Watcher::start(&work, move |work, stopped| write_lines(work, stopped, pause, log)),
            _ => None,
        };
        Self { work, watcher }
    }

    /// The work of others, such as a machine that boots: how long it takes is said once a minute.
    pub fn waiting(what: impl Into<String>) -> Self {
        Self::shown(what.into(), (0, 0, ""), BETWEEN_WAITS)
    }

    /// Work that is not shown.
    pub fn hidden() -> Self {
        let (bytes_done, items_done) = (AtomicU64::new(0), AtomicU64::new(0));
        let work = Arc::new(Work { what: String::new(), bytes: 0, items: 0, noun: "", bytes_done, items_done });
        Self { work, watcher: None }
    }

    /// Of one thing, `now` bytes are done where `before` were: fewer, when it has to be done again.
    pub fn bytes(&self, before: u64, now: u64) {
        if now >= before {
            self.work.bytes_done.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.work.bytes_done.fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    /// One more thing is done.
    pub fn item(&self) {
        self.work.items_done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Phase {
    fn drop(&mut self) {
        if let Some(Watcher { stop, thread }) = self.watcher.take() {
            drop(stop);
            // A bar that is not gone would stand in the way of what is written next. It waits for nothing, so this is soon.
            let _: std::thread::Result<()> = thread.join();
        }
    }
}

impl Watcher {
    /// `None` where no thread can be had: then nothing is shown, and the work goes on.
    fn start(work: &Arc<Work>, show: impl FnOnce(&Work, &mpsc::Receiver<()>) + Send + 'static) -> Option<Self> {
        let (stop, stopped) = mpsc::channel();
        let work = Arc::clone(work);
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || show(&work, &stopped));
        Some(Self { stop, thread: thread.ok()? })
    }
}

/// Whether the phase goes on after a wait.
fn goes_on(stopped: &mpsc::Receiver<()>, wait: Duration) -> bool {
    matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout))
}

fn draw(work: &Work, stopped: &mpsc::Receiver<()>) {
    if !goes_on(stopped, PATIENCE) {
        return;
    }
    let bar = bar_of(work);
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(bar.clone());
    loop {
        let (bytes, items) = work.done();
        // The text first: setting the position draws.
        bar.set_prefix(work.items_text(items));
        bar.set_position(if work.bytes > 0 { bytes } else { items });
        bar.tick();
        if !goes_on(stopped, FRAME) {
            break;
        }
    }
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
    bar.finish_and_clear();
}

fn bar_of(work: &Work) -> ProgressBar {
    let template = match (work.bytes, work.items) {
        (0, 0) => "{spinner} {msg}",
        (0, _) => "{spinner} {msg} [{bar:20}] {prefix}, {eta} left",
        _ => "{spinner} {msg} [{bar:20}] {binary_bytes} of {binary_total_bytes}, {prefix}, {eta} left",
    };
    let length = if work.bytes > 0 { work.bytes } else { work.items };
    let bar = ProgressBar::with_draw_target((length > 0).then_some(length), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(work.what.clone());
    bar
}

/// Says now and then how far it is.
fn write_lines(work: &Work, stopped: &mpsc::Receiver<()>, pause: Duration, mut line: impl FnMut(String)) {
    let started = Instant::now();
    while goes_on(stopped, pause) {
        line(work.line(started.elapsed()));
    }
}

/// Writes a line, unless one was written a moment ago.
fn log(line: String) {
    let mut last = LAST_LINE.lock().unwrap_or_else(PoisonError::into_inner);
    let now = Instant::now();
    if last.is_none_or(|last| now.duration_since(last) >= BETWEEN_LINES) {
        *last = Some(now);
        tracing::info!("{line}");
    }
}

impl Work {
    fn done(&self) -> (u64, u64) {
        (self.bytes_done.load(Ordering::Relaxed), self.items_done.load(Ordering::Relaxed))
    }

    fn items_text(&self, done: u64) -> String {
        let plural = if self.items == 1 { "" } else { "s" };
        format!("{done} of {} {}{plural}", self.items, self.noun)
    }

    /// `downloading mero-kms-v1.2.0: 1.5 of 40.0 MiB, 3 of 16 assets, 12 s left`
    fn line(&self, elapsed: Duration) -> String {
        let (bytes, items) = self.done();
        let mut parts = Vec::new();
        if self.bytes > 0 {
            parts.push(format!("{} of {} MiB", mebibytes(bytes), mebibytes(self.bytes)));
        }
        if self.items > 0 {
            parts.push(self.items_text(items));
        }
        let (done, all) = if self.bytes > 0 { (bytes, self.bytes) } else { (items, self.items) };
        match left(elapsed, done, all) {
            Some(left) => parts.push(format!("{left} s left")),
            None => parts.push(format!("{} s so far", elapsed.as_secs())),
        }
        format!("{}: {}", self.what, parts.join(", "))
    }
}

/// With one decimal.
fn mebibytes(bytes: u64) -> String {
    let tenths = u128::from(bytes) * 10 / (1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Seconds until all is done at the speed so far; `None` where nothing is done yet, or more than there was to do.
fn left(elapsed: Duration, done: u64, all: u64) -> Option<u128> {
    let open = all.checked_sub(done)?;
    elapsed.as_millis().saturating_mul(u128::from(open)).checked_div(u128::from(done)).map(|left| left.div_ceil(1000))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn work(bytes: (u64, u64), items: (u64, u64)) -> Work {
        let (bytes_done, items_done) = (AtomicU64::new(bytes.0), AtomicU64::new(items.0));
        let what = "downloading v1".to_owned();
        Work { what, bytes: bytes.1, items: items.1, noun: "asset", bytes_done, items_done }
    }

    #[test]
    fn a_line_says_bytes_things_and_the_time_left_as_far_as_they_are_known() {
        let at = |work: Work| work.line(Duration::from_secs(6));
        let mib = 1 << 20;
        assert_eq!(
            at(work((mib + mib / 2, 40 * mib), (3, 16))),
            "downloading v1: 1.5 of 40.0 MiB, 3 of 16 assets, 154 s left"
        );
        assert_eq!(at(work((0, 0), (2, 4))), "downloading v1: 2 of 4 assets, 6 s left");
        assert_eq!(at(work((0, mib), (0, 4))), "downloading v1: 0.0 of 1.0 MiB, 0 of 4 assets, 6 s so far");
        assert_eq!(at(work((0, 0), (0, 0))), "downloading v1: 6 s so far");
        assert_eq!(
            at(work((2 * mib, mib), (1, 1))),
            "downloading v1: 2.0 of 1.0 MiB, 1 of 1 asset, 6 s so far",
            "more came than was stated"
        );
    }

    #[test]
    fn numbers_from_a_server_do_not_overflow() {
        let work = work((1, u64::MAX), (0, u64::MAX));
        assert!(work.line(Duration::MAX).ends_with(" s left"), "{}", work.line(Duration::MAX));
    }

    #[test]
    fn lines_come_while_a_phase_lasts_and_end_with_it() {
        let (stop, stopped) = mpsc::channel();
        let (sent, lines) = mpsc::channel();
        let write = move || {
            write_lines(&work((1, 2), (0, 0)), &stopped, Duration::from_millis(1), |line| drop(sent.send(line)));
        };
        let thread = std::thread::spawn(write);
        assert!(lines.recv().unwrap().starts_with("downloading v1: "));
        lines.recv().unwrap();
        drop(stop);
        thread.join().unwrap();
    }

    #[test]
    fn what_starts_anew_takes_its_bytes_back() {
        let phase = Phase::hidden();
        phase.bytes(0, 700);
        phase.bytes(700, 1000);
        phase.bytes(1000, 0);
        phase.bytes(0, 5);
        phase.item();
        assert_eq!(phase.work.done(), (5, 1));
    }
}
