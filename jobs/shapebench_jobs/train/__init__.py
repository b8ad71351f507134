"""The job train: see docs/jobs/train.md."""
