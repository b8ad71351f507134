"""Fetch the jars of a lock file through PySpark's own resolver: fetch_jars.py LOCK FOLDER.

LOCK has a line "SHA-256 group:name:version" for each jar; FOLDER gets name-version.jar. Spark resolves Maven
coordinates itself (`ADD JAR 'ivy://...'`), so neither Maven nor a repository's address is needed here. A mirror is
named by DEFAULT_ARTIFACT_REPOSITORY, as for Spark. A jar that FOLDER has already is not fetched again; one whose digest
is another than the lock's ends this with exit code 1, and nothing of it is left in FOLDER.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Jar:
    """One line of the lock."""

    sha256: str
    group: str
    name: str
    version: str

    @property
    def file_name(self) -> str:
        """Its name in Maven's repositories."""
        return f"{self.name}-{self.version}.jar"

    @property
    def uri(self) -> str:
        """This jar alone: the lock is complete."""
        return f"ivy://{self.group}:{self.name}:{self.version}?transitive=false"


class WrongDigestError(Exception):
    """A repository handed out another file than the locked one."""


def parse(lock: str) -> list[Jar]:
    """The jars of a lock file's text; ValueError where a line is none."""
    jars = []
    for line in lock.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        digest, _, coordinates = line.partition(" ")
        group, name, version = coordinates.strip().split(":")
        jars.append(Jar(digest, group, name, version))
    return jars


def fetch(jars: list[Jar], folder: Path) -> None:
    """Put the jars into `folder`. Raises WrongDigestError."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [jar for jar in jars if not is_right(folder / jar.file_name, jar)]
    if not missing:
        return
    with tempfile.TemporaryDirectory() as cache:
        _resolve(missing, cache)
        for jar in missing:
            fetched = Path(cache, "jars", f"{jar.group}_{jar.file_name}")
            if not is_right(fetched, jar):
                raise WrongDigestError(f"{jar.group}:{jar.name}:{jar.version} has another SHA-256 than {jar.sha256}")
            shutil.move(fetched, folder / jar.file_name)


def is_right(file: Path, jar: Jar) -> bool:
    """Whether this file is there and is the locked jar."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == jar.sha256


def _resolve(jars: list[Jar], cache: str) -> None:
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # in an image's build the machine's name may have no address
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    session = builder.config("spark.driver.host", "127.0.0.1").config("spark.jars.ivy", cache).getOrCreate()
    try:
        for jar in jars:
            session.sql(f"ADD JAR '{jar.uri}'")
    finally:
        session.stop()


def main(lock: str, folder: str) -> int:
    """The program; returns its exit code."""
    try:
        fetch(parse(Path(lock).read_text()), Path(folder))
    except WrongDigestError as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
