# Set up, run, test. "make help" lists the targets; each target builds what it needs.
PYTHON ?= python3
VENV ?= .venv
PORT ?= 7860
ARGS ?=
STAGE ?= dev
REGION ?= $(or $(AWS_REGION),eu-central-1)
IMAGE ?=
SPACE ?=
ENGINE ?= scorecard
NPM := $(shell command -v npm)
DRY_RUN ?=
export PORT

BIN := $(VENV)/bin
# Wheels only, each checked against its hash. Nothing is built here, so no unpinned build tool is downloaded.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes --only-binary :all:
# The base interpreter of PYTHON (not that of a virtual environment), and an id for it.
BASE := $(shell $(PYTHON) -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))' 2>/dev/null)
ID := $(shell $(PYTHON) -c 'import sys, zlib; print(sys.version.split()[0], zlib.crc32(sys.base_prefix.encode()), sep="-")' 2>/dev/null)
INTERPRETER := $(VENV)/.python-$(or $(ID),unknown)
# A process for each core, at most four. ARGS="-n 0" runs all tests in one.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4
FAST := not slow and not soak

.DEFAULT_GOAL := help
.PHONY: help run dev test test-quick test-slow test-spark spark spark-zip soak fuzz bench bench-all bench-model bench-schemas peers-tools lint screenshots clean images sbom licences space deploy-space deploy-tools deploy-aws redrive-aws

help:  ## list these commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "make %-14s %s\n", $$1, $$2}'
	@echo 'variables: PYTHON=python3.13, VENV=.venv, PORT=7860, ARGS="-k watch" (passed to pytest and the benchmarks)'
	@echo 'for AWS: STAGE=dev, REGION=eu-central-1, DRY_RUN=1 (prints the commands), IMAGE=...@sha256:... (deploys that image)'

run: $(VENV)/.serving  ## serve on http://127.0.0.1:7860 (PORT=...), after an example request and its answer
	@exec $(BIN)/churn serve --example

dev: $(VENV)/.development  ## install everything into .venv, and the command .venv/bin/churn

# Unit tests that train nothing, and those of the main entry points.
test-quick: $(VENV)/.development  ## run the tests that take a minute in all
	$(PYTEST) -m "$(FAST)" $(shell grep -LE '^ *from model\.training|two_versions|boosted_models' tests/unit/test_*.py) \
	    tests/entry_points/test_app_v1.py tests/entry_points/test_app_v2.py tests/entry_points/test_handler.py \
	    tests/entry_points/test_openapi.py tests/entry_points/test_parity.py $(ARGS)

test: $(VENV)/.development  ## run every test but the slow ones, in less than ten minutes
	$(PYTEST) -m "$(FAST)" $(ARGS)

test-slow: $(VENV)/.development  ## run the slow tests: images, long training, long files, long traffic, Spark
	$(PYTEST) -m "not ($(FAST))" $(ARGS)
	@$(MAKE) --no-print-directory test-spark ARGS=

test-spark: spark  ## run the tests that need a real Spark, in .venv-spark
	$(VENV)-spark/bin/python -m pytest tests/entry_points/test_spark*.py tests/entry_points/test_options.py $(ARGS)

soak: $(VENV)/.development  ## run the load tests at full size; results go to build/soak/
	SOAK=true $(BIN)/python -m pytest -m soak --durations=0 $(ARGS)
	SOAK_ROWS=5000000 SOAK_EXAMPLES=2000 $(BIN)/python -m pytest -rP tests/entry_points/test_streaming.py tests/entry_points/test_openapi_fuzz.py $(ARGS)

fuzz:  ## fuzz the parsers, guided by coverage (TARGET=csv, json, http or event; SECONDS=60)
	@$(MAKE) --no-print-directory VENV=$(VENV)-fuzz $(VENV)-fuzz/.fuzz
	for target in $(or $(TARGET),csv json http event); do $(VENV)-fuzz/bin/python tests/fuzzers.py $$target $(or $(SECONDS),60) || exit 1; done

bench: $(VENV)/.development  ## run the benchmarks, some minutes (CHECK=1 fails if a budget is exceeded)
	@$(MAKE) --no-print-directory VENV=$(VENV)-serving $(VENV)-serving/.serving
	SERVING_PYTHON="$(abspath $(VENV)-serving/bin/python)" $(BIN)/python -m benchmarks $(if $(CHECK),--check) $(ARGS)

bench-all: $(VENV)/.development  ## run the benchmarks and the longer ones: bucket to bucket, Spark, images
	@$(MAKE) --no-print-directory VENV=$(VENV)-serving $(VENV)-serving/.serving
	SERVING_PYTHON="$(abspath $(VENV)-serving/bin/python)" $(BIN)/python -m benchmarks --all $(ARGS)

bench-model: peers-tools  ## compare the model with others on the same folds, for its card; six minutes of CPU
	$(VENV)-peers/bin/python -m benchmarks.model $(ARGS)

bench-schemas: peers-tools  ## compare the recipes with boosting on tables of other columns, for docs/schema.md (ARGS="--data FOLDER"); 20 minutes of CPU
	$(VENV)-peers/bin/python -m benchmarks.schemas $(ARGS)

# Their libraries are in an environment of their own.
peers-tools:
	@$(MAKE) --no-print-directory VENV=$(VENV)-peers $(VENV)-peers/.peers

lint: $(VENV)/.development $(if $(NPM)$(CI),node_modules/.package-lock.json)  ## ruff, mypy, the words of tests/words.toml; Biome for the page's scripts where there is npm
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python tests/words.py
	$(if $(NPM)$(CI),node_modules/.bin/biome check --error-on-warnings)

screenshots: $(VENV)/.development  ## take the README's pictures again, with Chromium
	PYTHONPATH=tests:. $(BIN)/python tests/screenshots.py

images: $(INTERPRETER)  ## build churn-lambda and churn-spaces with docker or podman (ENGINE=pipeline, DRY_RUN=1)
	@$(BIN)/python -m deploy.images --engine "$(ENGINE)" $(if $(DRY_RUN),--dry-run) $(ARGS)

sbom: images deploy-tools  ## build the images, and list their contents as SPDX in build/sbom/
	@$(BIN)/python -m deploy.images --inventory build/sbom --syft $(VENV)-deploy/bin/syft $(if $(DRY_RUN),--dry-run)

licences: $(VENV)/.development  ## write docs/licences.md: the licences of what the images contain
	@page=$$(deploy/licences.sh $(BIN)) && echo "$$page" > docs/licences.md

space: $(INTERPRETER)  ## write the repository of a Hugging Face Space to build/space/ (ENGINE=pipeline)
	@$(BIN)/python -m deploy.space --engine "$(ENGINE)"

deploy-space: $(if $(DRY_RUN),$(INTERPRETER),deploy-tools)  ## publish it (SPACE=user/name, HF_TOKEN in the environment, DRY_RUN=1)
	@$(if $(DRY_RUN),$(BIN),$(VENV)-deploy/bin)/python -m deploy.space --engine "$(ENGINE)" --publish "$(SPACE)" $(if $(DRY_RUN),--dry-run) $(ARGS)

spark:  ## install Spark into .venv-spark, with .venv-spark/bin/churn; needs Java 17 or later
	@$(MAKE) --no-print-directory VENV=$(VENV)-spark $(VENV)-spark/.spark

spark-zip: $(INTERPRETER)  ## write build/churn-spark.zip: the code for a cluster (spark-submit --py-files)
	@$(BIN)/python -m app.jobs.spark_zip build/churn-spark.zip

# The publishing tools are in an environment of their own.
deploy-tools:
	@$(MAKE) --no-print-directory VENV=$(VENV)-deploy $(VENV)-deploy/.deploy

deploy-aws: $(if $(DRY_RUN),,node_modules/.package-lock.json)  ## build the image, push it, deploy it (STAGE=dev)
	@$(PYTHON) -m deploy.aws deploy --stage "$(STAGE)" --region "$(REGION)" --image "$(IMAGE)" $(if $(DRY_RUN),--dry-run)

redrive-aws:  ## score the files in the failure queue again (STAGE=dev)
	@$(PYTHON) -m deploy.aws redrive --stage "$(STAGE)" --region "$(REGION)" $(if $(DRY_RUN),--dry-run)

clean:  ## remove build/ and the tools' caches; .venv stays
	rm -rf build .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# An environment is created again when PYTHON is another interpreter, and installed again when its pins changed.
$(INTERPRETER):
	@test -n "$(BASE)" || { echo '$(PYTHON) was not found. Install Python 3.11 or later, or choose one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(BASE) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'This needs Python 3.11 or later, and $(PYTHON) is '`$(BASE) -V`'. Choose another: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(BASE) -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) cannot create a virtual environment. On Debian and Ubuntu: apt-get install python3-venv' >&2; exit 1; }
	@test ! -e $(VENV) || test -e $(VENV)/pyvenv.cfg || { echo '$(VENV) exists and is not a virtual environment. Move it, or choose another name: VENV=another' >&2; exit 1; }
	$(BASE) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.serving: requirements/serving.txt $(INTERPRETER)
	$(INSTALL) -r requirements/serving.txt
	@$(LAUNCHER)
	@touch $@

$(VENV)/.development: requirements/development.txt $(INTERPRETER)
	$(INSTALL) -r requirements/development.txt
	@$(LAUNCHER)
	@touch $(VENV)/.serving $@

$(VENV)/.fuzz: requirements/fuzz.txt $(INTERPRETER)
	$(INSTALL) -r requirements/fuzz.txt
	@touch $@

# pyspark is published as source only. Its build tool is pinned too, and installed first.
$(VENV)/.spark: requirements/build.txt requirements/spark.txt $(INTERPRETER)
	$(INSTALL) -r requirements/build.txt
	$(INSTALL) --no-binary pyspark --no-build-isolation -r requirements/spark.txt
	@$(LAUNCHER)
	@touch $(VENV)/.serving $@

$(VENV)/.peers: requirements/peers.txt $(INTERPRETER)
	$(INSTALL) -r requirements/peers.txt
	@touch $@

$(VENV)/.deploy: requirements/deploy.txt $(INTERPRETER)
	$(INSTALL) -r requirements/deploy.txt
	@touch $@

# The deploy tool, axe-core and Biome. The lock file has hashes and no addresses; no package's own script is run.
node_modules/.package-lock.json: package.json package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

# The command. The project is not installed as a package: that would need a build tool, which is not pinned here.
define LAUNCHER
printf '%s\n' '#!/bin/sh' 'exec "$(abspath $(BIN))/python" "$(CURDIR)/app/cli" "$$@"' > $(BIN)/churn && chmod +x $(BIN)/churn
endef
