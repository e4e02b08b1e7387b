# Two commands do all: `make run` and `make test`. Everything lives in .venv and .backends of this checkout.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
EDITABLE := $(INSTALL) --no-deps --no-build-isolation --editable .
UNIT := not backend and not faults and not emitters

.PHONY: help install compiled interpreted run test lint format type unit unit-compiled test-faults explore fuzz e2e \
	backends emitters bench bench-redaction bench-guardrail long docs reference image audit sbom proto lock clean

help:  ## list what there is
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/installed  ## make .venv/bin/otel-llm, with all that the tests need

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit("otel-llm needs Python 3.11 or newer: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes -r requirements.lock
	$(EDITABLE)
	@touch $@

compiled: install  ## compile what every span passes through: a sixth to a half less time a span (needs a C compiler)
	HATCH_BUILD_HOOK_ENABLE_CUSTOM=true $(EDITABLE)

interpreted:  ## remove what `make compiled` made, which is loaded before its sources, whatever is changed in them
	rm -f *__mypyc.*.so
	find otel_llm processors -name '*.so' -delete

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
	$(BIN)/pytest -m "$(UNIT)" -n auto --dist worksteal

unit-compiled: compiled  ## the same suite, on what is compiled
	$(BIN)/pytest -m "$(UNIT) and not interpreted" -n auto --dist worksteal

test-faults: install  ## what happens to the gateway as a process: kills, full disks, backends that misbehave
	$(BIN)/pytest -m faults -n auto --dist worksteal

backends: install  ## build Jaeger and a Collector into .backends (needs Go)
	scripts/build-jaeger.sh
	scripts/build-otelcol.sh

e2e: install  ## the tests that need what `make backends` builds
	$(BIN)/pytest -m backend

emitters: install  ## install real instrumentations into .emitters, and compare what they send with what they were answered
	$(BIN)/pytest -m emitters

long: install emitters explore  ## what takes hours: all emitters, properties, memory under load, 200 kills, fuzzing; in bench/results
	$(BIN)/python -m bench.soak --minutes 60
	$(BIN)/python -m bench.kills --kills 200
	$(BIN)/python -m tests.fuzz --seconds 2400

bench: compiled  ## measure, beside a Collector and the journal by itself; write bench/results (needs Go)
	$(BIN)/python -m bench.run
	$(BIN)/python -m bench.journal

bench-redaction: compiled  ## measure redaction beside a Collector; with DATA=directory what it finds in labelled texts
	$(BIN)/python -m bench.redaction $(if $(DATA),--data $(DATA))

bench-guardrail: compiled  ## measure the guardrail beside redaction and a Collector; with DATA=directory what it tells of labelled texts
	$(BIN)/python -m bench.guardrail $(if $(DATA),--data $(DATA))

docs: install  ## the documentation site, into dist/site
	$(BIN)/mkdocs build --strict

reference: install  ## write docs/reference anew from the code
	$(BIN)/python scripts/reference.py

explore: install  ## the property tests, ten times with other examples
	for round in 1 2 3 4 5 6 7 8 9 10; do \
		$(BIN)/pytest --hypothesis-profile=explore -m "hypothesis and not backend and not faults" -n auto --dist worksteal || exit 1; \
	done

fuzz: install  ## two minutes of anything at all at every entrance
	$(BIN)/python -m tests.fuzz --seconds 120

image: install  ## build the container image (needs podman, or Docker with its daemon)
	scripts/build-image.sh $(BIN)/python

.audit/installed: requirements-audit.lock
	$(PYTHON) -m venv .audit
	.audit/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

audit: .audit/installed  ## look the locks up among known vulnerabilities (needs the network)
	scripts/audit.sh .audit/bin/pip-audit requirements.lock requirements-runtime.lock

sbom: .audit/installed  ## list what a running otel-llm is made of: dist/otel-llm.cdx.json, CycloneDX
	@mkdir -p dist
	.audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file dist/otel-llm.cdx.json requirements-runtime.lock

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate

proto:  ## compile the description of the budget service's messages
	$(BIN)/python -m grpc_tools.protoc -I proto --descriptor_set_out=otel_llm/budget/budget.binpb otel_llm/budget/v1/budget.proto

lock:  ## resolve pyproject.toml anew into the requirements*.lock (needs uv)
	$(COMPILE) --group dev --all-extras pyproject.toml --output-file requirements.lock
	$(COMPILE) --constraint requirements.lock --extra server --extra redaction --extra guardrail --extra postgres --extra redis pyproject.toml \
		--output-file requirements-runtime.lock
	$(COMPILE) --group audit --output-file requirements-audit.lock

clean: interpreted  ## remove what was built
	rm -rf .venv .backends .emitters .audit .fuzz dist
