"""Pictures drawn by rule: each class is a pattern, with colours, position and noise that differ from image to image.

Everything is integer arithmetic on a seeded generator, so that the same seed gives the same pixels on every processor:
floating point sines differ in the last digit between instruction sets, and each worker draws its own copy of the data.
A class is told by its pattern alone, never by its colour, so a network has to learn shape.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
_Grid = npt.NDArray[np.int64]
_Level = npt.NDArray[np.int64]
_Random = np.random.Generator

SMALLEST_SIDE_PX = 16
_NOISE = 12


def _level(inside: npt.NDArray[np.bool_]) -> _Level:
    return np.where(inside, np.int64(255), np.int64(0))


def _period(shortest: int, random: _Random) -> int:
    return int(random.integers(max(2, shortest // 12), max(3, shortest // 6)))


def _squared_distance(x: _Grid, y: _Grid, random: _Random) -> _Grid:
    width, height = x.shape[1], y.shape[0]
    centre_x = int(random.integers(width * 3 // 8, width * 5 // 8 + 1))
    centre_y = int(random.integers(height * 3 // 8, height * 5 // 8 + 1))
    return (x - centre_x) ** 2 + (y - centre_y) ** 2


def _stripes(x: _Grid, y: _Grid, random: _Random) -> _Level:
    period = _period(min(x.shape[1], y.shape[0]), random)
    axis = x + 0 * y if random.integers(2) else y + 0 * x
    return (axis + int(random.integers(period))) // period % 2 * 255


def _checkers(x: _Grid, y: _Grid, random: _Random) -> _Level:
    period = _period(min(x.shape[1], y.shape[0]), random)
    shift_x, shift_y = (int(shift) for shift in random.integers(period, size=2))
    return ((x + shift_x) // period + (y + shift_y) // period) % 2 * 255


def _disc(x: _Grid, y: _Grid, random: _Random) -> _Level:
    side = min(x.shape[1], y.shape[0])
    radius = int(random.integers(side // 5, side // 3 + 1))
    return _level(_squared_distance(x, y, random) <= radius**2)


def _rings(x: _Grid, y: _Grid, random: _Random) -> _Level:
    period = _period(min(x.shape[1], y.shape[0]), random)
    squared_radii = np.arange(period, x.shape[1] + y.shape[0], period, dtype=np.int64) ** 2
    return np.searchsorted(squared_radii, _squared_distance(x, y, random)).astype(np.int64) % 2 * 255


def _gradient(x: _Grid, y: _Grid, random: _Random) -> _Level:
    width, height = x.shape[1], y.shape[0]
    kind = int(random.integers(3))
    ramp: _Level = (x * 255 // (width - 1) + 0 * y, y * 255 // (height - 1) + 0 * x,
            (x * 255 // (width - 1) + y * 255 // (height - 1)) // 2)[kind]
    return ramp if random.integers(2) else 255 - ramp


def _cross(x: _Grid, y: _Grid, random: _Random) -> _Level:
    width, height = x.shape[1], y.shape[0]
    thickness = int(random.integers(max(1, min(width, height) // 16), max(2, min(width, height) // 8)))
    centre_x = int(random.integers(width // 3, width * 2 // 3))
    centre_y = int(random.integers(height // 3, height * 2 // 3))
    return _level((abs(x - centre_x) <= thickness) | (abs(y - centre_y) <= thickness))


def _triangle(x: _Grid, y: _Grid, random: _Random) -> _Level:
    width, height = x.shape[1], y.shape[0]
    top = int(random.integers(height // 8, height // 3))
    centre = int(random.integers(width * 3 // 8, width * 5 // 8 + 1))
    return _level((y - top >= 2 * abs(x - centre)) & (y <= height * 7 // 8))


def _dots(x: _Grid, y: _Grid, random: _Random) -> _Level:
    period = 2 * _period(min(x.shape[1], y.shape[0]), random) + 1
    shift_x, shift_y = (int(shift) for shift in random.integers(period, size=2))
    off_x, off_y = (x + shift_x) % period - period // 2, (y + shift_y) % period - period // 2
    return _level(off_x**2 + off_y**2 <= (period // 3) ** 2)


def _diagonals(x: _Grid, y: _Grid, random: _Random) -> _Level:
    period = _period(min(x.shape[1], y.shape[0]), random)
    slope = 1 if random.integers(2) else -1
    return (x + slope * y + int(random.integers(period))) // period % 2 * 255


def _frame(x: _Grid, y: _Grid, random: _Random) -> _Level:
    width, height = x.shape[1], y.shape[0]
    margin = int(random.integers(min(width, height) // 10, min(width, height) // 5 + 1))
    thickness = max(1, min(width, height) // 12)
    edge = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y))
    return _level((edge >= margin) & (edge < margin + thickness))


PATTERNS: dict[str, Callable[[_Grid, _Grid, _Random], _Level]] = {
    "stripes": _stripes,
    "checkers": _checkers,
    "disc": _disc,
    "rings": _rings,
    "gradient": _gradient,
    "cross": _cross,
    "triangle": _triangle,
    "dots": _dots,
    "diagonals": _diagonals,
    "frame": _frame,
}
"""Class name to pattern, in label order: a data set of n classes has the first n."""


def draw(pattern: str, width: int, height: int, random: np.random.Generator) -> Pixels:
    """One picture of a pattern, height x width x 3."""
    y, x = np.ogrid[0:height, 0:width]
    level = PATTERNS[pattern](x, y, random)[:, :, np.newaxis]
    dark, bright = random.integers(0, 96, size=3), random.integers(160, 256, size=3)
    back, front = (dark, bright) if random.integers(2) else (bright, dark)
    noise = random.integers(-_NOISE, _NOISE + 1, size=(height, width, 3), dtype=np.int16)
    pixels = back + (front - back) * level // 255 + noise
    return np.clip(pixels, 0, 255).astype(np.uint8)


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """The picture as a JPEG file's content."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
