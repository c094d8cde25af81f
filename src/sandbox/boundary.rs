//! The boundaries of the world's requests: a test may have one wait there for an answer that never comes, before it is carried
//! out or after, and end the client meanwhile. Which one it is, the test says when it sees it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::{Request, State},
    http::Method,
    middleware::{self, Next},
    response::Response,
};

/// A request of a client, before anything is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary {
    /// Who is asked: `github`, `storage`, `sigstore`, `pccs`, `phala`, `docker`.
    pub service: &'static str,
    /// The method.
    pub method: Method,
    /// Path and query as they came.
    pub path: String,
}

/// When a request is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// It is not carried out.
    Before,
    /// It is carried out, and not answered.
    After,
}

/// Says of each request whether it is held.
type Choice = dyn Fn(&Boundary) -> Option<Hold> + Send + Sync;

/// The boundaries of a world.
#[derive(Default)]
pub struct Boundaries {
    choice: Mutex<Option<Arc<Choice>>>,
    held: AtomicUsize,
}

impl Boundaries {
    /// Has `choice` say of each request from now on whether it is held.
    pub fn choose(&self, choice: impl Fn(&Boundary) -> Option<Hold> + Send + Sync + 'static) {
        *self.choice.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(choice));
    }

    /// Holds none from now on.
    pub fn release(&self) {
        *self.choice.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many requests were held so far.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::SeqCst)
    }

    /// Carries a request out, unless it is held first, and gives its answer, unless that is held. What is held never returns: it
    /// ends with the connection.
    pub(super) async fn pass<T>(&self, boundary: &Boundary, work: impl Future<Output = T>) -> T {
        let choice = self.choice.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match choice.and_then(|choice| choice(boundary)) {
            None => work.await,
            Some(Hold::Before) => self.hold().await,
            Some(Hold::After) => {
                work.await;
                self.hold().await
            }
        }
    }

    async fn hold<T>(&self) -> T {
        self.held.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    /// A service whose requests pass here.
    pub(super) fn around(self: &Arc<Self>, service: &'static str, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state((Arc::clone(self), service), watched))
    }
}

async fn watched(
    State((boundaries, service)): State<(Arc<Boundaries>, &'static str)>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    boundaries.pass(&Boundary { service, method, path }, next.run(request)).await
}
