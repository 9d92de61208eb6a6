//! The text that `init` writes: a `longshore.yaml` to start from, made of what was found.
//!
//! What must be said, or would be guessed otherwise, stands there as keys. Everything else holds without being said, so
//! it stands there as comments: whoever wants a fact to be otherwise takes away the `#` and edits the line, and it is
//! valid as it is. Questions that looking could not settle come first. The text is written by hand and not by a
//! serializer, since its comments are half of it.

use std::collections::BTreeMap;

use longshore_core::config::{Adopted, Grade};

/// What looking at a repository brought to light.
pub(crate) struct Found {
    /// The registry and namespace that our repositories stand below.
    pub(crate) registry: Option<String>,
    /// The values files that name our images, from the root.
    pub(crate) values: Vec<String>,
    /// What is built here, in the order in which it is shown.
    pub(crate) services: Vec<FoundService>,
    /// What is in our registry and has no Dockerfile here: the name, the repository where it is not the registry and the
    /// name, and the uses.
    pub(crate) carried: Vec<(String, Option<String>, Vec<String>)>,
    /// What is in somebody else's registry: the repository and its uses.
    pub(crate) foreign: Vec<(String, Vec<String>)>,
    /// Questions that are open: a sentence each, with the key that settles it.
    pub(crate) unsettled: Vec<String>,
}

/// A service that was found.
pub(crate) struct FoundService {
    /// Its name.
    pub(crate) name: String,
    /// Its Dockerfile, from the root.
    pub(crate) dockerfile: String,
    /// Its build context, from the root.
    pub(crate) context: String,
    /// What the context was inferred from: half a sentence.
    pub(crate) context_from: String,
    /// The repository, where it is not the registry and the name.
    pub(crate) repository: Option<String>,
    /// The keys of the values files that name its image.
    pub(crate) uses: Vec<String>,
    /// The versioning that its tags speak for, where that is not the release's own.
    pub(crate) version: Option<&'static str>,
    /// The image that was seen to be built from a commit.
    pub(crate) adopted: Option<Adopted>,
}

/// The widest line of prose.
const WIDTH: usize = 100;

/// A commented `longshore.yaml` for what was found.
pub(crate) fn starter(found: &Found) -> String {
    let sections = [
        header(found),
        registry(found.registry.as_deref()),
        release(&found.values),
        services(found),
        carried(&found.carried),
        foreign(&found.foreign),
    ];
    let sections: Vec<_> =
        sections.into_iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n")).collect();
    sections.join("\n\n") + "\n"
}

fn header(found: &Found) -> Vec<String> {
    let mut lines =
        prose("How this repository ships its images as one release; `longshore plan` shows the next one.", "# ");
    lines.extend(prose(
        "Written by `longshore init`. What stands behind a `#` was found and holds without being said; take the `#` away \
         to say otherwise.",
        "# ",
    ));
    if !found.unsettled.is_empty() {
        lines.push("#".to_owned());
        lines.push(format!("# {} open:", counted(found.unsettled.len(), "question is", "questions are")));
        for question in &found.unsettled {
            lines.extend(prose(question, "#   ").into_iter().enumerate().map(|(index, line)| match index {
                0 => line.replacen("#   ", "# - ", 1),
                _ => line,
            }));
        }
    }
    lines
}

fn registry(found: Option<&str>) -> Vec<String> {
    if let Some(registry) = found {
        return vec![format!("registry: {}", scalar(registry))];
    }
    let mut lines = prose("Where the images are: the one thing that must be said, and nothing here says it.", "# ");
    lines.push("# registry: registry.example.com/team".to_owned());
    lines
}

fn release(values: &[String]) -> Vec<String> {
    if values.is_empty() {
        return prose("No values file beside a Chart.yaml names our images. `release.values` says where one is:", "# ")
            .into_iter()
            .chain(["# release:", "#   values:", "#     - file: chart/values.yaml"].map(str::to_owned))
            .collect();
    }
    let files = values.iter().map(|file| format!("    - file: {}", scalar(file)));
    ["release:", "  values:"].map(str::to_owned).into_iter().chain(files).collect()
}

fn services(found: &Found) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    let usual = usual_context(&found.services);
    for service in &found.services {
        let notes = notes(service, usual, !found.values.is_empty());
        let settled = [("repository", service.repository.as_deref()), ("version", service.version)];
        let adopted = service.adopted.as_ref().map(adopted);
        entries.extend(entry(service, &notes, &settled, adopted));
    }
    if found.services.is_empty() && entries.is_empty() {
        return prose("No Dockerfile was found, so there is no service.", "# ");
    }
    let mut lines = prose(
        &format!("{}, each found by its Dockerfile.", counted(found.services.len(), "service", "services")),
        "# ",
    );
    if let Some(usual) = usual {
        lines.extend(prose(&format!("Where nothing else is said, the context is inferred: {usual}."), "# "));
    }
    let active = entries.iter().any(|line| !line.trim_start().starts_with('#'));
    if active {
        lines.push("services:".to_owned());
        lines.extend(entries);
    } else {
        // A key with nothing but comments below it would be a null, so it becomes a comment too.
        lines.push("# services:".to_owned());
        lines.extend(entries.iter().map(|line| line.replacen("  # ", "#   ", 1)));
    }
    lines
}

/// The lines of a service: one comment where nothing has to be said, a mapping where something has.
fn entry(
    service: &FoundService,
    notes: &str,
    settled: &[(&str, Option<&str>)],
    adopted: Option<String>,
) -> Vec<String> {
    let (name, dockerfile, context) = (scalar(&service.name), scalar(&service.dockerfile), scalar(&service.context));
    let notes = if notes.is_empty() { String::new() } else { format!(" # {notes}") };
    let keys = settled.iter().filter_map(|(key, value)| Some(format!("    {key}: {}", scalar((*value)?))));
    let keys: Vec<_> = keys.chain(adopted).collect();
    if keys.is_empty() {
        return vec![format!("  # {name}: {{dockerfile: {dockerfile}, context: {context}}}{notes}")];
    }
    let found =
        [format!("  {name}:{notes}"), format!("    # dockerfile: {dockerfile}"), format!("    # context: {context}")];
    found.into_iter().chain(keys).collect()
}

/// `adopted: {digest: …, commit: …, grade: proved}`
pub(crate) fn adopted(adopted: &Adopted) -> String {
    let grade = match adopted.grade {
        Grade::Proved => "proved",
        Grade::Fits => "fits",
    };
    format!("    adopted: {{digest: \"{}\", commit: \"{}\", grade: {grade}}}", adopted.digest, adopted.commit)
}

/// What is worth a word beside a service: where it is used under another name, and an unusual context.
fn notes(service: &FoundService, usual: Option<&str>, has_values: bool) -> String {
    let used = match service.uses.as_slice() {
        [] if has_values => Some("used in no values file".to_owned()),
        uses => used_as(&service.name, uses),
    };
    let context = (usual != Some(service.context_from.as_str()) && !service.context_from.is_empty())
        .then(|| format!("context: {}", service.context_from));
    let notes: Vec<_> = used.into_iter().chain(context).collect();
    one_line(&notes.join("; "))
}

/// What the contexts of most services were inferred from, where that is the same for several.
fn usual_context(services: &[FoundService]) -> Option<&str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for service in services.iter().filter(|service| !service.context_from.is_empty()) {
        *counts.entry(&service.context_from).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count > 1).max_by_key(|(_, count)| *count).map(|(from, _)| from)
}

fn carried(carried: &[(String, Option<String>, Vec<String>)]) -> Vec<String> {
    if carried.is_empty() {
        return Vec::new();
    }
    let mut lines = prose("In our registry and without a Dockerfile here: a release gives them its tag.", "# ");
    lines.push("carried:".to_owned());
    lines.extend(carried.iter().map(|(name, repository, uses)| {
        let note = used_as(name, uses).map(|note| format!(" # {}", one_line(&note))).unwrap_or_default();
        match repository {
            Some(repository) => format!("  - {{name: {}, repository: {}}}{note}", scalar(name), scalar(repository)),
            None => format!("  - {}{note}", scalar(name)),
        }
    }));
    lines
}

fn foreign(foreign: &[(String, Vec<String>)]) -> Vec<String> {
    if foreign.is_empty() {
        return Vec::new();
    }
    let mut lines = prose("In somebody else's registry, and left alone:", "# ");
    lines.extend(foreign.iter().map(|(repository, uses)| {
        let note = used_as("", uses).map(|note| format!(", {note}")).unwrap_or_default();
        one_line(&format!("#   {repository}{note}"))
    }));
    lines
}

/// The uses of an image, unless its own name is the only one.
fn used_as(name: &str, uses: &[String]) -> Option<String> {
    let alike = uses.iter().all(|key| key == name);
    (!alike).then(|| format!("used as {}", uses.join(", ")))
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// A sentence as comments, broken between words.
fn prose(text: &str, prefix: &str) -> Vec<String> {
    let text = one_line(text);
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        let width = prefix.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && width > WIDTH {
            lines.push(format!("{prefix}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(format!("{prefix}{line}"));
    lines
}

/// Text that cannot leave its comment: what would end a line is shown escaped.
fn one_line(text: &str) -> String {
    text.chars().fold(String::new(), |mut line, character| {
        if breaks(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        line
    })
}

/// Characters that a YAML reader refuses, or takes for the end of a line.
fn breaks(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// `text` as a YAML scalar that reads back as this very string, in block and in flow form: plain where that is safe.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if breaks(character) => quoted.extend(format!("\\u{:04x}", u32::from(character)).chars()),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Is `text` the same string without quotes, for readers of YAML 1.1 and 1.2 alike?
fn is_plain(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first.is_ascii_alphanumeric() || matches!(first, '.' | '/' | '_'));
    let legal = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-' | '/' | ':');
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan"];
    let is_word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    starts && text.chars().all(legal) && !text.ends_with(':') && !is_word && !looks_like_a_number(text)
}

/// Numbers, times and dates of any YAML: they begin with a digit (or a dot and a digit) and hold nothing else but signs.
fn looks_like_a_number(text: &str) -> bool {
    let digit_first = text.trim_start_matches('.').starts_with(|first: char| first.is_ascii_digit());
    let numeric =
        |character: char| character.is_ascii_hexdigit() || matches!(character, '.' | '_' | '-' | ':' | 'x' | 'o');
    digit_first && text.chars().all(numeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFERRED: &str = "the nearest folder that holds everything the Dockerfile copies";

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn service(name: &str, uses: &[&str]) -> FoundService {
        FoundService {
            name: name.to_owned(),
            dockerfile: format!("{name}/Dockerfile"),
            context: ".".to_owned(),
            context_from: INFERRED.to_owned(),
            repository: None,
            uses: strings(uses),
            version: None,
            adopted: None,
        }
    }

    fn nothing() -> Found {
        let (services, carried, foreign) = (Vec::new(), Vec::new(), Vec::new());
        Found { registry: None, values: Vec::new(), services, carried, foreign, unsettled: Vec::new() }
    }

    fn platform() -> Found {
        Found {
            registry: Some("docker.io/invincibledocker24".to_owned()),
            values: strings(&["cloud-tuner-dev/values.yaml"]),
            services: vec![
                service("auth", &["auth"]),
                FoundService { version: Some("independent"), ..service("mongodb-mcp", &["mcp-mongo"]) },
                FoundService {
                    context: "ngui".to_owned(),
                    context_from: "docker-compose.yml:12".to_owned(),
                    repository: Some("docker.io/invincibledocker24/web".to_owned()),
                    ..service("ngui", &["ngui"])
                },
                service("rest_api", &["restapi", "currency_rate_updater"]),
                service("sandbox", &[]),
            ],
            carried: vec![
                ("minio".to_owned(), None, strings(&["minio"])),
                ("admin-sql".to_owned(), Some("docker.io/invincibledocker24/tools/sql".to_owned()), strings(&["sql"])),
            ],
            foreign: vec![("pgvector/pgvector".to_owned(), strings(&["pgvector"]))],
            unsettled: strings(&[
                "`FROM base:1` in auth/Dockerfile may be the service `base` or an image from elsewhere: \
                                  `services.auth.bases` settles it.",
            ]),
        }
    }

    #[test]
    fn what_must_be_said_is_a_key_and_the_rest_a_comment() {
        let expected = "\
# How this repository ships its images as one release; `longshore plan` shows the next one.
# Written by `longshore init`. What stands behind a `#` was found and holds without being said; take
# the `#` away to say otherwise.
#
# 1 question is open:
# - `FROM base:1` in auth/Dockerfile may be the service `base` or an image from elsewhere:
#   `services.auth.bases` settles it.

registry: docker.io/invincibledocker24

release:
  values:
    - file: cloud-tuner-dev/values.yaml

# 5 services, each found by its Dockerfile.
# Where nothing else is said, the context is inferred: the nearest folder that holds everything the
# Dockerfile copies.
services:
  # auth: {dockerfile: auth/Dockerfile, context: .}
  mongodb-mcp: # used as mcp-mongo
    # dockerfile: mongodb-mcp/Dockerfile
    # context: .
    version: independent
  ngui: # context: docker-compose.yml:12
    # dockerfile: ngui/Dockerfile
    # context: ngui
    repository: docker.io/invincibledocker24/web
  # rest_api: {dockerfile: rest_api/Dockerfile, context: .} # used as restapi, currency_rate_updater
  # sandbox: {dockerfile: sandbox/Dockerfile, context: .} # used in no values file

# In our registry and without a Dockerfile here: a release gives them its tag.
carried:
  - minio
  - {name: admin-sql, repository: docker.io/invincibledocker24/tools/sql} # used as sql

# In somebody else's registry, and left alone:
#   pgvector/pgvector, used as pgvector
";
        assert_eq!(starter(&platform()), expected);
    }

    #[test]
    fn where_nothing_has_to_be_said_no_key_is_left_without_a_value() {
        let mut found = nothing();
        found.registry = Some("127.0.0.1:5000/shop".to_owned());
        found.services = vec![service("api", &[])];
        let text = starter(&found);
        let keys: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert_eq!(keys, ["registry: 127.0.0.1:5000/shop"]);
        assert!(text.contains("# 1 service, each found by its Dockerfile.\n"), "{text}");
        assert!(text.contains("# services:\n#   api: {dockerfile: api/Dockerfile, context: .} # context: the nearest"));
        assert!(text.contains("# release:\n#   values:\n#     - file: chart/values.yaml\n"), "{text}");
    }

    #[test]
    fn an_empty_repository_is_told_what_is_missing() {
        let text = starter(&nothing());
        assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')), "{text}");
        assert!(text.contains("# registry: registry.example.com/team\n"), "{text}");
        assert!(text.contains("# No Dockerfile was found, so there is no service.\n"), "{text}");
        assert!(!text.contains("carried"), "{text}");
    }

    #[test]
    fn a_name_cannot_break_out_of_its_line() {
        let mut found = platform();
        found.services[0].dockerfile = "a\nregistry: evil/Dockerfile".to_owned();
        found.services[0].uses = strings(&["x\ny: 1"]);
        found.values = strings(&["a b/\"values\".yaml"]);
        found.unsettled = strings(&["what is\u{2028}this?"]);
        found.foreign = vec![("x\rcarried: []".to_owned(), Vec::new())];
        let text = starter(&found);
        assert!(
            text.contains(
                "# auth: {dockerfile: \"a\\u000aregistry: evil/Dockerfile\", context: .} # used as x\\ny: 1\n"
            )
        );
        assert!(text.contains("    - file: \"a b/\\\"values\\\".yaml\"\n"), "{text}");
        assert!(text.contains("# - what is\\u{2028}this?\n"), "{text}");
        assert!(text.contains("#   x\\rcarried: []\n"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("registry:")).count(), 1);
    }

    #[test]
    fn a_scalar_reads_back_as_the_string_it_was() {
        for plain in ["auth", ".", "./a", "v1.3.0", "a-b_c.d", "127.0.0.1:5000/shop", "1.2.3-web", "/a"] {
            assert_eq!(scalar(plain), plain);
        }
        for quoted in [
            "",
            "1.20",
            "1e3",
            "0x1f",
            "1_000",
            "12:30:45",
            "2024-01-01",
            ".5",
            ".inf",
            "on",
            "No",
            "NULL",
            "~",
            "-a",
            "a:",
            "a: b",
            "a #b",
            "*a",
            "&a",
            "!a",
            "{a",
            "a,b",
            "a b",
            "é",
        ] {
            assert_eq!(scalar(quoted), format!("\"{quoted}\""));
        }
        assert_eq!(scalar("a\\b\"c\t"), "\"a\\\\b\\\"c\\u0009\"");
    }
}
