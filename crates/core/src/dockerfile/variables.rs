//! Which variables a stage sees, and what is known of them.
//!
//! A stage starts with the environment of the image that it stands on, and nobody here has seen that image: a variable
//! that the file does not set may stand in it. So there are three answers to "what is `$X`": this value, nothing, and "it
//! cannot be known", and only the first two may decide what is read. Where a stage stands on another of the same file it
//! inherits what that one set, arguments included; but BuildKit then sets the environment that the image would have once
//! more, so an argument may be overridden by an image's variable there, and is not known either.

use std::collections::{BTreeMap, BTreeSet};

use super::shell::{Lookup, Variables};

/// What the search path is where no image sets it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A variable of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Variable {
    /// Its value.
    Known(String),
    /// Why its value cannot be known.
    Unknown(String),
}

/// The variables at one point of a stage.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// What `$X` gives: `ENV` and `ARG` in the order of the file.
    current: BTreeMap<String, Variable>,
    /// What `ENV` alone has set: the image's configuration.
    image: BTreeMap<String, Variable>,
    /// Arguments that were declared and got no value.
    valueless: BTreeSet<String>,
    /// The image that the stage, or the one it stands on, starts from; none for `scratch` and before the first `FROM`.
    outside: Option<String>,
    /// A name that could not be known was set: it may be any.
    clouded: Option<String>,
}

impl Environment {
    /// The variables of a stage that stands on `scratch`.
    pub(crate) fn scratch(windows: bool) -> Self {
        let mut environment = Self::default();
        if !windows {
            environment.set_image("PATH", Variable::Known(DEFAULT_PATH.to_owned()));
        }
        environment
    }

    /// The variables of a stage that stands on the image `reference`.
    pub(crate) fn image(reference: &str) -> Self {
        Self { outside: Some(reference.to_owned()), ..Self::default() }
    }

    /// The variables of a stage that stands on one that ended with these.
    pub(crate) fn inherited(&self) -> Self {
        let mut next = self.clone();
        for (name, value) in &mut next.current {
            match (self.image.get(name), &self.outside) {
                (Some(set), _) => *value = set.clone(),
                (None, Some(image)) => {
                    *value = Variable::Unknown(format!(
                        "`{name}` is an argument of the stage below, and `{image}` may set a variable of that name"
                    ));
                }
                (None, None) => {}
            }
        }
        next
    }

    /// `ARG name=value`.
    pub(crate) fn set_argument(&mut self, name: &str, value: Variable) {
        self.valueless.remove(name);
        self.current.insert(name.to_owned(), value);
    }

    /// `ARG name`, and nobody gave a value.
    pub(crate) fn declare(&mut self, name: &str) {
        self.valueless.insert(name.to_owned());
    }

    /// `ENV name=value`.
    pub(crate) fn set_image(&mut self, name: &str, value: Variable) {
        self.valueless.remove(name);
        self.current.insert(name.to_owned(), value.clone());
        self.image.insert(name.to_owned(), value);
    }

    /// `ENV` of a name that cannot be known: from here on every variable may be another.
    pub(crate) fn cloud(&mut self, why: &str) {
        self.clouded.get_or_insert_with(|| format!("{why}, and it stands in the name of an `ENV`"));
    }
}

impl Variables for Environment {
    fn lookup(&self, name: &str) -> Lookup {
        if let Some(why) = &self.clouded {
            return Lookup::Unknown(why.clone());
        }
        let valueless = self.valueless.contains(name);
        match (self.current.get(name), &self.outside) {
            (Some(Variable::Known(value)), _) => Lookup::Set(value.clone()),
            (Some(Variable::Unknown(why)), _) => Lookup::Unknown(why.clone()),
            (None, Some(image)) if valueless => {
                Lookup::Unknown(format!("`ARG {name}` has no value, and `{image}` may set a variable of that name"))
            }
            (None, Some(image)) => {
                Lookup::Unknown(format!("`{name}` is not set in the Dockerfile, and `{image}` may set it"))
            }
            (None, None) if valueless => Lookup::Valueless(format!("`ARG {name}` has no value")),
            (None, None) => Lookup::Unset,
        }
    }
}

/// The global arguments: those before the first `FROM`, and what the engine says of the platform.
#[derive(Debug, Clone, Default)]
pub(crate) struct Globals {
    /// The values.
    pub(crate) values: BTreeMap<String, Global>,
    /// Those that the file declares.
    pub(crate) declared: BTreeSet<String>,
    /// Those that the file declares, and that have no value.
    pub(crate) valueless: BTreeSet<String>,
}

/// The value of a global argument.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Global {
    /// The value.
    pub(crate) value: String,
    /// The arguments of the config that it is made of.
    pub(crate) config: BTreeSet<String>,
    /// Why the value cannot be trusted.
    pub(crate) unknown: Option<String>,
}

impl Globals {
    /// Does an `ARG` before the first `FROM` declare `name`, with or without a value?
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.valueless.contains(name)
    }

    /// The arguments of the config that the variables `names` are made of.
    pub(crate) fn config_of(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        names.iter().filter_map(|name| self.values.get(name)).flat_map(|global| global.config.iter().cloned()).collect()
    }
}

impl Variables for Globals {
    fn lookup(&self, name: &str) -> Lookup {
        match self.values.get(name) {
            Some(Global { value, unknown: Some(why), .. }) => Lookup::Doubtful(value.clone(), why.clone()),
            Some(global) => Lookup::Set(global.value.clone()),
            None if self.valueless.contains(name) => Lookup::Valueless(format!("`ARG {name}` has no value")),
            None => Lookup::Valueless(format!("`{name}` is not declared with `ARG` before the first `FROM`")),
        }
    }
}
