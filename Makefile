# Two commands do all: `make run` and `make test`. Everything lives in .venv and .backends of this checkout.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help install run test lint format type unit test-faults e2e backends bench long docs reference lock clean

help:  ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed  ## make .venv/bin/otel-llm, with all that the tests need

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("otel-llm needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: install  ## the gateway on its embedded default, with a burst of demo traffic
	$(BIN)/otel-llm run --demo

test: install lint type unit  ## lint, types and the whole suite

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: install  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type:
	$(BIN)/mypy

unit:
	$(BIN)/pytest -m "not backend and not faults" -n auto --dist worksteal

test-faults: install  ## kill, flood and starve the gateway as a process, and count what arrives
	$(BIN)/pytest -m faults

backends: install  ## build Jaeger and a Collector into .backends (needs Go)
	scripts/build-jaeger.sh
	scripts/build-otelcol.sh

e2e: install  ## the tests that need what `make backends` builds
	$(BIN)/pytest -m backend

long: install  ## what takes an hour: memory under steady load, written to bench/results
	$(BIN)/python -m bench.soak --minutes 15

bench: install  ## measure beside a Collector, write bench/results (needs Go)
	$(BIN)/python -m bench.run

docs: install  ## the documentation site, into dist/site
	$(BIN)/mkdocs build --strict

reference: install  ## write docs/reference anew from the code
	$(BIN)/python scripts/reference.py

lock:  ## resolve pyproject.toml anew into requirements.lock (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
		--group dev --all-extras pyproject.toml --output-file requirements.lock

clean:  ## remove what was built
	rm -rf .venv .backends dist
