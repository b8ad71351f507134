"""`python -m shapebench_jobs.train_stream`."""

import sys

from shapebench_jobs.train_stream.job import main

if __name__ == "__main__":
    sys.exit(main())
