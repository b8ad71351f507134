"""`python -m shapebench_jobs.dataset`."""

import sys

from shapebench_jobs.dataset.making import main

if __name__ == "__main__":
    sys.exit(main())
