"""What the Spark jobs share: the cluster, its files, its page caches, its errors and stages."""
