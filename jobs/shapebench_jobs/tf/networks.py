"""The networks, written out: plain variables and plain arithmetic, the same under every strategy.

Keras' layers do not run under ParameterServerStrategy (Keras 3), and a comparison of strategies must not compare two
libraries. Initial weights are drawn by numpy from a seed, so they are the same bits on every worker and device.

Nothing here looks across the images of a batch: MobileNet's batch normalisation is group normalisation (Wu and He,
ECCV'18), so a step's result does not depend on how its batch is cut among replicas, nor on pictures that fill it up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Forward = Callable[[Any], Any]
"""uint8 pictures, N x height x width x 3, to logits, N x classes."""

_GROUP = 16
"""Channels that are normalised together."""
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))
"""MobileNet's depthwise separable blocks: output channels at full width, stride (Howard et al., 2017, table 1)."""


@dataclass(frozen=True)
class Network:
    """A network that can be trained."""

    forward: Forward
    variables: tuple[Any, ...]
    """All of them are trained, in the order in which they were made."""

    @property
    def parameters(self) -> int:
        """How many numbers are learnt."""
        return sum(math.prod(variable.shape) for variable in self.variables)


class _Weights:
    """Makes variables, each from a generator of its own."""

    def __init__(self, tf: Any, seed: int) -> None:
        self._tf, self._seed = tf, seed
        self.made: list[Any] = []

    def normal(self, *shape: int, inputs: int, gain: float = 2.0) -> Any:
        """Weights for a layer whose outputs each sum so many inputs (He et al., ICCV'15)."""
        random = np.random.default_rng((self._seed, len(self.made)))
        return self._keep(random.normal(0, math.sqrt(gain / inputs), shape))

    def constant(self, value: float, count: int) -> Any:
        """A vector of one value."""
        return self._keep(np.full(count, value))

    def _keep(self, values: Any) -> Any:
        self.made.append(self._tf.Variable(values.astype(np.float32), name=f"weight{len(self.made)}"))
        return self.made[-1]


def build(tf: Any, name: str, classes: int, seed: int, width: float = 1.0) -> Network:
    """The network of that name, a key of NETWORKS; call it in the strategy's scope. `width` scales its channels."""
    weights = _Weights(tf, seed)
    forward = NETWORKS[name](tf, weights, classes, width)
    return Network(lambda pictures: forward(tf.cast(pictures, tf.float32) / 127.5 - 1), tuple(weights.made))


def _channels(count: int, width: float) -> int:
    """So many channels at full width; always a multiple of 8, as in the paper's code."""
    return max(8, round(count * width / 8) * 8)


def _head(tf: Any, weights: _Weights, channels: int, classes: int) -> Forward:
    kernel, bias = weights.normal(channels, classes, inputs=channels, gain=1.0), weights.constant(0, classes)
    return lambda x: tf.matmul(tf.reduce_mean(x, axis=(1, 2)), kernel) + bias


def _small_cnn(tf: Any, weights: _Weights, classes: int, width: float) -> Forward:
    layers, before = [], 3
    for side, full in ((5, 16), (3, 32), (3, 64)):
        channels = _channels(full, width)
        kernel = weights.normal(side, side, before, channels, inputs=side * side * before)
        layers.append((kernel, weights.constant(0, channels)))
        before = channels
    head = _head(tf, weights, before, classes)

    def forward(x: Any) -> Any:
        for kernel, bias in layers:
            x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 2, "SAME"), bias))
        return head(x)

    return forward


def _mobilenet(tf: Any, weights: _Weights, classes: int, width: float) -> Forward:
    channels = _channels(32, width)
    layers = [_convolution(tf, weights, 3, (3, channels), 2), _normalisation(tf, weights, channels)]
    for full, stride in _BLOCKS:
        after = _channels(full, width)
        layers += [_depthwise(tf, weights, channels, stride), _normalisation(tf, weights, channels),
                   _convolution(tf, weights, 1, (channels, after), 1), _normalisation(tf, weights, after)]
        channels = after
    layers.append(_head(tf, weights, channels, classes))

    def forward(x: Any) -> Any:
        for layer in layers:
            x = layer(x)
        return x

    return forward


def _convolution(tf: Any, weights: _Weights, side: int, channels: tuple[int, int], stride: int) -> Forward:
    kernel = weights.normal(side, side, *channels, inputs=side * side * channels[0])
    return lambda x: tf.nn.conv2d(x, kernel, stride, "SAME")


def _depthwise(tf: Any, weights: _Weights, channels: int, stride: int) -> Forward:
    kernel = weights.normal(3, 3, channels, 1, inputs=9)
    return lambda x: tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "SAME")


def _normalisation(tf: Any, weights: _Weights, channels: int) -> Forward:
    """Group normalisation, then ReLU."""
    scale, shift = weights.constant(1, channels), weights.constant(0, channels)
    group = math.gcd(channels, _GROUP)

    def forward(x: Any) -> Any:
        height, width = x.shape[1], x.shape[2]
        grouped = tf.reshape(x, (-1, height * width, channels // group, group))
        mean, variance = tf.nn.moments(grouped, axes=(1, 3), keepdims=True)
        normal = (grouped - mean) * tf.math.rsqrt(variance + 1e-5)
        return tf.nn.relu(tf.reshape(normal, (-1, height, width, channels)) * scale + shift)

    return forward


NETWORKS: dict[str, Callable[[Any, _Weights, int, float], Forward]] = {
    "small-cnn": _small_cnn,
    "mobilenet": _mobilenet,
}
"""Name to how it is built."""
