"""`python -m shapebench_jobs.sort`."""

import sys

from shapebench_jobs.sort.job import main

if __name__ == "__main__":
    sys.exit(main())
