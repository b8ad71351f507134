"""The archive that carries only an image's last layer: names what it leaves out, and holds what it names."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import tarfile
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[3] / "hack/images/thin_archive.py"
_SPEC = importlib.util.spec_from_file_location("thin_archive", _SCRIPT)
assert _SPEC is not None
assert _SPEC.loader is not None
thin_archive = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(thin_archive)

MANIFEST = {"schemaVersion": 2, "layers": [{"mediaType": "below", "digest": "sha256:aa", "size": 1}]}
CONFIG = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:aa"]}, "config": {}}


def tar_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = 1_700_000_000.5  # written as a pax header, which holds the path, too, if that is long
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def files_of(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        pytest.param("shapebench/spark:dev", "docker.io/shapebench/spark:dev", id="default-registry"),
        pytest.param("registry.local/spark:dev", "registry.local/spark:dev", id="host-with-a-dot"),
        pytest.param("localhost/spark:dev", "localhost/spark:dev", id="localhost"),
        pytest.param("registry:5000/spark:dev", "registry:5000/spark:dev", id="host-with-a-port"),
    ],
)
def test_full_name(name: str, full: str) -> None:
    assert thin_archive.full_name(name) == full


def test_layer_lies_below_the_folder_however_long_its_paths() -> None:
    files = {"shapebench/a.py": b"a", f"shapebench/{'long' * 60}.py": b"b"}

    layer = thin_archive.layer_of(tar_of(files), "opt")

    assert files_of(layer) == {f"opt/{name}": data for name, data in files.items()}


def test_archive_holds_the_new_blobs_and_names_the_layers_below() -> None:
    layer = tar_of({"opt/shapebench/a.py": b"a"})

    parts = thin_archive.blobs(MANIFEST, CONFIG, {"User": "10001"}, layer)
    files = files_of(thin_archive.archive("shapebench/spark:dev", parts))

    [entry] = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(files[f"blobs/sha256/{entry['digest'].removeprefix('sha256:')}"])
    config = json.loads(files[f"blobs/sha256/{manifest['config']['digest'].removeprefix('sha256:')}"])
    added = "sha256:" + hashlib.sha256(layer).hexdigest()
    assert entry["annotations"]["io.containerd.image.name"] == "docker.io/shapebench/spark:dev"
    assert [one["digest"] for one in manifest["layers"]] == ["sha256:aa", added]
    assert config["rootfs"]["diff_ids"] == ["sha256:aa", added]
    assert config["config"] == {"User": "10001"}
    assert "blobs/sha256/aa" not in files
