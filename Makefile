# Two commands matter: `make run` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Programs in a virtual environment name their Python by a path without spaces.
ifneq ($(words $(CURDIR)),1)
$(error The folder $(CURDIR) has a space in its path, with which virtual environments do not work: move it)
endif

PYTHON ?= python3
VENV := .venv
# Where the home folder cannot be written, uv keeps here what it downloads.
ifeq ($(shell test -w "$$HOME" && echo yes),)
export UV_CACHE_DIR ?= $(CURDIR)/$(VENV)/uv-cache
endif
BIN := $(VENV)/bin
NODE_MODULES := node_modules/.package-lock.json
WORKERS ?= 2
PYTEST ?= $(BIN)/pytest
BASE ?= main

# The tests start the command hundreds of times: each start reads its modules compiled.
unexport PYTHONDONTWRITEBYTECODE

DOCS := NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build
LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: $(VENV)/.runtime ## Set up the registry with the example organisations, and serve its pages
	@$(BIN)/mentorcert up --examples
	@$(BIN)/mentorcert serve

.PHONY: test
test: $(VENV)/.dev $(NODE_MODULES) ## Run the tests on the embedded PostgreSQL 18, but for the slow ones
	$(PYTEST) -n $(WORKERS) -m "not slow"

.PHONY: test-slow
test-slow: $(VENV)/.dev $(NODE_MODULES) ## Run the slow tests: failovers, restores, soaks, Supabase's own tools
	$(PYTEST) -n $(WORKERS) -m slow

.PHONY: test-lowest
test-lowest: $(VENV)/.dev ## Test a part on the lowest versions of the dependencies that pyproject.toml allows
	$(BIN)/uv venv --quiet --clear $(VENV)/lowest
	VIRTUAL_ENV=$(VENV)/lowest $(BIN)/uv pip install --quiet --resolution lowest-direct --editable '.[embedded,otel]'
	VIRTUAL_ENV=$(VENV)/lowest $(BIN)/uv pip install --quiet pytest pytest-xdist hypothesis faker
	$(VENV)/lowest/bin/python -m pytest -q -n $(WORKERS) -k "pg18 or not (pg15 or pooled)" tests/unit tests/integration/test_exporting.py

.PHONY: test-python
test-python: $(VENV)/.dev ## Test a part on the Python that PYTHON names, after the virtual environment was made by it
	$(PYTEST) -n $(WORKERS) tests/unit tests/integration/test_exporting.py tests/integration/test_command_line.py tests/acceptance/test_makefile.py

.PHONY: check
check: $(VENV)/.dev ## Check style, types, the direction of imports, the migrations and what they make
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(wildcard src tests bench examples clients)
	$(BIN)/lint-imports
	$(BIN)/squawk supabase/migrations/*.sql
	$(BIN)/python -m tests.support.generated_schema --check
	$(BIN)/codespell
	$(BIN)/python -m tests.support.words
	$(DOCS) --site-dir $(VENV)/site

.PHONY: words
words: $(VENV)/.dev ## List every phrase that the project does not use, and what it says instead
	@$(BIN)/python -m tests.support.words

.PHONY: bench
bench: $(VENV)/.dev ## Measure the nightly run, the lists under row-level security and the import
	$(BIN)/python -m bench --write

.PHONY: venv
venv: $(VENV)/.dev ## Make the development environment

.PHONY: schema
schema: $(VENV)/.dev ## Write supabase/schema.sql again, after a migration
	$(BIN)/python -m tests.support.generated_schema

.PHONY: types
types: $(VENV)/.dev $(NODE_MODULES) ## Write the row types of the Data API again, after a migration
	$(BIN)/python -m tests.supabase.generated_types

.PHONY: rights-diff
rights-diff: ## Say in words whose rights differ from BASE, in docs/rights_changes.md too
	@$(PYTHON) -m tests.support.rights_diff $(BASE)

.PHONY: docs
docs: $(VENV)/.dev ## Build the documentation as a site in .site; a link that leads nowhere fails
	$(DOCS) --site-dir .site

.PHONY: client
client: $(VENV)/.dev ## Build the Python client of the JSON API in dist
	$(BIN)/python -m build --installer uv --outdir dist clients/python

.PHONY: release
release: ## Prepare the release that VERSION names: version, changelog, and a database that its wheel has filled
	@test -n "$(VERSION)" || { echo "Name it: make release VERSION=0.1.0" >&2; exit 2; }
	$(PYTHON) -m tests.support.release prepare $(VERSION)
	$(MAKE) release-files

.PHONY: release-files
release-files: $(VENV)/.dev ## Keep a database filled by this version's wheel in tests/releases
	$(BIN)/python -m tests.support.released

.PHONY: sbom
sbom: $(VENV)/.uv ## Write what is installed with the package as a CycloneDX document in dist
	mkdir -p dist
	$(BIN)/uv tool run --quiet --from cyclonedx-bom==7.5.0 cyclonedx-py requirements requirements/runtime.lock --pyproject pyproject.toml --output-reproducible --output-file dist/mentorcert.cdx.json

.PHONY: lock
lock: $(VENV)/.uv ## Pin the newest versions of the dependencies
	$(LOCK) --upgrade --group install -o requirements/install.lock
	$(LOCK) --upgrade --extra embedded pyproject.toml -o requirements/runtime.lock
	$(LOCK) --upgrade --extra embedded --extra otel --group dev pyproject.toml -c requirements/install.lock -c requirements/runtime.lock -o requirements/dev.lock
	$(LOCK) --upgrade --extra otel pyproject.toml -c requirements/dev.lock -o requirements/image.lock

$(VENV)/.uv: requirements/install.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mentorcert needs Python 3.11 or newer; name one with PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/install.lock
	@touch $@

# The development lock holds everything that the runtime lock holds, in the same versions.
$(VENV)/.runtime: $(VENV)/.uv requirements/runtime.lock pyproject.toml src/mentorcert_staging/pyproject.toml
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/runtime.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable . --editable src/mentorcert_staging
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements/dev.lock
	@touch $@

.PHONY: debian
debian:
	@tests/install_debian_packages.sh

# npm writes this file last. Without npm, the tests that need it are skipped, and say so.
$(NODE_MODULES): package-lock.json | debian
	@if command -v npm >/dev/null; then npm ci --no-audit --no-fund --loglevel=error && touch $@; fi
