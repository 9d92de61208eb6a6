//! An answer before it goes out: a value that a fault can still spoil.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// Status, headers and body of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the body.
    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// An answer of JSON.
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self::new(status).header("content-type", "application/json").body(value.to_string())
    }

    /// An error in the words of the specification.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::detailed(status, code, message, &Value::Null)
    }

    /// An error that says more.
    pub(crate) fn detailed(status: u16, code: &str, message: &str, detail: &Value) -> Self {
        Self::json(status, &json!({"errors": [{"code": code, "message": message, "detail": detail}]}))
    }

    /// What Docker's registry says to a path that it does not know.
    pub(crate) fn page_not_found() -> Self {
        Self::new(404).header("content-type", "text/plain; charset=utf-8").body("404 page not found\n")
    }

    /// Our own store failed.
    pub(crate) fn failed(error: &io::Error) -> Self {
        Self::error(500, "UNKNOWN", &error.to_string())
    }

    /// The answer as hyper sends it: to a HEAD without its body, and cut in the middle where that was asked for.
    pub(crate) fn into_response(self, head: bool, cut: bool) -> Response<ReplyBody> {
        let length = self.body.len();
        let data = match (head, cut) {
            (true, _) => Bytes::new(),
            (false, true) => self.body.slice(..length / 2),
            (false, false) => self.body,
        };
        let mut response = Response::new(ReplyBody { data: Some(data), cut: cut && !head });
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let length = ("content-length".to_owned(), length.to_string());
        let own_length = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        for (name, value) in self.headers.into_iter().chain((!own_length && self.status != 204).then_some(length)) {
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse::<http::HeaderValue>()) {
                response.headers_mut().append(name, value);
            }
        }
        response
            .headers_mut()
            .insert("docker-distribution-api-version", http::HeaderValue::from_static("registry/2.0"));
        response
    }
}

/// The bytes of an answer, with the connection lost behind them if they are cut.
pub(crate) struct ReplyBody {
    data: Option<Bytes>,
    cut: bool,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.data.take().filter(|data| !data.is_empty()) {
            Some(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
            None if self.cut => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        !self.cut && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.data, self.cut) {
            (Some(data), false) => SizeHint::with_exact(data.len() as u64),
            (None, false) => SizeHint::with_exact(0),
            (_, true) => SizeHint::default(),
        }
    }
}
