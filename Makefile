# Everything that a person or a machine does with this repository. Needs Python 3.11 or newer, git and make.

PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
  "$$p" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
WORKERS ?= auto

.PHONY: demo test peers test-faults explore bench lint types docs clean
.DEFAULT_GOAL := test

## demo: shows all of it on a scratch repository, with upstreams served on this machine
demo: .venv/.ready
	@rm -rf demo
	@$(BIN)/dsync demo demo

## test: lint, types, import contracts, and all tests but the slow faults
test: lint types
	$(BIN)/python -m pytest -n $(WORKERS) -m "not faults"

## peers: installs, where apt can, what some tests compare with or need; without it these are skipped and say so
peers:
	@missing=; command -v unison >/dev/null || missing="$$missing unison"; \
	command -v ssh-keygen >/dev/null || missing="$$missing openssh-client"; \
	command -v sshd >/dev/null || test -x /usr/sbin/sshd || missing="$$missing openssh-server"; \
	test -n "$$missing" || exit 0; \
	as=; test "$$(id -u)" = 0 || as="sudo -n"; \
	command -v apt-get >/dev/null && $$as env DEBIAN_FRONTEND=noninteractive sh -c \
	  "apt-get update -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=20 && apt-get install -qq -y --no-install-recommends$$missing" >/dev/null 2>&1 \
	  || echo "not installed:$$missing; the tests that need them are skipped"

## test-faults: random kills and injected faults
test-faults: .venv/.ready
	$(BIN)/python -m pytest -n $(WORKERS) -m faults

## explore: the properties on examples that nobody has seen yet; what fails belongs into its test as an example
explore: .venv/.ready
	$(BIN)/python -m pytest -n $(WORKERS) -m "hypothesis and not faults" --hypothesis-profile explore

## bench: start-up and vendoring, side by side with plain git and others, into docs/benchmarks.md (BENCH=quick for less)
bench: .venv/.ready
	$(BIN)/python bench/run.py

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/.ready
	$(BIN)/mypy

## docs: writes docs/reference from the code
docs: .venv/.ready
	$(BIN)/python tools/reference.py

clean:
	rm -rf .venv demo dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests tools bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# Made again when pyproject.toml changes.
.venv/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed; set PYTHON=/path/to/python"; exit 2; }
	@test -x $(BIN)/python || { echo "making .venv with $(PYTHON)"; "$(PYTHON)" -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[secrets]" --group dev --group services
	@touch $@
