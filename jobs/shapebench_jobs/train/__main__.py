"""`python -m shapebench_jobs.train`."""

import sys

from shapebench_jobs.train.job import main

if __name__ == "__main__":
    sys.exit(main())
