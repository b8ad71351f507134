"""A run that is over, as Prometheus' remote write takes it: the series of its record, each sample with its own time.

Pure but for `endpoint`, which sends. Which runs to send, and when, is decided in `shapebench.handlers`.
"""
