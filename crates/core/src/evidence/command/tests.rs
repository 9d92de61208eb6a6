use super::super::text::{fields, unset};
use super::*;

fn words(line: &str) -> Vec<String> {
    fields(&line.replace("$D", &unset("DOCKER")).replace("$X", &unset("X")))
}

/// Context, Dockerfile, target, arguments, images, platforms and named contexts, as one line.
fn told(line: &str) -> Option<String> {
    match parse(&words(line))? {
        Command::Build(build) => {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let lists = [&build.args, &build.images, &build.platforms, &build.contexts].map(|list| list.join(" "));
            let start = [text(&build.context), text(&build.dockerfile), text(&build.target)].join(" | ");
            let line = format!("{start} | {}", lists.join(" | "));
            Some(super::super::text::shown(&line).trim_end_matches([' ', '|']).to_owned())
        }
        Command::Uses(uses) => {
            Some(format!("{:?} {} : {}", uses.tool, uses.files.join(" "), uses.targets.join(" ")).trim_end().to_owned())
        }
    }
}

#[test]
fn builds_of_one_image() {
    let table = [
        ("docker build .", ". | - | -"),
        ("docker build -t a:1 -t b -f x/Dockerfile --target=run x", "x | x/Dockerfile | run |  | a:1 b"),
        ("sudo docker build --build-arg A=1 --build-arg=B . ", ". | - | - | A=1 B"),
        ("DOCKER_BUILDKIT=1 docker image build -qt a --no-cache --pull .", ". | - | - |  | a"),
        ("docker build . --file=d --tag a", ". | d | - |  | a"),
        ("docker build -ft d", "d | t | -"),
        (
            "docker buildx --builder b build --push --platform linux/amd64,linux/arm64 --build-context lib=../lib api",
            "api | - | - |  |  | linux/amd64 linux/arm64 | lib=../lib",
        ),
        ("docker --context far build --progress plain --cache-from type=gha --iidfile id .", ". | - | -"),
        ("/usr/bin/podman build --format docker --layers -f Containerfile .", ". | Containerfile | -"),
        ("buildah bud --isolation chroot -f d ctx", "ctx | d | -"),
        ("nerdctl -n k8s.io build -t a .", ". | - | - |  | a"),
        ("time retry 5 docker build -t a .", ". | - | - |  | a"),
        ("$D build -t a $X .", ". | - | - |  | a"),
        ("docker build . $X", ". | - | -"),
        ("docker build -f $X/Dockerfile $X", "${X} | ${X}/Dockerfile | -"),
        (
            "/kaniko/executor --context dir:///w/a --dockerfile a/D --destination r/a:1 --cache=true",
            "/w/a | a/D | - |  | r/a:1",
        ),
        (
            "buildctl build --frontend dockerfile.v0 --local context=. --local dockerfile=svc --opt filename=D.x --opt target=t --output type=image,name=r/a,push=true",
            ". | svc/D.x | t |  | r/a",
        ),
        ("docker buildx build -o type=image,name=a --metadata-file m .", ". | - | - |  | a"),
    ];
    for (line, expected) in table {
        assert_eq!(told(line).as_deref(), Some(expected), "{line}");
    }
}

#[test]
fn tools_that_read_a_file() {
    let table = [
        (
            "docker buildx bake -f a.hcl -f b.json --push --set *.platform=linux/amd64 api web",
            "Bake a.hcl b.json : api web",
        ),
        ("docker buildx bake", "Bake  :"),
        ("docker compose -f a.yml -p x build --no-cache api", "Compose a.yml : api"),
        ("docker-compose up -d --build", "Compose  :"),
        ("skaffold build -f s.yaml -p prod", "Skaffold s.yaml :"),
    ];
    for (line, expected) in table {
        assert_eq!(told(line).as_deref(), Some(expected), "{line}");
    }
}

#[test]
fn what_builds_nothing_says_nothing() {
    let lines = [
        "",
        "docker",
        "docker push a",
        "docker build",
        "docker build -",
        "docker build -f - .",
        "echo docker build .",
        "log_info docker build .",
        "docker compose up -d",
        "docker buildx imagetools create a",
        "docker run a build .",
        "skaffold version",
        "docker buildx bake https://example.org/r.git",
        "npm run build",
        "grep docker build .",
    ];
    for line in lines {
        assert_eq!(told(line), None, "{line}");
    }
}
