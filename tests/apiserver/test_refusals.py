"""What a person reads who applies a Benchmark that cannot work: the field's path, and the fix."""

from __future__ import annotations

import bad_benchmarks
import bounds
import pytest
import yaml
from apiserver.control_plane import ControlPlane
from kubernetes import client

from shapebench.api import crd


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in bad_benchmarks.CASES])
def test_apply_refuses_with_the_field_and_the_fix(api_server: ControlPlane, case: bad_benchmarks.Bad) -> None:
    applied = api_server.kubectl("apply", "-f", "-", text=yaml.safe_dump(case.manifest))
    assert applied.returncode == 1
    assert any(case.message in line and (case.field in line) for line in applied.stderr.splitlines()), applied.stderr


@pytest.mark.parametrize("manifest", [
    pytest.param(bad_benchmarks.SPARK, id="spark"),
    pytest.param(bad_benchmarks.TENSORFLOW, id="tensorflow"),
    pytest.param(bounds.WHOLE_SPARK, id="whole-spark"),
    pytest.param(bounds.WHOLE_TENSORFLOW, id="whole-tensorflow"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.shapes[0].cpu": "1.5"}), id="fractional-cpu"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.shapes[0].cpu": 1}), id="cpu-as-integer"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.shapes[0].pricePerHour": 0}), id="free"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"metadata.name": "a" * 30}), id="longest-name"),
])
def test_apply_accepts(api_server: ControlPlane, namespace: str, manifest: bad_benchmarks.Manifest) -> None:
    applied = api_server.kubectl("apply", "-n", namespace, "-f", "-", text=yaml.safe_dump(manifest))
    assert applied.returncode == 0, applied.stderr
    again = api_server.kubectl("apply", "-n", namespace, "-f", "-", text=yaml.safe_dump(manifest))
    assert again.stdout == f"benchmark.shapebench.dev/{manifest['metadata']['name']} unchanged\n"


_SCHEMA = crd.benchmark_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


@pytest.mark.parametrize("whole", [pytest.param(bounds.WHOLE_SPARK, id="spark"),
                                   pytest.param(bounds.WHOLE_TENSORFLOW, id="tensorflow")])
def test_every_bound_is_held_and_names_its_field(api_client: client.ApiClient, whole: bad_benchmarks.Manifest) -> None:
    """One test for all: through the library rather than kubectl, for there are more than a hundred."""
    api = client.CustomObjectsApi(api_client)
    failed = []
    for case in bounds.broken(_SCHEMA, whole):
        try:
            api.create_namespaced_custom_object("shapebench.dev", "v1alpha1", "default", "benchmarks", case.manifest,
                                                dry_run="All")
            failed.append(f"{case.id}: accepted")
        except client.ApiException as refusal:
            if case.path not in str(refusal.body):
                failed.append(f"{case.id}: {refusal.body}")
    assert not failed
