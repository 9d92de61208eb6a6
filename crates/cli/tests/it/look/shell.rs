//! `completions`, `man` and `schema`: what the program tells of itself.

use crate::shop::Shop;

/// The words that a shell is given for this line, of which the last word is being typed.
fn words(shop: &Shop, line: &[&str]) -> Vec<String> {
    let mut call = shop.env.call(&[&["--"], line].concat());
    call = call.env("LONGSHORE_COMPLETE", "bash").env("_CLAP_IFS", "\n");
    let outcome = call.env("_CLAP_COMPLETE_INDEX", (line.len() - 1).to_string()).run().success();
    assert_eq!(outcome.stderr, "", "nobody wants a message there");
    outcome.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn names_of_images_releases_and_revisions_are_completed() {
    let shop = Shop::released();
    assert_eq!(words(&shop, &["longshore", "why", "w"]), ["web", "worker"]);
    assert_eq!(words(&shop, &["longshore", "why", "front"]), ["frontend"], "keys of the values file, too");
    assert_eq!(words(&shop, &["longshore", "graph", "ba"]), ["base"]);
    assert_eq!(words(&shop, &["longshore", "plan", "--from", "v"]), ["v1.0.0"]);
    assert_eq!(words(&shop, &["longshore", "plan", "--from", "m"]), ["main"]);
    assert_eq!(words(&shop, &["longshore", "status", ""]).first().map(String::as_str), Some("v1.0.0"));
    assert_eq!(words(&shop, &["longshore", "plan", "--format", "m"]), ["markdown", "mermaid"]);
    assert_eq!(words(&shop, &["longshore", "release", "v2", "--engine", "b"]), ["buildah"]);
    assert_eq!(words(&shop, &["longshore", "sche"]), ["schema"]);
}

#[test]
fn completing_is_silent_and_leaves_no_trace() {
    let shop = Shop::released();
    shop.repo.write("longshore.yaml", "regsitry: [\n");
    let before = crate::shop::tree(shop.env.root());
    shop.registry.clear_requests();
    assert_eq!(words(&shop, &["longshore", "why", "wo"]), ["worker"], "a broken config is no hindrance");
    assert!(words(&shop, &["longshore", "-C", "/nowhere", "why", "w"]).is_empty());
    drop(words(&shop, &["longshore", "nosuch", "w"]));
    let outcome = shop.env.call(&["--", "longshore", "wh"]).env("LONGSHORE_COMPLETE", "nosuch").run().success();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
    crate::shop::assert_same(&crate::shop::tree(shop.env.root()), &before);
    assert_eq!(shop.registry.requests(), []);
}

#[test]
fn a_script_for_each_shell_calls_the_program() {
    let shop = Shop::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = shop.run(&["completions", shell]).success().stdout;
        assert!(script.contains("LONGSHORE_COMPLETE") && script.contains("longshore"), "{shell}: {script}");
    }
}

#[test]
fn bash_completes() {
    let shop = Shop::released();
    let script = shop.run(&["completions", "bash"]).success().stdout;
    let file = shop.env.root().join("completions.bash");
    std::fs::write(&file, script).unwrap();
    let typed = format!(
        "source {}; COMP_WORDS=(longshore why wor); COMP_CWORD=2; COMP_TYPE=9; \
         _clap_complete_longshore longshore wor why; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let call = shop.env.call_of("bash", &["--noprofile", "--norc", "-c", &typed]);
    assert_eq!(call.dir(shop.repo.path()).run().success().stdout, "worker\n");
}

#[test]
fn the_manual_has_every_command() {
    let shop = Shop::new();
    let page = shop.run(&["man"]).success().stdout;
    let folder = shop.env.root().join("man1");
    drop(shop.run(&["man", "--out", &folder.to_string_lossy()]).success());
    let help = shop.run(&["--help"]).success().stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let mut seen = 0;
    for command in commands.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()) {
        if command == "help" {
            continue;
        }
        seen += 1;
        assert!(page.contains(&format!(".SH LONGSHORE {}\n", command.to_uppercase())), "{command}");
        let own = std::fs::read_to_string(folder.join(format!("longshore-{command}.1"))).unwrap();
        assert!(own.contains(".SH SYNOPSIS"), "{own}");
    }
    assert!(seen > 8 && folder.join("longshore.1").exists());
}

#[test]
fn the_schema_is_one_object_with_every_top_key() {
    let shop = Shop::new();
    let schema = shop.run(&["schema"]).success().json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["required"], serde_json::json!(["registry"]));
    assert_eq!(schema["properties"]["services"]["additionalProperties"]["$ref"], "#/$defs/Service");
}
