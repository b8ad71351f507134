"""Pictures decoded into one array: the same as Pillow's, in order, whatever their sizes, without the damaged ones."""

import io

import numpy as np
import pytest
from PIL import Image

from shapebench_jobs.dataset import drawing, picture_batch
from shapebench_jobs.dataset.picture_batch import PictureBatch, UndecodableImageError

_RANDOM = np.random.default_rng(5)


def drawn(width: int = 40, height: int = 30) -> bytes:
    return drawing.jpeg(drawing.draw("rings", width, height, _RANDOM), 90)


def saved(kind: str, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.fromarray(drawing.draw("disc", 40, 30, _RANDOM)).convert(mode).save(out, kind)
    return out.getvalue()


def filled(size: int, *encoded: bytes) -> PictureBatch:
    batch = PictureBatch(size)
    for one in encoded:
        batch.add(one)
    return batch


@pytest.mark.parametrize("count", [1, 4, 70])
def test_the_pictures_are_pillows_in_their_order(count: int) -> None:
    encoded = [drawn() for _ in range(count)]
    pictures = filled(100, *encoded).pictures()
    assert pictures is not None
    assert np.array_equal(pictures, np.stack([picture_batch.decode(one) for one in encoded]))


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("GIF", "P")])
def test_other_images_are_pictures_too(kind: str, mode: str) -> None:
    encoded = saved(kind, mode)
    pictures = filled(2, encoded).pictures()
    assert pictures is not None
    assert np.abs(pictures[0].astype(int) - picture_batch.decode(encoded)).max() <= 1  # two roundings of CMYK


def test_a_batch_is_kept_and_begun_anew() -> None:
    batch = filled(4, drawn(), drawn())
    first = batch.pictures()
    batch.clear()
    assert (batch.count, batch.pictures()) == (0, None)
    other = drawn()
    batch.add(other)
    again = batch.pictures()
    assert again is not None
    assert np.shares_memory(again, first)
    assert np.array_equal(again[0], picture_batch.decode(other))


def test_pictures_of_two_sizes_make_no_array_but_are_counted() -> None:
    batch = filled(4, drawn(), drawn(50, 20), drawn())
    assert (batch.count, batch.pictures()) == (3, None)
    batch.clear()
    batch.add(drawn(50, 20))
    pictures = batch.pictures()
    assert pictures is not None
    assert pictures.shape == (1, 20, 50, 3)


@pytest.mark.parametrize("damaged", [
    pytest.param(b"", id="empty"),
    pytest.param(b"no picture at all", id="text"),
    pytest.param(drawn()[:-200], id="cut"),
    pytest.param(drawn()[:60], id="cut-in-header"),
    pytest.param(saved("PNG")[:300], id="cut-png"),
])
def test_a_damaged_image_leaves_the_batch_as_it_was(damaged: bytes) -> None:
    first, last = drawn(), drawn()
    batch = filled(4, first)
    with pytest.raises(UndecodableImageError, match="no intact image"):
        batch.add(damaged)
    batch.add(last)
    pictures = batch.pictures()
    assert pictures is not None
    assert np.array_equal(pictures, np.stack([picture_batch.decode(first), picture_batch.decode(last)]))


def test_what_pillow_takes_is_no_damage() -> None:
    """Bytes between segments, which some cameras write: libjpeg only warns."""
    encoded = drawn()
    scan = encoded.index(b"\xff\xda")
    assert filled(1, encoded[:scan] + b"\0\0\0\0" + encoded[scan:]).count == 1
