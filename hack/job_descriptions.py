"""`python -m job_descriptions FILE`: what each shipped job takes and writes, as its own parser and module say it.

The operator's image has no jobs, and must know before anything is created whether a job has an argument. So
`make generate` writes this down for it, and `make verify` proves that it is current.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from shapebench.api import workload


def schemas(parser: argparse.ArgumentParser) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Each option with the schema of its value; None: it takes none."""
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue  # a run that prints its help measures nothing
        for option in action.option_strings:
            if action.nargs == 0:
                yield option, None
            elif action.choices is not None:
                yield option, {"enum": [*action.choices]}
            else:
                yield option, getattr(action.type, "schema", {})


def described(job: str) -> str:
    """A job's description as JSON, a line for each argument."""
    module = importlib.import_module(f"{workload.job_module(job)}.job")
    lines = ",\n".join(f"      {json.dumps(option)}: {json.dumps(schema)}"
                       for option, schema in schemas(module.parser()))
    return (f'  {json.dumps(job)}: {{\n    "arguments": {{\n{lines}\n    }},\n'
            f'    "measured": {json.dumps(module.MEASURED)}\n  }}')


def main(file: Path) -> None:
    """Write the descriptions of all jobs."""
    jobs = (*get_args(workload.SparkJob), *get_args(workload.TensorFlowJob))
    file.write_text("{\n" + ",\n".join(map(described, jobs)) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
