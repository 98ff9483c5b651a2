# Everything a newcomer types. Each target installs what it needs first; nothing is installed twice.

PYTHON ?= python3
VENV := .venv
EMULATOR_VENV := .venv-emulator
LINTERS_VENV := .venv-linters
PY := $(VENV)/bin/python

INSTALLED := $(VENV)/.installed
EMULATOR_INSTALLED := $(EMULATOR_VENV)/.installed
LINTERS_INSTALLED := $(LINTERS_VENV)/.installed
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-input --require-hashes

.DEFAULT_GOAL := help
.PHONY: help install run up down status logs token dlq backup restore check audit test fuzz chaos soak format package bench

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

install: $(INSTALLED) $(EMULATOR_INSTALLED) ## Make the virtual environments from their locks

run: install ## Start the system, show its main job, stay until Ctrl-C
	@exec $(PY) -m local_stack run

up: install ## Start the system in the background
	@exec $(PY) -m local_stack up

down: install ## Stop the system
	@exec $(PY) -m local_stack down

status: install ## Say which processes run and whether they are healthy
	@exec $(PY) -m local_stack status

logs: install ## Show the newest log lines (NAME=gateway for one process, FOLLOW=1 to go on)
	@exec $(PY) -m local_stack logs $(NAME) $(if $(FOLLOW),--follow)

token: install ## Renew the demo user's token in .local/demo-token
	@exec $(PY) -m local_stack token

dlq: install ## Dead letters of the running system (ARGS="list", "show ID", "replay --all", "purge ID")
	@exec $(PY) -m local_stack dlq $(or $(ARGS),list)

backup: install ## Back up the running system's schemas (FOLDER=... for another place)
	@exec $(PY) -m local_stack.backups back-up $(FOLDER)

restore: install ## Put the newest backup, or FOLDER=..., in the place of the schemas, compared first
	@exec $(PY) -m local_stack.backups restore $(FOLDER)

check: install ## Format, lint, types and import contracts
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports

audit: $(LINTERS_INSTALLED) ## Known vulnerabilities of the locked packages; fails when it could not look any up
	@for lock in requirements.txt requirements-canvas-sync.txt; do \
		$(LINTERS_VENV)/bin/pip-audit --strict --disable-pip --require-hashes -r $$lock || exit 1; \
	done

test: install $(LINTERS_INSTALLED) ## All tests
	$(VENV)/bin/pytest -q -n 3 --no-loadscope-reorder

fuzz: install ## The document's operations with three seeds and many examples, and descriptions in a browser
	@command -v chromium > /dev/null || { echo "error: chromium is missing: run 'sudo apt-get install chromium'" >&2; exit 1; }
	$(VENV)/bin/pytest -s -m fuzz tests/fuzz
	FUZZ_SEEDS=1,2,3 FUZZ_EXAMPLES=40 FUZZ_PHASES=examples,coverage,fuzzing,stateful $(VENV)/bin/pytest -s tests/system/test_document_fuzz.py

chaos: install ## Kill, stop and cut off workers for minutes; prints a figure for each promise
	VISIBILITY_SECONDS=2 $(VENV)/bin/pytest -q -n 2 --no-loadscope-reorder --figures -m chaos --ignore tests/chaos/test_outage.py
	VISIBILITY_SECONDS=2 $(VENV)/bin/pytest -q --figures -m chaos tests/chaos/test_outage.py

soak: install ## Work for ten minutes, five times too much, with dying instances, on a million rows (SOAK_MINUTES, SOAK_ROWS)
	$(VENV)/bin/pytest -q -s -m soak tests/soak

format: install ## Rewrite the code in the house format
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

package: install ## Build the zips of the two functions for AWS
	$(PY) -m lambdas.package canvas_sync --platform manylinux2014_x86_64 -o .local/canvas-sync-lambda.zip
	$(PY) -m lambdas.package llm_analysis --platform manylinux2014_x86_64 -o .local/llm-analysis-lambda.zip

bench: install ## Run the benchmarks
	@for program in benchmarks/*/__main__.py; do \
		$(PY) -m "$$(dirname "$$program" | tr / .)" || exit 1; \
	done

$(INSTALLED): requirements-dev.txt
	@$(call require-python)
	@echo "installing $(VENV) from $<"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) $(PIP_INSTALL) -r $< || { $(install-failed); }
	@touch $@

$(EMULATOR_INSTALLED): requirements-emulator.txt
	@$(call require-python)
	@echo "installing $(EMULATOR_VENV) from $<"
	@$(PYTHON) -m venv $(EMULATOR_VENV)
	@$(EMULATOR_VENV)/bin/python $(PIP_INSTALL) -r $< || { $(install-failed); }
	@touch $@

$(LINTERS_INSTALLED): requirements-linters.txt
	@$(call require-python)
	@echo "installing $(LINTERS_VENV) from $<"
	@$(PYTHON) -m venv $(LINTERS_VENV)
	@$(LINTERS_VENV)/bin/python $(PIP_INSTALL) -r $< || { $(install-failed); }
	@touch $@

# Shell text: ends with an `error:` line unless $(PYTHON) is new enough and can make environments.
define require-python
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "error: Python 3.11 or newer is needed and '$(PYTHON)' is not: install it, or name it: make PYTHON=python3.11" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { \
	echo "error: '$(PYTHON)' has no venv: run 'sudo apt-get install python3-venv'" >&2; exit 1; }
endef

# Shell text: what to say when pip could not fetch or verify a package.
define install-failed
echo "error: the packages of $< could not be installed: see pip's message above; it needs a package index" >&2; exit 1
endef
