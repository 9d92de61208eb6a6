//! Made-up images: what a stage copies, and how.

use longshore_core::glob::has_wildcards;

use super::random::Random;
use super::world::{ARCHIVE, World};

/// An image, as a piece of a Dockerfile: its last stage is called `case` and its number, and the others have it in their names.
#[derive(Debug)]
pub(super) struct Image {
    /// Arguments before the first stage.
    pub(super) globals: String,
    /// The stages.
    pub(super) stages: String,
    /// The name of the last one.
    pub(super) name: String,
    /// The folder of it that is looked at.
    pub(super) looked_at: &'static str,
    /// The working directory of the last stage.
    pub(super) directory: &'static str,
    /// The mode that all files get, where the instruction gives one.
    pub(super) mode: Option<u32>,
    /// What other images read may be copied by this one too: it is built by itself.
    pub(super) alone: bool,
    /// Files that come from the Dockerfile itself.
    pub(super) inline: Vec<(String, String)>,
}

/// The stage that bind mounts are looked at in; its `box` is a named context with a busybox.
pub(super) const SHELL: &str = "FROM scratch AS shell\nCOPY --from=box / /\n";

impl Image {
    pub(super) fn random(number: usize, world: &World, random: &mut Random) -> Self {
        let name = format!("case{number}");
        let mut image = Self {
            globals: String::new(),
            stages: format!("FROM scratch AS {name}\n"),
            name,
            looked_at: "/",
            directory: "",
            mode: None,
            alone: false,
            inline: Vec::new(),
        };
        match random.below(16) {
            0 | 1 => image.stages += &copy(&[], &[world.path(random)], random),
            2 => image.stages += &copy(&[], &sources(world, random), random),
            3 | 4 => image.stages += &copy(&[], &[world.pattern(random)], random),
            5 => image.stages += &copy(&excludes(world, random), &sources(world, random), random),
            6 | 7 => {
                let mut flags = vec!["--parents".to_owned()];
                if random.one_in(3) {
                    flags.extend(excludes(world, random));
                }
                let source = pivoted(world.pattern(random), random);
                // A file that matches what stands before the pivot is copied where another instruction reads it.
                image.alone = source.split_once("/./").is_some_and(|(above, _)| has_wildcards(above));
                image.stages += &copy(&flags, &[source], random);
            }
            8 => image.add(world, random),
            9 => image.mount(number, world, random),
            10 | 11 => image.variable(number, world, random),
            12 => image.flags(world, random),
            13 => image.several(number, world, random),
            14 => image.heredoc(number, world, random),
            _ => image.relative(world, random),
        }
        image
    }

    fn add(&mut self, world: &World, random: &mut Random) {
        let source = if random.one_in(2) {
            random.pick(&[ARCHIVE, "*.tar", "./packed.tar"]).to_owned()
        } else {
            world.pattern(random)
        };
        self.stages += &copy(&[], &[source], random).replacen("COPY", "ADD", 1);
    }

    /// A bind mount, looked at by copying it from where it is mounted.
    fn mount(&mut self, number: usize, world: &World, random: &mut Random) {
        let path = if random.one_in(6) { world.pattern(random) } else { world.path(random) };
        let source = if path.is_empty() {
            String::new()
        } else {
            format!(",source={}{path}", random.pick(&["", "", "/", "./"]))
        };
        let mount = format!("type=bind,target=/m{source}");
        let mount =
            if mount.contains([' ', '"', '$', '\\']) { "type=bind,target=/m,source=keep".to_owned() } else { mount };
        self.stages = format!(
            "FROM shell AS case{number}\nRUN --mount={mount} [\"/bin/busybox\", \"cp\", \"-a\", \"/m\", \"/out\"]\n"
        );
        self.looked_at = "/out";
    }

    /// A source by a variable, with the modifiers there are.
    fn variable(&mut self, number: usize, world: &World, random: &mut Random) {
        let path = world.path(random);
        let value = if path.contains(['"', '\\', '$', '\'']) || path.is_empty() { "keep".to_owned() } else { path };
        let other = random.pick(&["keep", "a", "src", "packed.tar"]);
        let cut: String =
            value.chars().take(1 + random.below(3)).filter(|character| character.is_ascii_alphanumeric()).collect();
        let word = match random.below(17) {
            0 => "$V".to_owned(),
            1 => "${V}".to_owned(),
            2 => format!("${{V:-{other}}}"),
            3 => format!("${{NONE:-{other}}}"),
            4 => format!("${{EMPTY:-{other}}}"),
            5 => format!("${{EMPTY-{other}}}"),
            6 => format!("${{V:+{other}}}"),
            7 => format!("${{EMPTY+{other}}}"),
            8 => "${V:?is needed}".to_owned(),
            9 => "${NONE:?is needed}".to_owned(),
            10 => format!("${{V#{cut}}}"),
            11 => "${V##*/}".to_owned(),
            12 => "${V%/*}".to_owned(),
            13 => "${V%%/*}".to_owned(),
            14 => format!("${{V/{cut}/k}}"),
            15 => format!("${{V//{}/{}}}", random.pick(&["a", "/", ".", "?"]), random.pick(&["", "b", "*"])),
            _ => format!("${{NONE:-${{V:+{other}}}}}"),
        };
        let word = match random.below(5) {
            0 => format!("\"{word}\""),
            1 => format!("./{word}"),
            2 if !word.contains('\'') => format!("{word}*"),
            _ => word,
        };
        let keyword = random.pick(&["ARG", "ENV", "ARG"]);
        let before = if random.one_in(3) { "ARG W=keep\n" } else { "" };
        let assigned = match random.below(3) {
            0 => format!("{keyword} V='{value}'\n"),
            1 => format!("{keyword} V=\"{value}\"\n"),
            _ => {
                self.globals = format!("ARG G{number}=\"{value}\"\n");
                format!("ARG G{number}\n{keyword} V=$G{number}\n")
            }
        };
        let assigned = format!("{before}ARG EMPTY=\n{assigned}");
        // A file that is there whatever comes of the variable keeps the destination a folder.
        self.stages.extend([&assigned, "COPY keep ", &word, " /d/\n"]);
    }

    fn flags(&mut self, world: &World, random: &mut Random) {
        let mut flags = Vec::new();
        if random.one_in(2) {
            let (text, mode) = *random.pick_of(&[("755", 0o755), ("0644", 0o644), ("400", 0o400)]);
            flags.push(format!("--chmod={text}"));
            self.mode = Some(mode);
        }
        if random.one_in(2) {
            flags.push(random.pick(&["--link", "--link=true", "--link=false"]).to_owned());
        }
        self.stages += &copy(&flags, &[world.pattern(random)], random);
    }

    /// A stage that the last one stands on, copies from, or takes its triggers from.
    fn several(&mut self, number: usize, world: &World, random: &mut Random) {
        let below = format!("FROM scratch AS below{number}\n");
        let first = copy(&[], &sources(world, random), random);
        let second = copy(&[], &[world.pattern(random)], random);
        self.stages = match random.below(4) {
            0 => format!("{below}{first}FROM below{number} AS case{number}\n{second}"),
            1 => format!("{below}{first}FROM scratch AS case{number}\nCOPY --from=below{number} / /from/\n{second}"),
            2 => format!("{below}ONBUILD {first}FROM below{number} AS case{number}\n{second}"),
            _ => {
                self.globals = format!("ARG BASE{number}=below{number}\n");
                format!("{below}{first}FROM ${{BASE{number}}} AS case{number}\n{second}")
            }
        };
    }

    fn heredoc(&mut self, number: usize, world: &World, random: &mut Random) {
        let source = random.pick(&["keep", "keep", "packed.tar"]);
        let body = format!("one {number}\n# two\n\n");
        self.inline.push(("h/inline".to_owned(), body.clone()));
        self.stages.extend(["COPY ", source, " <<inline /h/\n", &body, "inline\n"]);
        if random.one_in(2) {
            self.stages += &copy(&[], &[world.path(random)], random);
        }
    }

    /// A destination below the working directory.
    fn relative(&mut self, world: &World, random: &mut Random) {
        self.directory = "w";
        self.stages += random.pick(&["WORKDIR /w\n", "WORKDIR w\n", "ENV HERE=/w\nWORKDIR $HERE\n"]);
        let source = word(&world.path(random));
        let to = random.pick(&[".", "./", "d/", "d", "./d/", "../w/d"]);
        self.stages.extend(["COPY ", source.as_deref().unwrap_or("keep"), " ", to, "\n"]);
    }
}

/// A source as one word without quotes, where it can be one.
fn word(path: &str) -> Option<String> {
    let path = if path.is_empty() { "." } else { path };
    let plain = !path.contains([' ', '"', '\'', '$', '\\']) && !path.starts_with("--") && !path.starts_with("<<");
    plain.then(|| path.to_owned())
}

/// A whole instruction; as words where that can be, else as an array.
fn copy(flags: &[String], sources: &[String], random: &mut Random) -> String {
    let mut to = random.pick(&["/d/", "/d/", "/d/", "/d/", "/e/f/", "/d", "/", "d/", "/d/."]);
    // Where several files go to one name, the last one stays, and what a folder then does there hangs on the others.
    let is_one = matches!(sources, [source] if !source.contains(['*', '?', '[']));
    if to == "/d" && !is_one {
        to = "/d/";
    }
    let sources: Vec<String> = sources.iter().map(|source| decorated(source, random)).collect();
    let flags: String = flags.iter().map(|flag| format!("{flag} ")).collect();
    let words: Option<Vec<String>> = sources.iter().map(|source| word(source)).collect();
    match words {
        Some(words) if !random.one_in(8) => format!("COPY {flags}{} {to}\n", words.join(" ")),
        _ => {
            let mut quoted: Vec<String> =
                sources.iter().map(|source| quoted(if source.is_empty() { "." } else { source })).collect();
            quoted.push(self::quoted(to));
            format!("COPY {flags}[{}]\n", quoted.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The same source in another way to write it.
fn decorated(source: &str, random: &mut Random) -> String {
    match random.below(14) {
        0 => format!("/{source}"),
        1 => format!("./{source}"),
        2 => format!("{source}/"),
        3 => format!("../{source}"),
        4 => format!("a/../{source}"),
        5 => format!("{source}/."),
        6 => source.replace('/', "//"),
        _ => source.to_owned(),
    }
}

fn sources(world: &World, random: &mut Random) -> Vec<String> {
    (0..1 + random.below(3))
        .map(|_| if random.one_in(2) { world.path(random) } else { world.pattern(random) })
        .collect()
}

fn excludes(world: &World, random: &mut Random) -> Vec<String> {
    let mut flags = Vec::new();
    for _ in 0..1 + random.below(2) {
        let path = world.pattern(random);
        // Patterns start at the source, so the last part of a path is what hits.
        let pattern = if random.one_in(2) { path.rsplit('/').next().unwrap_or_default().to_owned() } else { path };
        let start = random.pick(&["", "", "**/", "!", "/"]);
        if !pattern.contains([' ', '"', '\'', '$', '\\']) && !pattern.is_empty() {
            flags.push(format!("--exclude={start}{pattern}"));
        }
    }
    flags
}

/// A source of `--parents`, perhaps with the mark before which nothing is kept.
fn pivoted(source: String, random: &mut Random) -> String {
    if random.one_in(3) {
        return random
            .pick(&["**/*.md", "**/a", "*/./*", "./**/keep", "a/./b", "./a", "src/./keep", "**", "."])
            .to_owned();
    }
    match source.find('/') {
        Some(at) if random.one_in(3) => format!("{}/.{}", &source[..at], &source[at..]),
        _ => source,
    }
}
