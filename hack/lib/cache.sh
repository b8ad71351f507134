# shellcheck shell=bash
# The cache of everything that takes long to make: binaries, the node image, base and dependency images. Sourced.
#
# An entry's name ends in a digest of all its inputs (versions, lock files, the functions that make it, without their
# comments), so an entry is never out of date: changed inputs have another name. It lies outside the checkout and is shared by all clones on a machine. An entry is
# written under a temporary name and moved, so it is there whole or not at all.
SHAPEBENCH_CACHE=${SHAPEBENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/shapebench}
export SHAPEBENCH_CACHE
mkdir -p "$SHAPEBENCH_CACHE"

# content_key: the first 16 hex digits of the SHA-256 of standard input.
content_key() { sha256sum | cut -c1-16; }

# only_one_at_a_time: waits until no other command of ours (in any clone) changes the engine, the cluster or the cache.
# A script called by one that holds the lock goes straight on.
only_one_at_a_time() {
  [ -z "${SHAPEBENCH_LOCKED:-}" ] || return 0
  exec 9>"$SHAPEBENCH_CACHE/lock"
  flock --nonblock 9 || {
    say "waiting for another Shapebench command on this machine"
    flock 9
  }
  export SHAPEBENCH_LOCKED=1
}

# forget_unused: drops the entries that nothing has asked for in a month. Whoever uses an entry touches it.
forget_unused() {
  find "$SHAPEBENCH_CACHE/images" "$SHAPEBENCH_CACHE/tools" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} + 2>/dev/null || true
}

# image_present NAME: whether the engine has this image.
image_present() { docker image inspect "$1" >/dev/null 2>&1; }

# image_from_cache NAME: loads the image from its file in the cache into the engine; false if there is no such file.
image_from_cache() {
  local file
  file=$(image_file "$1")
  [ -s "$file" ] || return 1
  say "loading $1 from the cache ($(du -h "$file" | cut -f1))"
  zstd -dcq "$file" | docker load -q >/dev/null && touch "$file"
}

# image_to_cache NAME: writes the image to its file in the cache, where it keeps company with one older of the same name
# at most: whoever changes between two branches finds both.
image_to_cache() {
  local file
  file=$(image_file "$1")
  mkdir -p "$(dirname "$file")"
  docker save "$1" | zstd -3 -T0 -q -f -o "$file.part.$$" && mv "$file.part.$$" "$file"
  say "cached $1 ($(du -h "$file" | cut -f1))"
  find "$(dirname "$file")" -name "$(basename "$(image_file "${1%:*}:")" .tar.zst)*.tar.zst" -printf '%T@ %p\n' |
    sort -rn | tail -n +3 | cut -d' ' -f2- | xargs -r rm -f
}

# drop_superseded NAME: takes other tags of the same image out of the engine (they are in the cache, if anywhere).
drop_superseded() {
  docker image ls --format '{{.Repository}}:{{.Tag}}' "${1%:*}" | grep -vxF -e "$1" -e "${1%:*}:local" |
    xargs -r docker image rm >/dev/null 2>&1 || true
}

# image_file NAME: where the cache keeps an image: shapebench/base:abc is images/shapebench-base-abc.tar.zst.
image_file() { echo "$SHAPEBENCH_CACHE/images/$(tr '/:' '--' <<<"$1").tar.zst"; }
