//! The arguments that BuildKit itself sets: the platform and the target.

use crate::image::Platform;

/// The names and values of `TARGETPLATFORM` and its kin. The build runs on the platform that it builds for.
pub(crate) fn arguments(platform: &Platform, target: &str) -> [(&'static str, String); 11] {
    let (os, architecture, variant) = normalise(platform);
    let mut text = format!("{os}/{architecture}");
    if !variant.is_empty() {
        text.push('/');
        text.push_str(&variant);
    }
    [
        ("BUILDPLATFORM", text.clone()),
        ("BUILDOS", os.clone()),
        ("BUILDOSVERSION", String::new()),
        ("BUILDARCH", architecture.clone()),
        ("BUILDVARIANT", variant.clone()),
        ("TARGETPLATFORM", text),
        ("TARGETOS", os),
        ("TARGETOSVERSION", String::new()),
        ("TARGETARCH", architecture),
        ("TARGETVARIANT", variant),
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

/// The spelling of containerd: `x86_64` is `amd64`, `arm64/v8` is `arm64`, `arm` is `arm/v7`.
fn normalise(platform: &Platform) -> (String, String, String) {
    let os = match platform.os.to_lowercase() {
        os if os == "macos" => "darwin".to_owned(),
        os => os,
    };
    let variant = platform.variant.as_deref().unwrap_or_default().to_lowercase();
    let architecture = platform.architecture.to_lowercase();
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", other) => ("amd64", other),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", other) => ("arm64", other),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        (other, variant) => (other, variant),
    };
    (os, architecture.to_owned(), variant.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_in_the_words_of_the_engine() {
        for (given, expected) in [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("linux/i386", "linux/386"),
            ("linux/riscv64", "linux/riscv64"),
        ] {
            let arguments = arguments(&given.parse().unwrap(), "");
            let (_, value) = arguments.iter().find(|(name, _)| *name == "TARGETPLATFORM").unwrap();
            assert_eq!(value, expected, "{given}");
        }
    }

    #[test]
    fn proxies_and_switches_of_the_engine() {
        assert!(["HTTP_PROXY", "no_proxy", "BUILDKIT_INLINE_CACHE"].into_iter().all(is_builtin));
        assert!(!["VERSION", "Http_Proxy", "TARGETARCH"].into_iter().any(is_builtin));
    }
}
