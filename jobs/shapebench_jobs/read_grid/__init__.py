"""The job read-grid: see docs/jobs/read-grid.md."""
