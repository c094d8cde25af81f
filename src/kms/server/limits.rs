//! How many connections there may be: what this process may have open decides, and memory.

/// Connections open at the same time, most of which do nothing. Each takes a file descriptor and some hundred bytes.
const MOST: usize = 8192;
/// Connections that are served at the same time. Each may hold a request, 80 KiB at most.
const MOST_SERVED: usize = 1024;

/// How many connections there may be at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open at all. When there are as many, those make room that send nothing, then others with no request waiting.
    pub places: usize,
    /// Of which something was heard, and which are served.
    pub served: usize,
}

impl Limits {
    /// 8,192 connections, of which 1,024 are served; fewer where this process may not have so many files open. A quarter of
    /// those is for everything else: guest agent, Redis, collateral, metrics.
    pub fn of_this_process() -> Self {
        Self::with_files(open_files())
    }

    fn with_files(files: usize) -> Self {
        let places = MOST.min(files / 4 * 3).max(4);
        Self { places, served: MOST_SERVED.min(places / 2) }
    }

    /// Connections of one address; of one /64 where addresses are so long. The rest is for others.
    pub fn share(self) -> usize {
        self.places / 4 * 3
    }

    /// Connections of one address that are served.
    pub fn share_served(self) -> usize {
        (self.served / 2).max(1)
    }
}

/// Raises what this process may have open at the same time to what the system lets it have, as far as a service has use
/// for it. For a program that serves and nothing else; a library would not ask its host.
pub fn raise_file_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let wanted = (MOST / 3 * 4 + 4) as u64;
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let wanted = maximum.map_or(wanted, |maximum| maximum.min(wanted));
        if current.is_some_and(|current| current < wanted)
            && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        {
            tracing::debug!("cannot have more files open: {error}");
        }
    }
}

/// How many files this process may have open.
fn open_files() -> usize {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        limit.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
    }
    #[cfg(not(unix))]
    usize::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_a_quarter_of_the_open_files_to_everything_else() {
        for (files, places, served, share, share_served) in [
            (0, 4, 2, 3, 1),
            (64, 48, 24, 36, 12),
            (256, 192, 96, 144, 48),
            (1024, 768, 384, 576, 192),
            (4096, 3072, 1024, 2304, 512),
            (20_000, 8192, 1024, 6144, 512),
            (usize::MAX, 8192, 1024, 6144, 512),
        ] {
            let limits = Limits::with_files(files);
            assert_eq!(limits, Limits { places, served }, "{files}");
            assert_eq!((limits.share(), limits.share_served()), (share, share_served), "{files}");
        }
    }
}
