"""The job train-stream: see docs/jobs/train-stream.md."""
