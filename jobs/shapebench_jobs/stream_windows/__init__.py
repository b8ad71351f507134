"""The job stream-windows: see docs/jobs/stream-windows.md."""
