"""`python -m shapebench_jobs.read_grid`."""

import sys

from shapebench_jobs.read_grid.job import main

if __name__ == "__main__":
    sys.exit(main())
