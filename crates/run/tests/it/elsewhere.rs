//! Bases that are followed, external inputs, and images that are spared since their base came out the same.

use insta::assert_snapshot;
use longshore_core::elsewhere::Answer;
use longshore_core::plan::Decision;
use longshore_core::record::{RecordedDecision, ReleaseRecord};
use longshore_run::bases::{State, standing};
use longshore_run::build::BuildError;
use longshore_run::release::ReleaseError;
use time::Duration;

use crate::fakes::Trouble;
use crate::world::World;

const ALPINE: &str = "registry.example/mirror/alpine:3";

fn config(more: &str) -> String {
    format!("registry: registry.example/shop\nrelease:\n  tag: v{{version}}\n{more}")
}

/// `name: decision reason` for each image.
async fn plan(world: &World, version: &str) -> String {
    let gathered = world.gathered(version).await;
    let lines = gathered.plan.images.iter().map(|image| {
        let reasons: Vec<String> = image.reasons().iter().map(|reason| reason.subject()).collect();
        format!("{}: {} {}", image.name, image.word(), reasons.join("; ")).trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn record(world: &World, version: &str) -> ReleaseRecord {
    let text = world.repo.file(world.repo.head(), &format!(".longshore/releases/v{version}.json")).unwrap();
    ReleaseRecord::parse("record", text.as_bytes()).unwrap()
}

/// A shop whose page stands on alpine: in a builder stage, by `COPY --from`, and at the end.
fn on_alpine(policy: &str) -> World {
    let world = World::new();
    let alpine = ALPINE.parse().unwrap();
    world.registry.image(&alpine, &[], "alpine-1");
    world.registry.image(&"registry.example/mirror/tools:1".parse().unwrap(), &[], "tools-1");
    let dockerfile = format!(
        "FROM {ALPINE} AS build\nRUN true\nFROM scratch\nCOPY --from=build /a /a\n\
         COPY --from=registry.example/mirror/tools:1 /b /b\nCOPY index.html /\n"
    );
    world.repo.commit("web/Dockerfile", &dockerfile, "On alpine");
    world.repo.commit("longshore.yaml", &config(&format!("bases: {{policy: {policy}}}\n")), "Choose a policy");
    world
}

#[tokio::test(start_paused = true)]
async fn what_every_base_stood_for_is_recorded_under_every_policy() {
    for policy in ["record", "follow"] {
        let world = on_alpine(policy);
        world.release("1.0.0").await.unwrap();
        let record = record(&world, "1.0.0");
        let bases = |name: &str| {
            let built = record.image(&name.parse().unwrap()).unwrap().built.clone().unwrap();
            built
                .bases
                .iter()
                .map(|base| format!("{} {}", base.name, base.reference.digest.is_some()))
                .collect::<Vec<_>>()
        };
        assert_eq!(bases("web"), [format!("{ALPINE} true"), "registry.example/mirror/tools:1 true".to_owned()]);
        assert_eq!(bases("api"), ["registry.example/shop/base:latest true"], "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_base_that_moves_is_a_reason_where_it_is_followed() {
    for (policy, expected) in [("record", "retag"), ("follow", "build")] {
        let world = on_alpine(policy);
        world.release("1.0.0").await.unwrap();
        assert!(!plan(&world, "1.1.0").await.contains("build"), "{policy}");
        let digest = world.registry.image(&ALPINE.parse().unwrap(), &[], "alpine-2");
        let told = plan(&world, "1.1.0").await;
        assert!(told.contains(&format!("web: {expected}")), "{policy}: {told}");
        if policy == "follow" {
            assert!(told.contains(&format!("{ALPINE} moved from ")), "{told}");
            world.release("1.1.0").await.unwrap();
            let dockerfile = world.engine.dockerfile("web");
            assert!(
                dockerfile.starts_with(&format!("FROM registry.example/mirror/alpine@{digest} AS")),
                "{dockerfile}"
            );
            assert!(!plan(&world, "1.2.0").await.contains("build"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_build_stands_on_what_was_planned_whatever_moves_meanwhile() {
    let world = on_alpine("follow");
    let planned = world.registry.image(&ALPINE.parse().unwrap(), &[], "alpine-1");
    let gathered = world.gathered("1.0.0").await;
    world.registry.image(&ALPINE.parse().unwrap(), &[], "alpine-2");
    world.release_as_planned(&gathered).await.unwrap();
    assert!(world.engine.dockerfile("web").contains(planned.as_str()));
    assert!(plan(&world, "1.1.0").await.contains("web: build"));
}

#[tokio::test(start_paused = true)]
async fn following_what_was_recorded_builds_nothing() {
    let world = on_alpine("record");
    world.release("1.0.0").await.unwrap();
    world.repo.commit("longshore.yaml", &config("bases: {policy: follow}\n"), "Follow");
    assert!(!plan(&world, "1.1.0").await.contains("build"), "{}", plan(&world, "1.1.0").await);
    let inputs = |version: &str| {
        let built = record(&world, version).image(&"web".parse().unwrap()).unwrap().built.clone().unwrap();
        (built.inputs, built.from)
    };
    let first = inputs("1.0.0");
    world.release("1.1.0").await.unwrap();
    let second = inputs("1.1.0");
    assert_ne!(first.0, second.0, "the record has the key that counts now");
    assert_eq!(first.1, second.1);
    world.registry.image(&ALPINE.parse().unwrap(), &[], "alpine-2");
    assert!(plan(&world, "1.2.0").await.contains(&format!("web: build {ALPINE} moved from ")));
}

#[tokio::test(start_paused = true)]
async fn a_followed_base_that_cannot_be_asked_for_is_unknown_and_stops_a_release() {
    let world = on_alpine("follow");
    world.release("1.0.0").await.unwrap();
    world.registry.trouble("HEAD alpine:3", Trouble::Unreachable);
    let told = plan(&world, "1.1.0").await;
    assert!(
        told.contains(&format!("web: build unknown: what `{ALPINE}` stands for now (HEAD alpine:3: 503)")),
        "{told}"
    );
    let error = world.release("1.1.0").await.unwrap_err();
    let ReleaseError::Build { errors, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(errors[0], BuildError::Lookup { .. }), "{errors:?}");
    assert!(!world.diary.all().contains("build web"), "{}", world.diary.all());
    world.registry.no_more_trouble();
    assert!(!plan(&world, "1.1.0").await.contains("build"));
}

#[tokio::test(start_paused = true)]
async fn a_followed_base_that_is_not_there_is_an_error_of_its_image() {
    let world = on_alpine("follow");
    world.registry.remove(ALPINE);
    let gathered = world.gathered("1.0.0").await;
    let web = gathered.plan.images.iter().find(|image| image.name.as_str() == "web").unwrap();
    let Decision::Error(errors) = &web.decision else { panic!("{web:?}") };
    assert_eq!(errors[0].message, format!("`{ALPINE}` is not in its registry"));
    assert_eq!(errors[0].line, Some(1));
}

#[tokio::test(start_paused = true)]
async fn which_images_stand_on_which_bases() {
    let world = on_alpine("record");
    world.repo.commit("base/Dockerfile", &format!("FROM {ALPINE}\nCOPY libraries /\n"), "On alpine");
    world.release("1.0.0").await.unwrap();
    world.registry.image(&ALPINE.parse().unwrap(), &[], "alpine-2");
    let gathered = world.gathered("1.1.0").await;
    let told = |standing: &[longshore_run::bases::Standing]| {
        let lines = standing.iter().map(|base| {
            let names = |names: Vec<&str>| names.join(" ");
            let images = names(base.images.iter().map(|(name, ..)| name.as_str()).collect());
            let rebuilds = names(base.rebuilds.iter().map(|name| name.as_str()).collect());
            format!("{} {:?}: {images} -> {rebuilds}", base.reference, base.state())
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let all = standing(&gathered, Some(&*world.registry)).await;
    assert_snapshot!(told(&all), @"
    registry.example/mirror/alpine:3 Moved: base web -> api base web
    registry.example/mirror/tools:1 Same: web -> web
    ");
    let offline = standing(&gathered, None).await;
    assert!(offline.iter().all(|base| base.state() == State::Unknown && base.recorded.is_some()));
    assert!(matches!(offline[0].now, Answer::Unknown(_)));
}

fn with_external(refresh: &str) -> World {
    let world = World::new();
    let services = "services: {web: {externals: ['pypi:noetl']}}\n";
    world.repo.commit("longshore.yaml", &config(&format!("externals: {{{refresh}}}\n{services}")), "Name an input");
    world.externals.is("pypi:noetl", "2.1.0");
    world
}

#[tokio::test(start_paused = true)]
async fn an_external_input_is_recorded_and_a_new_version_is_a_reason() {
    let world = with_external("");
    world.release("1.0.0").await.unwrap();
    let built = record(&world, "1.0.0").image(&"web".parse().unwrap()).unwrap().built.clone().unwrap();
    assert_eq!(
        (built.externals[0].name.to_string().as_str(), built.externals[0].value.as_str()),
        ("pypi:noetl", "2.1.0")
    );
    assert!(!plan(&world, "1.1.0").await.contains("build"));
    world.externals.is("pypi:noetl", "2.2.0");
    assert!(plan(&world, "1.1.0").await.contains("web: build pypi:noetl moved from 2.1.0 to 2.2.0"));
    world.release("1.1.0").await.unwrap();
    assert!(!plan(&world, "1.2.0").await.contains("build"));
}

#[tokio::test(start_paused = true)]
async fn a_recorded_external_input_is_taken_until_it_is_too_old() {
    let mut world = with_external("refresh: 7d");
    world.release("1.0.0").await.unwrap();
    world.externals.is("pypi:noetl", "2.2.0");
    world.now += Duration::days(6);
    assert!(!plan(&world, "1.1.0").await.contains("build"));
    world.refresh = true;
    assert!(plan(&world, "1.1.0").await.contains("build"));
    world.refresh = false;
    world.now += Duration::days(2);
    assert!(plan(&world, "1.1.0").await.contains("build"));
}

#[tokio::test(start_paused = true)]
async fn an_external_input_that_nobody_knows_stops_a_release_before_any_build() {
    let world = with_external("");
    world.externals.silent("pypi:noetl");
    assert!(plan(&world, "1.0.0").await.contains("unknown: what `pypi:noetl` is now (GET pypi:noetl: 503)"));
    let error = world.release("1.0.0").await.unwrap_err();
    let ReleaseError::Build { errors, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(&errors[0], BuildError::External { message, .. } if message.contains("503")), "{errors:?}");
    assert!(!world.diary.all().contains("- build-started"));
}

/// The shop after v1.0.0, with a change of the base on top that does not change what comes out of it.
async fn with_a_base_that_comes_out_the_same() -> World {
    let world = World::new();
    world.engine.comes_out("base", "libraries");
    world.release("1.0.0").await.unwrap();
    world.repo.commit("base/libraries", "other", "Change what does not show");
    world.diary.forget();
    world
}

fn story(world: &World) -> String {
    world.diary.only(|line| line.contains("build ") || line.contains("spared") || line.contains("tagged"))
}

#[tokio::test(start_paused = true)]
async fn what_stands_on_a_base_that_comes_out_the_same_is_not_built() {
    let world = with_a_base_that_comes_out_the_same().await;
    let gathered = world.gathered("1.1.0").await;
    let api = gathered.plan.images.iter().find(|image| image.name.as_str() == "api").unwrap();
    assert_eq!((api.word(), api.unless()), ("build", vec![&"base".parse().unwrap()]));
    world.release_as_planned(&gathered).await.unwrap();
    assert_snapshot!(story(&world), @"
    build base
    - spared api
    - tagged api:v1.1.0
    - tagged base:v1.1.0
    - tagged web:v1.1.0
    ");
    let record_now = record(&world, "1.1.0");
    let api = record_now.image(&"api".parse().unwrap()).unwrap();
    let before = record(&world, "1.0.0").image(&"api".parse().unwrap()).unwrap().clone();
    let (built, then) = (api.built.clone().unwrap(), before.built.unwrap());
    assert_eq!((api.decision, api.since.as_str(), &api.digest), (RecordedDecision::Retag, "v1.0.0", &before.digest));
    assert_eq!((built.from, &built.bases), (then.from, &then.bases), "how it was built is not made up");
    assert_eq!(built.same_at, Some(record_now.source));
    assert_ne!(built.inputs, then.inputs);
    // The next plan knows that nothing changed, and of a later change it tells that one alone.
    assert!(!plan(&world, "1.2.0").await.contains("build"));
    world.repo.commit("api/run.sh", "new", "Change api");
    assert_snapshot!(plan(&world, "1.2.0").await, @"
    api: build api/run.sh
    base: retag
    web: retag
    ");
}

#[tokio::test(start_paused = true)]
async fn a_whole_chain_is_spared_and_a_link_that_changed_ends_it() {
    let world = World::new();
    world.repo.commit("top/Dockerfile", "FROM scratch\nCOPY --from=registry.example/shop/api:1 /run.sh /\n", "On api");
    world.engine.comes_out("base", "libraries");
    world.release("1.0.0").await.unwrap();
    world.repo.commit("base/libraries", "other", "Change what does not show");
    world.diary.forget();
    world.release("1.1.0").await.unwrap();
    let spared = world.diary.only(|line| line.contains("spared") || line.contains("built"));
    assert_eq!(spared, "- built base\n- spared api\n- spared top");
    assert!(!plan(&world, "1.2.0").await.contains("build"));
    // `api` is built for a reason of its own, and comes out otherwise than what `top` was built on.
    world.repo.commit("base/libraries", "another", "Change what does not show");
    world.repo.commit("api/run.sh", "new", "Change api");
    world.diary.forget();
    world.release("1.2.0").await.unwrap();
    let built = world.diary.only(|line| line.contains("spared") || line.contains("- built"));
    assert_eq!(built, "- built base\n- built api\n- built top");
}

#[tokio::test(start_paused = true)]
async fn the_same_holds_after_an_interruption_between_the_base_and_what_stands_on_it() {
    let mut world = with_a_base_that_comes_out_the_same().await;
    world.fails_at = Some("spared");
    world.release("1.1.0").await.unwrap_err();
    world.fails_at = None;
    assert!(plan(&world, "1.1.0").await.contains("base: retag"));
    world.release("1.1.0").await.unwrap();
    assert_snapshot!(story(&world), @"
    - spared api
    - tagged api:v1.1.0
    - tagged base:v1.1.0
    - tagged web:v1.1.0
    ");
}

#[tokio::test(start_paused = true)]
async fn what_an_interrupted_run_stood_on_is_recorded_by_the_next() {
    let mut world = on_alpine("record");
    world.fails_at = Some("verified");
    world.release("1.0.0").await.unwrap_err();
    world.fails_at = None;
    assert!(!plan(&world, "1.0.0").await.contains("build"));
    world.release("1.0.0").await.unwrap();
    let record = record(&world, "1.0.0");
    let bases = |name: &str| record.image(&name.parse().unwrap()).unwrap().built.clone().unwrap().bases;
    let names: Vec<String> = bases("web").into_iter().map(|base| base.name).collect();
    assert_eq!(names, [ALPINE, "registry.example/mirror/tools:1"]);
    let base = &record.image(&"base".parse().unwrap()).unwrap().digest;
    assert_eq!(bases("api")[0].reference.digest.as_ref(), Some(base));
}

#[tokio::test(start_paused = true)]
async fn what_stands_on_a_base_that_changed_is_built() {
    let world = with_a_base_that_comes_out_the_same().await;
    world.engine.comes_out("base", "other libraries");
    world.release("1.1.0").await.unwrap();
    assert_snapshot!(story(&world), @"
    build base
    build api
    - tagged api:v1.1.0
    - tagged base:v1.1.0
    - tagged web:v1.1.0
    ");
}

#[tokio::test(start_paused = true)]
async fn whether_a_base_came_out_the_same_is_asked_and_an_error_is_no_answer() {
    let world = with_a_base_that_comes_out_the_same().await;
    let gathered = world.gathered("1.1.0").await;
    world.registry.trouble("GET base@base-1", Trouble::Unreachable);
    let error = world.release_as_planned(&gathered).await.unwrap_err();
    let ReleaseError::Build { errors, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(errors[0], BuildError::Lookup { .. }), "{errors:?}");
    // An image that is gone is not the same.
    world.registry.no_more_trouble();
    let digest = record(&world, "1.0.0").image(&"base".parse().unwrap()).unwrap().digest.clone();
    world.registry.remove(&format!("registry.example/shop/base@{digest}"));
    world.release("1.1.0").await.unwrap();
    assert!(world.diary.all().contains("- built api"), "{}", world.diary.all());
}
