# Shapebench. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

-include hack/kind.mk

.PHONY: help setup demo test lint generate verify lock

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## the locked Python environment in .venv

$(VENV)/.ready: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	$(BIN)/uv pip sync --quiet --python $(BIN)/python requirements.lock
	$(BIN)/python -c "import pathlib, sysconfig; pathlib.Path(sysconfig.get_paths()['purelib'], 'shapebench.pth').write_text('$(CURDIR)/operator\n$(CURDIR)/jobs\n')"
	@printf '#!/bin/sh\nexec "%s" -m shapebench "$$@"\n' '$(CURDIR)/$(BIN)/python' > $(BIN)/shapebench && chmod +x $(BIN)/shapebench
	@touch $@

lint: setup ## ruff, mypy strict, layers
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

generate: setup ## write what is generated from the models: CRDs, their copies, the reference
	PYTHONPATH=operator $(BIN)/python -m shapebench.api.crd manifests/crd
	cp manifests/crd/*.yaml helm/shapebench/files/crds/
	PYTHONPATH=operator $(BIN)/python -m shapebench.api.reference docs/reference/api.md

verify: generate ## fail if anything generated is not what is committed
	git diff --exit-code -- manifests helm docs
