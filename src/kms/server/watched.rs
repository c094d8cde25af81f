//! A connection that tells the crowd what it does: from the bytes that pass, and from where its request is.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{Router, body::Body, response::Response};
use hyper::{
    Request,
    body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint},
    service::Service,
};
use hyper_util::service::TowerToHyperService;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::crowd::{Doing, Member};

/// A stream on which bytes that arrive end a pause, and bytes that are gone end an answer.
pub(super) struct WatchedStream {
    stream: TcpStream,
    member: Arc<Member>,
}

impl WatchedStream {
    pub(super) fn new(stream: TcpStream, member: Arc<Member>) -> Self {
        Self { stream, member }
    }
}

impl AsyncRead for WatchedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before && self.member.is(Doing::Idle) {
            self.member.does(Doing::Receiving);
        }
        read
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The server flushes when it has written all it has: an answer that was under way is out.
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() && self.member.is(Doing::Sending) {
            self.member.does(Doing::Idle);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The endpoints, told of as they are asked: a request is being answered once its body is there, and its answer on its way
/// once they have made it.
pub(super) struct WatchedService {
    router: TowerToHyperService<Router>,
    member: Arc<Member>,
}

impl WatchedService {
    pub(super) fn new(router: Router, member: Arc<Member>) -> Self {
        Self { router: TowerToHyperService::new(router), member }
    }
}

impl Service<Request<Incoming>> for WatchedService {
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Self::Error>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let member = Arc::clone(&self.member);
        member.does(if request.body().is_end_stream() { Doing::Answering } else { Doing::Receiving });
        let answer = self.router.call(request.map(|body| {
            let member = Arc::clone(&self.member);
            Body::new(WatchedBody { body, member })
        }));
        Box::pin(async move {
            let answer = answer.await;
            member.does(Doing::Sending);
            answer
        })
    }
}

/// A body of which it is told when it is there.
struct WatchedBody {
    body: Incoming,
    member: Arc<Member>,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() && self.body.is_end_stream() {
            self.member.does(Doing::Answering);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
