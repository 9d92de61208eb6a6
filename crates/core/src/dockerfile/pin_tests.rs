//! Pinning: one word changes, and nothing else.

use std::collections::BTreeMap;

use super::{Dockerfile, DockerfileError, Read, RecipeBase, pin};
use crate::image::Platform;

const PIN: &str = "h/x@sha256:12";

/// Pins every image that the last stage needs.
fn pinned(text: &str) -> Result<String, DockerfileError> {
    let dockerfile = Dockerfile::parse(text)?;
    let recipe = dockerfile.recipe(None, &BTreeMap::new(), &Platform::default())?;
    let mut pins = BTreeMap::new();
    for stage in &recipe.stages {
        if let RecipeBase::Image(image) = &stage.base {
            pins.insert((image.line, image.text.clone()), PIN.to_owned());
        }
        for read in stage.steps.iter().flat_map(|step| &step.reads) {
            if let Read::Image(image) = read {
                pins.insert((image.line, image.text.clone()), PIN.to_owned());
            }
        }
    }
    pin(&dockerfile, &[&recipe], &pins)
}

/// A file, and the file pinned, where `@` stands for the new name.
const CASES: &[(&str, &str)] = &[
    ("FROM a", "FROM @"),
    ("from  --platform=linux/amd64   a:1   as  b\n", "from  --platform=linux/amd64   @   as  b\n"),
    ("\u{feff}FROM a:1\r\nRUN b\r\n", "\u{feff}FROM @\r\nRUN b\r\n"),
    ("ARG V=1\nFROM a:${V:-2}-x", "ARG V=1\nFROM @"),
    ("FROM \"a\"':1'", "FROM @"),
    ("FROM al\\\npine:3 \\\n  AS x\nRUN a", "FROM \\\n@ \\\n  AS x\nRUN a"),
    ("FROM al\\\npine\nRUN a", "FROM \\\n@\nRUN a"),
    ("FROM \\\n# a\n\n a\nRUN a", "FROM \\\n# a\n\n @\nRUN a"),
    ("FR\\\nOM\\\n a\nRUN a", "FR\\\nOM\\\n @\nRUN a"),
    ("# escape=`\nFROM a`\nb\nRUN a", "# escape=`\nFROM `\n@\nRUN a"),
    ("FROM scratch\nCOPY --from=a:1 a:1 /a:1", "FROM scratch\nCOPY --from=@ a:1 /a:1"),
    ("FROM scratch\nCOPY --link --fr\"om=a\":\\1 b c", "FROM scratch\nCOPY --link --fr\"om=\"@ b c"),
    ("FROM scratch\nCOPY --\"from=a\" b c", "FROM scratch\nCOPY --\"from=@\" b c"),
    ("FROM scratch\nCOPY --from=\\\na b c", "FROM scratch\nCOPY --from=\\\n@ b c"),
    (
        "FROM scratch\nRUN --mount=from=a,target=/a \\\n --mount=type=bind,target=/b,from=b a b",
        "FROM scratch\nRUN --mount=from=@,target=/a \\\n --mount=type=bind,target=/b,from=@ a b",
    ),
    ("FROM scratch\nRUN --mount='\"from=a\",target=/a' a", "FROM scratch\nRUN --mount='\"from=@\",target=/a' a"),
    ("FROM scratch\nRUN --mount=from=s,from=a,target=/a a", "FROM scratch\nRUN --mount=from=s,from=@,target=/a a"),
    (
        "FROM a AS s\nFROM s\nCOPY --from=s / /\nCOPY --from=0 / /",
        "FROM @ AS s\nFROM s\nCOPY --from=s / /\nCOPY --from=0 / /",
    ),
    // What the target does not reach stays.
    ("FROM a AS s\nCOPY --from=c / /\nFROM b", "FROM a AS s\nCOPY --from=c / /\nFROM @"),
    // A trigger is pinned where it is written, once something runs it.
    ("FROM a AS s\nONBUILD COPY --from=b / /\nFROM s", "FROM @ AS s\nONBUILD COPY --from=@ / /\nFROM s"),
    (
        "FROM a AS s\nONBUILD RUN \\\n --mount=from=b,target=/x <<E\nfrom=b\nE\nFROM s",
        "FROM @ AS s\nONBUILD RUN \\\n --mount=from=@,target=/x <<E\nfrom=b\nE\nFROM s",
    ),
    ("FROM a\nONBUILD COPY --from=b / /", "FROM @\nONBUILD COPY --from=b / /"),
    ("FROM a\nRUN <<E\nFROM a\nCOPY --from=a b c\nE", "FROM @\nRUN <<E\nFROM a\nCOPY --from=a b c\nE"),
    ("FROM a\nCOPY ä ö\nLABEL a=a", "FROM @\nCOPY ä ö\nLABEL a=a"),
];

#[test]
fn only_the_names_of_images_change() {
    for (text, expected) in CASES {
        let got = pinned(text).unwrap();
        assert_eq!(got, expected.replace('@', PIN), "\n{text}\n");
        assert_eq!(got.matches('\n').count(), text.matches('\n').count());
    }
}

#[test]
fn what_is_pinned_reads_the_pin() {
    for (text, _) in CASES {
        let dockerfile = Dockerfile::parse(&pinned(text).unwrap()).unwrap();
        let recipe = dockerfile.recipe(None, &BTreeMap::new(), &Platform::default()).unwrap();
        let mut images = Vec::new();
        for stage in recipe.stages {
            images.extend(match stage.base {
                RecipeBase::Image(image) => Some(image.text),
                _ => None,
            });
            images.extend(stage.steps.into_iter().flat_map(|step| step.reads).filter_map(|read| match read {
                Read::Image(image) => Some(image.text),
                _ => None,
            }));
        }
        assert!(!images.is_empty() && images.iter().all(|image| image == PIN), "{images:?}\n{text}\n");
    }
}

#[test]
fn two_images_on_one_line_each_get_their_own() {
    let dockerfile = Dockerfile::parse("FROM s AS s\nRUN --mount=from=a,target=/a --mount=from=b,target=/b x").unwrap();
    let recipe = dockerfile.recipe(None, &BTreeMap::new(), &Platform::default()).unwrap();
    let pins = BTreeMap::from([((2, "b".to_owned()), "B".to_owned())]);
    let text = pin(&dockerfile, &[&recipe], &pins).unwrap();
    assert_eq!(text, "FROM s AS s\nRUN --mount=from=a,target=/a --mount=from=B,target=/b x");
}

#[test]
fn a_pin_that_fits_nothing_is_an_error() {
    let dockerfile = Dockerfile::parse("FROM a AS s\nCOPY --from=b x y\nFROM c").unwrap();
    let recipe = dockerfile.recipe(None, &BTreeMap::new(), &Platform::default()).unwrap();
    let attempt = |line: usize, text: &str, reference: &str| {
        let pins = BTreeMap::from([((line, text.to_owned()), reference.to_owned())]);
        pin(&dockerfile, &[&recipe], &pins).map_err(|error| (error.line, error.message))
    };
    assert!(attempt(3, "c", PIN).is_ok());
    let unused = |text: &str| format!("cannot pin `{text}`: the target uses no such image on that line");
    assert_eq!(attempt(2, "c", PIN), Err((2, unused("c"))));
    assert_eq!(attempt(3, "d", PIN), Err((3, unused("d"))));
    assert_eq!(attempt(2, "b", PIN), Err((2, unused("b"))));
    for reference in ["", "a b", "$x", "a\nRUN x", "a\\", "ä"] {
        let refused = format!("cannot pin `c`: `{reference}` cannot stand in a Dockerfile");
        assert_eq!(attempt(3, "c", reference), Err((3, refused)));
    }
}
