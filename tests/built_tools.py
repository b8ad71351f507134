"""What `make test-tools` built, in the project's cache: each build in a folder of its own, named by its inputs."""

from __future__ import annotations

import os
from pathlib import Path


def newest(pattern: str) -> Path | None:
    """The newest file or folder there that the pattern matches, such as tools/helm-*/helm; None: there is none."""
    home_cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(os.environ.get("SHAPEBENCH_CACHE") or Path(home_cache, "shapebench"))
    return max(cache.glob(pattern), key=lambda path: path.stat().st_mtime, default=None)
