#!/usr/bin/env bash
# Prints the image that ours are built on. BASE, if set, is it. Else the Dockerfiles' default where a registry hands it
# out, else shapebench/base: Debian with Python, from Debian's packages, about a minute when it is not in the cache.
set -euo pipefail
# shellcheck source=../kind/settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/../kind/settings.sh"

PULL_TIMEOUT=${PULL_TIMEOUT:-120}
# python3-venv: the builder stage needs it. The runtime needs the certificates to reach object stores.
PACKAGES=(python3 python3-venv ca-certificates)

default_base() { sed -n 's/^ARG BASE=//p' "$REPO/images/operator/Dockerfile"; }

make_base() {
  local work
  work=$(mktemp -d)
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  say "making the base image from Debian's packages"
  debian_root "$work/root.tar" "${PACKAGES[@]}"
  docker import -c 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8' -c 'CMD ["python3"]' \
    "$work/root.tar" "$1" >/dev/null
  image_to_cache "$1"
}

only_one_at_a_time
if [ -n "${BASE:-}" ]; then
  image_present "$BASE" || docker pull -q "$BASE" >/dev/null || fail "there is no base image $BASE"
  echo "$BASE"
  exit
fi
need zstd=zstd
own=shapebench/base:$({ declare -f make_base debian_root; echo "${PACKAGES[*]} $DEBIAN_SUITE $(uname -m)"; } | content_key)
default=$(default_base)
if ! image_present "$own" && ! image_from_cache "$own"; then
  if image_present "$default" || timeout "$PULL_TIMEOUT" docker pull -q "$default" >/dev/null 2>&1; then
    echo "$default"
    exit
  fi
  make_base "$own"
fi
docker tag "$own" shapebench/base:local
drop_superseded "$own"
echo "$own"
