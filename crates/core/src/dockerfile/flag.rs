//! Which flags an instruction takes, and their values: unknown, repeated and empty ones are refused as in BuildKit.

use super::node::Flag;

/// What a flag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds {
    /// `--link`, `--link=false`.
    Switch,
    /// One value.
    Text,
    /// One value each time.
    Texts,
}

/// The flags that an instruction knows.
pub(crate) type Known = &'static [(&'static str, Holds)];

/// The flags of an instruction, checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    values: Vec<(&'static str, FlagValue)>,
}

/// The value of a flag, and for each of its characters the bytes of the line that made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FlagValue {
    /// The text after `=`.
    pub(crate) text: String,
    /// The origin of each character.
    pub(crate) origins: Vec<(usize, usize)>,
}

impl Flags {
    /// Checks `flags` against those that are known.
    pub(crate) fn check(flags: &[Flag], known: Known) -> Result<Self, String> {
        let mut values: Vec<(&'static str, FlagValue)> = Vec::new();
        for flag in flags {
            let (written, value) =
                flag.text.split_once('=').map_or((flag.text.as_str(), None), |(name, value)| (name, Some(value)));
            let bare = written.strip_prefix("--").unwrap_or(written);
            let Some((name, holds)) = known.iter().find(|(name, _)| *name == bare) else {
                return Err(format!("unknown flag `{written}`"));
            };
            if *holds != Holds::Texts && values.iter().any(|(used, _)| used == name) {
                return Err(format!("the flag `{written}` stands twice"));
            }
            let text = match (holds, value) {
                (Holds::Switch, None) => "true",
                (Holds::Switch, Some(value)) if value.eq_ignore_ascii_case("true") => "true",
                (Holds::Switch, Some(value)) if value.eq_ignore_ascii_case("false") => "false",
                (Holds::Switch, Some(value)) => return Err(format!("`{written}` takes true or false, not `{value}`")),
                (Holds::Text | Holds::Texts, Some(value)) => value,
                (Holds::Text | Holds::Texts, None) => return Err(format!("the flag `{written}` needs a value")),
            };
            let skip = written.chars().count() + 1;
            let origins = flag.origins.get(skip..).unwrap_or_default().to_vec();
            values.push((name, FlagValue { text: text.to_owned(), origins }));
        }
        Ok(Self { values })
    }

    /// The value of `--name`, empty if it is not there.
    pub(crate) fn text<'a>(&'a self, name: &'a str) -> &'a str {
        self.value(name).map_or("", |value| &value.text)
    }

    /// The value of `--name` with its place; nothing if it is not there or empty.
    pub(crate) fn value<'a>(&'a self, name: &'a str) -> Option<&'a FlagValue> {
        self.all(name).next().filter(|value| !value.text.is_empty())
    }

    /// The values of `--name`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a FlagValue> {
        self.values.iter().filter(move |(used, _)| *used == name).map(|(_, value)| value)
    }
}
