#!/usr/bin/env bash
# Writes requirements.lock (what a developer's environment holds) and images/*/requirements.lock (what each image holds),
# every package with its hashes. Run after changing dependencies in pyproject.toml; pass --upgrade for newer versions.
#
# An image's lock holds no version of its own: it is resolved under the constraint of the root lock, so tests and images
# run the same versions.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib/progress.sh
. hack/lib/progress.sh
uv=${UV:-.venv/bin/uv}
[ -x "$uv" ] || uv=$(command -v uv) || fail "uv is needed: pip install uv"

python=${PYTHON:-.venv/bin/python}
[ -x "$python" ] || python=python3

compile() {
  "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header "$@"
}

# wanted IMAGE: the packages that pyproject.toml names for an image. The operator draws no figures: matplotlib is the
# report's, which is made where `shapebench report` runs.
wanted() {
  "$python" - "$1" <<'P'
import sys, tomllib

project = tomllib.load(open("pyproject.toml", "rb"))["project"]
extras = project["optional-dependencies"]
print(*{
    "operator": [name for name in project["dependencies"] if not name.startswith("matplotlib")],
    "spark": extras["spark"],
    "tensorflow": extras["tensorflow"],
}[sys.argv[1]], sep="\n")
P
}

say "requirements.lock"
compile --extra spark --extra tensorflow --extra java --extra dev pyproject.toml -o requirements.lock "$@"
for image in operator spark tensorflow; do
  say "images/$image/requirements.lock"
  wanted "$image" | compile - -c requirements.lock -o "images/$image/requirements.lock"
done
say "done"
