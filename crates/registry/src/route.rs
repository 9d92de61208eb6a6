//! What a path of the distribution API asks for.

use longshore_core::image::Repository;

/// The resource that a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Route {
    /// `/v2/`
    Ping,
    /// `/token`
    Token,
    /// `/v2/NAME/tags/list`
    Tags { name: String },
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest { name: String, reference: String },
    /// `/v2/NAME/blobs/DIGEST`
    Blob { name: String, digest: String },
    /// `/v2/NAME/blobs/uploads/`
    Uploads { name: String },
    /// `/v2/NAME/blobs/uploads/ID`
    Upload { name: String, id: String },
    /// Anything else, illegal names among it.
    Unknown,
}

impl Route {
    /// Reads a path, without its query.
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/v2" | "/v2/" => Self::Ping,
            "/token" => Self::Token,
            _ => path.strip_prefix("/v2/").and_then(Self::in_repository).unwrap_or(Self::Unknown),
        }
    }

    fn in_repository(rest: &str) -> Option<Self> {
        let legal =
            |name: &str| format!("registry.invalid/{name}").parse::<Repository>().is_ok().then(|| name.to_owned());
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Some(Self::Tags { name: legal(name)? });
        }
        if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
            return Some(Self::Uploads { name: legal(name)? });
        }
        let (rest, last) = rest.rsplit_once('/').filter(|(_, last)| !last.is_empty())?;
        let last = last.to_owned();
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            return Some(Self::Upload { name: legal(name)?, id: last });
        }
        if let Some(name) = rest.strip_suffix("/manifests") {
            return Some(Self::Manifest { name: legal(name)?, reference: last });
        }
        Some(Self::Blob { name: legal(rest.strip_suffix("/blobs")?)?, digest: last })
    }

    /// The repository, where the resource is in one.
    pub(crate) fn repository(&self) -> Option<&str> {
        match self {
            Self::Tags { name }
            | Self::Manifest { name, .. }
            | Self::Blob { name, .. }
            | Self::Uploads { name }
            | Self::Upload { name, .. } => Some(name),
            Self::Ping | Self::Token | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let name = || "a/manifests/b".to_owned();
        let table = [
            ("/v2/", Route::Ping),
            ("/v2/a/manifests/b/tags/list", Route::Tags { name: name() }),
            ("/v2/a/manifests/b/manifests/v1", Route::Manifest { name: name(), reference: "v1".to_owned() }),
            ("/v2/a/manifests/b/blobs/x", Route::Blob { name: name(), digest: "x".to_owned() }),
            ("/v2/a/manifests/b/blobs/uploads/", Route::Uploads { name: name() }),
            ("/v2/a/manifests/b/blobs/uploads/7", Route::Upload { name: name(), id: "7".to_owned() }),
            ("/v2/A/manifests/v1", Route::Unknown),
            ("/v2/a/manifests/", Route::Unknown),
            ("/v1/search", Route::Unknown),
        ];
        for (path, route) in table {
            assert_eq!(Route::of(path), route, "{path}");
        }
    }
}
