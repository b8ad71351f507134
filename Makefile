# Shapebench. `make help` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

-include hack/kind.mk

KUBE_TESTS := tests/apiserver tests/chart tests/storage tests/prometheus
UNIT_TESTS := tests/unit tests/jobs
WORKLOAD_NAMESPACES ?= default
# Two at once, a file's tests by one: most of them wait for a JVM, TensorFlow or a server. TEST_WORKERS=0 is one by one.
TEST_WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest
PYTEST_PARALLEL := $(PYTEST) --numprocesses $(TEST_WORKERS) --dist loadfile

.PHONY: help setup setup-object-storage demo test test-examples test-kube test-tools e2e bench bench-exactness bench-reading deploy undeploy lint generate verify lock

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

setup-object-storage: setup ## s3a:// and gs:// for Spark on this machine (48 MB of jars into the cache); the images have them
	@PYTHON=$(BIN)/python hack/jars.sh

demo: setup ## a small Spark and a small TensorFlow Benchmark on this machine, without a cluster: four to five minutes
	$(BIN)/shapebench run manifests/examples/demo/read-speed.yaml manifests/examples/demo/train.yaml \
	  --output build/demo --fresh

test: setup ## the tests that need nothing but this checkout: unit, and the jobs under a real Spark and TensorFlow
	$(PYTEST_PARALLEL) $(UNIT_TESTS)

test-examples: setup ## manifests/examples/local, one run of each: about five minutes
	$(PYTEST) --numprocesses $(TEST_WORKERS) tests/local

test-kube: setup test-tools ## the CRDs, operator and chart against a real kube-apiserver, helm and Prometheus, jobs against a real S3 server
	$(PYTEST_PARALLEL) $(KUBE_TESTS)

test-tools: setup ## build what test-kube needs: etcd, kube-apiserver, kubectl, helm, other operators, an S3 server, Spark's jars for it, Prometheus
	@hack/kind/tools.sh etcd kube-apiserver kube-scheduler kubectl helm training-operator spark-operator kueue versitygw >/dev/null
	@hack/kind/definitions.sh training-operator spark-operator kueue prometheus-operator >/dev/null
	@PYTHON=$(BIN)/python hack/jars.sh >/dev/null
	@hack/prometheus.sh >/dev/null

deploy: kind-tools ## install or upgrade the chart on the cluster, and wait until the operator is ready
	$(HELM) upgrade --install shapebench helm/shapebench --namespace shapebench-system --create-namespace \
	  --set images.registry= --set-string images.tag=$(TAG) --set images.operator.repository=$(IMAGE_PREFIX)/operator \
	  --set images.spark.repository=$(IMAGE_PREFIX)/spark --set images.tensorflow.repository=$(IMAGE_PREFIX)/tensorflow \
	  --set engines.sparkApplication.enabled=true --set engines.tfJob.enabled=true --set kueue.enabled=true \
	  --set 'workloadNamespaces={$(WORKLOAD_NAMESPACES)}' --set-string operator.podAnnotations.image-id=$(OPERATOR_IMAGE_ID) \
	  --wait --timeout 3m

# A changed image under the same tag is a new operator only if its pod changes.
OPERATOR_IMAGE_ID = $(shell docker image inspect --format '{{.Id}}' $(IMAGE_PREFIX)/operator:$(TAG) 2>/dev/null | cut -c8-19)

undeploy: ## uninstall the chart; Benchmarks stay (kubectl delete crd benchmarks.shapebench.dev benchmarkruns.shapebench.dev)
	$(HELM) uninstall shapebench --namespace shapebench-system

e2e: setup ## the tests on the kind cluster: needs kind-up images deploy
	$(PYTEST) tests/e2e --timeout=1200 -m 'not alone' --numprocesses $(TEST_WORKERS) --dist loadgroup; \
	  beside=$$?; $(PYTEST) tests/e2e --timeout=1200 -m alone && exit $$beside

bench: setup ## latency, memory, CPU and scrape of the operator, and what the agent takes: needs the cluster
	$(BIN)/python tests/bench/operator_latency.py
	PYTHONPATH=operator $(BIN)/python tests/bench/scrape_latency.py
	PYTHONPATH=operator $(BIN)/python tests/bench/agent_overhead.py
	$(BIN)/python tests/bench/beside_cadvisor.py

bench-exactness: setup ## what the agent counts against what programs know that they used: two to four minutes, as root
	PYTHONPATH=operator $(BIN)/python tests/bench/agent_exactness.py

bench-reading: setup ## how fast the jobs read and decode, as ratios to the machine's limits, and what the frame adds: half an hour
	PYTHONPATH=operator:jobs $(BIN)/python tests/bench/reading; \
	  reading=$$?; PYTHONPATH=operator:jobs $(BIN)/python tests/bench/frame_overhead.py && exit $$reading

lint: setup ## ruff, mypy strict, layers
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

generate: setup ## write what is generated: CRDs and the reference from the models, what jobs take, dashboards, the chart's copies
	PYTHONPATH=operator $(BIN)/python -m shapebench.api.crd manifests/crd
	cp manifests/crd/*.yaml helm/shapebench/files/crds/
	PYTHONPATH=operator $(BIN)/python -m shapebench.api.reference docs/reference/api.md
	PYTHONPATH=operator $(BIN)/python -m shapebench.report.export.reference docs/reference/results.md
	PYTHONPATH=operator:jobs:hack $(BIN)/python -m job_descriptions operator/shapebench/plan/jobs.json
	PYTHONPATH=hack $(BIN)/python -m dashboards manifests/dashboards
	cp manifests/dashboards/*.json helm/shapebench/files/dashboards/

verify: generate ## fail if anything generated is not what is committed
	git diff --exit-code -- manifests helm docs operator/shapebench/plan/jobs.json
