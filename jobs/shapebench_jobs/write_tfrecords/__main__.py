"""`python -m shapebench_jobs.write_tfrecords`."""

import sys

from shapebench_jobs.write_tfrecords.job import main

if __name__ == "__main__":
    sys.exit(main())
