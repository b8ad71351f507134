"""Spark's file systems for object storage (s3a://, gs://) on this machine: jars that PySpark does not bring.

`make setup-object-storage` puts them into the cache. Where they are there, every local Spark run has them on its class
path; the images on a cluster always do.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ENV_JARS = "SHAPEBENCH_SPARK_JARS"
"""A folder of jars to take instead of the cache's."""
_CLASS_PATHS = ("spark.driver.extraClassPath", "spark.executor.extraClassPath")


def class_path(conf: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that add the jars to what `conf` adds already; none where there are no jars."""
    folder = _folder(environ)
    if not folder.is_dir():
        return {}
    return {name: os.pathsep.join(filter(None, (conf.get(name), f"{folder}/*"))) for name in _CLASS_PATHS}


def _folder(environ: Mapping[str, str]) -> Path:
    if environ.get(ENV_JARS):
        return Path(environ[ENV_JARS]).absolute()
    home = Path(environ.get("HOME") or "/")
    cache = environ.get("SHAPEBENCH_CACHE") or Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "shapebench"
    return Path(cache) / "spark-jars"
