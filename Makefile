# Assay. `make demo` and `make test` do all the set-up themselves.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ANALYZERS := $(patsubst analyzers/%/__main__.py,%,$(wildcard analyzers/*/__main__.py))
# Node.js for the analyzers' tools, whatever the machine has.
export PATH := $(CURDIR)/.tools/node/bin:$(PATH)
LOCK := uv pip compile -q $(UPGRADE) --generate-hashes --universal --python-version 3.11 --no-header --no-annotate
# Bytecode is kept even where it is not wanted elsewhere, else each of pytest's workers and each program
# of ours compiles every module anew.
PYTEST := env PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q
# Slow files first: what is left for the end is small.
UNIT := tests/services tests/dashboard tests/workflows tests/store tests/replay tests/activities tests/unit

.PHONY: help demo test check lint types imports unit whole integration e2e-shared e2e-own chaos-short setup node venv tools test-tools base-images chaos bench bench-short pictures lock update sbom audit licences images clean

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

demo: setup ## analyse the four bundled apps and show the report
	@deploy/base-images/if-needed.sh
	@$(BIN)/python starter.py demo $(ARGS)

test: setup test-tools ## everything: check, real Docker, real PostgreSQL, end to end
	@deploy/with-engine.sh $(MAKE) --no-print-directory check whole

check: setup ## lint, types, import contracts, unit to services
	@$(MAKE) --no-print-directory -j2 --output-sync lint types imports unit

lint:
	@$(BIN)/ruff check --output-format concise . && $(BIN)/ruff format --check -q .

types:
	@$(BIN)/pyright --warnings

imports:
	@$(BIN)/lint-imports

unit:
	@$(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder $(UNIT)

# They mostly wait, and share nothing but the machine: the chaos suite has an engine, a network and a
# store of its own, the others have names, ports, networks and locks of their own on one engine. Two
# at a time, as there are cores: with three, a page once waited for minutes.
whole:
	@$(MAKE) --no-print-directory -j2 --output-sync chaos-short integration e2e-shared e2e-own

integration:
	@$(PYTEST) tests/integration

e2e-shared: # the tests that share one running stack
	@$(PYTEST) tests/e2e --stack shared

e2e-own: # all others
	@$(PYTEST) tests/e2e --stack own

chaos-short:
	@$(PYTEST) tests/chaos

chaos: setup ## a long run of random faults: make chaos SEED=1 N=100
	@deploy/with-engine.sh $(PYTEST) -s tests/chaos --chaos-seed=$(or $(SEED),1) --chaos-faults=$(or $(N),100)

bench: setup ## ratios measured side by side; results are kept in bench/results
	@for file in bench/bench_*.py; do $(BIN)/python $$file; done

bench-short: venv ## is this tree slower than the baseline? (bench/baseline.txt)
	@$(BIN)/python bench/compare.py --short

setup: venv tools

node: venv
	@PYTHON=$(BIN)/python analyzers/install-node.sh .tools/node

venv: $(BIN)/assay

# The command. Nothing is downloaded: the build tool is of the lock file, too.
$(BIN)/assay: pyproject.toml $(VENV)/.assay-stamp
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.assay-stamp: requirements.lock
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Assay needs Python 3.11 or newer with venv"; echo "next: apt-get install python3-venv, or PYTHON=/path/to/python3.11 make"; exit 2; }
	@echo "installing Assay's dependencies"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

tools: node
	@for service in $(ANALYZERS); do analyzers/install.sh $$service .tools/$$service || exit 1; done
	@analyzers/install.sh ../dashboard .tools/dashboard # its scripts

test-tools: venv # what only integration and end-to-end tests need
	@# A package there names peers of the cloud that nothing here needs.
	@npm_config_legacy_peer_deps=true analyzers/install.sh ../tests/tools .tools/tests

base-images: ## base images from Debian packages, for hosts without a registry
	@deploy/base-images/build.sh

pictures: setup ## the pictures of the dashboard in docs, from the demo
	@$(BIN)/python -m tests.support.pictures

lock: ## resolve dependencies anew into the lock files (needs uv)
	@$(LOCK) pyproject.toml --group dev -o requirements.lock
	@$(LOCK) analyzers/requirements.in -c requirements.lock -o analyzers/requirements.lock
	@for name in worker dashboard; do $(LOCK) deploy/$$name.in -c requirements.lock -o deploy/$$name.lock; done
	@for file in analyzers/node.in analyzers/*/requirements*.in; do $(LOCK) $$file -o $${file%.in}.lock; done

update: ## newer packages, proved by make check: make update NAME=httpx (all: without NAME)
	@$(BIN)/python -m deploy.supply.update $(NAME)

sbom: setup ## what the installation and each image are made of, as CycloneDX in dist/sbom
	@$(BIN)/python -m deploy.supply.sbom --images

audit: setup ## known weaknesses of the packages in our locks, where an advisory source answers
	@$(BIN)/python -m deploy.supply.audit $(ARGS)

licences: ## the licence of each package in our locks
	@$(BIN)/python -m deploy.supply.licences --write

images: ## pin the images of others to their digests, where a registry answers
	@$(BIN)/python -m deploy.supply.images --pin

clean: ## remove what make installed; the data folder .assay stays
	@rm -rf $(VENV) .tools .pytest_cache .ruff_cache .hypothesis
