//! `RUN --mount=…` and `RUN --device=…`.
//!
//! Only `from` is known when the file is read, and it takes no variables; all else is expanded where the step runs.

use super::csv;
use super::flag::FlagValue;

/// The value of one `--mount`.
#[derive(Debug, Clone)]
pub(crate) struct Mount {
    /// `from`, if it names something.
    pub(crate) from: Option<FlagValue>,
    fields: Vec<FlagValue>,
}

/// What a mount holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MountKind {
    /// Files of the context, a stage or an image.
    #[default]
    Bind,
    /// A directory that outlives the build.
    Cache,
    /// Memory.
    Tmpfs,
    /// A secret.
    Secret,
    /// The agent's socket.
    Ssh,
}

/// A mount where it is used, variables expanded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// What it holds.
    pub(crate) kind: MountKind,
    /// Where in it.
    pub(crate) source: String,
    /// Where it appears.
    pub(crate) target: String,
}

const VALUED: &[&str] = &[
    "type",
    "from",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "readonly",
    "ro",
    "readwrite",
    "rw",
    "required",
    "size",
    "id",
    "sharing",
    "mode",
    "uid",
    "gid",
    "env",
];

impl Mount {
    /// Reads the value of the flag.
    pub(crate) fn read(value: &FlagValue) -> Result<Self, String> {
        let fields = csv::fields(value).map_err(|why| format!("cannot read `--mount={}`: {why}", value.text))?;
        let mut from = None;
        for field in &fields {
            let Some((key, name)) = field.text.split_once('=') else { continue };
            if !key.eq_ignore_ascii_case("from") {
                continue;
            }
            if name.find('$').is_some_and(|at| at + 1 != name.len()) {
                return Err("`from` of a mount takes no variables: define a stage with `FROM` instead".to_owned());
            }
            let skip = key.chars().count() + 1;
            from =
                Some(FlagValue { text: name.to_owned(), origins: field.origins.iter().skip(skip).copied().collect() });
        }
        Ok(Self { from: from.filter(|from| !from.text.is_empty()), fields })
    }

    /// The mount where it is used; `expand` gives a value its variables.
    pub(crate) fn expand(
        &self,
        expand: &mut dyn FnMut(&str, &str) -> Result<String, String>,
    ) -> Result<Mounted, String> {
        let mut mounted = Mounted::default();
        for field in &self.fields {
            let (key, value) =
                field.text.split_once('=').map_or((field.text.as_str(), None), |(key, value)| (key, Some(value)));
            let key = key.to_lowercase();
            let Some(value) = value else {
                match key.as_str() {
                    "readonly" | "ro" | "readwrite" | "rw" => continue,
                    "required" if matches!(mounted.kind, MountKind::Secret | MountKind::Ssh) => continue,
                    _ => return Err(format!("`{}` in a mount must be `key=value`", field.text)),
                }
            };
            if !VALUED.contains(&key.as_str()) {
                return Err(format!("unknown key `{key}` in a mount"));
            }
            let value = expand(&key, value)?;
            match key.as_str() {
                "type" => mounted.kind = kind(&value)?,
                "source" | "src" => mounted.source = value,
                "target" | "dst" | "destination" => mounted.target = value,
                _ => {}
            }
        }
        if mounted.kind == MountKind::Secret && self.from.is_some() {
            return Err("a secret mount takes no `from`".to_owned());
        }
        Ok(mounted)
    }
}

fn kind(text: &str) -> Result<MountKind, String> {
    Ok(match text.to_lowercase().as_str() {
        "bind" => MountKind::Bind,
        "cache" => MountKind::Cache,
        "tmpfs" => MountKind::Tmpfs,
        "secret" => MountKind::Secret,
        "ssh" => MountKind::Ssh,
        _ => return Err(format!("unknown mount type `{text}`")),
    })
}

/// Checks the value of `--device`.
pub(crate) fn check_device(value: &FlagValue) -> Result<(), String> {
    let fields = csv::fields(value).map_err(|why| format!("cannot read `--device={}`: {why}", value.text))?;
    let mut named = false;
    for field in fields {
        let (key, value) = field.text.split_once('=').map_or((&*field.text, None), |(key, value)| (key, Some(value)));
        match (key.to_lowercase().as_str(), value) {
            ("required", None) => {}
            ("required", Some("1" | "t" | "T" | "true" | "TRUE" | "True")) => {}
            ("required", Some("0" | "f" | "F" | "false" | "FALSE" | "False")) => {}
            ("required", Some(value)) => return Err(format!("`required` takes true or false, not `{value}`")),
            ("name", Some(_)) if named => return Err("the device has two names".to_owned()),
            ("name", Some(name)) => named = !name.is_empty(),
            (_, _) if !named => named = !field.text.is_empty(),
            (_, _) => return Err(format!("unknown key `{}` in a device", field.text)),
        }
    }
    Ok(())
}
