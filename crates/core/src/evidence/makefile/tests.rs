use crate::evidence::story::story;

const PATHS: &str =
    "Dockerfile api/Dockerfile web/Dockerfile web/Dockerfile.base images/a/Dockerfile images/b/Dockerfile";

/// What a Makefile in the root says.
fn told(makefile: &str) -> Vec<String> {
    story(PATHS, &[("Makefile", makefile)]).told("Makefile")
}

#[test]
fn variables_and_functions() {
    let table: &[(&str, &[&str])] = &[
        ("all:\n\tdocker build .", &["2: Dockerfile in ."]),
        (
            "D=$(ROOT)/api\nROOT:=$(CURDIR)\nB = @docker build\nx:\n\t$(B) -f $(D)/Dockerfile .",
            &["5: api/Dockerfile in ."],
        ),
        ("DOCKER ?= docker\nx:\n\t-@$(DOCKER) build -t shop:$(TAG) web", &["3: web/Dockerfile in web as shop:${TAG}"]),
        ("DOCKER=$(shell which docker)\nx: ; $(DOCKER) build web", &["2: web/Dockerfile in web"]),
        ("x:\n\t$(CONTAINER_TOOL) build web # docker", &["2: web/Dockerfile in web"]),
        (
            "F := -t a\nF += -f web/Dockerfile.base\nx:\n\tdocker build $(F) \\\n\t  --target base \\\n\t  web",
            &["4: web/Dockerfile.base in web to base as a"],
        ),
        ("x:\n\tcd web && \\\n\tdocker build -t a .", &["3: web/Dockerfile in web as a"]),
        ("x:\n\tcd web\n\tdocker build .", &["3: Dockerfile in ."]),
        (
            "x:\n\tfor s in a b; do docker build images/$$s; done",
            &["2: images/a/Dockerfile in images/a", "2: images/b/Dockerfile in images/b"],
        ),
        ("x:\n\tdocker build -t $(if $(TAG),x:$(TAG),x) web", &["2: web/Dockerfile in web as x:${TAG}|x"]),
        (
            "define build\ndocker build -t shop/$(1) $(2)\nendef\nx:\n\t$(call build,api,./api)\ny:\n\t@$(call build,web,web)",
            &["5: api/Dockerfile in api as shop/api", "7: web/Dockerfile in web as shop/web"],
        ),
        (
            "ifeq ($(X),y)\nA = --pull\nelse\nA = --no-cache\nendif\nx:\n\tdocker build $(A) api",
            &["7: api/Dockerfile in api"],
        ),
        (
            "x:\n\tif [ \"$(SLIM)\" = \"true\" ]; then docker build --target slim api; fi\nSLIM=false",
            &["2: api/Dockerfile in api to slim"],
        ),
    ];
    for (makefile, expected) in table {
        assert_eq!(told(makefile), *expected, "{makefile}");
    }
}

#[test]
fn targets_and_patterns() {
    let table: &[(&str, &[&str])] = &[
        (
            "NAMES = a b\nall: $(NAMES:%=image-%)\nimage-%:\n\tdocker build -t x/$* images/$*",
            &["4: images/a/Dockerfile in images/a as x/a", "4: images/b/Dockerfile in images/b as x/b"],
        ),
        (
            "all: $(addprefix image/,$(notdir $(wildcard images/*)))\nimage/%:\n\tdocker build -t $(@F) images/$(notdir $@)",
            &["3: images/a/Dockerfile in images/a as a", "3: images/b/Dockerfile in images/b as b"],
        ),
        ("api web:\n\tdocker build -t $@ $@", &["2: api/Dockerfile in api as api", "2: web/Dockerfile in web as web"]),
        ("build-%:\n\tdocker build images/$*", &["2: any images/$*/Dockerfile in images/$*"]),
        (
            "N = a b\n$(N): %: images/%/Dockerfile\n\tdocker build -f $< images/$*",
            &["3: images/a/Dockerfile in images/a", "3: images/b/Dockerfile in images/b"],
        ),
        (
            "img: ; docker build -t $(N) $(D)\nx: ; $(MAKE) img N=api D=api\ny:\n\t$(MAKE) img N=web D=web",
            &["1: api/Dockerfile in api as api", "1: web/Dockerfile in web as web", "1: any ${D}/Dockerfile in ${D}"],
        ),
        (
            "x: D = api\nx: img\ny: D = web\ny: img\nimg:\n\tdocker build $(D)",
            &["6: api/Dockerfile in api", "6: web/Dockerfile in web", "6: any ${D}/Dockerfile in ${D}"],
        ),
        (
            "define rule\n.PHONY: img-$(1)\nimg-$(1):\n\tdocker build -t $(1) images/$(1)\nendef\n$(foreach n,a b,$(eval $(call rule,$(n))))",
            &["images/a/Dockerfile", "images/b/Dockerfile"],
        ),
    ];
    for (makefile, expected) in table {
        let told = told(makefile);
        if makefile.starts_with("define rule") {
            assert_eq!(told.len(), expected.len(), "{makefile}: {told:?}");
            assert!(told.iter().zip(*expected).all(|(told, expected)| told.contains(expected)), "{told:?}");
            continue;
        }
        assert_eq!(told, *expected, "{makefile}");
    }
}

#[test]
fn a_makefile_in_a_folder_may_be_run_from_the_root() {
    let makefile = "D = $(CURDIR)/web\nx:\n\tdocker build -f $(D)/Dockerfile.base .\ny:\n\tdocker build ..";
    let story = story(PATHS, &[("api/Makefile", makefile)]);
    assert_eq!(story.told("api/Makefile"), ["3: web/Dockerfile.base in .", "5: Dockerfile in ."]);
}

#[test]
fn included_files_give_their_variables() {
    let story = story(
        PATHS,
        &[
            ("Makefile", "include common.mk\nx:\n\tdocker build -t $(REPO)/api api"),
            ("common.mk", "REPO = shop\ny:\n\tdocker build web"),
        ],
    );
    assert_eq!(story.told("Makefile"), ["3: api/Dockerfile in api as shop/api"]);
    assert_eq!(story.told("common.mk"), ["3: web/Dockerfile in web"]);
}

#[test]
fn tools_with_a_file_of_their_own_are_named() {
    let story = story(
        "docker-bake.hcl deploy/compose.yaml",
        &[("Makefile", "x y:\n\tdocker buildx bake $@\nz:\n\tdocker compose -f deploy/compose.yaml build web")],
    );
    assert_eq!(
        story.told("Makefile"),
        ["2: Bake in .  : x", "2: Bake in .  : y", "4: Compose in . deploy/compose.yaml : web"]
    );
}

#[test]
fn definitions_that_mean_themselves_end() {
    let makefile = "A = $(B)$(B)$(B)$(B)\nB = $(A)$(A)$(A)$(A)\nC = $(C) x\nall: all\n\tdocker build $(A) $(C)\n\t$(MAKE) all\n$(eval $(eval $(A)))\ninclude Makefile";
    told(makefile);
}
