"""The results store: records of runs in a folder or a bucket, which outlive the Benchmark's own objects.

A layer of its own below `kube`: the operator writes through it where it applies effects, the command line reads through
it with the user's own credentials, and what decides (`reconcile`) cannot reach it.
"""
