//! `Externals` over HTTP: what a package's newest version is, and what a page of the web gives.
//!
//! The Python index is asked by the JSON interface of PyPI, the npm registry for the tag `latest` of a package. A page is
//! known by its `ETag`, else by its `Last-Modified`, else by the hash of its content. A 404 says that there is no such
//! thing; anything else that is no answer is an error, and never taken for "unchanged".

use async_trait::async_trait;
use longshore_core::config::{External, ExternalsConfig};
use longshore_core::image::Digest;
use longshore_run::ports::{ExternalError, Externals, RegistryError};
use reqwest::Url;

use crate::registry::{ClientError, ClientOptions, Page, Web};

/// The most that is read of an index's answer, and of a page that nothing else tells of.
const LIMIT: usize = 64 * 1024 * 1024;
/// The longest value that is taken: versions and entity tags are far shorter.
const LONGEST_VALUE: usize = 256;

/// Asks indexes and servers.
pub struct Indexes {
    web: Web,
    config: ExternalsConfig,
}

impl Indexes {
    /// Asks the indexes of this config; sends nothing yet. An index that is named without TLS may also redirect so.
    pub fn new(config: ExternalsConfig, mut options: ClientOptions) -> Result<Self, ClientError> {
        for address in [&config.pypi, &config.npm] {
            if let Some(host) = address.strip_prefix("http://").and_then(|rest| rest.split('/').next()) {
                options.plain_http.insert(host.to_owned());
            }
        }
        Ok(Self { web: Web::new(options)?, config })
    }

    /// The text at a path of an index's JSON.
    async fn field(&self, address: &str, pointer: &str) -> Result<Option<String>, ExternalError> {
        let url = url(address)?;
        let page = self.web.get(&url, "application/json", LIMIT).await.map_err(failed)?;
        let error = |message: String| ExternalError { request: request("GET", &url), message };
        match page.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(error(page.text)),
        }
        let json: serde_json::Value =
            serde_json::from_slice(&page.body).map_err(|cause| error(format!("its answer is no JSON: {cause}")))?;
        let value = json.pointer(pointer).and_then(serde_json::Value::as_str);
        let value = value.ok_or_else(|| error(format!("its answer has no `{}`", pointer.trim_start_matches('/'))))?;
        checked(value).map(Some).ok_or_else(|| error("its answer is no version".to_owned()))
    }

    async fn page(&self, address: &str) -> Result<Option<String>, ExternalError> {
        let url = url(address)?;
        let page = self.web.head(&url).await.map_err(failed)?;
        if page.status == 200
            && let Some(mark) = mark(&page)
        {
            return Ok(Some(mark));
        }
        // Not every server takes `HEAD`, and some tell nothing by it.
        let page = self.web.get(&url, "*/*", LIMIT).await.map_err(failed)?;
        match page.status {
            200 => Ok(Some(Digest::of(&page.body).to_string())),
            404 | 410 => Ok(None),
            _ => Err(ExternalError { request: request("GET", &url), message: page.text }),
        }
    }
}

#[async_trait]
impl Externals for Indexes {
    async fn resolve(&self, external: &External) -> Result<Option<String>, ExternalError> {
        match external {
            External::Pypi(name) => {
                self.field(&format!("{}/pypi/{name}/json", self.config.pypi), "/info/version").await
            }
            External::Npm(name) => {
                // The slash of a scope is a part of the name.
                let name = name.replace('/', "%2F");
                self.field(&format!("{}/{name}/latest", self.config.npm), "/version").await
            }
            External::Url(address) => self.page(address).await,
        }
    }
}

/// What a server says that its page is known by.
fn mark(page: &Page) -> Option<String> {
    let modified = || page.modified.as_deref().and_then(checked);
    page.etag.as_deref().and_then(checked).or_else(modified)
}

/// A value that can stand in a key and on a screen.
fn checked(value: &str) -> Option<String> {
    let value = value.trim();
    let legal = !value.is_empty() && value.len() <= LONGEST_VALUE && !value.contains(char::is_control);
    legal.then(|| value.to_owned())
}

fn url(address: &str) -> Result<Url, ExternalError> {
    Url::parse(address).map_err(|cause| ExternalError { request: format!("GET {address}"), message: cause.to_string() })
}

fn request(method: &str, url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{method} {host}{port}{}", url.path())
}

fn failed(error: RegistryError) -> ExternalError {
    match error {
        RegistryError::Denied { request, message }
        | RegistryError::Unreachable { request, message }
        | RegistryError::Refused { request, message } => ExternalError { request, message },
        error => ExternalError { request: "GET".to_owned(), message: error.to_string() },
    }
}
