"""What to tell a person whose bucket could not be read: the same words whether Spark or TensorFlow was refused."""

from __future__ import annotations

from shapebench_jobs.harness.run import BadArgumentsError

S3_SCHEMES = ("s3", "s3a")
_CREDENTIALS = {
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, the path of a key file (Spark asks for it where "
          "spark.hadoop.fs.gs.auth.type is APPLICATION_DEFAULT)",
    **dict.fromkeys(S3_SCHEMES, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
}
_ENDPOINTS = dict.fromkeys(S3_SCHEMES, "AWS_ENDPOINT_URL")


class UnreadableUrlError(BadArgumentsError):
    """A URL that the cluster cannot read, and what to do about it. Never says a credential."""


def scheme(url: str) -> str:
    """What stands before ://; empty for a plain path."""
    before, separator, _ = url.partition("://")
    return before if separator else ""


def bucket(url: str) -> str:
    """The bucket of a URL."""
    return url.partition("://")[2].partition("/")[0]


def refused(url: str) -> UnreadableUrlError:
    """The credentials were taken, but do not suffice; or they are wrong, which a server may not tell apart."""
    return UnreadableUrlError(f"--data={url}: access denied. Check that the credentials "
                              f"({_credentials(url)}) are right and may list and read the bucket {bucket(url)}")


def without_credentials(url: str) -> UnreadableUrlError:
    """There are none."""
    return UnreadableUrlError(f"--data={url}: no credentials. Set {_credentials(url)} in the workload's env, "
                              "from a Secret")


def without_bucket(url: str) -> UnreadableUrlError:
    """The server answers, and has no such bucket."""
    return UnreadableUrlError(f"--data={url}: there is no bucket {bucket(url)}. Check its name"
                              f"{_endpoint(url, ' and {}')}")


def without_answer(url: str, said: str) -> UnreadableUrlError:
    """No server answers."""
    return UnreadableUrlError(f"--data={url}: the object store does not answer ({said}). Check the network"
                              f"{_endpoint(url, ' and {}')}")


def unknown_scheme(url: str, known: str) -> UnreadableUrlError:
    """Nothing here reads such URLs."""
    return UnreadableUrlError(f"--data={url}: nothing here reads {scheme(url)}:// URLs. Use {known}")


def _credentials(url: str) -> str:
    return _CREDENTIALS.get(scheme(url), "those of this file system")


def _endpoint(url: str, text: str) -> str:
    name = _ENDPOINTS.get(scheme(url))
    return text.format(name) if name else ""
