#!/usr/bin/env bash
# Builds the cluster's tools from Go modules: tools.sh NAME... prints each one's path, a line each.
#
# Why from modules: a release's binaries come from many hosts that a closed network does not reach, Go's module proxy
# (or a company's mirror of it, GOPROXY) is one, and go.sum pins every byte. One module per tool under tools/, since
# kind, helm and Kubernetes want different versions of the same libraries. About 11 minutes for all on two cores with an
# empty Go build cache, seconds with a full one, nothing when the binary is in our cache.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

minor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")

# describe NAME: sets `module` (a folder of tools/), `package` and `stamp` (linker flags that set version variables).
describe() {
  local variable
  stamp=
  case $1 in
    kube-apiserver | kube-controller-manager | kube-scheduler | kube-proxy | kubelet | kubeadm | kubectl)
      module=kubernetes package=k8s.io/kubernetes/cmd/$1
      variable=k8s.io/component-base/version
      stamp="-X $variable.gitVersion=$KUBERNETES_VERSION -X $variable.gitMajor=1 -X $variable.gitMinor=$minor" ;;
    etcd) module=etcd package=go.etcd.io/etcd/server/v3 ;;
    coredns) module=coredns package=github.com/coredns/coredns ;;
    kind) module=kind package=sigs.k8s.io/kind ;;
    helm)
      module=helm package=helm.sh/helm/v3/cmd/helm
      # Else `helm template` takes itself to be on Kubernetes 1.20 and refuses charts that ask for a newer one.
      stamp="-X helm.sh/helm/v3/internal/version.version=$(module_version helm helm.sh/helm/v3)"
      for variable in chartutil lint/rules; do
        stamp+=" -X helm.sh/helm/v3/pkg/$variable.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/$variable.k8sVersionMinor=$minor"
      done ;;
    pause) module=pause package=. ;;
    training-operator) module=training-operator package=github.com/kubeflow/training-operator/cmd/training-operator.v1 ;;
    spark-operator) module=spark-operator package=github.com/kubeflow/spark-operator/v2/cmd/operator ;;
    kueue) module=kueue package=sigs.k8s.io/kueue/cmd/kueue ;;
    # A server of S3's protocol with users and bucket policies: what the tests of object storage read from.
    versitygw) module=versitygw package=github.com/versity/versitygw/cmd/versitygw ;;
    *) fail "no such tool: $1" ;;
  esac
}

# binary_path NAME: where the binary is, or will be.
binary_path() {
  local key
  describe "$1"
  key=$({ cat "$HACK/kind/tools/$module"/{go.*,*.go} 2>/dev/null || true; echo "$package $stamp $(uname -sm)"; } | content_key)
  echo "$SHAPEBENCH_CACHE/tools/$1-$key/$1"
}

# build NAME PATH. Only this waits for other commands of ours: asking for a path does not.
build() {
  only_one_at_a_time
  [ ! -x "$2" ] || return 0
  command -v go >/dev/null || fail "$1 has to be built, and there is no Go here: please install Go 1.24 or newer"
  say "building $1"
  mkdir -p "$(dirname "$2")"
  (cd "$HACK/kind/tools/$module" && GOFLAGS='' CGO_ENABLED=0 GOWORK=off \
    nice go build -mod=readonly -buildvcs=false -trimpath -ldflags "-s -w $stamp" -o "$2.part" "$package") \
    2> >(grep -v '^go: downloading' >&2)
  mv "$2.part" "$2"
}

for name in "$@"; do
  describe "$name"
  path=$(binary_path "$name")
  [ -x "$path" ] || build "$name" "$path"
  touch "$(dirname "$path")"
  echo "$path"
done
