#!/usr/bin/env bash
# The CustomResourceDefinitions of other operators: definitions.sh NAME... prints the folder of each one's, a line each.
#
# They are files of Go modules, most of them of those that tools.sh builds; the version stands in the tool's go.mod.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

# describe NAME: sets `module` and `files`, a pattern inside it.
describe() {
  case $1 in
    training-operator) module=github.com/kubeflow/training-operator files='manifests/base/crds/kubeflow.org_tfjobs.yaml' ;;
    spark-operator) module=github.com/kubeflow/spark-operator/v2 files='config/crd/bases/*.yaml' ;;
    kueue) module=sigs.k8s.io/kueue files='config/components/crd/bases/*.yaml' ;;
    prometheus-operator) module=github.com/prometheus-operator/prometheus-operator files='example/prometheus-operator-crd/*.yaml' ;;
    *) fail "no such operator: $1" ;;
  esac
}

for name in "$@"; do
  describe "$name"
  folder=$SHAPEBENCH_CACHE/definitions/$name-$(module_version "$name" "$module")
  if [ ! -d "$folder" ]; then
    command -v go >/dev/null || fail "the definitions of $name come as a Go module, and there is no Go here: please install Go 1.24 or newer"
    source=$(cd "$HACK/kind/tools/$name" && GOFLAGS=-mod=readonly GOWORK=off go mod download -json "$module" |
      sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    rm -rf "$folder.part" && mkdir -p "$folder.part"
    # shellcheck disable=SC2086  # a pattern
    cp "$source"/$files "$folder.part/"
    chmod -R u+w "$folder.part" && mv "$folder.part" "$folder"
  fi
  touch "$folder"
  echo "$folder"
done
