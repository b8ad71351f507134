"""What a Benchmark may say about the pods of its runs: a checked subset of Kubernetes' own pod template.

Nothing here can reach the node: no host paths, host networks or privileged containers.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shapebench.api.fields import AbsolutePath, LabelKey, Labels, LabelValue, Memory, Name, ObjectName, Text
from shapebench.api.rules import ApiObject, Rule, matching


class KeyReference(ApiObject):
    """One key of a Secret or a ConfigMap in the Benchmark's namespace."""

    name: ObjectName
    key: Annotated[str, Field(min_length=1, max_length=253)]


class EnvSource(ApiObject):
    """Where a variable's value comes from."""

    secret_key_ref: KeyReference | None = None
    config_map_key_ref: KeyReference | None = None

    rules = (Rule(
        "(has(self.secretKeyRef) ? 1 : 0) + (has(self.configMapKeyRef) ? 1 : 0) == 1",
        "give one of secretKeyRef and configMapKeyRef",
        lambda self: (self.secret_key_ref is None) != (self.config_map_key_ref is None)),)


class EnvVar(ApiObject):
    """An environment variable of the program, in every pod of the run."""

    name: Annotated[str, Field(min_length=1, max_length=128), matching(
        "^[-._a-zA-Z][-._a-zA-Z0-9]*$", "write a variable's name: letters, digits, '_', '-' and '.', not beginning "
                                        "with a digit")]
    value: Text | None = None
    value_from: EnvSource | None = None

    rules = (
        Rule("has(self.value) != has(self.valueFrom)", "give either value or valueFrom",
             lambda self: (self.value is None) != (self.value_from is None)),
        Rule("!self.name.startsWith('SHAPEBENCH_') && self.name != 'TF_CONFIG'",
             "SHAPEBENCH_* and TF_CONFIG are set by Shapebench; choose another name",
             lambda self: not self.name.startswith("SHAPEBENCH_") and self.name != "TF_CONFIG", field="name"),
    )


class ObjectReference(ApiObject):
    """An object by its name, in the Benchmark's namespace."""

    name: ObjectName


class SecretVolume(ApiObject):
    """A Secret as files."""

    secret_name: ObjectName


class ClaimVolume(ApiObject):
    """A PersistentVolumeClaim; several pods on several nodes need a claim that all of them may mount."""

    claim_name: ObjectName


class EmptyDirVolume(ApiObject):
    """Scratch space of each pod of its own."""

    medium: Literal["", "Memory"] = ""
    size_limit: Memory | None = None


class Volume(ApiObject):
    """A volume mounted at the same path in every pod of a run."""

    name: Name
    mount_path: AbsolutePath
    read_only: bool = False
    config_map: ObjectReference | None = None
    secret: SecretVolume | None = None
    persistent_volume_claim: ClaimVolume | None = None
    empty_dir: EmptyDirVolume | None = None

    rules = (
        Rule("[has(self.configMap), has(self.secret), has(self.persistentVolumeClaim), has(self.emptyDir)]"
             ".filter(given, given).size() == 1",
             "give exactly one of configMap, secret, persistentVolumeClaim and emptyDir",
             lambda self: [self.config_map, self.secret, self.persistent_volume_claim,
                           self.empty_dir].count(None) == 3),
        Rule("!self.mountPath.startsWith('/shapebench/agent') && !self.mountPath.startsWith('/shapebench/conf')",
             "/shapebench/agent and /shapebench/conf belong to Shapebench; choose another mountPath",
             lambda self: not self.mount_path.startswith(("/shapebench/agent", "/shapebench/conf")),
             field="mountPath"),
        Rule("self.mountPath.matches('[^/.]')",
             "mountPath must be a folder below /, such as /data",
             lambda self: self.mount_path.strip("/.") != "", field="mountPath"),
        Rule("!(self.name in ['shapebench-agent', 'shapebench-conf', 'shapebench-data', 'shapebench-tmp'])",
             "names that begin with shapebench- belong to Shapebench; choose another name",
             lambda self: self.name not in ("shapebench-agent", "shapebench-conf", "shapebench-data",
                                            "shapebench-tmp"), field="name"),
    )


class Toleration(ApiObject):
    """As in Kubernetes."""

    key: Annotated[str, Field(max_length=317)] | None = None
    operator: Literal["Exists", "Equal"] = "Equal"
    value: LabelValue | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None

    rules = (
        Rule("!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
             "operator Exists takes no value", lambda self: self.operator != "Exists" or self.value is None,
             field="value"),
        Rule("(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
             "give a key, or operator Exists (which tolerates every taint)",
             lambda self: bool(self.key) or self.operator == "Exists", field="key"),
        Rule("!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
             "tolerationSeconds needs effect NoExecute",
             lambda self: self.toleration_seconds is None or self.effect == "NoExecute", field="tolerationSeconds"),
    )


class PodSecurity(ApiObject):
    """User and groups of the pods; all else is as Pod Security's `restricted` level wants it."""

    run_as_user: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    run_as_group: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    fs_group: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class PodTemplate(ApiObject):
    """What every pod of every run gets."""

    labels: Labels = {}
    annotations: Annotated[dict[LabelKey, Text], Field(max_length=20)] = {}
    node_selector: Labels = {}
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=20)] = ()
    image_pull_secrets: Annotated[tuple[ObjectReference, ...], Field(max_length=10)] = ()
    priority_class_name: Annotated[str, Field(max_length=253)] | None = None
    scheduler_name: Annotated[str, Field(max_length=253)] | None = None
    security_context: PodSecurity = PodSecurity()

    rules = (Rule(
        "!has(self.labels) || self.labels.all(key, !key.startsWith('shapebench.dev/'))",
        "labels under shapebench.dev/ belong to Shapebench; choose another key",
        lambda self: not any(key.startswith("shapebench.dev/") for key in self.labels), field="labels"),)
