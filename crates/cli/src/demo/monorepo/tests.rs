//! The layout against the facts, and against itself: what a Dockerfile copies is there, and found in one way only.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const REGISTRY: &str = "127.0.0.1:5000/invincibledocker24";
const BASE: &str = "127.0.0.1:5000/base/python:3.12";

fn laid_out() -> Layout {
    layout(REGISTRY, BASE)
}

fn text<'a>(layout: &'a Layout, path: &str) -> &'a str {
    let file = layout.files.get(path).unwrap_or_else(|| panic!("no file `{path}`"));
    std::str::from_utf8(&file.bytes).unwrap()
}

/// The sources of every `COPY` of a Dockerfile.
fn sources(dockerfile: &str) -> Vec<&str> {
    let copies = dockerfile.lines().filter_map(|line| line.strip_prefix("COPY "));
    copies
        .flat_map(|words| {
            let words: Vec<_> = words.split_whitespace().collect();
            words[..words.len() - 1].to_vec()
        })
        .collect()
}

/// Is there a file or a directory of this path?
fn exists(layout: &Layout, path: &str) -> bool {
    layout.files.contains_key(path) || layout.files.keys().any(|file| file.starts_with(&format!("{path}/")))
}

/// The images of a values file in block style: (key, repository, tag, pull policy), with `*tag` resolved.
fn images_of(values: &str) -> Vec<(&str, &str, &str, &str)> {
    let default = values.lines().find_map(|line| line.strip_prefix("tag: &tag ")).unwrap();
    let (mut found, mut key) = (Vec::new(), "");
    let lines: Vec<_> = values.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if line.starts_with(|character: char| character.is_ascii_alphabetic()) {
            key = line.split(':').next().unwrap();
        }
        if *line == "  image:" {
            let value = |offset: usize, name: &str| -> &str {
                let value = lines[index + offset].strip_prefix(&format!("    {name}: ")).unwrap();
                value.split(" #").next().unwrap().trim_matches('"')
            };
            let tag = value(2, "tag");
            let tag = if tag == "*tag" { default } else { tag };
            found.push((key, value(1, "repository"), tag, value(3, "pullPolicy")));
        }
    }
    found
}

#[test]
fn the_values_file_holds_every_use_of_the_inventory() {
    let layout = laid_out();
    let expected: Vec<_> = inventory::uses()
        .map(|named| {
            let repository = named.own_name().map_or(named.repository.to_owned(), |name| format!("{REGISTRY}/{name}"));
            (named.key, repository, named.tag, named.pull_policy)
        })
        .collect();
    let values = text(&layout, VALUES_PATH);
    let found: Vec<_> = images_of(values)
        .into_iter()
        .map(|(key, repository, tag, pull_policy)| (key, repository.to_owned(), tag, pull_policy))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(found.iter().map(|(_, repository, ..)| repository).collect::<BTreeSet<_>>().len(), 73);
    assert_eq!(values.matches("tag: *tag\n").count(), 65);
    assert_eq!(values.matches("tag: &tag ").count(), 1);
}

#[test]
fn nothing_but_the_registry_is_replaced_in_the_values_file() {
    let layout = laid_out();
    let values = text(&layout, VALUES_PATH);
    assert!(!values.contains("index.docker.io"));
    assert_eq!(values.matches(&format!("repository: {REGISTRY}/")).count(), 74);
    let differing = values.lines().zip(VALUES.lines()).filter(|(left, right)| left != right).count();
    assert_eq!((differing, values.lines().count()), (74, VALUES.lines().count()));
}

#[test]
fn seventy_three_repositories_are_services_carried_or_foreign() {
    let Monorepo { services, carried, foreign } = laid_out().monorepo;
    assert_eq!((services.len(), carried.len(), foreign.len()), (65, 7, 1));
    let uses = services.iter().map(|service| &service.uses).chain(carried.iter().map(|carried| &carried.uses));
    assert_eq!(uses.clone().map(Vec::len).sum::<usize>() + foreign.len(), 75);
    assert!(uses.into_iter().all(|uses| !uses.is_empty()));
    let pgvector = DemoForeign { repository: "pgvector/pgvector", key: "pgvector", tag: "pg17" };
    assert_eq!(foreign, [pgvector]);
}

#[test]
fn the_registry_holds_all_but_the_foreign_image() {
    let layout = laid_out();
    assert_eq!(layout.images.len(), 72);
    let of = |name: &str| layout.images.iter().find(|image| image.repository == format!("{REGISTRY}/{name}")).unwrap();
    assert_eq!(of("rest_api").tags, ["v1.3.0", "v1.3.0-co2"]);
    assert_eq!(of("cleanelkdb").tags, ["v1.3.0"]);
    assert_eq!(of("diworker").tags, ["v1.3.0-dev-4"]);
    assert_eq!(of("mongodb-mcp").tags, ["0.1.0"]);
    assert_eq!(of("minio").kind, DemoImageKind::Carried);
    let redis = DemoImageKind::Service { name: "redis", dockerfile: "docker_images/redis/Dockerfile".to_owned() };
    assert_eq!((&of("redis").kind, of("redis").multi_arch), (&redis, true));
    assert_eq!(layout.images.iter().filter(|image| image.multi_arch).count(), 4);
}

#[test]
fn every_service_has_one_folder_with_one_dockerfile() {
    let layout = laid_out();
    let named = |name: &'static str| layout.files.keys().filter(move |path| path.ends_with(&format!("/{name}")));
    let dockerfiles: BTreeSet<_> = named("Dockerfile").map(String::as_str).collect();
    let expected: BTreeSet<_> = layout.monorepo.services.iter().map(|service| service.dockerfile.as_str()).collect();
    assert_eq!(dockerfiles, expected);
    for service in &layout.monorepo.services {
        let folders = dockerfiles.iter().filter(|path| path.ends_with(&format!("/{}/Dockerfile", service.name)));
        let at_root = dockerfiles.contains(format!("{}/Dockerfile", service.name).as_str());
        assert_eq!(folders.count() + usize::from(at_root), 1, "{}", service.name);
        assert_eq!(service.folder.rsplit('/').next(), Some(service.name));
    }
    let tests: BTreeSet<_> = named("Dockerfile_tests").cloned().collect();
    let expected = layout.monorepo.services.iter().filter_map(|service| service.test_dockerfile.clone());
    assert_eq!(tests, expected.collect());
    assert_eq!(tests.len(), 3);
}

#[test]
fn every_source_exists_below_the_root_and_below_no_nearer_folder() {
    let layout = laid_out();
    for (path, file) in layout.files.iter().filter(|(path, _)| path.contains("/Dockerfile")) {
        let dockerfile = std::str::from_utf8(&file.bytes).unwrap();
        let sources = sources(dockerfile);
        assert!(!sources.is_empty(), "{path}");
        for source in &sources {
            assert!(exists(&layout, source), "{path}: {source}");
        }
        let folders = path.match_indices('/').map(|(cut, _)| &path[..cut]);
        for folder in folders {
            let all = sources.iter().all(|source| exists(&layout, &format!("{folder}/{source}")));
            assert!(!all, "{path} would build in `{folder}`");
        }
    }
}

#[test]
fn a_dockerfile_stands_on_the_given_base_and_its_tests_on_it() {
    let layout = laid_out();
    for service in &layout.monorepo.services {
        let froms: Vec<_> =
            text(&layout, &service.dockerfile).lines().filter(|line| line.starts_with("FROM")).collect();
        assert_eq!(froms, [format!("FROM {BASE}")], "{}", service.name);
        if let Some(path) = &service.test_dockerfile {
            let expected = format!("ARG BUILDTAG\nFROM {}:${{BUILDTAG}}\n", service.name);
            assert!(text(&layout, path).contains(&expected), "{path}");
        }
    }
    let runs: Vec<_> = layout
        .monorepo
        .services
        .iter()
        .filter(|service| text(&layout, &service.dockerfile).contains("\nRUN "))
        .map(|service| service.name)
        .collect();
    assert_eq!(runs, ["error_pages", "redis"]);
}

#[test]
fn tests_and_readmes_enter_no_released_image() {
    let layout = laid_out();
    for service in &layout.monorepo.services {
        let beside = |name: &str| format!("{}/{name}", service.folder);
        assert!(layout.files.contains_key(&beside("README.md")), "{}", service.name);
        assert!(exists(&layout, &beside("tests")), "{}", service.name);
        let copied = sources(text(&layout, &service.dockerfile));
        assert!(copied.iter().all(|source| !source.contains("tests") && *source != service.folder), "{}", service.name);
    }
    assert!(text(&layout, ".dockerignore").lines().any(|line| line == "**/*.md"));
}

#[test]
fn the_modules_have_the_users_that_the_matrix_names() {
    let layout = laid_out();
    let mut users: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for service in &layout.monorepo.services {
        let copied = sources(text(&layout, &service.dockerfile));
        let modules: Vec<_> = copied.iter().filter_map(|source| source.strip_prefix("tools/")).collect();
        assert_eq!(modules, service.tools, "{}", service.name);
        for module in modules {
            users.entry(module).or_default().push(service.name);
        }
    }
    let expected: BTreeMap<&str, &str> = BTreeMap::from([
        (
            "cloud_adapter",
            "bumiworker diworker insider_api metroculus_api metroculus_worker power_schedule resource_discovery \
             rest_api risp_worker trapper_worker",
        ),
        ("optscale_data", "diworker"),
        ("optscale_exceptions", "auth bi_exporter insider_api metroculus_api payments_server"),
        (
            "optscale_time",
            "auth bi_exporter bi_scheduler bumiworker calendar_observer diworker failed_imports_dataset_generator \
             gemini_scheduler gemini_worker insider_api insider_scheduler insider_worker metroculus_api \
             metroculus_scheduler metroculus_worker payments_server power_schedule resource_discovery risp_worker \
             trapper_scheduler trapper_worker users_dataset_generator",
        ),
        ("optscale_types", "rest_api"),
    ]);
    assert_eq!(
        users.iter().map(|(module, names)| (*module, names.join(" "))).collect::<Vec<_>>(),
        expected.iter().map(|(module, names)| (*module, (*names).to_owned())).collect::<Vec<_>>()
    );
    for (module, names) in &users {
        assert_eq!(&users_of(module), names);
    }
    assert!(users_of("optscale_password").is_empty());
    assert!(exists(&layout, "tools/optscale_password"));
}

#[test]
fn the_edit_changes_one_shared_file_that_ten_services_copy() {
    let layout = laid_out();
    let (path, edited) = change_cloud_adapter();
    let before = text(&layout, path);
    let edited = std::str::from_utf8(&edited).unwrap();
    let before: BTreeSet<_> = before.lines().collect();
    let added: Vec<_> = edited.lines().filter(|line| !before.contains(line)).map(str::trim).collect();
    let expected = [
        "import time",
        "for pause in (1, 2, 4):",
        "try:",
        "return call(**arguments)",
        "except Throttled:",
        "time.sleep(pause)",
    ];
    assert_eq!(added, expected);
    assert_eq!(users_of("cloud_adapter").len(), 10);
}

#[test]
fn the_configuration_says_only_what_cannot_be_found() {
    let layout = laid_out();
    let expected = "\
# How this repository ships: `longshore plan` says what a release would do.
registry: 127.0.0.1:5000/invincibledocker24

release:
  values:
    - file: cloud-tuner-dev/values.yaml

# Services are found by their Dockerfiles; these do not follow the platform's version.
services:
  agentic-chatbot:
    version: independent
  mariadb-mcp:
    version: independent
  mongodb-mcp:
    version: independent

# Built elsewhere, and released with the platform.
carried:
  - minio
  - phpmyadmin
  - thanos-compactor
  - thanos-query
  - thanos-receive
  - thanos-storegateway
  - thanos-web
";
    assert_eq!(text(&layout, "longshore.yaml"), expected);
    assert!(text(&layout, "cloud-tuner-dev/Chart.yaml").contains(&format!("appVersion: {RELEASED}\n")));
}

#[test]
fn commands_of_the_values_file_name_files_that_are_copied() {
    let layout = laid_out();
    let programs = text(&layout, VALUES_PATH).lines().filter_map(|line| line.strip_prefix("  command: [\"python\", "));
    let paths: Vec<_> = programs.map(|rest| rest.trim_matches(|c| matches!(c, '"' | ']'))).collect();
    assert_eq!(paths.len(), 2);
    for path in paths {
        let path = path.strip_prefix("/usr/src/app/").unwrap();
        let (folder, _) = path.rsplit_once('/').unwrap();
        assert!(sources(text(&layout, &format!("{folder}/Dockerfile"))).contains(&path), "{path}");
    }
}

#[test]
fn the_same_arguments_give_the_same_bytes_on_disk() {
    let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    laid_out().write(left.path()).unwrap();
    layout(&format!("{REGISTRY}/"), BASE).write(&right.path().join("made")).unwrap();
    for (path, file) in &laid_out().files {
        let (left, right) = (left.path().join(path), right.path().join("made").join(path));
        assert_eq!(std::fs::read(&left).unwrap(), file.bytes, "{path}");
        assert_eq!(std::fs::read(right).unwrap(), file.bytes, "{path}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(left).unwrap().permissions().mode();
            assert_eq!(mode & 0o100 != 0, file.executable, "{path}");
        }
    }
    assert!(laid_out().files["docker_images/etcd/entrypoint.sh"].executable);
    assert!(!laid_out().files["docker_images/redis/entrypoint.sh"].executable);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("auth"), "in the way").unwrap();
    let error = laid_out().write(directory.path()).unwrap_err();
    assert!(error.to_string().contains("/auth/"), "{error}");
}
