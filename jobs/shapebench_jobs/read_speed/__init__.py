"""The job read-speed: see docs/jobs/read-speed.md."""
