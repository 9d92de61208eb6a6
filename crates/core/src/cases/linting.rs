//! What no plan can mend, and `lint` says.

use super::Answer;
use crate::fixture::{Fixture, fixture};
use crate::lint::Released;

table! {
    a_text_in_the_context_names_the_version_it_is_released_under:
        "a README inside the context names the version it is released under: it changes with every release",
        "lint: version-named api/Dockerfile:2: `api` copies `api/README.md`, which names v1.4.0 (line 3): the next release changes it",
        "all";
    the_folder_of_a_service_was_renamed_and_a_filter_names_the_old_one:
        "the folder of a service was renamed, and a path filter still names the old one",
        "lint: filter-misses .github/workflows/orders.yml:4: the filter misses `orders/main.py` (orders/Dockerfile:2): 1 of 1 inputs of `orders`; filter-gone .github/workflows/orders.yml:4: the filter `service_orders/**` names `service_orders`, which is not there",
        "confidential-dot-ai/c8s#115: two months of new tags on old code";
}

/// What lint says of it, where `version` was released last.
fn linted(repo: &Fixture, version: &str) -> Answer {
    let released = Released { version: Some(version.to_owned()), ..Released::default() };
    Answer::Told(format!("lint: {}", repo.lint(&[], &[], &released).join("; ")))
}

fn a_text_in_the_context_names_the_version_it_is_released_under() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM python:3.12
        COPY . /srv
        //- api/main.py
        //- api/README.md
        # Shop

        `pip install shop==1.4.0`
        ",
    );
    vec![linted(&repo, "v1.4.0")]
}

fn the_folder_of_a_service_was_renamed_and_a_filter_names_the_old_one() -> Vec<Answer> {
    let repo = fixture(
        "
        //- orders/Dockerfile
        FROM python:3.12
        COPY main.py /srv/
        //- orders/main.py
        //- .github/workflows/orders.yml
        on:
          push:
            paths:
              - service_orders/**
        jobs:
          build:
            runs-on: ubuntu-24.04
            steps:
              - run: docker build orders
        ",
    );
    vec![linted(&repo, "v1.4.0")]
}
