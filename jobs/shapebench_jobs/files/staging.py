"""Copy a folder of an S3 bucket to this machine's disk, before the clock: TensorFlow has no file system for S3.

Credentials, region and server come from where every AWS program takes them: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_REGION, AWS_ENDPOINT_URL, or the identity of the pod or machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapebench_jobs.files import made_once, object_storage
from shapebench_jobs.files.object_storage import UnreadableUrlError
from shapebench_jobs.harness.run import BadArgumentsError

_AT_ONCE = 16
_LISTING = "listing"
"""Written last, beside the files: what the bucket had when they were copied."""


@dataclass(frozen=True)
class Staged:
    """A folder of a bucket on this machine's disk."""

    folder: Path
    files: int
    bytes: int
    seconds: float
    """How long listing and copying took; listing alone where an earlier copy of the same files was there."""

    @property
    def environment(self) -> dict[str, str]:
        """What a record should tell of it: reading the bucket is no part of the measured time."""
        return {"staged_files": str(self.files), "staged_bytes": str(self.bytes),
                "staging_seconds": f"{self.seconds:.3f}"}


@dataclass(frozen=True)
class _Object:
    path: str
    """Below the URL."""
    size: int
    tag: str


def stage(url: str, root: Path, wanted: Callable[[str], bool]) -> Staged:
    """A copy below `root` of the files under s3://bucket/folder whose path below the URL is wanted.

    Copied once for each state of the bucket, however many processes ask at once. UnreadableUrlError where the bucket
    cannot be read, BadArgumentsError where it has no such files or they don't fit on the disk.
    """
    started_s = time.perf_counter()
    with _told(url):
        store = _store(url)
        objects = [one for one in _listed(store) if wanted(one.path)]
        if not objects:
            raise BadArgumentsError(f"--data={url} has no images: class/image.jpg or *.tfrecord")
        listing = "".join(f"{one.tag} {one.size} {one.path}\n" for one in objects)
        name = "staged-" + hashlib.sha256(f"{url}\n{listing}".encode()).hexdigest()[:16]
        folder = made_once.ensure(root, name, _LISTING, lambda target: _copy(store, url, objects, target, listing))
    return Staged(folder, len(objects), sum(one.size for one in objects), time.perf_counter() - started_s)


def _store(url: str) -> Any:
    # Imported late: only buckets need it.
    from obstore.store import S3Store

    # Plain http is taken where AWS_ENDPOINT_URL says so: a store inside the cluster often has no certificate.
    return S3Store.from_url(url, client_options={"allow_http": True, "connect_timeout": "10s"},
                            retry_config={"max_retries": 4})


def _listed(store: Any) -> Iterator[_Object]:
    for chunk in store.list():
        for entry in chunk:
            # A path below the folder: the library takes no key with .. in it.
            yield _Object(entry["path"], entry["size"], entry["e_tag"] or "")


def _copy(store: Any, url: str, objects: list[_Object], target: Path, listing: str) -> None:
    refuse_too_large(url, sum(one.size for one in objects), target)

    def fetch(one: _Object) -> None:
        file = target / one.path
        file.parent.mkdir(parents=True, exist_ok=True)
        # If it is another one than was listed by now, the copy would be a mixture.
        options: Mapping[str, str] = {"if_match": one.tag} if one.tag else {}
        with file.open("wb") as out:
            for chunk in store.get(one.path, options=options).stream():
                out.write(chunk)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(fetch, objects):
            pass
    (target / _LISTING).write_text(listing)


def refuse_too_large(url: str, size: int, target: Path) -> None:
    """BadArgumentsError where `size` bytes do not fit on the disk of `target`."""
    disk = os.statvfs(target)
    free = disk.f_bavail * disk.f_frsize
    if size > free:
        raise BadArgumentsError(f"--data={url} holds {size / 1e9:.1f} GB, and {target.parent} has {free / 1e9:.1f} GB "
                                "free: give a --data-dir with more room, such as a mounted volume")


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Errors of the store as what a person can do about them; they hold the server's answer as text alone."""
    from obstore.exceptions import BaseError

    try:
        yield
    except BaseError as error:
        for pattern, explain in _REASONS:
            if re.search(pattern, str(error)):
                # Not `from error`: the server's answer may quote the access key.
                raise explain(url) from None
        raise


_REASONS: tuple[tuple[str, Callable[[str], UnreadableUrlError]], ...] = (
    # Asked for by who found no credentials elsewhere: the address of a cloud machine's own identity.
    (r"169\.254\.169\.254", object_storage.without_credentials),
    (r"<Code>NoSuchBucket</Code>", object_storage.without_bucket),
    (r"40[13] (Unauthorized|Forbidden)", object_storage.refused),
    (r"HTTP error", lambda url: object_storage.without_answer(url, "no connection")),
)
