#!/usr/bin/env bash
# Runs inside an image's build: /opt/venv with exactly the packages of a lock file.
#
# Takes from /build: requirements.lock; unneeded.txt, if there (patterns of files that the image can do without, below
# site-packages); ca-bundle.crt, if there (the certificates that the building machine trusts, so that pip works behind a
# proxy that opens TLS connections: this stage is thrown away, and the certificates with it).
set -euo pipefail
shopt -s globstar nullglob dotglob

if [ -s /build/ca-bundle.crt ]; then
  export PIP_CERT=/build/ca-bundle.crt SSL_CERT_FILE=/build/ca-bundle.crt REQUESTS_CA_BUNDLE=/build/ca-bundle.crt
fi
python3 -m venv /opt/venv
# --no-deps: the lock is complete, and tf-keras asks for a `tensorflow` that tensorflow-cpu stands in for.
/opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --progress-bar off --no-deps --require-hashes \
  -r /build/requirements.lock
cd /opt/venv/lib/python3.*/site-packages
# Nothing is installed in a running image.
rm -rf pip pip-*.dist-info
if [ -s /build/unneeded.txt ]; then
  while read -r pattern; do
    # shellcheck disable=SC2086  # a pattern is there to be expanded
    case $pattern in '' | '#'*) ;; *) rm -rf -- $pattern ;; esac
  done </build/unneeded.txt
fi
