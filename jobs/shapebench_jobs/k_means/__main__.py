"""`python -m shapebench_jobs.k_means`."""

import sys

from shapebench_jobs.k_means.job import main

if __name__ == "__main__":
    sys.exit(main())
