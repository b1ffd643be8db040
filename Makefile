# What a fresh Debian with Python 3.11 needs, and everything a developer does here. `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000

.DEFAULT_GOAL := help
.PHONY: help setup setup-tests messages migrate demo demo-reset smoke test lint format bench clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed messages ## Python packages in .venv, Pango, translations

$(VENV)/.installed: pyproject.toml
	@.ci/system_packages.sh runtime
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Python packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

# Chromium and poppler are only needed by tests. A fresh clone pays for them only there.
setup-tests: setup
	@.ci/system_packages.sh tests

# Babel compiles, so that GNU gettext is needed only to collect new texts.
LOCALE := invoicing_site/locale
messages: $(VENV)/.installed $(patsubst %.po,%.mo,$(wildcard $(LOCALE)/*/LC_MESSAGES/*.po)) ## Compile the translations

%.mo: %.po | $(VENV)/.installed
	@$(BIN)/pybabel --quiet compile --input-file=$< --output-file=$@

migrate: setup ## Bring the database named by the environment up to date
	@$(BIN)/python manage.py migrate

demo: setup ## The whole stack with sample data, on PORT (8000) or the next free port
	@exec $(BIN)/python -m invoicing_site.demo --port $(PORT)

demo-reset: setup ## The same, from an empty database
	@exec $(BIN)/python -m invoicing_site.demo --port $(PORT) --reset

smoke: setup ## Walk the main job over HTTP against a stack of its own
	@$(BIN)/python -m invoicing_site.demo.smoke

test: setup-tests ## Every check and every test, on every database and broker that answers
	@PATH="$(CURDIR)/$(BIN):$$PATH" .ci/test.sh

lint: setup ## The checks without the tests
	@PATH="$(CURDIR)/$(BIN):$$PATH" .ci/test.sh checks

format: setup ## Let ruff lay out the code
	@$(BIN)/ruff check --fix --quiet . && $(BIN)/ruff format .

bench: setup ## Speed as ratios, measured side by side
	@$(BIN)/python -m bench

clean: ## Remove what was built, keep the demo's data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
