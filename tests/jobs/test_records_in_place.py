"""Records and Examples read where they lie in a file's content, without copies of what is around the image."""

import pytest

from shapebench_jobs.dataset import example, tfrecord
from shapebench_jobs.dataset.example import LabelledImage

IMAGES = [LabelledImage(bytes((number,)) * 300, number * 1000, f"class {number}") for number in range(4)]
CONTENT = b"".join(tfrecord.frame(example.encode(image)) for image in IMAGES)


def test_spans_are_where_the_payloads_are() -> None:
    assert [CONTENT[start:end] for start, end in tfrecord.spans(CONTENT)] == list(tfrecord.payloads(CONTENT))
    assert list(tfrecord.spans(bytearray(CONTENT))) == list(tfrecord.spans(CONTENT))
    assert list(tfrecord.spans(b"")) == []


def test_an_example_is_decoded_in_the_middle_of_a_file() -> None:
    assert [example.decode(CONTENT, *span) for span in tfrecord.spans(CONTENT)] == IMAGES


def test_without_verifying_only_lengths_are_checked() -> None:
    (start, _), *_ = tfrecord.spans(CONTENT)
    damaged = CONTENT[: start + 20] + b"\xff" + CONTENT[start + 21 :]
    assert len(list(tfrecord.spans(damaged, verify=False))) == len(IMAGES)
    with pytest.raises(tfrecord.CorruptRecordError, match="damaged payload"):
        list(tfrecord.spans(damaged))
    with pytest.raises(tfrecord.CorruptRecordError, match="damaged length"):
        list(tfrecord.spans(b"\xff" + CONTENT[1:], verify=False))


@pytest.mark.parametrize("length", range(1, 340, 7))
def test_an_example_ends_where_its_record_ends(length: int) -> None:
    """Cut short, it must not go on in the bytes of the record behind it."""
    payload = example.encode(IMAGES[1])
    content = payload[:length] + payload
    with pytest.raises(example.MalformedExampleError):
        example.decode(content, 0, length)


@pytest.mark.parametrize("integers", [
    pytest.param(b"\x0a\x02\xe8\x07", id="packed"),
    pytest.param(b"\x08\xe8\x07", id="a-field-each"),
])
def test_both_ways_of_writing_an_integer(integers: bytes) -> None:
    feature = b"\x1a" + bytes((len(integers),)) + integers
    entry = b"\x0a\x11" + example.KEY_LABEL.encode() + b"\x12" + bytes((len(feature),)) + feature
    image = b"\x0a\x0d" + example.KEY_ENCODED.encode() + b"\x12\x05\x0a\x03\x0a\x01J"
    features = b"".join(b"\x0a" + bytes((len(one),)) + one for one in (entry, image))
    assert example.decode(b"\x0a" + bytes((len(features),)) + features) == LabelledImage(b"J", 1000, "")
