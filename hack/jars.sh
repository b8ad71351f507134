#!/usr/bin/env bash
# Spark's file systems for s3a:// and gs:// (images/spark/jars.lock, 48 MB), for the local backend and the tests: fetched
# once into the cache by PySpark's own resolver, which asks DEFAULT_ARTIFACT_REPOSITORY where that is set. Prints the
# folder. The images have them anyway.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=lib/progress.sh
. hack/lib/progress.sh
# shellcheck source=lib/cache.sh
. hack/lib/cache.sh
PYTHON=${PYTHON:-.venv/bin/python}

folder=$SHAPEBENCH_CACHE/jars/$(grep -v '^#' images/spark/jars.lock | content_key)
[ -d "$folder" ] || only_one_at_a_time
if [ ! -d "$folder" ]; then
  say "fetching Spark's file systems for object storage"
  rm -rf "$folder.part"
  quietly "$SHAPEBENCH_CACHE/log/jars.log" "$PYTHON" images/spark/fetch_jars.py images/spark/jars.lock "$folder.part"
  mv "$folder.part" "$folder"
fi
# Where the local backend looks.
ln -sfn "$folder" "$SHAPEBENCH_CACHE/spark-jars"
echo "$SHAPEBENCH_CACHE/spark-jars"
