//! Files that move, change or go.

use super::{Answer, change, planned};
use crate::fixture::{Fixture, fixture};
use crate::object::Mode;

table! {
    a_copied_file_moves_to_another_copied_directory_with_the_same_content:
        "a copied file moves to another copied directory, same content", "differs: two/a.py added and one/a.py removed",
        "Skaffold (hashes base names), werf (blob ids only)";
    a_file_is_renamed_inside_a_glob:
        "a file is renamed inside a `*.py` glob; it is the only one, and the destination names a file", "differs: z.py added and a.py removed; differs: abc.py added and a.py removed",
        "Skaffold, werf";
    a_mode_changes_and_nothing_else:
        "`chmod +x` only", "differs: bin/run.sh mode changed",
        "werf, moon, Garden";
    a_symlink_is_retargeted:
        "a symlink is retargeted", "differs: etc/current link changed",
        "Skaffold";
    a_link_is_replaced_by_a_copy_of_its_target:
        "a link is replaced by a copy of its target", "differs: etc/current link changed",
        "content-only hashers";
    the_umask_of_a_checkout_is_no_input:
        "a checkout with umask 002 and one with 022", "same",
        "Skaffold";
    a_copied_file_is_deleted:
        "a copied file is deleted", "differs: src/b removed",
        "list-of-changed-files tools";
    an_ignore_file_is_edited_and_no_included_file_is_affected:
        "`.dockerignore` or `Dockerfile.dockerignore` is edited, and no included file is affected; and then one is", "same; differs: src/junk removed",
        "whole-context hashers";
    ignored_and_included_again:
        "an ignored file is edited; a re-included (`!`) file below an ignored directory is edited", "same; differs: docs/api/index.md changed",
        "Garden; matchers made for `.gitignore`";
    an_optional_pattern_that_matched_nothing_matches_now:
        "an optional glob (`uv.lock*`) that matched nothing now matches", "differs: uv.lock added",
        "list-based configs";
    a_change_is_taken_back:
        "a change is taken back: equal content at another commit (revert, merge, rebase)", "same",
        "change detection by `HEAD^`";
    a_large_file_pointer_moves:
        "an LFS pointer moves", "differs: model.bin changed",
        "directory hashers";
    a_source_is_a_link_out_of_the_context_or_a_loop:
        "a COPY source is a link out of the context's root, or a loop", "api error: COPY out: the link `api/out` leads out of the build context, api/Dockerfile:2 and COPY loop: the link `api/loop` leads in a circle, api/Dockerfile:3",
        "several hang or ignore it";
    a_link_inside_a_copied_tree_leads_out_of_the_context:
        "a link inside a copied tree leads out of the context: it is copied as text", "differs: tree/out link changed",
        "several";
    names_that_are_no_text_or_have_spaces:
        "file names that are no UTF-8 or have spaces, and `COPY [\"a b\", \"/x\"]`", "differs: a b changed and caf\\xe9 changed; differs: caf\\xe8 added and caf\\xe9 removed",
        "many";
    a_source_is_missing:
        "a COPY source is missing; the other images are planned", "api error: COPY nowhere: no such file or directory, api/Dockerfile:3, web build: new",
        "all: the build fails later";
    moving_a_whole_folder_changes_nothing:
        "the whole folder of a service moves", "same",
        "whatever hashes paths from the root";
}

fn a_copied_file_moves_to_another_copied_directory_with_the_same_content() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY one /srv/one
        COPY two /srv/two
        //- one/a.py
        same
        //- one/b.py
        //- two/c.py
        ",
    );
    vec![change(&repo, |repo| repo.rename("one/a.py", "two/a.py"))]
}

fn a_file_is_renamed_inside_a_glob() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY *.py /srv/
        //- a.py
        a
        //- b.py
        b
        ",
    );
    // One file, and a destination that may be a file or a directory of the base image.
    let single = repo.clone().replace("Dockerfile", "*.py /srv/", "a*.py /srv");
    vec![change(&repo, |repo| repo.rename("a.py", "z.py")), change(&single, |repo| repo.rename("a.py", "abc.py"))]
}

fn a_mode_changes_and_nothing_else() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY bin /bin
        //- bin/run.sh
        ",
    );
    vec![change(&repo, |repo| repo.chmod("bin/run.sh"))]
}

/// A link with what it leads to, and what it might lead to.
fn links() -> Fixture {
    fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY etc /etc
        //- etc/blue
        blue
        //- etc/green
        green
        //- etc/current link=blue
        ",
    )
}

fn a_symlink_is_retargeted() -> Vec<Answer> {
    vec![change(&links(), |repo| repo.link("etc/current", "green"))]
}

fn a_link_is_replaced_by_a_copy_of_its_target() -> Vec<Answer> {
    vec![change(&links(), |repo| repo.remove("etc/current").write("etc/current", "blue\n"))]
}

fn the_umask_of_a_checkout_is_no_input() -> Vec<Answer> {
    // Git once wrote the group's bit; a mode is one bit.
    let read = |octal: &[u8]| Mode::from_octal(octal).map(|mode| mode == Mode::File);
    vec![if read(b"100664") == read(b"100644") { Answer::Same } else { Answer::Differs(Vec::new()) }]
}

fn a_copied_file_is_deleted() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY src /srv
        //- src/a
        //- src/b
        ",
    );
    vec![change(&repo, |repo| repo.remove("src/b"))]
}

fn an_ignore_file_is_edited_and_no_included_file_is_affected() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY src /srv
        //- src/a.py
        //- src/junk
        //- notes/b.md
        ",
    );
    let of = |edit: &dyn Fn(Fixture, &str) -> Fixture| {
        [".dockerignore", "Dockerfile.dockerignore"].map(|name| change(&repo, |repo| edit(repo, name)))
    };
    let unaffected = of(&|repo, name| repo.write(name, "notes\nsrc/a*\n!src/a.py\n"));
    let affected = of(&|repo, name| repo.write(name, "src/junk\n"));
    unaffected.into_iter().chain(affected).collect()
}

fn ignored_and_included_again() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY . /srv
        //- .dockerignore
        docs
        !docs/api
        //- docs/guide.md
        //- docs/api/index.md
        ",
    );
    vec![change(&repo, |repo| repo.touch("docs/guide.md")), change(&repo, |repo| repo.touch("docs/api/index.md"))]
}

fn an_optional_pattern_that_matched_nothing_matches_now() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY pyproject.toml uv.lock* /srv/
        //- pyproject.toml
        ",
    );
    vec![change(&repo, |repo| repo.touch("uv.lock"))]
}

fn a_change_is_taken_back() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY a /a
        //- a
        one
        ",
    );
    vec![change(&repo, |repo| repo.touch("a").write("a", "one\n"))]
}

fn a_large_file_pointer_moves() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY model.bin /
        //- model.bin
        version https://git-lfs.github.com/spec/v1
        oid sha256:01
        ",
    );
    vec![change(&repo, |repo| repo.replace("model.bin", "sha256:01", "sha256:02"))]
}

fn a_source_is_a_link_out_of_the_context_or_a_loop() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY out /srv
        COPY loop /srv
        //- api/out link=../../etc
        //- api/loop link=pool
        //- api/pool link=loop
        ",
    );
    vec![planned(&repo.config("registry: r.example/x\nservices:\n  api: {context: api}"))]
}

fn a_link_inside_a_copied_tree_leads_out_of_the_context() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY tree /srv
        //- tree/out link=../../../etc
        ",
    );
    vec![change(&repo, |repo| repo.link("tree/out", "../../../usr"))]
}

fn names_that_are_no_text_or_have_spaces() -> Vec<Answer> {
    let repo = fixture(
        "
        //- Dockerfile
        FROM scratch
        COPY [\"a b\", \"/x\"]
        COPY caf* /y/
        //- a b
        ",
    );
    let repo = repo.write(b"caf\xe9", "coffee").write(b"cafe\xcc\x81", "");
    vec![
        change(&repo, |repo| repo.touch("a b").touch(b"caf\xe9")),
        change(&repo, |repo| repo.rename(b"caf\xe9", b"caf\xe8")),
    ]
}

fn a_source_is_missing() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY here /a
        COPY nowhere /b
        //- api/here
        //- web/Dockerfile
        FROM nginx
        ",
    );
    vec![planned(&repo)]
}

fn moving_a_whole_folder_changes_nothing() -> Vec<Answer> {
    let repo = fixture(
        "
        //- api/Dockerfile
        FROM scratch
        COPY src /srv
        //- api/src/main.py
        ",
    );
    vec![change(&repo, |repo| repo.rename("api", "services/api"))]
}
