# shellcheck shell=bash
# Debian's packages: installing what a script needs, and making root file systems. Sourced.

# The release that our images and the node image are made from: python:3.11-slim-bookworm's own.
DEBIAN_SUITE=bookworm

# need COMMAND=PACKAGE...: installs the packages whose commands are missing; where that can't be done, names them.
need() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair##*=}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "please install (Debian's names): ${missing[*]}"
  [ "$(id -u)" = 0 ] || fail "please install, as root: apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  quietly "$SHAPEBENCH_CACHE/log/apt.log" apt-get update -q
  DEBIAN_FRONTEND=noninteractive quietly "$SHAPEBENCH_CACHE/log/apt.log" \
    apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# debian_root TARBALL PACKAGES...: a minimal root file system with the packages in it.
# The machine's own package sources are used where they are this release's (a company's mirror, a frozen snapshot);
# anywhere else mmdebstrap chooses.
debian_root() {
  local target=$1 source sources=() option options=()
  shift
  for source in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list; do
    [ ${#sources[@]} -gt 0 ] || ! grep -qsE "^(deb|Suites:).*[[:space:]]$DEBIAN_SUITE([[:space:]]|\$)" "$source" ||
      sources=("$source")
  done
  for option in Acquire::http::Proxy Acquire::https::Proxy Acquire::https::CAInfo; do
    [ -z "$(apt-config dump --format '%v' "$option" 2>/dev/null)" ] ||
      options+=("--aptopt=$option \"$(apt-config dump --format '%v' "$option")\"")
  done
  need mmdebstrap=mmdebstrap
  quietly "$SHAPEBENCH_CACHE/log/mmdebstrap.log" mmdebstrap --variant=minbase "${options[@]}" \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --include="$(IFS=,; echo "$*")" "$DEBIAN_SUITE" "$target" "${sources[@]}"
}
