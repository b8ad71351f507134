#!/usr/bin/env bash
# Deletes the cluster and everything that came with it: containers, volumes, network, kubeconfig entry; and stops the
# Docker engine if it was engine.sh that started it and nothing else runs on it. The cache stays: the next cluster comes
# out of it.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

# delete_cluster: with kind where it is at hand, since it knows the kubeconfig's entries; the containers in any case.
delete_cluster() {
  local nodes
  [ ! -x "$KIND_BIN/kind" ] || "$KIND_BIN/kind" delete cluster --name "$CLUSTER" 2>/dev/null || true
  nodes=$(node_containers)
  # shellcheck disable=SC2086  # one word per node
  [ -z "$nodes" ] || docker rm -f -v $nodes >/dev/null
  # kind shares one network among all clusters of a machine and never takes it away.
  if [ -z "$(docker ps -aq --filter label=io.x-k8s.kind.cluster)" ]; then
    docker network rm kind >/dev/null 2>&1 || true
  fi
}

only_one_at_a_time
if command -v docker >/dev/null && engine_answers; then
  say "deleting the cluster '$CLUSTER'"
  delete_cluster
else
  say "no Docker engine answers: there is no cluster"
fi
rm -rf "$DEFAULT_KUBECONFIG" "$KIND_DIR/logs" "$KIND_DIR/create.log"
if [ -n "$(docker ps -q 2>/dev/null)" ]; then
  say "the Docker engine still runs other containers: it stays"
else
  "$HACK/kind/engine.sh" stop
fi
say "down"
