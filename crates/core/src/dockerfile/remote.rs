//! Which sources of `ADD` are fetched from elsewhere: web pages and git repositories.

/// A source that is not in the build context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remote {
    /// A file from the web.
    Page,
    /// A git repository, and whether the reference itself names the commit it must be.
    Git {
        /// `?checksum=…` or `?commit=…`.
        checksum: bool,
    },
}

/// Whether `source` is fetched, and how.
///
/// `github.com/a/b` without a scheme is a path here: BuildKit takes it for a repository only as a build context.
pub(crate) fn classify(source: &str) -> Option<Remote> {
    let scheme = source
        .split_once("://")
        .filter(|(scheme, _)| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let Some((scheme, rest)) = scheme else {
        return scp_style(source).then(|| Remote::Git { checksum: has_checksum(source) });
    };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let git = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => path.contains('/') && path.ends_with(".git"),
        "ssh" | "git" => true,
        _ => false,
    };
    if git {
        return Some(Remote::Git { checksum: has_checksum(rest) });
    }
    // The schemes of pages are only known in lower case.
    matches!(scheme, "http" | "https").then_some(Remote::Page)
}

/// `git@example.com:team/repository.git`.
fn scp_style(source: &str) -> bool {
    let user = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let host = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
    };
    source
        .split_once('@')
        .filter(|(name, _)| user(name))
        .and_then(|(_, rest)| rest.split_once(':'))
        .is_some_and(|(name, _)| host(name))
}

/// Is this source of `ADD` a git repository? Other sources that are fetched are pages.
pub fn is_git_repository(source: &str) -> bool {
    matches!(classify(source), Some(Remote::Git { .. }))
}

fn has_checksum(source: &str) -> bool {
    let query = source.split('#').next().and_then(|text| text.split_once('?')).map_or("", |(_, query)| query);
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .any(|(key, value)| matches!(key, "checksum" | "commit") && !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        let git = Some(Remote::Git { checksum: false });
        for (source, expected) in [
            ("https://example.com/a.tar.gz", Some(Remote::Page)),
            ("http://example.com", Some(Remote::Page)),
            ("https://example.com/a.git/x", Some(Remote::Page)),
            ("https://example.com/a.git", git),
            ("https://example.com/a.git#v1:sub", git),
            ("https://example.com/a.git?checksum=abc#v1", Some(Remote::Git { checksum: true })),
            ("git://example.com/a", git),
            ("ssh://git@example.com/a", git),
            ("git@example.com:a/b.git", git),
            ("git@example.com", None),
            ("a@b/c:d", None),
            ("ftp://example.com/a", None),
            ("HTTP://example.com/a", None),
            ("github.com/a/b", None),
            ("./https://x", None),
            ("a/b", None),
            ("", None),
        ] {
            assert_eq!(classify(source), expected, "{source}");
        }
    }
}
