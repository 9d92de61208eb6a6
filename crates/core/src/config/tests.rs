use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Config {
    schema::tests::must_hold(text.trim_start_matches('\u{feff}'));
    Config::parse(FILE, text).unwrap_or_else(|errors| panic!("{}", shown(&errors)))
}

/// The errors as a terminal would show them.
fn refused(text: &str) -> String {
    shown(&Config::parse(FILE, text).unwrap_err())
}

fn shown(errors: &[ConfigError]) -> String {
    let lines = errors.iter().map(|error| {
        let hint = error.hint.iter().map(|hint| format!("hint: {hint}\n")).collect::<String>();
        format!("{error}\n{}{hint}", error.snippet)
    });
    lines.collect()
}

/// The messages alone, with their line and column, for what `text` gives after a registry.
fn messages(text: &str) -> String {
    let errors = Config::parse("f", &format!("registry: docker.io/acme\n{text}")).unwrap_err();
    errors.iter().map(|error| format!("{}:{} {}\n", error.line, error.column, error.message)).collect()
}

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

#[test]
fn a_registry_is_enough() {
    let config = parsed("registry: docker.io/acme\n");
    assert_eq!(config, Config { registry: Some("docker.io/acme".to_owned()), ..Config::default() });
    assert_eq!(config.release.inventory.to_string(), "IMAGE_VERSIONS.md");
    assert_eq!(config.release.commit, CommitMode::Push);
    assert_eq!(config.release.tag.apply("1.4.0").unwrap().as_str(), "1.4.0");
    assert_eq!(config.platforms_of(Some(&ServiceConfig::default())), [Platform::default()]);
}

#[test]
fn every_key_is_read() {
    let config = parsed(
        "
registry: docker.io/acme
release:
  tag: v{version}
  values: [{file: chart/values.yaml}]
  inventory: docs/IMAGES.md
  branch: release/main
  commit: branch
registries:
  registry.internal:5000: {plain_http: true, token_host: auth.internal}
services:
  api:
    dockerfile: api/Dockerfile
    context: .
    target: final
    args: {PORT: 8080, RATIO: 1.10, DEBUG: no, EMPTY: ''}
    version: independent
    platforms: [linux/arm64]
    bases: {'node:20': external, base: base-image, 'python:*': follow}
    externals: ['pypi:noetl', 'npm:@acme/ui', 'url:https://example.com/a']
    test: false
    was: backend
  mcp: {repository: mongodb-mcp, version: pinned}
  web: {repository: ghcr.io/acme/web}
  fixtures: {skip: true}
  plain:
carried: [minio, 2048, {name: redis, repository: acme/cache, version: pinned}]
bases: {policy: pin, images: {'alpine:*': record}}
externals: {refresh: 7d, pypi: 'https://index.internal/', npm: 'http://npm.internal:4873'}
",
    );
    assert_eq!(config.release.values.as_ref().unwrap()[0].to_string(), "chart/values.yaml");
    assert_eq!((config.release.branch.as_deref(), config.release.commit), (Some("release/main"), CommitMode::Branch));
    assert!(config.is_plain_http("registry.internal:5000") && !config.is_plain_http("docker.io"));
    assert_eq!(config.registries["registry.internal:5000"].token_host.as_deref(), Some("auth.internal"));
    let api = &config.services[&name("api")];
    let args: Vec<&str> = ["PORT", "RATIO", "DEBUG", "EMPTY"].map(|arg| api.args[arg].as_str()).into();
    assert_eq!(args, ["8080", "1.10", "no", ""]);
    assert!(api.context.as_ref().unwrap().is_root());
    assert_eq!(api.bases["node:20"], BaseRule::External);
    assert_eq!(api.bases["base"], BaseRule::Service(name("base-image")));
    assert_eq!(api.bases["python:*"], BaseRule::Policy(BasePolicy::Follow));
    assert_eq!(api.externals.len(), 3);
    assert_eq!(
        (config.bases.policy_of("alpine:3"), config.bases.policy_of("x")),
        (BasePolicy::Record, BasePolicy::Pin)
    );
    let externals = &config.externals;
    assert_eq!((externals.refresh, externals.pypi.as_str()), (Some(604_800), "https://index.internal"));
    assert_eq!(externals.npm, "http://npm.internal:4873");
    assert_eq!((api.target.as_deref(), api.test, api.was.clone()), (Some("final"), Some(false), Some(name("backend"))));
    assert_eq!(api.platforms[0].to_string(), "linux/arm64");
    assert_eq!(config.services[&name("plain")], ServiceConfig::default());
    let repositories = ["api", "mcp", "web", "unknown", "minio", "2048", "redis"]
        .map(|service| config.repository(&name(service)).unwrap().unwrap().to_string());
    assert_eq!(
        repositories.join(" "),
        "docker.io/acme/api docker.io/acme/mongodb-mcp ghcr.io/acme/web docker.io/acme/unknown docker.io/acme/minio \
         docker.io/acme/2048 docker.io/acme/cache"
    );
    assert_eq!(config.carried[2].version, Versioning::Pinned);
}

#[test]
fn without_a_registry_only_whole_repositories_are_known() {
    let config = Config::default();
    assert_eq!(config.repository(&name("api")), None);
    let service = ServiceConfig { repository: Some("ghcr.io/acme/api".to_owned()), ..ServiceConfig::default() };
    assert!(service.repository(&name("api"), None).unwrap().is_ok());
}

#[test]
fn docker_hub_has_one_name() {
    let config = parsed("registry: acme\nregistries: {index.docker.io: {plain_http: true}}\n");
    assert!(config.is_plain_http("docker.io") && config.is_plain_http("index.docker.io"));
}

#[test]
fn aliases_and_merges_are_yaml_as_well() {
    let config = parsed(
        "registry: acme\nservices:\n  a: &shared\n    args: {V: 1.0}\n    target: run\n  b:\n    <<: *shared\n    target: test\n",
    );
    let b = &config.services[&name("b")];
    assert_eq!((b.args["V"].as_str(), b.target.as_deref()), ("1.0", Some("test")));
}

#[test]
fn an_error_shows_the_place_and_the_fix() {
    insta::assert_snapshot!(refused("regsitry: docker.io/acme\n"), @r"
longshore.yaml:1:1: unknown key `regsitry`; did you mean `registry`?
  |
1 | regsitry: docker.io/acme
  | ^^^^^^^^
hint: the keys here are `registry`, `release`, `registries`, `platforms`, `services`, `carried`, `bases` and `externals`
");
    insta::assert_snapshot!(refused("registry: acme\nservices:\n  api:\n    version: trian\n"), @r"
longshore.yaml:4:14: unknown version `trian`; did you mean `train`?
  |
4 |     version: trian
  |              ^^^^^
hint: the versions here are `train`, `independent` and `pinned`
");
    insta::assert_snapshot!(refused("registry: https://ghcr.io/acme/\n"), @r"
longshore.yaml:1:11: `https://ghcr.io/acme/` is no registry: it has a scheme
  |
1 | registry: https://ghcr.io/acme/
  |           ^^^^^^^^^^^^^^^^^^^^^
hint: write `ghcr.io/acme`
");
}

#[test]
fn all_errors_are_said_at_once() {
    insta::assert_snapshot!(messages("
release: {tag: v, values: [{flie: a}, {file: ../b}], branch: a..b, commit: pull}
registries: {'http://x': {}, y: }
services:
  Api: {}
  b c: {}
  c: {dockerfile: /c/Dockerfile, context: ../.., args: {A B: c, D: }, platforms: [linux]}
  d: {platforms: [linux/arm64, linux/aarch64/v8], bases: {x: '-', y: d}, was: d, target: ''}
  e: {platforms: [], repository: d, nmae: f}
carried: [d, minio, minio, {repository: x}, {name: q, repository: minio}]
"), @r"
3:16 `v` is no tag template: it has no `{version}`
3:28 the key `file` is missing here
3:29 unknown key `flie`; did you mean `file`?
3:46 `../b` leads out of the repository
3:62 `a..b` is no name of a branch
3:76 unknown commit mode `pull`
4:14 `http://x` is no host of a registry
4:30 `y` is no host of a registry
6:3 `docker.io/acme/Api` is no repository: upper-case letters are not allowed
7:3 `b c` is no service name: only letters, digits, `.`, `_` and `-` are allowed
8:19 `/c/Dockerfile` is absolute; paths start at the repository's root
8:43 `../..` leads out of the repository
8:57 `A B` is no name of a build argument
8:65 `D` has no value
8:83 `linux` is no platform: it must look like `linux/amd64` or `linux/arm/v7`
9:32 the platform `linux/aarch64/v8` stands here twice
9:62 `-` is no service name: it must start with a letter or a digit
9:70 `d` cannot stand on itself, as `y` says
9:79 `d` is its name today
9:90 the target is empty
10:18 the list of platforms is empty
10:34 `e` and `d` have one repository, `docker.io/acme/d`
10:37 unknown key `nmae`
11:11 `d` is carried, and a service
11:21 `minio` is carried twice
11:28 the key `name` is missing here
11:67 `q` and `minio` have one repository, `docker.io/acme/minio`
");
}

#[test]
fn one_image_belongs_to_one_service() {
    insta::assert_snapshot!(messages("
services:
  a: {dockerfile: x/Dockerfile}
  b: {dockerfile: ./x/Dockerfile, was: z}
  c: {dockerfile: x/Dockerfile, target: run}
  d: {dockerfile: x/Dockerfile, args: {A: b}, was: z}
  e: {dockerfile: x/Dockerfile, skip: true, repository: a}
  f: {repository: index.docker.io/acme/a}
"), @r"
5:19 `b` and `a` are one image: same Dockerfile, target, context and args
7:52 `z` was `b`'s former name already
9:19 `f` and `a` have one repository, `docker.io/acme/a`
");
}

#[test]
fn what_is_no_yaml_or_has_the_wrong_shape_is_one_error() {
    let cases = [
        "release:\n\ttag: b",
        "a: {}\n b: {}",
        "x: 'a",
        "services: [a]",
        "release: x",
        "release: {values: a}",
        "carried: [[a]]",
        "services: {a: {test: maybe}}",
        "services: {a: {target: [b]}}",
        "services: {a: {}, a: {}}",
        "x: *y",
        "release: {values: [a]}",
        "carried: [null]",
        "services: {~: {}}",
        "a: 1\n---\nb: 2",
        "services: {a: {platforms: [null]}}",
    ];
    insta::assert_snapshot!(cases.map(messages).concat(), @r"
3:2 tabs disallowed within this context (block indentation)
3:2 while parsing a block mapping, did not find expected key
2:4 unclosed quote
2:11 expected a mapping (`key: value`) here
2:10 expected a mapping (`key: value`) here
2:19 expected a list (`[a, b]`, or lines with `- `) here
2:11 expected a name, or a mapping with `name` here, not a list
2:22 expected `true` or `false` here
2:24 expected a text here
2:19 the key `a` stands here twice
2:4 this alias has no anchor before it
2:20 expected a mapping (`key: value`) here
2:11 expected a name, or a mapping with `name` here, not nothing
2:12 expected a text here, not nothing
4:1 a second document starts here
2:28 expected a text here, not nothing
");
    insta::assert_snapshot!(["", "# nothing\n", "---\n", "text", "[]"].map(refused).concat(), @r"
longshore.yaml:1:1: the key `registry` is missing
hint: say where the images go, for example `registry: docker.io/acme`
longshore.yaml:1:1: the key `registry` is missing
hint: say where the images go, for example `registry: docker.io/acme`
longshore.yaml:1:4: expected a mapping (`key: value`) here
  |
1 | ---
  |    ^
longshore.yaml:1:1: expected a mapping (`key: value`) here
  |
1 | text
  | ^^^^
longshore.yaml:1:1: expected a mapping (`key: value`) here
  |
1 | []
  | ^
");
}

#[test]
fn what_is_made_elsewhere_is_checked() {
    insta::assert_snapshot!(messages(
        "bases: {policy: folow, images: {a: x, b: }, image: 1}\nexternals: {refresh: 7, pypi: pypi.org}\n\
         services: {a: {externals: [noetl, 'pypi:a', 'pypi:a'], bases: {x: FOLLOW/}}}\n"
    ), @"
    2:17 unknown policy of bases `folow`; did you mean `follow`?
    2:36 unknown policy of bases `x`
    2:39 `b` has no value
    2:45 unknown key `image`; did you mean `images`?
    3:22 `7` is no length of time
    3:31 `pypi.org` is no address of an index
    4:28 `noetl` is no external input: it must start with `pypi:`, `npm:` or `url:`
    4:45 `pypi:a` stands here twice
    4:67 `FOLLOW/` is no service name: only letters, digits, `.`, `_` and `-` are allowed
    ");
}

#[test]
fn a_mark_at_the_start_moves_no_column() {
    let errors = Config::parse("f", "\u{feff}x: 1\r\nregistry: a\r\ncarried: [0x10, 1_0]\r\n").unwrap_err();
    assert_eq!((errors[0].line, errors[0].column, errors.len()), (1, 1, 1));
    let config = parsed("\u{feff}registry: a\ncarried: [0x10, 1.0]\n");
    assert_eq!(config.carried[0].name.as_str(), "0x10");
    assert_eq!(config.carried[1].name.as_str(), "1.0");
}

#[test]
fn the_example_of_the_docs_parses() {
    let docs = include_str!("../../../../docs/configuration.md");
    let mut examples = docs.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let whole = parsed(examples.next().unwrap());
    assert_eq!(whole.registry.as_deref(), Some("docker.io/acme"));
    assert!(!whole.services.is_empty() && !whole.carried.is_empty() && !whole.registries.is_empty());
    for key in [
        raw::File::KEYS,
        raw::Release::KEYS,
        raw::Registry::KEYS,
        raw::Service::KEYS,
        raw::CarriedMapping::KEYS,
        raw::Bases::KEYS,
        raw::Externals::KEYS,
    ]
    .concat()
    {
        assert!(docs.contains(&format!("`{key}`")), "`{key}` is not documented");
    }
    for example in examples {
        parsed(example);
    }
}

fn any_yaml() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        proptest::sample::select(vec![
            "registry",
            "release",
            "services",
            "carried",
            "tag",
            "values",
            "file",
            "args",
            "bases",
            "platforms",
            "was",
            "name",
            ": ",
            ":\n",
            "\n",
            "  ",
            "    ",
            "- ",
            "[",
            "]",
            "{",
            "}",
            ", ",
            "a",
            "acme/x",
            "1.10",
            "no",
            "~",
            "'",
            "\"",
            "&a ",
            "*a",
            "<<: ",
            "|\n",
            ">-\n",
            "#",
            "---\n",
            "\t",
            "é",
            "\u{feff}",
            "\0",
            "!!int ",
            "? ",
            "{version}",
            "%",
        ]),
        0..40,
    )
    .prop_map(|tokens| tokens.concat())
}

proptest! {
    #[test]
    fn nothing_panics(text in ".{0,60}", yaml in any_yaml()) {
        for text in [text, yaml] {
            for error in Config::parse(FILE, &text).err().into_iter().flatten() {
                prop_assert!(error.line >= 1 && error.column >= 1 && !error.message.is_empty());
                prop_assert!(error.to_string().starts_with("longshore.yaml:"));
            }
        }
    }
}
