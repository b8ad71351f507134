"""`python -m dashboards FOLDER`: write the dashboards, a JSON file for each."""

from __future__ import annotations

import sys
from pathlib import Path

from dashboards import compare, finish, operator_health, run


def main(folder: Path) -> None:
    """Write all dashboards into the folder, which must exist."""
    for dashboard in (compare.dashboard(), run.dashboard(), operator_health.dashboard()):
        (folder / f"{dashboard.uid}.json").write_text(finish.text(dashboard))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
