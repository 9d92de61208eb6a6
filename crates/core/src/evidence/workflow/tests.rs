use crate::evidence::story::{Story, story};

const PATHS: &str = "Dockerfile api/Dockerfile web/Dockerfile web/Dockerfile.dev docker-bake.hcl";
const FILE: &str = ".github/workflows/build.yml";

fn with(texts: &[(&str, &str)]) -> Story {
    story(PATHS, texts)
}

/// What a workflow with these jobs says.
fn told(jobs: &str) -> Vec<String> {
    with(&[(FILE, jobs)]).told(FILE)
}

#[test]
fn actions_that_build() {
    let workflow = "\
jobs:
  x:
    steps:
      - uses: docker/build-push-action@v6
      - uses: docker/build-push-action@v6
        with:
          context: web
          file: web/Dockerfile.dev
          target: dev
          tags: |
            shop/web:latest
            shop/web:${{ github.sha }}
      - uses: docker/build-push-action@v6
        with: { context: '{{defaultContext}}:api' }
      - uses: docker/bake-action@v5
        with: { targets: 'a,b' }
      - uses: someone/builds@v1
        with: { dockerfile-path: web/Dockerfile.dev, build-context: . }
      - uses: someone/tests@v1
        with: { file: web/Dockerfile.dev }
";
    let expected = [
        "4: Dockerfile in .",
        "5: web/Dockerfile.dev in web to dev as shop/web:latest shop/web:${{ github.sha }}",
        "13: api/Dockerfile in api",
        "17: web/Dockerfile.dev in .",
        "15: Bake in .  : a b",
    ];
    assert_eq!(told(workflow), expected);
}

#[test]
fn shell_lines_know_their_folder_and_environment() {
    let workflow = "\
env: { REPO: shop }
defaults: { run: { working-directory: web } }
jobs:
  x:
    env: { NAME: web }
    steps:
      - run: docker build -t $REPO/${{ env.NAME }} .
      - working-directory: ./
        run: |
          echo first
          docker build \\
            -t a api
      - run: docker build -f $GITHUB_WORKSPACE/api/Dockerfile ${{ github.workspace }}
";
    let expected =
        ["7: web/Dockerfile in web as shop/web", "11: api/Dockerfile in api as a", "13: api/Dockerfile in ."];
    assert_eq!(told(workflow), expected);
}

#[test]
fn a_matrix_is_followed() {
    let steps = "\n    steps:\n      - uses: docker/build-push-action@v6\n        with: { context: '${{ matrix.dir }}', tags: 'x/${{ matrix.name || matrix.dir }}' }";
    let table: &[(&str, &[&str])] = &[
        ("dir: [api, web]", &["api/Dockerfile in api as x/api", "web/Dockerfile in web as x/web"]),
        (
            "dir: [api, web]\n        os: [a, b]\n        exclude: [{ dir: api, os: a }, { dir: api, os: b }]",
            &["web/Dockerfile in web as x/web"],
        ),
        (
            "include:\n          - { dir: api, name: one }\n          - { dir: web, name: two }",
            &["api/Dockerfile in api as x/one", "web/Dockerfile in web as x/two"],
        ),
        (
            "dir: [api]\n        include: [{ dir: api, name: one }, { dir: web }]",
            &["api/Dockerfile in api as x/one", "web/Dockerfile in web as x/web"],
        ),
        ("dir: ${{ fromJson('[\"api\"]') }}", &["api/Dockerfile in api as x/api"]),
        ("dir: ${{ fromJson(needs.a.outputs.b) }}", &["any ${{ matrix.dir }}/Dockerfile in ${{ matrix.dir }}"]),
    ];
    for (matrix, expected) in table {
        let workflow = format!("jobs:\n  x:\n    strategy:\n      matrix:\n        {matrix}{steps}");
        let told = told(&workflow);
        let without_line: Vec<&str> =
            told.iter().filter_map(|line| line.split_once(": ")).map(|(_, rest)| rest).collect();
        assert_eq!(without_line, *expected, "{matrix}");
    }
}

#[test]
fn values_with_parts_and_conditions() {
    let workflow = "\
jobs:
  x:
    strategy: { matrix: { image: [{ name: a, at: api }, { name: b, at: web }] } }
    steps:
      - run: docker build -t ${{ matrix.image.name == 'a' && 'first' || 'other' }} ${{ matrix.image.at }}
";
    assert_eq!(told(workflow), ["5: api/Dockerfile in api as first", "5: web/Dockerfile in web as other"]);
}

#[test]
fn actions_and_workflows_of_the_repository_are_followed() {
    let caller = "\
jobs:
  one:
    strategy: { matrix: { dir: [api, web] } }
    uses: ./.github/workflows/image.yml
    with: { dir: '${{ matrix.dir }}' }
  two:
    steps:
      - uses: ./.github/actions/image
        with: { dir: web }
";
    let called = "on: { workflow_call: { inputs: { dir: { type: string }, tag: { default: x } } } }\njobs:\n  x:\n    steps:\n      - run: docker build -t ${{ inputs.tag }} ${{ inputs.dir }}";
    let action = "inputs: { dir: { required: true }, file: { default: Dockerfile.dev } }\nruns:\n  using: composite\n  steps:\n    - run: docker build -f ${{ inputs.dir }}/${{ inputs.file }} .";
    let story =
        with(&[(FILE, caller), (".github/workflows/image.yml", called), (".github/actions/image/action.yml", action)]);
    assert_eq!(
        story.told(FILE),
        ["4: api/Dockerfile in api as x", "4: web/Dockerfile in web as x", "8: web/Dockerfile.dev in ."]
    );
    assert_eq!(story.told(".github/workflows/image.yml"), ["5: any ${{ inputs.dir }}/Dockerfile in ${{ inputs.dir }}"]);
}

#[test]
fn what_is_no_yaml_is_noted() {
    assert_eq!(told("jobs:\n  x: [docker build"), ["2: unread"]);
    assert_eq!(told("docker build"), [""; 0]);
}
