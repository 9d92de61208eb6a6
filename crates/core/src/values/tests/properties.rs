//! Random small files, whatever their style: a plan changes the tags it names and no others; nothing makes us panic.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;

/// One service of a random file.
#[derive(Debug, Clone)]
enum Service {
    Follower { flow: bool },
    Literal { flow: bool, quote: &'static str, tag: String },
    Holder { tag: String },
    String { quote: &'static str, tag: String },
    NewAnchor { tag: String },
    Noise(&'static str),
}

fn tag() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["v1.3.0", "v1.4.0", "1.20", "on", "1e3", "local", "2024101501"]).prop_map(str::to_owned),
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}",
    ]
}

fn service() -> impl Strategy<Value = Service> {
    let quote = || select(vec!["", "'", "\""]);
    prop_oneof![
        4 => any::<bool>().prop_map(|flow| Service::Follower { flow }),
        2 => (any::<bool>(), quote(), tag()).prop_map(|(flow, quote, tag)| Service::Literal { flow, quote, tag }),
        1 => tag().prop_map(|tag| Service::Holder { tag }),
        1 => (quote(), tag()).prop_map(|(quote, tag)| Service::String { quote, tag }),
        1 => tag().prop_map(|tag| Service::NewAnchor { tag }),
        1 => select(vec!["# v1.3.0 ä", "", "text: |\n  tag: *t\n  'ü'", "list: [*t, v1.3.0]", "? {a: b}\n: c"])
            .prop_map(Service::Noise),
    ]
}

/// A plain scalar that YAML would not read as null.
fn plain(tag: &str) -> String {
    if matches!(tag, "null" | "Null" | "NULL") { format!("'{tag}'") } else { tag.to_owned() }
}

fn write(services: &[Service]) -> String {
    let mut noises = 0;
    let services = services.iter().enumerate().map(|(number, service)| match service {
        Service::Noise(text) => {
            noises += 1;
            noise(text, noises)
        }
        other => written(number, other),
    });
    "t: &t v1.3.0 # the train\n".to_owned() + &services.collect::<String>()
}

fn written(number: usize, service: &Service) -> String {
    let scalar = |quote: &str, tag: &str| if quote.is_empty() { plain(tag) } else { format!("{quote}{tag}{quote}") };
    match service {
        Service::Follower { flow: true } => format!("s{number}: {{image: {{repository: r, tag: *t}}}} # ö\n"),
        Service::Follower { flow: false } => format!("s{number}:\n  image:\n    repository: r\n    tag: *t # ö\n"),
        Service::Literal { flow: true, quote, tag } => {
            format!("s{number}: {{repository: ß, tag: {} , x: 1}}\n", scalar(quote, tag))
        }
        Service::Literal { flow: false, quote, tag } => {
            format!("s{number}:\n  tag: {}   # '\"\n  repository: r\n", scalar(quote, tag))
        }
        Service::Holder { tag } => format!("s{number}:\n  repository: r\n  tag: &t {}\n", plain(tag)),
        Service::String { quote, tag } => format!("s{number}:\n- image: {quote}a/b:{tag}{quote}\n"),
        Service::NewAnchor { tag } => format!("n{number}: &t '{tag}'\n"),
        Service::Noise(text) => format!("{text}\n"),
    }
}

/// What stands between the services, with a key of its own each time.
fn noise(text: &str, number: usize) -> String {
    match text.split_once(": ") {
        Some((key, rest)) if !text.starts_with(['#', '?']) => format!("{key}{number}: {rest}\n"),
        _ if text.starts_with('?') && number > 1 => String::new(),
        _ => format!("{text}\n"),
    }
}

/// Pieces of YAML that make trouble when they meet.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "a", "image", ": ", ":", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", ", ", "&t ", "*t", "'", "\"",
    "|", ">-", "|2-", "#", " # x", "repository: ", "tag: ", "repository: r\n", "tag: v1\n", "<<: ", "*t\n",
    "? ", "!!str ", "!", "---\n", "...\n", "\r\n", "\t", "ä", "\u{feff}", "%YAML 1.2\n", "{{", "}}", "\\",
    "&t", "image: a:1", "@", "`", "\0", "~", "!<",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_changes_the_tags_it_names_and_no_others(
        services in proptest::collection::vec(service(), 1..12),
        choices in proptest::collection::vec((any::<Index>(), tag()), 0..8),
        train in proptest::option::of(tag()),
        carriage_returns: bool,
    ) {
        let mut text = write(&services);
        if carriage_returns {
            text = text.replace('\n', "\r\n");
        }
        let before = uses(&text).unwrap();
        let mut wanted = BTreeMap::new();
        if let Some(train) = train {
            let train = train.as_str();
            let followers = before.iter().filter(|found| matches!(found.source, TagSource::Alias { .. }));
            wanted.extend(followers.map(|found| (found.key.clone(), train.to_owned())));
        }
        if !before.is_empty() {
            wanted.extend(choices.into_iter().map(|(index, tag)| (index.get(&before).key.clone(), tag)));
        }
        let planned = plan_edits(&text, &wanted).unwrap();
        let edits: Vec<ValuesEdit> = planned.iter().map(|planned| planned.edit.clone()).collect();
        let edited = edit(&text, &edits).unwrap();
        let after = uses(&edited).unwrap();
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            prop_assert_eq!(&before.key, &after.key);
            prop_assert_eq!(wanted.get(&before.key).unwrap_or(&before.tag), &after.tag);
        }
        // Never more edits than uses that change, and none once it is so.
        let changing = before.iter().filter(|found| wanted.get(&found.key).is_some_and(|tag| *tag != found.tag));
        let holders = before.iter().filter(|found| found.source == TagSource::Literal).count();
        let most = changing.count() + if holders > 0 { before.len() } else { 0 };
        prop_assert!(planned.len() <= most);
        prop_assert!(plan_edits(&edited, &wanted).unwrap().is_empty());
        prop_assert_eq!(text.matches('\r').count(), edited.matches('\r').count());
        prop_assert_eq!(text.lines().count(), edited.lines().count());
    }

    #[test]
    fn no_text_makes_reading_or_editing_panic(
        pieces in proptest::collection::vec(select(PIECES), 0..40),
        anchor_line in 1usize..6,
    ) {
        let text = pieces.concat();
        if let Ok(found) = uses(&text) {
            for found in found {
                let edits = [
                    ValuesEdit::SetTag { key: found.key.clone(), tag: "1.20".to_owned() },
                    ValuesEdit::Join { key: found.key.clone(), anchor: "t".to_owned() },
                ];
                for one in edits {
                    let _: Result<String, ValuesError> = edit(&text, &[one]);
                }
                let wanted = BTreeMap::from([(found.key, "v9".to_owned())]);
                if let Ok(planned) = plan_edits(&text, &wanted) {
                    let edits: Vec<ValuesEdit> = planned.into_iter().map(|planned| planned.edit).collect();
                    prop_assert!(edit(&text, &edits).is_ok());
                }
            }
        }
        let _: Result<String, ValuesError> = edit(&text, &[move_anchor("t", anchor_line, "v9")]);
        let _: Result<Option<String>, ValuesError> = set_top_level(&text, "a", "v9");
    }

    #[test]
    fn a_cut_file_does_not_make_reading_panic(at in 0..SHOP.len()) {
        let _: Result<Vec<Use>, ValuesError> = uses(&SHOP[..at]);
        let _: Result<Vec<Use>, ValuesError> = uses(&SHOP[at..]);
    }
}
