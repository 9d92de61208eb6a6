//! Questions to servers of the web that are no registries, by the same wire: redirects, patience and all.

use http::header::{ACCEPT, HeaderValue};
use longshore_run::ports::RegistryError;
use reqwest::{Method, Url};

use super::wire::{Request, Wire};
use super::{ClientError, ClientOptions};

/// Asks servers of the web; nobody is logged in anywhere.
pub(crate) struct Web {
    wire: Wire,
}

/// What a server gave.
pub(crate) struct Page {
    /// The status of the answer.
    pub(crate) status: u16,
    /// Its `ETag`.
    pub(crate) etag: Option<String>,
    /// Its `Last-Modified`.
    pub(crate) modified: Option<String>,
    /// The content; empty for `HEAD`.
    pub(crate) body: Vec<u8>,
    /// What people are told of the answer: `404 Not Found`.
    pub(crate) text: String,
}

impl Web {
    /// Sends nothing yet.
    pub(crate) fn new(options: ClientOptions) -> Result<Self, ClientError> {
        Ok(Self { wire: Wire::new(options)? })
    }

    /// What is at an address, up to so many bytes.
    pub(crate) async fn get(&self, url: &Url, accept: &'static str, limit: usize) -> Result<Page, RegistryError> {
        self.ask(Method::GET, url, accept, limit).await
    }

    /// What is told of an address, without its content.
    pub(crate) async fn head(&self, url: &Url) -> Result<Page, RegistryError> {
        self.ask(Method::HEAD, url, "*/*", 0).await
    }

    async fn ask(&self, method: Method, url: &Url, accept: &'static str, limit: usize) -> Result<Page, RegistryError> {
        let mut request = Request::new(method, url.clone());
        request.limit = limit;
        request.headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let answer = self.wire.send(&request, None).await?;
        let text = answer.text();
        let header = |name: &str| answer.header(name).map(str::to_owned);
        let (etag, modified) = (header("etag"), header("last-modified"));
        Ok(Page { status: answer.status, etag, modified, body: answer.body, text })
    }
}
