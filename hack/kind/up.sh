#!/usr/bin/env bash
# A kind cluster of three nodes, one control plane and two workers, on a machine with or without Docker, with or without
# a registry. Safe to repeat: a healthy cluster is left as it is, a half-made or broken one is repaired or made anew.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

NODES=3

kubectl() { "$KIND_BIN/kubectl" --request-timeout=10s "$@"; }
kind() { "$KIND_BIN/kind" "$@"; }

# link_tools: the pinned kind, kubectl and helm, at paths in this checkout.
link_tools() {
  local path
  mkdir -p "$KIND_BIN"
  for path in $("$HACK/kind/tools.sh" kind kubectl helm); do ln -sfn "$path" "$KIND_BIN/"; done
}

running_nodes() { docker ps --filter "label=io.x-k8s.kind.cluster=$CLUSTER" --format '{{.Names}}' | wc -l; }

# uses_our_network: whether the cluster was made from our node image, which has no network plug-in of its own.
uses_our_network() {
  docker inspect -f '{{.Config.Image}}' "$CLUSTER-control-plane" 2>/dev/null | grep -q '^shapebench/kind-node:'
}

# services_answer: whether the cluster's DNS, which runs on other nodes than some, is reached from each node by the
# address of its Service: the pods' network and kube-proxy do their work.
services_answer() {
  local node address
  address=$(kubectl -n kube-system get service kube-dns -o jsonpath='{.spec.clusterIP}' 2>/dev/null) || return 1
  for node in $(node_containers); do
    docker exec "$node" curl -s -o /dev/null --max-time 3 "http://$address:9153/metrics" || return 1
  done
}

# healthy: every node there and Ready, services answering.
healthy() {
  [ "$(running_nodes)" = $NODES ] || return 1
  [ "$(kubectl get nodes --no-headers 2>/dev/null | awk '$2 == "Ready"' | wc -l)" = $NODES ] || return 1
  services_answer
}

# finish: from running nodes to a cluster that pods run in; false if that does not come about.
finish() {
  if uses_our_network; then "$HACK/kind/network.sh" || return 1; fi
  "$KIND_BIN/kubectl" wait --for=condition=Ready nodes --all --timeout=120s >/dev/null || return 1
  "$KIND_BIN/kubectl" -n kube-system rollout status deployment/coredns --timeout=120s >/dev/null || return 1
  for _ in $(seq 60); do
    services_answer && return
    sleep 1
  done
  say "cluster DNS is not reached from every node: look at the logs of kube-proxy"
  return 1
}

# repaired: whether a cluster whose nodes all exist could be brought back.
repaired() {
  [ "$(node_containers | wc -l)" = $NODES ] || return 1
  say "the cluster is there, but not healthy: trying to repair it"
  # shellcheck disable=SC2046  # one word per node
  docker start $(node_containers) >/dev/null || return 1
  kind export kubeconfig --name "$CLUSTER" 2>/dev/null || return 1
  for _ in $(seq 90); do
    if kubectl get --raw /readyz >/dev/null 2>&1; then
      finish
      return
    fi
    sleep 1
  done
  return 1
}

# configuration: what kind is told. Our node image has no network plug-in: network.sh sees to it.
# failCgroupV1: on a machine with control groups of version 1 newer kubelets refuse to start unless told not to.
configuration() {
  cat <<K
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
networking: {disableDefaultCNI: $1, podSubnet: 10.244.0.0/16}
nodes: [{role: control-plane}, {role: worker}, {role: worker}]
kubeadmConfigPatches:
- |
  kind: KubeletConfiguration
  failCgroupV1: false
K
}

create() {
  local image own=false
  image=$("$HACK/kind/node-image.sh")
  [[ $image != shapebench/kind-node:* ]] || own=true
  say "creating the cluster '$CLUSTER' from ${image%%@*}"
  if ! configuration $own | kind create cluster --name "$CLUSTER" --image "$image" --config - --retain \
    >"$KIND_DIR/create.log" 2>&1 || ! finish; then
    grep -vE '^[IW][0-9]{4} ' "$KIND_DIR/create.log" | tail -n 40 >&2
    kind export logs "$KIND_DIR/logs" --name "$CLUSTER" >/dev/null 2>&1 || true
    fail "the cluster did not come up; the nodes' logs: $KIND_DIR/logs. 'make kind-down kind-up' starts afresh"
  fi
}

only_one_at_a_time
forget_unused
link_tools
"$HACK/kind/engine.sh" start
# The kubeconfig may be gone, or another clone's cluster be there.
if [ "$(running_nodes)" = $NODES ]; then kind export kubeconfig --name "$CLUSTER" >/dev/null 2>&1 || true; fi
if healthy; then
  say "the cluster '$CLUSTER' is up already"
elif ! repaired; then
  if [ -n "$(node_containers)" ]; then
    say "it could not be repaired: deleting it"
    kind delete cluster --name "$CLUSTER" 2>/dev/null
  fi
  create
fi
say "ready: $(kubectl get nodes --no-headers | awk '{ printf "%s%s (%s)", (NR > 1 ? ", " : ""), $1, $5 }')"
say "export KUBECONFIG=$KUBECONFIG"
