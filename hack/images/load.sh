#!/usr/bin/env bash
# Puts our images into every node of the cluster: load.sh [operator] [spark] [tensorflow], all of them without arguments.
# Does nothing where there is no cluster, and nothing for a node that has the image already.
#
# All images go in one stream, in which a layer that they share is there once; and the engine writes that stream once for
# all nodes.
set -euo pipefail
# shellcheck source=../kind/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/../kind/settings.sh"

IMAGE_PREFIX=${IMAGE_PREFIX:-shapebench}
TAG=${TAG:-dev}
# In a node: which images were loaded, by name and id. containerd itself lists them by another digest.
LOADED=/kind/shapebench-images

# missing NODE IMAGE...: those images that the node does not have in their present state.
missing() {
  local node=$1 image loaded
  shift
  loaded=$(docker exec "$node" bash -c "cat $LOADED 2>/dev/null; true")
  for image in "$@"; do
    grep -qxF "$image $(docker image inspect -f '{{.Id}}' "$image")" <<<"$loaded" || echo "$image"
  done
}

# note_loaded NODE IMAGE...
note_loaded() {
  local node=$1
  shift
  docker image inspect -f '{{index .RepoTags 0}} {{.Id}}' "$@" >/dev/null
  for image in "$@"; do echo "$image $(docker image inspect -f '{{.Id}}' "$image")"; done |
    docker exec -i "$node" bash -c "cat - <(cat $LOADED 2>/dev/null) | awk '!seen[\$1]++' >$LOADED.new && mv $LOADED.new $LOADED"
}

only_one_at_a_time
nodes=$(node_containers 2>/dev/null || true)
[ -n "$nodes" ] || { say "no cluster is up: the images stay in the engine"; exit; }
[ $# -gt 0 ] || set -- operator spark tensorflow
images=()
for image in "$@"; do images+=("$IMAGE_PREFIX/$image:$TAG"); done
for image in "${images[@]}"; do image_present "$image" || fail "$image is not built: make images"; done

wanted=() targets=()
for node in $nodes; do
  mapfile -t lacking < <(missing "$node" "${images[@]}")
  [ ${#lacking[@]} -gt 0 ] || continue
  targets+=("$node")
  wanted+=("${lacking[@]}")
done
[ ${#targets[@]} -gt 0 ] || { say "every node has the images"; exit; }
mapfile -t wanted < <(printf '%s\n' "${wanted[@]}" | sort -u)
say "loading ${wanted[*]} into ${#targets[@]} nodes"

import='ctr -n k8s.io images import --all-platforms --digests --snapshotter overlayfs - >/dev/null'
pipes=$(mktemp -d)
trap 'rm -rf "$pipes"' EXIT
processes=()
for node in "${targets[@]}"; do
  mkfifo "$pipes/$node"
  docker exec -i "$node" bash -c "$import" <"$pipes/$node" &
  processes+=($!)
done
docker save "${wanted[@]}" | (cd "$pipes" && tee "${targets[@]}" >/dev/null)
for process in "${processes[@]}"; do wait "$process" || fail "a node did not take the images"; done
for node in "${targets[@]}"; do note_loaded "$node" "${wanted[@]}"; done
say "loaded"
