"""A TensorFlow program that knows nothing of Shapebench: trains a small network; writes when each step
began (monotonic clock) and its seconds.

    tensorflow_script.py --steps N --out FILE
"""

import argparse
import json
import time
from pathlib import Path

import tensorflow as tf

WARM_UP_STEPS = 20


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    random = tf.random.Generator.from_seed(3)
    weights = [tf.Variable(random.normal(shape, stddev=0.1))
               for shape in ((3, 3, 3, 16), (3, 3, 16, 32), (16 * 16 * 32, 5))]
    pictures = random.normal((64, 64, 64, 3))
    labels = random.uniform((64,), 0, 5, tf.int64)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            layer = pictures
            for kernel in weights[:2]:
                layer = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(layer, kernel, 1, "SAME")), 2, 2, "VALID")
            logits = tf.reshape(layer, (64, -1)) @ weights[2]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        for weight, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
            weight.assign_sub(0.01 * gradient)
        return loss

    seconds = []
    for _ in range(WARM_UP_STEPS + options.steps):
        began = time.perf_counter()
        step().numpy()
        seconds.append((began, time.perf_counter() - began))
    options.out.write_text(json.dumps(seconds[WARM_UP_STEPS:]))


if __name__ == "__main__":
    main()
