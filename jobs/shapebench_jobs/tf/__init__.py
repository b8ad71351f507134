"""What the TensorFlow jobs share: the cluster, input, networks, strategies and the training loop."""
