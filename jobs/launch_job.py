"""Starts a shipped job by its module's name: `launch_job.py shapebench_jobs.read_speed ARGUMENT...`.

For who can only start a file, as spark-submit does; it is the same as `python -m MODULE ARGUMENT...`.
"""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: launch_job.py MODULE [ARGUMENT...]")
    module = sys.argv.pop(1)
    runpy.run_module(module, run_name="__main__", alter_sys=True)
