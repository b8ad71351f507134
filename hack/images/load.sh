#!/usr/bin/env bash
# Puts our images into the cluster's nodes: load.sh [operator] [spark] [tensorflow], all of them without arguments.
# Does nothing where there is no cluster, and nothing for a node that has the image already.
#
# An image goes in two steps, because a node takes a gigabyte only slowly: the image of its dependencies (build.sh), once
# for as long as they don't change, straight out of the cache and to all nodes at the same time; then the little that our
# code adds. The control plane's node gets none: nothing of ours runs there.
set -euo pipefail
# shellcheck source=../kind/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/../kind/settings.sh"

IMAGE_PREFIX=${IMAGE_PREFIX:-shapebench}
TAG=${TAG:-dev}
# In a node: "name id" of what was loaded, the id being the engine's (containerd has digests of its own).
LOADED=/kind/shapebench-images
CTR='ctr -n k8s.io'

# worker_nodes: the nodes that take pods.
worker_nodes() {
  docker ps --filter "label=io.x-k8s.kind.cluster=$CLUSTER" --filter label=io.x-k8s.kind.role=worker --format '{{.Names}}'
}

image_id() { docker image inspect -f '{{.Id}}' "$1"; }

# lacking NAME ID: the nodes that do not have this image in this state.
lacking() {
  local node
  for node in "${nodes[@]}"; do
    # Noted, and still there: somebody may have removed it.
    docker exec "$node" bash -c 'grep -qsxF "$1 $2" "$3" && ctr -n k8s.io images ls -q | grep -qE "(^|/)$1\$"' \
      lacking "$1" "$2" "$LOADED" || echo "$node"
  done
}

# note_loaded NODE NAME ID
note_loaded() {
  docker exec "$1" bash -euc 'touch "$1"; { awk -v n="$2" "\$1 != n" "$1"; echo "$2 $3"; } >"$1.new"; mv "$1.new" "$1"' \
    note "$LOADED" "$2" "$3"
}

# import NAME ID NODE...: the archive on standard input goes to all the nodes at once.
import() {
  local name=$1 id=$2 node process processes=() pipes
  shift 2
  pipes=$(mktemp -d -p "$work")
  for node in "$@"; do
    mkfifo "$pipes/$node"
    docker exec -i "$node" bash -c "$CTR images import --all-platforms - >/dev/null" <"$pipes/$node" &
    processes+=($!)
  done
  (cd "$pipes" && tee "$@" >/dev/null)
  for process in "${processes[@]}"; do wait "$process" || return 1; done
  for node in "$@"; do note_loaded "$node" "$name" "$id"; done
}

# forget_other_deps NAME NODE...: takes the dependencies' former images off the nodes; containers keep what they use.
forget_other_deps() {
  local name=$1 node
  shift
  for node in "$@"; do
    # shellcheck disable=SC2016  # expanded in the node
    docker exec "$node" bash -c '
      ctr -n k8s.io images ls -q | grep "^docker.io/$1:" | xargs -r ctr -n k8s.io images rm >/dev/null
      [ ! -e "$2" ] || sed -i "\#^$1:#d" "$2"' forget "${name%:*}" "$LOADED"
  done
}

# load_deps NAME
load_deps() {
  local targets file
  mapfile -t targets < <(lacking "$1" "$1")
  [ ${#targets[@]} -gt 0 ] || return 0
  say "loading $1 into ${targets[*]}"
  forget_other_deps "$1" "${targets[@]}"
  file=$(image_file "$1")
  if [ -s "$file" ]; then zstd -dcq "$file"; else docker save "$1"; fi | import "$1" "$1" "${targets[@]}"
}

# from_node NODE DIGEST: a manifest or configuration out of the node's store.
from_node() { docker exec "$1" bash -c "$CTR content get $2"; }

# load_code IMAGE DEPS NODE...: what the image has more than the image of its dependencies, all below /opt/shapebench.
load_code() {
  local image=$1 deps=$2 node=$3 dir container digest
  shift 2
  dir=$(mktemp -d -p "$work")
  digest=$(docker exec "$node" bash -c "$CTR images ls name==docker.io/$deps" | awk 'NR == 2 { print $3 }')
  from_node "$node" "$digest" >"$dir/manifest"
  from_node "$node" "$(jq -r .config.digest "$dir/manifest")" >"$dir/config"
  docker image inspect -f '{{json .Config}}' "$image" >"$dir/overrides"
  container=$(docker create "$image")
  docker cp "$container:/opt/shapebench" - >"$dir/shapebench.tar"
  docker rm "$container" >/dev/null
  python3 "$HACK/images/thin_archive.py" "$image" "$dir"/{manifest,config,overrides,shapebench.tar} |
    import "$image" "$(image_id "$image")" "$@"
}

# load_whole IMAGE NODE...: the plain way, for an image that build.sh did not make.
load_whole() {
  local image=$1
  shift
  docker save "$image" | import "$image" "$(image_id "$image")" "$@"
}

load_image() {
  local image=$1 deps targets
  mapfile -t targets < <(lacking "$image" "$(image_id "$image")")
  [ ${#targets[@]} -gt 0 ] || { say "the nodes have $image"; return; }
  deps=$(docker image inspect -f '{{index .Config.Labels "shapebench.dev/dependencies"}}' "$image")
  if [ -n "$deps" ] && load_deps "$deps" && load_code "$image" "$deps" "${targets[@]}"; then :; else
    say "loading $image as a whole"
    load_whole "$image" "${targets[@]}"
  fi
  say "loaded $image into ${targets[*]}"
}

only_one_at_a_time
mapfile -t nodes < <(worker_nodes 2>/dev/null || true)
[ ${#nodes[@]} -gt 0 ] || { say "no cluster is up: the images stay in the engine"; exit; }
[ $# -gt 0 ] || set -- operator spark tensorflow
need jq=jq zstd=zstd python3=python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for image in "$@"; do
  image_present "$IMAGE_PREFIX/$image:$TAG" || fail "$IMAGE_PREFIX/$image:$TAG is not built: make images"
  load_image "$IMAGE_PREFIX/$image:$TAG"
done
