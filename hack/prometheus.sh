#!/usr/bin/env bash
# Prometheus and promtool, for the tests: prints the folder that has both. Those on the PATH are taken, else Debian's
# package, unpacked into the cache rather than installed: an installed one would run a server on this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib/progress.sh
. hack/lib/progress.sh
# shellcheck source=lib/cache.sh
. hack/lib/cache.sh

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
  dirname "$(command -v prometheus)"
  exit
fi

# unpacked: the newest one in the cache.
unpacked() {
  find "$SHAPEBENCH_CACHE/tools" -mindepth 1 -maxdepth 1 -type d -name 'prometheus-*[0-9a-z]' 2>/dev/null | sort -V | tail -n 1
}

# unpack: Debian's package into the cache, under its version.
unpack() {
  local package scratch
  command -v apt-get >/dev/null || fail "please put prometheus and promtool, 2.40 or newer, on the PATH"
  say "fetching Prometheus"
  scratch=$SHAPEBENCH_CACHE/tools/prometheus.part
  rm -rf "$scratch"
  mkdir -p "$scratch/package"
  chmod 755 "$scratch/package"
  if ! download "$scratch/package" && [ "$(id -u)" = 0 ]; then
    quietly "$SHAPEBENCH_CACHE/log/apt.log" apt-get update -q
    download "$scratch/package" || true
  fi
  package=$(find "$scratch/package" -name 'prometheus_*.deb')
  [ -n "$package" ] || fail "please put prometheus and promtool, 2.40 or newer, on the PATH: apt has no package prometheus"
  dpkg-deb -x "$package" "$scratch/root"
  mkdir "$scratch/whole"
  mv "$scratch"/root/usr/bin/prom* "$scratch/whole"
  mv "$scratch/whole" "$SHAPEBENCH_CACHE/tools/prometheus-$(dpkg-deb -f "$package" Version | tr -c '0-9a-z.\n' '-')"
  rm -rf "$scratch"
}

# download FOLDER: Debian's package; false where apt does not know it.
download() { (cd "$1" && apt-get download -q prometheus) >"$SHAPEBENCH_CACHE/log/prometheus.log" 2>&1; }

mkdir -p "$SHAPEBENCH_CACHE/tools" "$SHAPEBENCH_CACHE/log"
[ -n "$(unpacked)" ] || only_one_at_a_time
[ -n "$(unpacked)" ] || unpack
folder=$(unpacked)
touch "$folder"
echo "$folder"
