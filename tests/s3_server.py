"""A real S3 server with users, rights and signed requests: versitygw over a folder, for the tests of object storage."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from obstore.store import S3Store

ROOT = Path(__file__).parents[1]
REGION = "us-east-1"
START_TIMEOUT_S = 20


@dataclass(frozen=True)
class User:
    """A name and a password, made anew for each server: a test can look for them where they must not be."""

    key: str
    secret: str = field(default_factory=lambda: secrets.token_hex(20))


@dataclass(frozen=True)
class S3Server:
    """A running server: its URL, the owner of its buckets, one who may read them and one who may not."""

    url: str
    root: User
    owner: User
    reader: User
    outsider: User
    program: Path

    def make_bucket(self, name: str) -> None:
        """A bucket of the owner's that the reader may list and read."""
        self._admin("create-bucket", f"--owner={self.owner.key}", f"--bucket={name}",
                    "--object-ownership=BucketOwnerPreferred", f"--grant-read={self.reader.key}")

    def upload(self, folder: Path, bucket: str, prefix: str) -> None:
        """All files below the folder, as the owner."""
        store = self.store(bucket)
        for path in folder.rglob("*"):
            if path.is_file():
                store.put(f"{prefix}/{path.relative_to(folder)}", path)

    def store(self, bucket: str) -> Any:
        """The owner's way to the objects of a bucket."""
        return S3Store(bucket, endpoint=self.url, region=REGION, access_key_id=self.owner.key,
                       secret_access_key=self.owner.secret, client_options={"allow_http": True})

    def environ(self, user: User) -> dict[str, str]:
        """What a program needs to work as this user."""
        return {"AWS_ACCESS_KEY_ID": user.key, "AWS_SECRET_ACCESS_KEY": user.secret, "AWS_ENDPOINT_URL": self.url,
                "AWS_REGION": REGION}

    def make_users(self) -> None:
        """Everyone but the root user."""
        for user in (self.owner, self.reader, self.outsider):
            self._admin("create-user", f"--access={user.key}", f"--secret={user.secret}", "--role=user")

    def _admin(self, *arguments: str) -> None:
        subprocess.run([self.program, "admin", "--endpoint-url", self.url, *arguments], check=True, capture_output=True,
                       text=True, env={"ADMIN_ACCESS_KEY_ID": self.root.key,
                                       "ADMIN_SECRET_ACCESS_KEY": self.root.secret})


@contextmanager
def running(folder: Path, host: str = "127.0.0.1") -> Iterator[S3Server]:
    """A server whose files lie in the folder, listening on one of this machine's addresses."""
    program, port = tool("versitygw"), _free_port(host)
    server = S3Server(f"http://{host}:{port}", *(User(name) for name in ("root", "owner", "reader", "outsider")),
                      program=program)
    places = [folder / name for name in ("buckets", "users", "metadata")]
    for place in places:
        place.mkdir(parents=True)
    buckets, users, metadata = map(str, places)
    with (folder / "log").open("wb") as log:
        # Metadata in files of their own: not every file system has extended attributes.
        process = subprocess.Popen(
            [program, "--port", f"{host}:{port}", "--iam-dir", users, "--region", REGION, "--quiet",
             "posix", "--sidecar", metadata, buckets], stdout=log, stderr=log,
            env={"ROOT_ACCESS_KEY_ID": server.root.key, "ROOT_SECRET_ACCESS_KEY": server.root.secret})
    try:
        _await(host, port, process, folder / "log")
        server.make_users()
        yield server
    finally:
        process.terminate()
        process.wait(timeout=10)


def tool(name: str) -> Path:
    """A binary of hack/kind/tools.sh, which builds it where the cache has none."""
    done = subprocess.run([ROOT / "hack/kind/tools.sh", name], check=True, capture_output=True, text=True,
                          env=dict(os.environ))
    return Path(done.stdout.strip())


def spark_jars() -> Path:
    """The folder of Spark's file systems for object storage, which hack/jars.sh fetches where the cache has none."""
    done = subprocess.run([ROOT / "hack/jars.sh"], check=True, capture_output=True, text=True, env=dict(os.environ))
    return Path(done.stdout.strip())


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def _await(host: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None, f"the S3 server ended: {log.read_text()}"
            assert time.monotonic() < deadline, f"the S3 server does not listen: {log.read_text()}"
            time.sleep(0.05)
