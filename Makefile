# Every way of working on Bascule is a target here; people and .ci/run call the same ones.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PYTHON := $(BIN)/python
# Debian keeps servers such as mariadbd where only root's PATH looks.
export PATH := $(PATH):/usr/sbin:/sbin

# A stamp is named after the content of the lock it was made from: unchanged locks cost nothing.
digest = $(firstword $(shell cat $(1) | sha256sum))
PYTHON_STAMP := build/stamps/python-$(call digest,requirements-dev.txt)
NODE_STAMP := build/stamps/node-$(call digest,package-lock.json)
SERVERS_STAMP := build/stamps/servers-$(call digest,Makefile .ci/debian-packages)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(PYTHON_STAMP) $(NODE_STAMP) ## Install everything the demo needs, pinned; a second time costs nothing

$(PYTHON_STAMP): requirements-dev.txt .ci/python .ci/debian-packages
	.ci/python .venv requirements-dev.txt
	mkdir -p $(@D) && rm -f $(@D)/python-* && touch $@

# Azurite asks for a newer Node.js than Debian has, and runs well on Debian's: only errors are told.
$(NODE_STAMP): package.json package-lock.json .ci/debian-packages
	.ci/debian-packages node:nodejs npm:npm
	npm ci --no-audit --no-fund --loglevel=error
	mkdir -p $(@D) && rm -f $(@D)/node-* && touch $@

.PHONY: setup-test
setup-test: setup $(SERVERS_STAMP) ## Install also the real servers that some tests talk to

$(SERVERS_STAMP): Makefile .ci/debian-packages
	.ci/debian-packages mariadbd:mariadb-server-core my_print_defaults:mariadb-client-core \
	    postfix:postfix :postfix-mysql dovecot:dovecot-imapd :dovecot-lmtpd nsd:nsd
	mkdir -p $(@D) && rm -f $(@D)/servers-* && touch $@

.PHONY: demo
demo: setup ## Migrate a small simulated organisation on this machine (ARGS=--help shows the choices)
	$(PYTHON) -m sandbox.demo $(ARGS)

.PHONY: rehearsal
rehearsal: setup-test ## Migrate off real Postfix, Dovecot and MariaDB, mail flowing (ARGS=--help shows the choices)
	$(PYTHON) -m sandbox.rehearsal $(ARGS)

.PHONY: simulate
simulate: setup ## Live thousands of small migrations under seeds (SEED=N COUNT=N MINUTES=N)
	$(PYTHON) -m sandbox.simulate $(if $(SEED),--seed $(SEED)) $(if $(COUNT),--count $(COUNT)) $(if $(MINUTES),--minutes $(MINUTES))

.PHONY: test
test: setup-test ## Run every test (ARGS goes to pytest)
	$(PYTHON) -m pytest $(ARGS)

.PHONY: test-quick
test-quick: setup ## Run the tests that need neither servers nor minutes
	$(PYTHON) -m pytest -m "not slow" $(ARGS)

.PHONY: check
check: lint types contracts ## Check format, lint, types and import contracts

.PHONY: format
format: setup ## Rewrite the code in the house format, with safe fixes of the linter
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

.PHONY: lint
lint: setup ## Check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

.PHONY: types
types: setup ## Check types, strictly
	$(BIN)/mypy .

.PHONY: contracts
contracts: setup ## Check who imports whom
	$(BIN)/lint-imports --no-logo

.PHONY: package
package: ## Copy what would be deployed into build/package, and print its size
	.ci/package build/package

# A scanner with sixty requirements of its own lives in a folder of its own, pinned, and is not part of `make check`.
CHECKOV_VERSION := 3.3.30

.PHONY: infra-scan
infra-scan: ## Scan infra/ against Azure's security policies (what may stay is in infra/checkov.yaml, with reasons)
	test -x build/checkov/bin/checkov || python3 -m venv build/checkov
	build/checkov/bin/pip install --quiet checkov==$(CHECKOV_VERSION)
	build/checkov/bin/checkov --directory infra --config-file infra/checkov.yaml

.PHONY: bench
bench: setup ## Run the benchmarks and print their figures
	for benchmark in benchmarks/*.py; do $(PYTHON) "$$benchmark"; done

# The files are for the Python that runs in Azure, whatever runs here, and name no package index.
COMPILE = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile pyproject.toml --quiet \
	--generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links $(ARGS)

.PHONY: lock
lock: setup ## Compile pyproject.toml's ranges into pinned, hashed requirements (ARGS=--upgrade refreshes)
	$(COMPILE) --output-file requirements.txt
	$(COMPILE) --extra dev --constraint requirements.txt --output-file requirements-dev.txt

.PHONY: clean
clean: ## Remove what was built or cached; the installed packages stay
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache .local_host
	find . -name __pycache__ -not -path './.venv/*' -not -path './node_modules/*' -prune -exec rm -rf {} +
