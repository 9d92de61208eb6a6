//! What is made elsewhere and moves: bases, packages, submodules.

use super::{Answer, change};
use crate::elsewhere::Answer as Stands;
use crate::fixture::fixture;

table! {
    the_tag_of_a_base_points_elsewhere_now:
        "the tag of a base image points elsewhere now (policy `follow`): of what the image starts from, of a builder stage, of `COPY --from=image:tag`",
        "differs: nginx:1.27 moved from 7692c3ad3540 to 3fc4ccfe7458; differs: node:22 moved from 7692c3ad3540 to 3fc4ccfe7458; differs: quay.io/acme/tools:3 moved from 7692c3ad3540 to 3fc4ccfe7458",
        "Skaffold (#5063), werf, Okteto, Garden, moon, Nx";
    a_declared_external_version_moves:
        "a version from elsewhere moves (`pip install noetl`, declared as an external input)", "differs: pypi:noetl moved from 2.1.0 to 2.2.0",
        "all";
    a_submodule_moves:
        "a submodule moves, and a file in it is copied; and one that nothing copies", "differs: libs/clock moved from 0123456 to 89abcde; same",
        "directory hashers";
}

fn the_tag_of_a_base_points_elsewhere_now() -> Vec<Answer> {
    let repo = fixture(
        "
        //- web/Dockerfile
        FROM node:22 AS build
        RUN npm ci
        FROM nginx:1.27
        COPY --from=build /dist /dist
        COPY --from=quay.io/acme/tools:3 /bin/probe /probe
        ",
    );
    let repo = repo.config("registry: r.example/x\nbases: {policy: follow}");
    let names = ["nginx:1.27", "node:22", "quay.io/acme/tools:3"];
    let repo = names.iter().fold(repo, |repo, name| repo.stands_for(name, "one"));
    names.iter().map(|name| change(&repo, |repo| repo.stands_for(name, "two"))).collect()
}

fn a_declared_external_version_moves() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM python:3.12
        RUN pip install noetl
        ",
    );
    let repo = repo.config("registry: r.example/x\nservices: {api: {externals: ['pypi:noetl']}}");
    let repo = repo.external("pypi:noetl", Stands::Is("2.1.0"));
    vec![change(&repo, |repo| repo.external("pypi:noetl", Stands::Is("2.2.0")))]
}

fn a_submodule_moves() -> Vec<Answer> {
    const NOW: &str = "89abcdef0123456789abcdef0123456789abcdef";
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY libs/clock/src/main.c /srv/
        //- libs/clock submodule=0123456789abcdef0123456789abcdef01234567
        //- libs/other submodule=0123456789abcdef0123456789abcdef01234567
        ",
    );
    vec![
        change(&repo, |repo| repo.submodule("libs/clock", NOW)),
        change(&repo, |repo| repo.submodule("libs/other", NOW)),
    ]
}
