"""JPEGs decoded straight into one array, as a model takes them.

The array is kept from batch to batch: memory that is new each time has to be cleared by the kernel page by page, which
for pictures of 500 x 375 costs half as much again as decoding them.
"""

from __future__ import annotations

import io

import numpy as np
import simplejpeg
from PIL import Image, UnidentifiedImageError

from shapebench_jobs.dataset.drawing import Pixels

_FIRST_ROOM = 32


class UndecodableImageError(ValueError):
    """An encoded image that no picture can be made of."""


class PictureBatch:
    """Up to `size` pictures. What `pictures` gives is overwritten by the next batch."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._room = np.empty((0, 0, 0, 3), np.uint8)
        self._mixed = False
        self.count = 0

    def add(self, encoded: bytes) -> None:
        """Decode one more; UndecodableImageError, and the batch as it was, where that cannot be done."""
        try:
            height, width, _, _ = simplejpeg.decode_jpeg_header(encoded)
            simplejpeg.decode_jpeg(encoded, buffer=self._slot(height, width))
        except ValueError:
            # Another kind of image, or a JPEG with a flaw that most programs overlook: Pillow's word counts.
            picture = decode(encoded)
            self._slot(*picture.shape[:2])[...] = picture
        self.count += 1

    def pictures(self) -> Pixels | None:
        """count x height x width x 3; None without any, or where they differ in size."""
        return None if self._mixed or not self.count else self._room[: self.count]

    def clear(self) -> None:
        """Begin the next batch."""
        self.count, self._mixed = 0, False

    def _slot(self, height: int, width: int) -> Pixels:
        """Where the next picture goes."""
        if self._room.shape[1:3] != (height, width):
            if self.count:
                self._mixed = True
                return np.empty((height, width, 3), np.uint8)
            self._room = np.empty((min(self._size, _FIRST_ROOM), height, width, 3), np.uint8)
        elif self.count == len(self._room):
            larger = np.empty((min(self._size, 2 * self.count), height, width, 3), np.uint8)
            larger[: self.count] = self._room
            self._room = larger
        slot: Pixels = self._room[self.count]
        return slot


def decode(encoded: bytes) -> Pixels:
    """The picture in an image of any kind, height x width x 3, by Pillow; UndecodableImageError where there is none."""
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise UndecodableImageError(f"no intact image ({error})") from error
