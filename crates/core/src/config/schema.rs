//! The JSON Schema of `longshore.yaml`, for editors and for those who generate the file.
//!
//! Its shape stands here beside the reader's own ([`raw`](super::raw)); tests hold the two together: each key that is read
//! is in the schema and no other, and each file that the reader takes is valid. The schema says the shape and the words to
//! choose from. What only the whole file can tell (two services with one repository) is left to the reader.

use serde_json::{Value, json};

use super::check::{COMMIT_MODES, GRADES, POLICIES, VERSIONINGS};

/// The dialect that the schema is written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A mapping with fixed keys, under the name that the reader has for it.
struct Mapping {
    name: &'static str,
    required: &'static [&'static str],
    keys: &'static [Key],
}

/// A key, its shape, and what it means.
struct Key(&'static str, Shape, &'static str);

/// What a value looks like.
enum Shape {
    /// A text; a number or a boolean is taken as the text that it is written as.
    Text,
    /// `true` or `false`.
    Flag,
    /// The word for how a version is followed, and the like.
    Word(Words),
    /// A mapping with fixed keys.
    Mapping(&'static str),
    /// A list of mappings.
    Mappings(&'static str),
    /// A list of texts.
    Texts,
    /// Texts by names of the user's choice.
    TextByName,
    /// Words to choose from, by names of the user's choice.
    WordByName(Words),
    /// Mappings by names of the user's choice.
    MappingByName(&'static str),
    /// A list of names, or of mappings.
    NamesOrMappings(&'static str),
}

/// Words to choose from.
enum Words {
    Versioning,
    CommitMode,
    Grade,
    Policy,
}

use Shape::{Flag, MappingByName, Mappings, NamesOrMappings, Text, TextByName, Texts, Word, WordByName};

/// Every mapping of the file; the first is the file itself.
const MAPPINGS: &[Mapping] = &[
    Mapping {
        name: "File",
        required: &["registry"],
        keys: &[
            Key(
                "registry",
                Text,
                "Where the images go: a registry, mostly with a namespace, as in `docker.io/acme`. The image of a service goes to this, a slash, and the service's name.",
            ),
            Key("release", Shape::Mapping("Release"), "How a release is named and written down."),
            Key("registries", MappingByName("Registry"), "How single registries are reached, by host and port."),
            Key("platforms", Texts, "What the images run on, each built for all of these. Default: `[linux/amd64]`."),
            Key(
                "services",
                MappingByName("Service"),
                "What is to be known about single services beyond what their files say, by name.",
            ),
            Key(
                "carried",
                NamesOrMappings("CarriedMapping"),
                "Images that are not built here but belong to the release.",
            ),
            Key("bases", Shape::Mapping("Bases"), "How base images from elsewhere count."),
            Key("externals", Shape::Mapping("Externals"), "Where external inputs are asked for, and how often."),
        ],
    },
    Mapping {
        name: "Bases",
        required: &[],
        keys: &[
            Key(
                "policy",
                Word(Words::Policy),
                "For all: `record` counts the reference, `follow` also the digest it stands for, `pin` asks for a digest in the file. Default: `record`.",
            ),
            Key(
                "images",
                WordByName(Words::Policy),
                "For those whose reference fits a pattern, `*` standing for any text. The longest that fits wins.",
            ),
        ],
    },
    Mapping {
        name: "Externals",
        required: &[],
        keys: &[
            Key(
                "refresh",
                Text,
                "For how long a recorded value is taken without asking: `12h`, `7d`. Default: each plan asks.",
            ),
            Key("pypi", Text, "The Python index. Default: `https://pypi.org`."),
            Key("npm", Text, "The npm registry. Default: `https://registry.npmjs.org`."),
        ],
    },
    Mapping {
        name: "Release",
        required: &[],
        keys: &[
            Key(
                "tag",
                Text,
                "How the release's name is made from the version that is typed: holds `{version}` once. Default: `{version}`.",
            ),
            Key(
                "values",
                Mappings("Values"),
                "The Helm values files that name the images. Default: those beside a `Chart.yaml` that use our repositories. An empty list: none.",
            ),
            Key("inventory", Text, "The file with the table of images and versions. Default: `IMAGE_VERSIONS.md`."),
            Key("branch", Text, "The branch that releases are made on. Default: the one that is checked out."),
            Key(
                "commit",
                Word(Words::CommitMode),
                "What becomes of the release's commit: pushed to the branch, to a branch of its own, or to none. Default: `push`.",
            ),
        ],
    },
    Mapping {
        name: "Values",
        required: &["file"],
        keys: &[Key("file", Text, "The values file, from the repository's root.")],
    },
    Mapping {
        name: "Registry",
        required: &[],
        keys: &[
            Key("plain_http", Flag, "Speak HTTP instead of HTTPS to this registry. Default: `false`."),
            Key(
                "token_host",
                Text,
                "The host that may be sent this registry's credentials to get a token, where it is another one.",
            ),
        ],
    },
    Mapping {
        name: "Service",
        required: &[],
        keys: &[
            Key(
                "dockerfile",
                Text,
                "The Dockerfile, from the repository's root. Default: the one that was found under this name.",
            ),
            Key(
                "context",
                Text,
                "The directory that is sent to the engine. Default: the nearest one in which everything exists that the Dockerfile copies.",
            ),
            Key("target", Text, "The stage that is built. Default: the last one."),
            Key("args", TextByName, "Build arguments, by name. Another value is another image."),
            Key(
                "repository",
                Text,
                "Where the image goes: without a slash a name below `registry`, with one the whole repository. Default: the service's name.",
            ),
            Key(
                "version",
                Word(Words::Versioning),
                "`train`: follows the release. `independent`: a version line of its own. `pinned`: stays on the tag that it has. Default: `train`.",
            ),
            Key("platforms", Texts, "What the image runs on. Default: what `platforms` says for all."),
            Key(
                "bases",
                TextByName,
                "What a `FROM` means where it could be both: by the reference as the Dockerfile has it, `external` or the name of the service that builds it. Or how images from elsewhere count, by a pattern: `record`, `follow` or `pin`.",
            ),
            Key(
                "externals",
                Texts,
                "Inputs that are neither in the repository nor images: `pypi:NAME`, `npm:NAME` or `url:https://…`.",
            ),
            Key(
                "test",
                Flag,
                "Is this an image of tests, which is planned and not released? Default: its file's name tells.",
            ),
            Key("was", Text, "The name that this service had before, so that its history goes on."),
            Key(
                "adopted",
                Shape::Mapping("Adopted"),
                "The image from before the first release, and what it was built from. `longshore init --prove` writes it.",
            ),
            Key("skip", Flag, "`true` where this is not a service at all. Default: `false`."),
        ],
    },
    Mapping {
        name: "Adopted",
        required: &[],
        keys: &[
            Key("digest", Text, "The digest of the image."),
            Key("commit", Text, "The commit that it was built from, in full."),
            Key(
                "grade",
                Word(Words::Grade),
                "How sure that is: `proved`, or `fits`, which stays assumed. Default: `fits`.",
            ),
        ],
    },
    Mapping {
        name: "CarriedMapping",
        required: &["name"],
        keys: &[
            Key("name", Text, "What tables and selectors call the image."),
            Key("repository", Text, "As for services. Default: the name, below `registry`."),
            Key("version", Word(Words::Versioning), "As for services. Default: `train`."),
        ],
    },
];

/// The schema, draft 2020-12.
pub fn schema() -> Value {
    let mut schema = mapping("File");
    schema["$schema"] = DIALECT.into();
    schema["title"] = super::FILE.into();
    schema["description"] = "How Longshore releases this repository. Everything but `registry` may be left out.".into();
    // The file itself cannot be empty, as every mapping in it can.
    schema["type"] = "object".into();
    let others = MAPPINGS.iter().skip(1).map(|other| (other.name.to_owned(), mapping(other.name)));
    schema["$defs"] = Value::Object(others.collect());
    schema
}

/// A mapping; nothing at all stands for its defaults.
fn mapping(name: &str) -> Value {
    let Some(mapping) = MAPPINGS.iter().find(|mapping| mapping.name == name) else { return json!({}) };
    let property = |Key(key, shape, description): &Key| {
        let mut property = shape.schema();
        property["description"] = (*description).into();
        ((*key).to_owned(), property)
    };
    json!({
        "type": ["object", "null"],
        "properties": Value::Object(mapping.keys.iter().map(property).collect()),
        "required": mapping.required,
        "additionalProperties": false,
    })
}

impl Shape {
    fn schema(&self) -> Value {
        let of = |name: &str| json!({"$ref": format!("#/$defs/{name}")});
        match self {
            Self::Text => text(true),
            Self::Flag => json!({"type": ["boolean", "null"]}),
            Self::Word(words) => {
                let words = words.all().into_iter().map(Value::from).chain([Value::Null]);
                json!({"enum": words.collect::<Vec<_>>()})
            }
            Self::Mapping(name) => of(name),
            Self::Mappings(name) => json!({"type": ["array", "null"], "items": of(name)}),
            Self::Texts => json!({"type": ["array", "null"], "items": text(false)}),
            Self::TextByName => json!({"type": ["object", "null"], "additionalProperties": text(false)}),
            Self::WordByName(words) => {
                json!({"type": ["object", "null"], "additionalProperties": {"enum": words.all()}})
            }
            Self::MappingByName(name) => json!({"type": ["object", "null"], "additionalProperties": of(name)}),
            Self::NamesOrMappings(name) => {
                json!({"type": ["array", "null"], "items": {"anyOf": [text(false), of(name)]}})
            }
        }
    }
}

/// A scalar: `1.10` and `no` are texts here.
fn text(may_be_absent: bool) -> Value {
    let mut types = vec!["string", "number", "boolean"];
    if may_be_absent {
        types.push("null");
    }
    json!({"type": types})
}

impl Words {
    fn all(&self) -> Vec<&'static str> {
        match self {
            Self::Versioning => VERSIONINGS.iter().map(|(word, _)| *word).collect(),
            Self::CommitMode => COMMIT_MODES.iter().map(|(word, _)| *word).collect(),
            Self::Grade => GRADES.iter().map(|(word, _)| *word).collect(),
            Self::Policy => POLICIES.iter().map(|(word, _)| *word).collect(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::{Config, FILE, raw};

    /// What of `value` is not as the schema says; just the words of JSON Schema that ours uses, and no other.
    fn faults(schema: &Value, value: &Value, place: &str, root: &Value) -> Vec<String> {
        let mut found = Vec::new();
        for (word, says) in schema.as_object().unwrap() {
            match word.as_str() {
                "$schema" | "title" | "description" | "$defs" | "required" if value.is_null() => {}
                "$schema" | "title" | "description" | "$defs" => {}
                "$ref" => {
                    let name = says.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    found.extend(faults(&root["$defs"][name], value, place, root));
                }
                "type" => {
                    let types: Vec<&str> = match says {
                        Value::String(one) => vec![one],
                        many => many.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect(),
                    };
                    if !types.contains(&type_of(value)) {
                        found.push(format!("{place}: {} is none of {types:?}", type_of(value)));
                    }
                }
                "enum" if !says.as_array().unwrap().contains(value) => found.push(format!("{place}: {value}")),
                "enum" => {}
                "required" => {
                    let missing =
                        says.as_array().unwrap().iter().filter(|key| value.get(key.as_str().unwrap()).is_none());
                    found.extend(missing.map(|key| format!("{place}: {key} is missing")));
                }
                "properties" | "additionalProperties" => {
                    for (key, value) in value.as_object().into_iter().flatten() {
                        let of = schema.get("properties").and_then(|properties| properties.get(key));
                        match (of, &schema["additionalProperties"], word.as_str()) {
                            (Some(of), _, "properties") => {
                                found.extend(faults(of, value, &format!("{place}.{key}"), root));
                            }
                            (None, Value::Bool(false), "properties") => found.push(format!("{place}: unknown {key}")),
                            (None, of @ Value::Object(_), "additionalProperties") => {
                                found.extend(faults(of, value, &format!("{place}.{key}"), root));
                            }
                            _ => {}
                        }
                    }
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        found.extend(faults(says, item, &format!("{place}[]"), root));
                    }
                }
                "anyOf" => {
                    let any = says.as_array().unwrap().iter().any(|one| faults(one, value, place, root).is_empty());
                    if !any {
                        found.push(format!("{place}: none of the shapes"));
                    }
                }
                other => panic!("the schema says `{other}`, which this check does not know"),
            }
        }
        found
    }

    fn type_of(value: &Value) -> &'static str {
        match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    fn faults_of(text: &str) -> Vec<String> {
        let value: Value = serde_saphyr::from_str(text).unwrap();
        let schema = schema();
        faults(&schema, &value, "", &schema)
    }

    /// A file that the reader takes is valid.
    #[track_caller]
    pub(in crate::config) fn must_hold(text: &str) {
        assert_eq!(faults_of(text), [""; 0], "{text}");
    }

    #[test]
    fn every_key_that_is_read_is_in_the_schema_and_no_other() {
        let known: Vec<(&str, Vec<&str>)> = MAPPINGS
            .iter()
            .map(|mapping| (mapping.name, mapping.keys.iter().map(|Key(key, ..)| *key).collect()))
            .collect();
        let mut read: Vec<(&str, Vec<&str>)> =
            raw::MAPPINGS.iter().map(|(name, keys)| (*name, keys.to_vec())).collect();
        read.sort_by_key(|(name, _)| known.iter().position(|(other, _)| other == name));
        assert_eq!(known, read, "describe the key in `config/schema.rs`, in the order of `config/raw.rs`");
    }

    #[test]
    fn every_mapping_has_its_place_and_every_key_its_sentence() {
        let text = schema().to_string();
        for mapping in &MAPPINGS[1..] {
            assert!(text.contains(&format!("#/$defs/{}\"", mapping.name)), "{} is not reached", mapping.name);
        }
        for Key(key, _, description) in MAPPINGS.iter().flat_map(|mapping| mapping.keys) {
            assert!(description.ends_with('.') && description.len() > 10, "{key}: {description}");
        }
    }

    #[test]
    fn the_example_of_the_documentation_is_valid() {
        let document = include_str!("../../../../docs/configuration.md");
        let (_, rest) = document.split_once("```yaml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        assert!(Config::parse(FILE, example).is_ok());
        must_hold(example);
    }

    #[test]
    fn a_shape_that_the_reader_refuses_is_not_valid() {
        for text in [
            "release: {tag: v1}",
            "registry: [a]",
            "registry: a\nregsitry: b",
            "registry: a\nservices: [api]",
            "registry: a\nservices: {api: {version: trian}}",
            "registry: a\nservices: {api: {args: {A: [1]}}}",
            "registry: a\nservices: {api: {args: {A: }}}",
            "registry: a\nservices: {api: {platforms: linux/amd64}}",
            "registry: a\nservices: {api: {skip: maybe}}",
            "registry: a\nservices: {api: {port: 80}}",
            "registry: a\nrelease: {values: [chart/values.yaml]}",
            "registry: a\nrelease: {values: [{}]}",
            "registry: a\nrelease: {commit: pull}",
            "registry: a\nregistries: {ghcr.io: {plain_http: perhaps}}",
            "registry: a\ncarried: [{version: train}]",
            "registry: a\ncarried: minio",
            "registry: a\nbases: {policy: folow}",
            "registry: a\nbases: {images: {a: x}}",
            "registry: a\nbases: {images: {a: }}",
        ] {
            assert!(Config::parse(FILE, text).is_err(), "{text}");
            assert!(!faults_of(text).is_empty(), "{text}");
        }
    }
}
