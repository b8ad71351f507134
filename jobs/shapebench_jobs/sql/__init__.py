"""The job sql: see docs/jobs/sql.md."""
