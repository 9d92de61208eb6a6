//! The cases that other tools get wrong and that need more than a commit; the others are tests of `longshore-core`.

use longshore_testkit::cases::CASES;

#[track_caller]
fn check(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    let program = env!("CARGO_BIN_EXE_longshore");
    assert_eq!((case.run)(program.as_ref()), case.expected, "{}", case.title);
}

macro_rules! cases {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_case_is_a_test() {
            let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

cases! {
    a_registry_answers_429_to_the_look_up
    a_git_error_during_detection
    a_shallow_clone_of_an_unchanged_service
    a_label_claims_a_revision_that_is_not_here
    an_unchanged_image_in_a_release_of_the_others
    a_base_that_is_built_again_and_comes_out_the_same
    a_failed_build_and_then_a_rerun
    looking_changes_nothing_on_disk
}
