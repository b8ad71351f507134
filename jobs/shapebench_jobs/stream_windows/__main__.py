"""`python -m shapebench_jobs.stream_windows`."""

import sys

from shapebench_jobs.stream_windows.job import main

if __name__ == "__main__":
    sys.exit(main())
