"""Stands where Spark looks for `java`: pins each executor to its cores, then becomes the real java.

Usage: python -IS java_shim.py SETTINGS JAVA-ARGUMENT …, where SETTINGS is JSON: {"java": path of the real java,
"vector": whether it has the module jdk.incubator.vector, "cores": [cores of executor 0, cores of executor 1, …]}.
Spark's local cluster starts all its executors itself, so this is the one place where they can be told apart. It must
import nothing but the standard library: it runs before every JVM.
"""

import json
import os
import sys

VECTOR_OPTION = "--add-modules=jdk.incubator.vector"
"""Spark always asks for this module, and a Java runtime without it refuses to start. Spark does without."""


def arguments(given: list[str], has_vector: bool) -> list[str]:
    """What the real java is started with."""
    return [one for one in given if has_vector or one != VECTOR_OPTION]


def executor_number(given: list[str]) -> "int | None":
    """The number in `--executor-id N`; None for the driver and the launcher."""
    if "--executor-id" not in given[:-1]:
        return None
    number = given[given.index("--executor-id") + 1]
    return int(number) if number.isdigit() else None


def main(settings_text: str, given: list[str]) -> None:
    """Become the real java; never returns."""
    settings = json.loads(settings_text)
    number = executor_number(given)
    if number is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, settings["cores"][number % len(settings["cores"])])
    os.execv(settings["java"], [settings["java"], *arguments(given, settings["vector"])])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
