# shellcheck shell=bash
# Names, versions and places that the cluster's scripts share. Sourced. No version is written here: a tool's version
# stands in its go.mod, and nowhere else.
# shellcheck disable=SC2034  # what is set here is used by those that source it
set -euo pipefail
HACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
REPO=$(dirname "$HACK")
# shellcheck source=../lib/progress.sh
. "$HACK/lib/progress.sh"
# shellcheck source=../lib/cache.sh
. "$HACK/lib/cache.sh"
# shellcheck source=../lib/debian.sh
. "$HACK/lib/debian.sh"

CLUSTER=${CLUSTER:-shapebench}
KIND_DIR=$REPO/build/kind
KIND_BIN=$KIND_DIR/bin
DEFAULT_KUBECONFIG=$KIND_DIR/kubeconfig
export KUBECONFIG=${KUBECONFIG:-$DEFAULT_KUBECONFIG}

# module_version TOOL MODULE: the version that the tool's go.mod asks for.
module_version() {
  awk -v module="$2" '{ for (i = 1; i < NF; i++) if ($i == module && $(i + 1) ~ /^v[0-9]/) { print $(i + 1); exit } }' \
    "$HACK/kind/tools/$1/go.mod"
}

KUBERNETES_VERSION=$(module_version kubernetes k8s.io/kubernetes)

# lacks_cap_sys_resource: whether this machine withholds CAP_SYS_RESOURCE (bit 24), which runc must have to give it on
# to a privileged container. Some virtual machines and containers for CI do.
lacks_cap_sys_resource() {
  local bound
  bound=$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)
  [ $((0x$bound >> 24 & 1)) = 0 ]
}

# engine_answers: whether a Docker engine answers.
engine_answers() { timeout 20 docker info >/dev/null 2>&1; }

# node_containers: the cluster's node containers, running or not.
node_containers() { docker ps -a --filter "label=io.x-k8s.kind.cluster=$CLUSTER" --format '{{.Names}}'; }
