"""The job sort: see docs/jobs/sort.md."""
