"""The volumes of a run's pods: the agent's, scratch space, and the user's own."""

from __future__ import annotations

from shapebench.api import wire
from shapebench.api.pods import Volume
from shapebench.build.attempt import KubeObject

AGENT = "shapebench-agent"
CONF = "shapebench-conf"
_SCRATCH = (("shapebench-data", wire.DATA_DIR), ("shapebench-tmp", "/tmp"))


def agent_mount(read_only: bool) -> KubeObject:
    """Where the init container puts the agent and the program's container finds it."""
    return {"name": AGENT, "mountPath": wire.AGENT_DIR, "readOnly": read_only}


def conf_mount() -> KubeObject:
    """Where a Spark driver finds its configuration."""
    return {"name": CONF, "mountPath": wire.CONF_DIR, "readOnly": True}


def sources(own: tuple[Volume, ...]) -> list[KubeObject]:
    """The pod's volumes."""
    return [
        {"name": AGENT, "emptyDir": {}},
        *({"name": name, "emptyDir": {}} for name, path in _SCRATCH if not _taken(path, own)),
        *(_source(volume) for volume in own),
    ]


def mounts(own: tuple[Volume, ...]) -> list[KubeObject]:
    """The program container's mounts."""
    return [
        agent_mount(read_only=True),
        *({"name": name, "mountPath": path} for name, path in _SCRATCH if not _taken(path, own)),
        *({"name": volume.name, "mountPath": volume.mount_path, "readOnly": volume.read_only} for volume in own),
    ]


def _taken(path: str, own: tuple[Volume, ...]) -> bool:
    return any(volume.mount_path.rstrip("/") == path for volume in own)


def _source(volume: Volume) -> KubeObject:
    if volume.config_map is not None:
        return {"name": volume.name, "configMap": {"name": volume.config_map.name}}
    if volume.secret is not None:
        return {"name": volume.name, "secret": {"secretName": volume.secret.secret_name}}
    if volume.persistent_volume_claim is not None:
        claim = {"claimName": volume.persistent_volume_claim.claim_name, "readOnly": volume.read_only}
        return {"name": volume.name, "persistentVolumeClaim": claim}
    assert volume.empty_dir is not None  # the model's rule
    return {"name": volume.name, "emptyDir": volume.empty_dir.model_dump(by_alias=True, exclude_none=True)}
