"""The made data set: the same everywhere, made once, read back right by this project and by nobody's leave."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shapebench_jobs.dataset import drawing, example, making, tfrecord
from shapebench_jobs.dataset.files import DatasetArguments
from shapebench_jobs.dataset.tally import Tally, image_checksum, total

from .conftest import SMALL


def _bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_same_arguments_make_the_same_bytes(made: making.Dataset, tmp_path: Path) -> None:
    assert _bytes_of(making.ensure(tmp_path, SMALL).folder) == _bytes_of(made.folder)


def test_pixels_are_these_on_every_machine() -> None:
    """Drawn from integers alone; this number changing means that data sets of one seed differ between machines."""
    pictures = [drawing.draw(name, 40, 32, np.random.default_rng((1, 2))) for name in drawing.PATTERNS]
    assert total(Tally(1, picture.size, image_checksum(picture.tobytes(), name))
                 for picture, name in zip(pictures, drawing.PATTERNS, strict=True)) == PINNED


PINNED = Tally(10, 38400, 19038953699)


@pytest.mark.parametrize("change", [{"seed": 4}, {"images": 61}, {"width": 33}, {"classes": 4}, {"quality": 80},
                                    {"shards": 5}], ids=str)
def test_other_arguments_are_another_data_set(change: dict[str, int]) -> None:
    assert replace(SMALL, **change).fingerprint != SMALL.fingerprint


def test_layout(made: making.Dataset) -> None:
    contents = made.contents
    assert contents.classes == ("stripes", "checkers", "disc")
    assert contents.tally.count == 60
    assert [shard.images for shard in contents.shards] == [15, 15, 15, 15]
    assert contents.tally == total(entry.tally for entry in contents.index)
    for entry in contents.index:
        encoded = (made.folder / entry.path).read_bytes()
        name = entry.path.split("/")[1]
        assert entry.label == contents.classes.index(name)
        assert entry.tally == Tally(1, len(encoded), image_checksum(encoded, name))
    with Image.open(made.folder / contents.index[0].path) as image:
        assert image.format == "JPEG"
        assert image.size == (32, 32)


def test_shards_hold_the_same_images_in_order(made: making.Dataset) -> None:
    images = [example.decode(payload) for shard in made.contents.shards
              for payload in tfrecord.payloads((made.folder / shard.path).read_bytes())]
    assert [image.encoded for image in images] == [
        (made.folder / entry.path).read_bytes() for entry in made.contents.index]
    assert [image.label for image in images] == [entry.label for entry in made.contents.index]
    assert {image.class_name for image in images} == set(made.contents.classes)


def test_many_processes_may_ask_at_once(start: Callable[..., Any], tmp_path: Path) -> None:
    argv = ("--out=data", "--images=300", "--size=96")
    processes = [start("dataset", *argv) for _ in range(3)]
    said = [process.communicate(timeout=110) for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert len({out for out, _ in said}) == 1
    visible = [path for path in (tmp_path / "data").iterdir() if path.is_dir()]
    assert [making.load(path).contents.tally.count for path in visible] == [300]


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    abandoned = tmp_path / f".{SMALL.fingerprint}.{socket.gethostname()}.1"
    (abandoned / "images").mkdir(parents=True)
    assert making.ensure(tmp_path, SMALL).contents.tally.count == 60
    assert not abandoned.exists()


def test_it_is_made_once(tmp_path: Path) -> None:
    folder = making.ensure(tmp_path, SMALL).folder
    before = (folder / "manifest.json").stat().st_mtime_ns
    assert making.ensure(tmp_path, SMALL).folder == folder
    assert (folder / "manifest.json").stat().st_mtime_ns == before


def test_program_prints_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [f"--out={tmp_path}", "--images=12", "--size=20x16", "--shards=2"]
    assert making.main(argv) == 0
    folder = Path(capsys.readouterr().out.strip())
    assert folder.parent == tmp_path
    assert making.load(folder).contents.tally.count == 12


@pytest.mark.parametrize("pattern", drawing.PATTERNS)
@pytest.mark.parametrize("size", [(16, 16), (97, 31), (31, 97)], ids=str)
def test_every_pattern_draws_at_every_size(pattern: str, size: tuple[int, int]) -> None:
    for seed in range(5):
        picture = drawing.draw(pattern, *size, np.random.default_rng(seed))
        assert picture.shape == (size[1], size[0], 3)
        assert int(picture.max()) - int(picture.min()) > 60
        with Image.open(io.BytesIO(drawing.jpeg(picture, 90))) as image:
            assert image.size == size


@given(st.binary(max_size=300), st.integers(0, 2**40), st.text(max_size=20))
def test_examples_come_back(encoded: bytes, label: int, name: str) -> None:
    image = example.LabelledImage(encoded, label, name)
    assert example.decode(example.encode(image)) == image


@given(st.binary(max_size=80))
def test_garbage_is_no_example(payload: bytes) -> None:
    with contextlib.suppress(example.MalformedExampleError):
        example.decode(payload)


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_records_come_back(payloads: list[bytes]) -> None:
    assert list(tfrecord.payloads(b"".join(map(tfrecord.frame, payloads)))) == payloads


_RECORD = tfrecord.frame(b"some payload")


@pytest.mark.parametrize(("damage", "message"), [
    pytest.param(lambda data: data[:-1], "byte 28 is cut short in its payload", id="last-byte-missing"),
    pytest.param(lambda data: data[:33], "byte 28 is cut short in its header", id="in-header"),
    pytest.param(lambda data: data[:28] + b"\1" + data[29:], "byte 28 has a damaged length", id="length"),
    pytest.param(lambda data: data[:42] + b"\0" + data[43:], "byte 28 has a damaged payload", id="payload"),
])
def test_damaged_records_are_told(damage: Callable[[bytes], bytes], message: str) -> None:
    found = tfrecord.payloads(damage(_RECORD + _RECORD))
    assert next(found) == b"some payload"
    with pytest.raises(tfrecord.CorruptRecordError, match=message):
        next(found)


@given(st.permutations([Tally(1, 5, 2**63), Tally(1, 7, 2**63 + 5), Tally(2, 1, 9)]))
def test_tally_does_not_depend_on_order(tallies: list[Tally]) -> None:
    assert total(tallies) == Tally(4, 13, 14)


def test_default_data_set_is_the_documented_one() -> None:
    assert DatasetArguments().class_names == ("stripes", "checkers", "disc", "rings", "gradient")
