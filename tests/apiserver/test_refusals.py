"""What a person reads who applies a Benchmark that cannot work: the field's path, and the fix."""

from __future__ import annotations

import re

import bad_benchmarks
import bounds
import pytest
import yaml
from apiserver.control_plane import ControlPlane
from kubernetes import client

from shapebench.api import crd


@pytest.fixture(scope="module")
def refusals(api_server: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What kubectl says of each bad Benchmark, all applied as one folder: one by one takes half a minute."""
    folder = tmp_path_factory.mktemp("bad")
    for case in bad_benchmarks.CASES:
        (folder / f"{case.id}.yaml").write_text(yaml.safe_dump(case.manifest))
    applied = api_server.kubectl("apply", "-f", str(folder))
    assert applied.stdout == ""
    return {found[1]: line for line in applied.stderr.splitlines()
            if (found := re.match(r'Error from server \(\w+\): error when creating ".*/([^/]+)\.yaml"', line))}


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in bad_benchmarks.CASES])
def test_apply_refuses_with_the_field_and_the_fix(refusals: dict[str, str], case: bad_benchmarks.Bad) -> None:
    said = refusals[case.id]
    assert case.message in said
    assert f"{case.field}: " in said or f'unknown field "{case.field}"' in said


def test_one_file_is_refused_in_one_sentence(api_server: ControlPlane) -> None:
    manifest = bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.shapes[0].cpu": "two"})
    applied = api_server.kubectl("apply", "-f", "-", text=yaml.safe_dump(manifest))
    assert applied.returncode == 1
    assert applied.stderr == ('The Benchmark "read-speed" is invalid: spec.shapes[0].cpu: Invalid value: "": '
                              "write cores such as '2' or '0.5', or millicores such as '500m', above 0\n")


@pytest.mark.parametrize("manifest", [
    pytest.param(bad_benchmarks.SPARK, id="spark"),
    pytest.param(bad_benchmarks.TENSORFLOW, id="tensorflow"),
    pytest.param(bounds.WHOLE_SPARK, id="whole-spark"),
    pytest.param(bounds.WHOLE_TENSORFLOW, id="whole-tensorflow"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.shapes[0].cpu": "1.5"}), id="fractional-cpu"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.shapes[0].cpu": 1}), id="cpu-as-integer"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.shapes[0].pricePerHour": 0}), id="free"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"metadata.name": "a" * 30}), id="longest-name"),
    pytest.param(bad_benchmarks.changed(bad_benchmarks.SPARK, {"spec.queueName": "a" * 253}), id="longest-queue-name"),
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
