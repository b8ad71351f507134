"""`python -m shapebench_jobs.sql`."""

import sys

from shapebench_jobs.sql.job import main

if __name__ == "__main__":
    sys.exit(main())
