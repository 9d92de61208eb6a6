//! The arguments that BuildKit itself sets: the platform and the target.

use crate::image::Platform;

/// The names and values of `TARGETPLATFORM` and its kin; `build` is the platform that the build runs on.
pub(crate) fn arguments(platform: &Platform, build: &Platform, target: &str) -> [(&'static str, String); 11] {
    let (target_platform, build_platform) = (platform.normalised(), build.normalised());
    let (text, build_text) = (target_platform.to_string(), build_platform.to_string());
    let Platform { os, architecture, variant } = target_platform;
    [
        ("BUILDPLATFORM", build_text),
        ("BUILDOS", build_platform.os),
        ("BUILDOSVERSION", String::new()),
        ("BUILDARCH", build_platform.architecture),
        ("BUILDVARIANT", build_platform.variant.unwrap_or_default()),
        ("TARGETPLATFORM", text),
        ("TARGETOS", os),
        ("TARGETOSVERSION", String::new()),
        ("TARGETARCH", architecture),
        ("TARGETVARIANT", variant.unwrap_or_default()),
        ("TARGETSTAGE", if target.is_empty() { "default" } else { target }.to_owned()),
    ]
}

/// An argument that an engine takes without a declaration and that changes nothing in the image by itself: proxies and
/// switches of the engine.
pub(crate) fn is_builtin(name: &str) -> bool {
    let proxy = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];
    proxy.iter().any(|known| *known == name || known.to_ascii_lowercase() == name) || name.starts_with("BUILDKIT_")
}

/// An argument that never becomes a variable, even where it is declared.
pub(crate) fn is_never_set(name: &str) -> bool {
    matches!(name, "BUILDKIT_SBOM_SCAN_CONTEXT" | "BUILDKIT_SBOM_SCAN_STAGE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platforms_in_the_words_of_the_engine() {
        let arguments = arguments(&"linux/arm/6".parse().unwrap(), &"linux/x86_64/v1".parse().unwrap(), "");
        let value = |name: &str| arguments.iter().find(|(other, _)| *other == name).unwrap().1.as_str();
        assert_eq!((value("TARGETPLATFORM"), value("TARGETVARIANT")), ("linux/arm/v6", "v6"));
        assert_eq!((value("BUILDPLATFORM"), value("BUILDVARIANT")), ("linux/amd64", ""));
    }

    #[test]
    fn proxies_and_switches_of_the_engine() {
        assert!(["HTTP_PROXY", "no_proxy", "BUILDKIT_INLINE_CACHE"].into_iter().all(is_builtin));
        assert!(!["VERSION", "Http_Proxy", "TARGETARCH"].into_iter().any(is_builtin));
    }
}
