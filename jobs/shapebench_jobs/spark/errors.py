"""Why Spark could not read a URL: from the classes that a Java trace names to a line that a person can act on.

The trace's text is what there is: an error on an executor reaches the driver as text alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from shapebench_jobs.files import object_storage
from shapebench_jobs.files.object_storage import UnreadableUrlError

_JARS = ("Spark has no file system for {}:// on its class path: use the Shapebench image, or on this machine run "
         "`make setup-object-storage` once")
_KNOWN = "s3a:// or gs:// for a bucket, file:// or a path for a folder that every executor has"
_UNREACHABLE = re.compile(r"(Connection refused|UnknownHostException|timed? ?out|No route to host)", re.IGNORECASE)

Explain = Callable[[str], UnreadableUrlError]


def unreadable(url: str, trace: str) -> UnreadableUrlError | None:
    """What the trace says of `url`; None where it says nothing of object storage."""
    if object_storage.scheme(url) in ("", "file", "hdfs"):
        return None
    for pattern, explain in _REASONS:
        if re.search(pattern, trace):
            return explain(url)
    unreachable = _UNREACHABLE.search(trace)
    return object_storage.without_answer(url, unreachable[1]) if unreachable else None


def _without_jars(url: str) -> UnreadableUrlError:
    return UnreadableUrlError(f"--data={url}: " + _JARS.format(object_storage.scheme(url)))


_REASONS: tuple[tuple[str, Explain], ...] = (
    (r"ClassNotFoundException: Class org\.apache\.hadoop\.fs\.(s3a|gs)\.", _without_jars),
    (r"UnsupportedFileSystemException", lambda url: object_storage.unknown_scheme(url, _KNOWN)),
    (r"NoAuthWithAWSException|NoAwsCredentialsException|cannot find the metadata server|"
     r"Your default credentials were not found", object_storage.without_credentials),
    (r"UnknownStoreException|NoSuchBucketException|The specified bucket does not exist",
     object_storage.without_bucket),
    (r"AccessDeniedException|Status Code: 40[13]|40[13] (Forbidden|Unauthorized)", object_storage.refused),
)
"""In this order: a trace wraps what went wrong in what that led to."""
