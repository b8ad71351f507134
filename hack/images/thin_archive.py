"""Writes an image as an OCI archive with its last layer only, for a node that has all the layers below already.

    thin_archive.py NAME MANIFEST CONFIG OVERRIDES ADDED >archive.tar

MANIFEST and CONFIG are those of the image below, as the node holds them; OVERRIDES is the `Config` (user, environment,
entry point) that `docker image inspect` tells of the image to make; ADDED is a tar of what that image adds below /opt.
The archive names layers that it does not contain: containerd looks them up in its own store.

Why: our images are a gigabyte of dependencies and some kilobytes of code. Saving and loading them whole takes a minute
after every change of a line; this takes a second.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


def full_name(name: str) -> str:
    """The name under which a kubelet looks for an image: with the default registry in front if it names none."""
    first = name.split("/")[0]
    has_registry = "/" in name and ("." in first or ":" in first or first == "localhost")
    return name if has_registry else f"docker.io/{name}"


def blobs(
    manifest: dict[str, Any], config: dict[str, Any], overrides: dict[str, Any], layer: bytes
) -> dict[str, bytes]:
    """The new image's layer, configuration and manifest, in this order, by media type."""
    new_config = config | {
        "config": overrides,
        "rootfs": {"type": "layers", "diff_ids": [*config["rootfs"]["diff_ids"], _digest(layer)]},
        # A history must have as many layers as there are: none is allowed, and says nothing wrong.
        "history": [],
    }
    config_bytes = json.dumps(new_config, sort_keys=True).encode()
    new_manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST_TYPE,
        "config": _descriptor(_CONFIG_TYPE, config_bytes),
        "layers": [*manifest["layers"], _descriptor(_LAYER_TYPE, layer)],
    }
    return {_LAYER_TYPE: layer, _CONFIG_TYPE: config_bytes, _MANIFEST_TYPE: json.dumps(new_manifest).encode()}


def archive(name: str, parts: dict[str, bytes]) -> bytes:
    """The OCI archive of those blobs."""
    entry = _descriptor(_MANIFEST_TYPE, parts[_MANIFEST_TYPE]) | {
        "annotations": {"io.containerd.image.name": full_name(name)}
    }
    files = {f"blobs/sha256/{_digest(data).removeprefix('sha256:')}": data for data in parts.values()}
    files["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}'
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def layer_of(added: bytes, below: str) -> bytes:
    """The tar `added` with its paths put below a folder: `docker cp` leaves out where a folder lay."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(added)) as source, tarfile.open(fileobj=out, mode="w") as target:
        for member in source:
            member.name = f"{below}/{member.name}"
            member.pax_headers = {}  # they would hold the old path again
            target.addfile(member, source.extractfile(member) if member.isfile() else None)
    return out.getvalue()


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def main(argv: list[str]) -> int:
    """Read the files named, write the archive to standard output."""
    name, manifest, config, overrides, added = argv
    layer = layer_of(Path(added).read_bytes(), "opt")
    parts = blobs(_json(manifest), _json(config), _json(overrides), layer)
    sys.stdout.buffer.write(archive(name, parts))
    return 0


def _json(path: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(path).read_text())
    return loaded


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
