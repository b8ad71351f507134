#!/usr/bin/env bash
# Sees to it that the engine has a node image, and prints the image's name.
#
# kind's own image is taken where a registry hands it out in time. Else ours is: out of the engine, out of the cache, or
# built from Debian's packages, Go modules (tools.sh) and the node files that lie in kind's own module (about 2 minutes).
# NODE_IMAGE=registry or NODE_IMAGE=build settles which.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

NODE_IMAGE=${NODE_IMAGE:-auto}
PULL_TIMEOUT=${PULL_TIMEOUT:-240}
PACKAGES=(systemd systemd-sysv dbus conntrack iptables nftables iproute2 ethtool util-linux mount kmod libseccomp2 pigz
  ca-certificates curl jq procps containerd runc containernetworking-plugins hostname openssl)
BINARIES=(kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy etcd coredns pause)

# registry_image: kind's default node image, with its digest: written in kind's source, and in no other place.
registry_image() {
  local binary
  binary=$("$HACK/kind/tools.sh" kind)
  grep -aoE 'kindest/node:v[0-9.]+@sha256:[0-9a-f]{64}' "$binary" | head -n1
}

# from_registry: pulls kind's image; false where that can't be done in time.
from_registry() {
  local image
  image=$(registry_image)
  if ! image_present "$image"; then
    say "trying to pull ${image%%@*} (at most $PULL_TIMEOUT s)"
    timeout "$PULL_TIMEOUT" docker pull -q "$image" >/dev/null 2>&1 || return 1
  fi
  echo "$image"
}

# own_image: the name of our image; its tag is the digest of everything that goes into it.
own_image() {
  local key
  key=$({ cat "$HACK"/kind/node/* "$HACK"/kind/tools/{kubernetes,etcd,coredns,pause,kind}/go.* "$HACK"/kind/tools/pause/*.go
    declare -f build bake component_images component_image debian_root
    echo "${PACKAGES[*]} ${BINARIES[*]} $DEBIAN_SUITE $(uname -m)"; } | content_key)
  echo "shapebench/kind-node:$KUBERNETES_VERSION-$key"
}

# component_image ROOT_TAR NAME COMMAND: an image of one program.
component_image() {
  docker import -c 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' -c "ENTRYPOINT [\"/usr/local/bin/$3\"]" \
    "$1" "$2" >/dev/null
}

# component_images BIN BASE WORK: makes the images that kubeadm starts a cluster from, under the names that it asks for.
component_images() {
  local bin=$1 base=$2 work=$3 image program images=()
  for image in $("$bin/kubeadm" config images list --kubernetes-version "$KUBERNETES_VERSION" 2>/dev/null); do
    program=${image##*/}
    program=${program%%:*}
    if [ "$program" = kube-proxy ]; then
      docker run --rm --entrypoint bash -v "$bin:/built:ro" -v "$HACK/kind/node:/scripts:ro" "$base" \
        /scripts/proxy-root.sh /built/kube-proxy >"$work/root.tar"
    else
      tar -C "$bin" -c --transform 's#^#usr/local/bin/#' "$program" >"$work/root.tar"
    fi
    component_image "$work/root.tar" "$image" "$program"
    images+=("$image")
  done
  rm "$work/root.tar"
  mkdir "$work/images"
  docker save -o "$work/images/all.tar" "${images[@]}"
  docker rmi "${images[@]}" >/dev/null
}

# bake BASE NAME IMAGES: the node image: BASE with the component images in its containerd. Compressed, because the
# engine copies them into a volume of every node that it starts.
bake() {
  local container=shapebench-bake-$$
  # shellcheck disable=SC2064  # the name as it is now
  trap "docker rm -f $container >/dev/null 2>&1 || true" RETURN
  docker run -d --privileged --name "$container" --entrypoint sleep -v "$3:/images:ro" "$1" infinity >/dev/null
  docker exec "$container" bash -euc '
    containerd >/tmp/containerd.log 2>&1 & server=$!
    for _ in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
    ctr -n k8s.io images import --all-platforms --no-unpack --compress-blobs /images/all.tar >/dev/null
    kill $server; wait $server || true
    rm -rf /run/containerd /tmp/containerd.log'
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]' "$container" "$2" >/dev/null
}

build() {
  local name=$1 work bin kind_source path
  work=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  mkdir -p "$work/context/bin" "$work/bin"
  for path in $("$HACK/kind/tools.sh" "${BINARIES[@]}"); do cp "$path" "$work/bin/"; done
  bin=$work/bin
  say "making a Debian root file system for the nodes"
  debian_root "$work/context/root.tar" "${PACKAGES[@]}"
  kind_source=$(cd "$HACK/kind/tools/kind" && go mod download sigs.k8s.io/kind && go list -m -f '{{.Dir}}' sigs.k8s.io/kind)
  cp -r "$kind_source/images/base/files" "$work/context/files"
  chmod -R u+w "$work/context/files"
  mkdir -p "$work/context/files/kind/manifests"
  echo "$KUBERNETES_VERSION" >"$work/context/files/kind/version"
  "$bin/kubeadm" config images list --kubernetes-version "$KUBERNETES_VERSION" 2>/dev/null | grep pause \
    >"$work/context/files/kind/pause-image"
  cp "$HACK/kind/node/storage.yaml" "$work/context/files/kind/manifests/default-storage.yaml"
  cp "$HACK/kind/node/runc-capped" "$work/context/files/usr/local/bin/"
  cp "$bin"/{kubeadm,kubelet,kubectl} "$work/context/bin/"
  cp "$HACK/kind/node"/{Dockerfile,setup.sh} "$work/context/"
  say "building the node image"
  quietly "$SHAPEBENCH_CACHE/log/node-image.log" docker build -t "$name-base" "$work/context"
  component_images "$bin" "$name-base" "$work"
  say "putting the cluster's images into the node image"
  bake "$name-base" "$name" "$work/images"
  docker rmi "$name-base" >/dev/null 2>&1 || true
  image_to_cache "$name"
}

only_one_at_a_time
name=$(own_image)
# Ours, where it is there already, spares the attempt to reach a registry that was out of reach before.
if [ "$NODE_IMAGE" = registry ] || { [ "$NODE_IMAGE" = auto ] && ! lacks_cap_sys_resource &&
  ! image_present "$name" && [ ! -s "$(image_file "$name")" ]; }; then
  from_registry && exit
  [ "$NODE_IMAGE" = auto ] || fail "kind's node image could not be pulled"
fi
need zstd=zstd jq=jq
image_present "$name" || image_from_cache "$name" || build "$name"
drop_superseded "$name"
echo "$name"
