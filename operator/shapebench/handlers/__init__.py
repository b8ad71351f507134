"""The edge to kopf: what changed becomes a name in a queue, and a worker reconciles that Benchmark."""
