"""`python -m shapebench_jobs.read_speed`."""

import sys

from shapebench_jobs.read_speed.job import main

if __name__ == "__main__":
    sys.exit(main())
