"""The job k-means: see docs/jobs/k-means.md."""
