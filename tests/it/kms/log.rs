//! What the service logs, heard at the finest level from every target.

use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing::{Dispatch, Level, dispatcher::DefaultGuard};

/// Everything that was said. Copies share it.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Hears this thread from now on, until the guard goes. A test's runtime has no other, unless it says so.
    pub(super) fn of_this_thread() -> (Self, DefaultGuard) {
        let log = Self::default();
        let guard = tracing::dispatcher::set_default(&log.dispatch());
        (log, guard)
    }

    pub(super) fn dispatch(&self) -> Dispatch {
        let log = self.clone();
        let lines = tracing_subscriber::fmt().with_max_level(Level::TRACE).with_ansi(false).without_time();
        Dispatch::new(lines.with_writer(move || log.clone()).finish())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Asserts that since the last time there was one line about a refusal, of this endpoint, status and code, and
    /// returns it.
    #[track_caller]
    pub(super) fn refusal(&self, endpoint: &str, status: u16, code: &str) -> String {
        let text = self.text();
        self.0.lock().unwrap().clear();
        let refused: Vec<_> = text.lines().filter(|line| line.contains(": refused ")).collect();
        let [line] = refused[..] else { panic!("not one refusal but {refused:#?}") };
        let level = if status < 500 { " WARN " } else { "ERROR " };
        assert!(line.starts_with(level), "{line}");
        let named = format!("endpoint={endpoint:?} status={status} code={code:?} ");
        assert!(line.contains(&named), "no {named} in {line}");
        line.to_owned()
    }

    /// Asserts that nothing was refused since the last time.
    #[track_caller]
    pub(super) fn nothing_refused(&self) {
        let text = self.text();
        self.0.lock().unwrap().clear();
        assert!(!text.contains(": refused "), "{text}");
    }
}
