# Everything a developer does, from a fresh clone with make and any Python 3 on.
# The environment is .venv; uv, which makes it, is installed into .tools. Nothing else is touched.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-fast test-backbones test-docker test-flink lint format lock clean

PYTHON3 ?= python3
UV_VERSION := 0.13.9
UV := .tools/uv/bin/uv
# uv looks at every Python on the PATH; the ones that do not start are no news to anybody.
UV_QUIET := $(UV) --quiet
BIN := .venv/bin
ROOMS := pipeline components schemas serving kubeflow
DEMO_EXPORT := runs/demo-export
# A process a core, where there are two; a third on two cores gained nothing. A file's tests stay
# together, since they share what is slow to make. Files are taken in order: files of few tests,
# which xdist would leave for the end, are among the longest.
TEST_PROCESSES ?= 2
PYTEST := $(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

# A stamp is named after the contents it was made from, so a checkout that only changes the times
# of files costs nothing, and one that changes contents is noticed.
# An environment that was set up with GPU=1 stays one until GPU=0 is said.
GPU ?= $(if $(wildcard .venv/.gpu),1,0)
LOCKS := $(strip requirements.lock $(if $(filter-out 0,$(GPU)),requirements-gpu.lock))
key = $(shell cat $(1) | cksum | cut -d' ' -f1)
LOCKED := .venv/.locked-$(call key,$(LOCKS))
INSTALLED := .venv/.installed-$(call key,$(LOCKS) pyproject.toml setup.py)

help:  ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## Makes .venv from requirements.lock; with GPU=1 NVIDIA's libraries as well.

demo: setup  ## Paints a small world, trains on it, and leaves the report in runs/.
	$(BIN)/fieldmark demo-export $(DEMO_EXPORT)
	$(BIN)/fieldmark run demo --export $(DEMO_EXPORT)

test: setup  ## Runs the whole suite.
	$(PYTEST) -m "not every_backbone and not docker and not flink"

test-fast: setup  ## Runs the suite without the tests that run a whole pipeline.
	$(PYTEST) -m "not pipeline and not every_backbone and not docker and not flink"

test-docker: setup  ## Builds the image and runs a pipeline in its containers; installs Docker on Debian.
	$(BIN)/pytest -s -m docker tests/kubeflow/test_docker_proof.py

test-flink: setup  ## Runs the data steps on a Flink cluster of this machine; needs Java and Maven.
	$(BIN)/pytest -s -m flink tests/benchmarks/test_beam_flink.py

test-backbones: setup  ## Holds the promises of trainer and Keras 2 file for the largest networks: hours.
	$(PYTEST) tests/components/progressive_trainer/test_backbone*.py tests/serving/test_legacy_model.py -m ""

lint: setup  ## Checks style, types, and which room imports which.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Rewrites the sources in the house's style.
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: $(UV)  ## Resolves requirements*.in into the lock files, without installing anything.
	$(UV_QUIET) pip compile --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --override requirements.overrides \
	  requirements.in requirements-dev.in -o requirements.lock
	$(UV_QUIET) pip compile --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --constraint requirements.lock \
	  requirements-gpu.in -o requirements-gpu.lock

clean:  ## Removes the environment, caches and build leftovers; runs/ stays.
	rm -rf .venv .tools build dist ./*.egg-info \
	  .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(ROOMS) tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# A virtual environment of its own for uv; where Debian's python3 has no ensurepip, a plain folder.
$(UV):
	@echo "Installing uv $(UV_VERSION) into .tools/uv"
	@rm -rf .tools/uv
	@$(PYTHON3) -m venv .tools/uv >/dev/null 2>&1 \
	  && .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) \
	  || { rm -rf .tools/uv; $(PYTHON3) -m pip install --quiet --disable-pip-version-check \
	       --target .tools/uv uv==$(UV_VERSION); }

# `uv pip sync` also takes out what the lock no longer names. Bytecode is compiled now, once:
# otherwise the first import of TensorFlow and TFX takes a minute longer.
$(LOCKED): | $(UV)
	@echo "Installing $(LOCKS) into .venv"
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null \
	  || $(UV_QUIET) venv --clear --python 3.11 .venv
	@rm -f .venv/.locked-* .venv/.installed-*
	@$(UV_QUIET) pip sync --python .venv --require-hashes --compile-bytecode $(LOCKS)
	@rm -f .venv/.gpu
	@touch $@ $(if $(filter-out 0,$(GPU)),.venv/.gpu)

$(INSTALLED): $(LOCKED)
	@$(UV_QUIET) pip install --python .venv --no-deps --no-build-isolation --editable .
	@rm -f .venv/.installed-*
	@touch $@
