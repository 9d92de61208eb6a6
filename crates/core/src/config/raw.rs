//! The shape of the config file, before any check: text with its place.
//!
//! Every key may be absent or null here, and unknown keys are kept, so that [`check`](super::check) can name all of them
//! at once; serde's own refusal of unknown keys would end at the first.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_saphyr::Spanned;

/// A text with its place.
pub(super) type Text = Spanned<String>;

/// A mapping with fixed keys: a struct that reads itself, knows its keys, and keeps the unknown ones.
macro_rules! mapping {
    ($(struct $name:ident { $($field:ident: $type:ty,)+ })+) => {$(
        #[derive(Default)]
        pub(super) struct $name {
            $(pub(super) $field: Option<$type>,)+
            pub(super) unknown: Vec<Text>,
        }

        impl $name {
            pub(super) const KEYS: &'static [&'static str] = &[$(stringify!($field)),+];
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;

                impl<'de> Visitor<'de> for Reader {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "a mapping with {}", super::report::listed($name::KEYS))
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut read = $name::default();
                        while let Some(key) = map.next_key::<Text>()? {
                            match key.value.as_str() {
                                $(stringify!($field) => read.$field = map.next_value()?,)+
                                _ => {
                                    map.next_value::<IgnoredAny>()?;
                                    read.unknown.push(key);
                                }
                            }
                        }
                        Ok(read)
                    }
                }

                deserializer.deserialize_map(Reader)
            }
        }
    )+
        /// Every mapping with its keys, to hold the schema against.
        #[cfg(test)]
        pub(super) const MAPPINGS: &[(&str, &[&str])] = &[$((stringify!($name), $name::KEYS)),+];
    };
}

mapping! {
    struct File {
        registry: Text,
        release: Release,
        registries: Entries<Registry>,
        platforms: Spanned<Vec<Text>>,
        services: Entries<Service>,
        carried: Vec<Spanned<Carried>>,
        bases: Bases,
        externals: Externals,
    }

    struct Bases {
        policy: Text,
        images: Entries<Text>,
    }

    struct Externals {
        refresh: Text,
        pypi: Text,
        npm: Text,
    }

    struct Release {
        tag: Text,
        values: Vec<Spanned<Values>>,
        inventory: Text,
        branch: Text,
        commit: Text,
    }

    struct Values {
        file: Text,
    }

    struct Registry {
        plain_http: bool,
        token_host: Text,
    }

    struct Service {
        dockerfile: Text,
        context: Text,
        target: Text,
        args: Entries<Text>,
        repository: Text,
        version: Text,
        platforms: Spanned<Vec<Text>>,
        bases: Entries<Text>,
        externals: Vec<Text>,
        test: bool,
        was: Text,
        adopted: Adopted,
        skip: bool,
    }

    struct Adopted {
        digest: Text,
        commit: Text,
        grade: Text,
    }

    struct CarriedMapping {
        name: Text,
        repository: Text,
        version: Text,
    }
}

/// A mapping with keys of the user's choice, in the order of the file.
pub(super) struct Entries<V>(pub(super) Vec<(Text, Option<V>)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Reader<V> {
            type Value = Entries<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Reader(PhantomData))
    }
}

/// An entry of `carried`.
pub(super) enum Carried {
    /// A plain name.
    Name(String),
    /// A plain name that looks like a number or a boolean; its text is in the file.
    Literal,
    /// A mapping.
    Mapping(Box<CarriedMapping>),
}

impl<'de> Deserialize<'de> for Carried {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Carried;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or a mapping with `name`")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Carried, E> {
                Ok(Carried::Name(name.to_owned()))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Carried, E> {
                Ok(Carried::Literal)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Carried, E> {
                Ok(Carried::Literal)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Carried, E> {
                Ok(Carried::Literal)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Carried, E> {
                Ok(Carried::Literal)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Carried, A::Error> {
                CarriedMapping::deserialize(MapAccessDeserializer::new(map))
                    .map(|mapping| Carried::Mapping(Box::new(mapping)))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}
