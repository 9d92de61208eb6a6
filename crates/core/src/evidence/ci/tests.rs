use crate::evidence::story::story;

#[test]
fn every_kind_of_file_says_its_lines() {
    let paths = "Dockerfile api/Dockerfile web/Dockerfile web/Dockerfile.dev";
    let table: &[(&str, &str, &[&str])] = &[
        (
            ".gitlab-ci.yml",
            "variables: { D: web }\nimage:\n  before_script:\n    - cd $D\n  script:\n    - docker build .\nkaniko:\n  parallel: { matrix: [{ S: [api, web] }] }\n  script:\n    - /kaniko/executor --context $CI_PROJECT_DIR/$S --dockerfile $CI_PROJECT_DIR/$S/Dockerfile --destination r/$S",
            &["6: web/Dockerfile in web", "10: api/Dockerfile in api as r/api", "10: web/Dockerfile in web as r/web"],
        ),
        (
            "cloudbuild.yaml",
            "steps:\n- name: gcr.io/cloud-builders/docker\n  args: [build, -t, 'gcr.io/$PROJECT_ID/api:$_TAG', -f, api/Dockerfile, .]\n- name: gcr.io/cloud-builders/docker\n  entrypoint: bash\n  dir: web\n  args:\n  - -c\n  - |\n    docker build .\nsubstitutions: { _TAG: v1 }",
            &["3: api/Dockerfile in . as gcr.io/${PROJECT_ID}/api:v1", "10: web/Dockerfile in web"],
        ),
        (
            ".circleci/config.yml",
            "jobs:\n  x:\n    steps:\n      - checkout\n      - run: docker build api\n      - run:\n          working_directory: web\n          command: |\n            docker build .",
            &["5: api/Dockerfile in api", "9: web/Dockerfile in web"],
        ),
        (
            "azure-pipelines.yml",
            "steps:\n- task: Docker@2\n  inputs:\n    command: buildAndPush\n    repository: shop/web\n    Dockerfile: web/Dockerfile.dev\n    buildContext: .\n- script: docker build api\n  workingDirectory: $(Build.SourcesDirectory)",
            &["4: web/Dockerfile.dev in . as shop/web", "8: api/Dockerfile in api"],
        ),
        (
            "Jenkinsfile",
            "stage('x') {\n  sh 'docker build -t a api'\n  sh \"\"\"\n    cd web\n    docker build .\n  \"\"\"\n  def image = docker.build(\"shop/web\", \"-f web/Dockerfile.dev .\")\n}",
            &["2: api/Dockerfile in api as a", "5: web/Dockerfile in web", "7: web/Dockerfile.dev in . as shop/web"],
        ),
        (
            "Taskfile.yml",
            "vars: { NAME: api }\ntasks:\n  x:\n    dir: web\n    cmds:\n      - docker build .\n      - cmd: docker build -t {{.NAME}} ../{{.NAME}}",
            &["6: web/Dockerfile in web", "7: api/Dockerfile in api as api"],
        ),
        (
            "justfile",
            "name := \"api\"\nbuild:\n    @docker build -t {{name}} {{name}}\n\nother target:\n    cd web\n    docker build --target {{target}} .",
            &["3: api/Dockerfile in api as api", "7: Dockerfile in . to {{target}}"],
        ),
        (
            "web/package.json",
            "{\"scripts\": {\n  \"image\": \"docker build -t web .\",\n  \"root\": \"cd .. && docker build .\"\n}}",
            &["2: web/Dockerfile in web as web", "3: Dockerfile in ."],
        ),
        (".drone.yml", "steps:\n- name: x\n  commands:\n  - docker build web", &["4: web/Dockerfile in web"]),
    ];
    for (path, text, expected) in table {
        assert_eq!(story(paths, &[(path, text)]).told(path), *expected, "{path}");
    }
}
