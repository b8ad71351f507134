# The local cluster and the images: included by the Makefile, and usable alone (make -f hack/kind.mk kind-up images).
# docs/how-to/kind.md tells how it works. HACK_DIR is this file's folder, wherever make was started.
HACK_DIR := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
CLUSTER ?= shapebench
IMAGE_PREFIX ?= shapebench
TAG ?= dev
KUBECONFIG ?= $(abspath $(HACK_DIR)/..)/build/kind/kubeconfig
# The pinned tools: by path, so that what else is installed on a machine does not matter.
KIND_BIN := $(abspath $(HACK_DIR)/..)/build/kind/bin
KIND := $(KIND_BIN)/kind
KUBECTL := $(KIND_BIN)/kubectl
HELM := $(KIND_BIN)/helm
export CLUSTER IMAGE_PREFIX TAG KUBECONFIG

.PHONY: kind-up kind-down kind-purge kind-tools images images-load lock

kind-up: ## Start a three-node kind cluster (starts an engine and builds the node image where it must)
	@$(HACK_DIR)/kind/up.sh

kind-down: ## Delete the cluster, and stop the engine if kind-up started it
	@$(HACK_DIR)/kind/down.sh

# An engine that other containers keep running has its data in the cache.
kind-purge: kind-down ## kind-down, and empty the cache: the next kind-up builds everything again
	@[ ! -e /run/shapebench-engine ] || { echo "error: the Docker engine that kind-up started still runs, and its data may be \
	in the cache: remove its containers (docker ps -a), then make kind-purge again. Nothing was emptied" >&2; exit 1; }
	@rm -rf "$${SHAPEBENCH_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/shapebench}" build/kind

kind-tools: ## Build the pinned kind, kubectl and helm into build/kind/bin
	@mkdir -p $(KIND_BIN) && for path in $$($(HACK_DIR)/kind/tools.sh kind kubectl helm); do ln -sfn "$$path" $(KIND_BIN)/; done

images: ## Build the images and load them into the cluster, if it is up
	@$(HACK_DIR)/images/build.sh
	@$(HACK_DIR)/images/load.sh

images-load: ## Load images that are built already into the cluster
	@$(HACK_DIR)/images/load.sh

lock: ## Resolve pyproject.toml anew: requirements.lock and the images' own (hack/lock.sh --upgrade for newer versions)
	@$(HACK_DIR)/lock.sh
