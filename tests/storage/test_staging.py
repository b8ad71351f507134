"""What TensorFlow's jobs copy out of a bucket of a real S3 server before they train: whole, and once."""

from __future__ import annotations

from pathlib import Path

import pytest
from s3_server import S3Server, User
from storage.conftest import BUCKET

from shapebench_jobs.dataset import making
from shapebench_jobs.files import staging
from shapebench_jobs.harness.run import BadArgumentsError


def _everything(path: str) -> bool:
    return True


@pytest.fixture(autouse=True)
def _as_the_reader(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    _become(s3, s3.reader, monkeypatch)


def _become(s3: S3Server, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.environ(user).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("url", [f"s3://{BUCKET}/made", f"s3a://{BUCKET}/made/"])
def test_the_copy_has_the_same_bytes(made: making.Dataset, tmp_path: Path, url: str) -> None:
    copy = staging.stage(url.rstrip("/"), tmp_path, _everything)
    there = sorted(path.relative_to(made.folder) for path in made.folder.rglob("*") if path.is_file())
    assert copy.files == len(there)
    assert copy.bytes == sum((made.folder / path).stat().st_size for path in there)
    assert all((copy.folder / path).read_bytes() == (made.folder / path).read_bytes() for path in there)
    assert float(copy.environment["staging_seconds"]) > 0


def test_only_what_is_wanted_is_copied(tmp_path: Path) -> None:
    copy = staging.stage(f"s3://{BUCKET}/made", tmp_path, lambda path: path.startswith("tfrecord/"))
    assert copy.files == 4
    assert {path.suffix for path in copy.folder.rglob("*") if path.is_file()} == {".tfrecord", ""}


def test_a_copy_is_made_again_only_where_the_bucket_changed(s3: S3Server, tmp_path: Path) -> None:
    s3.store(BUCKET).put("changing/a/1.jpg", b"first")
    first = staging.stage(f"s3://{BUCKET}/changing", tmp_path, _everything)
    (first.folder / "mark").touch()
    again = staging.stage(f"s3://{BUCKET}/changing", tmp_path, _everything)
    assert (again.folder / "mark").exists(), "the same state of the bucket was copied twice"
    s3.store(BUCKET).put("changing/a/1.jpg", b"other")
    changed = staging.stage(f"s3://{BUCKET}/changing", tmp_path, _everything)
    assert [path.read_bytes() for path in changed.folder.rglob("*.jpg")] == [b"other"]


@pytest.mark.parametrize(("url", "said"), [
    pytest.param(f"s3://{BUCKET}/absent", "has no images", id="absent-folder"),
    pytest.param("s3://other/made", "there is no bucket other. Check its name and AWS_ENDPOINT_URL", id="bucket"),
])
def test_what_is_not_there_is_named(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(BadArgumentsError, match=said) as refused:
        staging.stage(url, tmp_path, _everything)
    assert f"--data={url}" in str(refused.value)
    assert not any(path.is_dir() for path in tmp_path.iterdir()), "nothing half copied is left"


@pytest.mark.parametrize(("changed", "said"), [
    pytest.param({"AWS_ACCESS_KEY_ID": "outsider", "AWS_SECRET_ACCESS_KEY": ""}, "access denied", id="no-rights"),
    pytest.param({"AWS_SECRET_ACCESS_KEY": "mistaken"}, "access denied", id="wrong-secret"),
    pytest.param({"AWS_ACCESS_KEY_ID": "nobody"}, "access denied", id="unknown-key"),
    pytest.param({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "does not answer", id="wrong-endpoint"),
])
def test_who_may_not_read_is_told_so(s3: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                     changed: dict[str, str], said: str) -> None:
    if changed.get("AWS_ACCESS_KEY_ID") == "outsider":
        changed = {**changed, "AWS_SECRET_ACCESS_KEY": s3.outsider.secret}
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadArgumentsError, match=said) as refused:
        staging.stage(f"s3://{BUCKET}/made", tmp_path, _everything)
    assert f"--data=s3://{BUCKET}/made" in str(refused.value)
    assert s3.reader.secret not in str(refused.value)
    if said == "access denied":
        assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in str(refused.value)


def test_what_does_not_fit_is_refused_before_it_is_copied(tmp_path: Path) -> None:
    """Not with a real full disk: by what the disk says of itself."""
    with pytest.raises(BadArgumentsError, match=r"holds 1000000000\.0 GB, and .* GB free: give a --data-dir"):
        staging.refuse_too_large("s3://flowers", 10**18, tmp_path)
