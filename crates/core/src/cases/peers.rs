//! Cases that other tools get wrong: "same" is a retag, "differs" a build.

use insta::assert_snapshot;

use crate::fixture::{Fixture, fixture};

const RELEASE: &str = "v1.1.0";

#[test]
fn a_shared_module_copied_by_a_service_changes() {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM python:3.12
        COPY tools/time time
        //- web/Dockerfile
        FROM nginx:1.25
        //- tools/time/clock.py
        ",
    );
    assert_snapshot!(repo.released("v1.0.0").touch("tools/time/clock.py").plan(RELEASE), @"");
}
