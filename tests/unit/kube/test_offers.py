"""What the server's answers say of other operators: there, not installed, or not for us."""

from __future__ import annotations

import pytest
from unit.kube.fake_api import Answer, FakeApi, found, status

from shapebench.kube import errors, offers
from shapebench.kube.cluster import KubeCluster
from shapebench.kube.transport import Transport
from shapebench.plan.actions import Create, Offer

NOT_SERVED = Answer(404, b"404 page not found\n")
KUEUE = found({"preferredVersion": {"groupVersion": "kueue.x-k8s.io/v1beta2"}})


@pytest.mark.parametrize(("answers", "offer", "names"), [
    pytest.param([found({"apiVersion": "kubeflow.org/v1", "items": [{"metadata": {"name": "a"}}], "metadata": {}})],
                 Offer.READY, ["a"], id="there"),
    pytest.param([NOT_SERVED], Offer.NOT_INSTALLED, [], id="not-installed"),
    pytest.param([status(403, "Forbidden"), found({})], Offer.FORBIDDEN, [], id="not-for-us"),
    pytest.param([status(403, "Forbidden"), NOT_SERVED], Offer.NOT_INSTALLED, [], id="neither"),
])
def test_applications(api: FakeApi, transport: Transport, answers: list[Answer], offer: Offer,
                      names: list[str]) -> None:
    api.answers = list(answers)
    told, bodies = offers.applications(transport, "TFJob", "lab", "k=v")
    assert (told, [body["metadata"]["name"] for body in bodies]) == (offer, names)
    assert api.asked[0].path == "/apis/kubeflow.org/v1/namespaces/lab/tfjobs?limit=500&labelSelector=k%3Dv"
    assert [one.path for one in api.asked[1:]] == ["/apis/kubeflow.org/v1"][:len(answers) - 1]


@pytest.mark.parametrize(("answers", "offer"), [
    pytest.param([NOT_SERVED], Offer.NOT_INSTALLED, id="no-kueue"),
    pytest.param([KUEUE, found({})], Offer.READY, id="there"),
    pytest.param([KUEUE, status(404, "NotFound")], Offer.ABSENT, id="no-such-queue"),
    pytest.param([KUEUE, status(403, "Forbidden")], Offer.FORBIDDEN, id="not-for-us"),
])
def test_queue(api: FakeApi, transport: Transport, answers: list[Answer], offer: Offer) -> None:
    api.answers = list(answers)
    assert offers.queue(transport, "lab", "research") is offer
    paths = ["/apis/kueue.x-k8s.io", "/apis/kueue.x-k8s.io/v1beta2/namespaces/lab/localqueues/research"]
    assert [one.path for one in api.asked] == paths[:len(answers)]


@pytest.mark.parametrize(("answer", "names"), [
    pytest.param(found({"items": [{"metadata": {"name": "tfjob-a"}}], "metadata": {}}), ["tfjob-a"], id="there"),
    pytest.param(NOT_SERVED, [], id="kueue-went-away"),
    pytest.param(status(403, "Forbidden"), None, id="not-for-us"),
])
def test_workloads_of_other_operators_objects(api: FakeApi, transport: Transport, answer: Answer,
                                              names: list[str] | None) -> None:
    api.answers = [answer]
    made = offers.workloads(transport, "lab", [{"metadata": {"uid": "2"}}, {"metadata": {"uid": "1"}}])
    assert (None if made is None else [one["metadata"]["name"] for one in made]) == names
    assert api.asked[0].path == ("/apis/kueue.x-k8s.io/v1beta2/namespaces/lab/workloads?limit=500&labelSelector="
                                 "kueue.x-k8s.io/job-uid%20in%20%281%2C2%29")


def workload(*flavors: str) -> dict[str, object]:
    """One that was assigned these flavors; admitted to nothing without any."""
    assigned = [{"name": "worker", "flavors": {"cpu": name, "memory": name}} for name in flavors]
    return {"metadata": {"name": "a"}, "status": {"admission": {"podSetAssignments": assigned}} if assigned else {}}


@pytest.mark.parametrize(("workloads", "answers", "names"), [
    pytest.param([], [], [], id="no-workloads"),
    pytest.param([workload(), {"metadata": {"name": "new"}}], [], [], id="none-admitted"),
    pytest.param([workload("b", "a"), workload("a")], [found({"metadata": {"name": "a"}}),
                                                       found({"metadata": {"name": "b"}})], ["a", "b"], id="each-once"),
    pytest.param([workload("a", "b")], [status(403, "Forbidden"), status(404, "NotFound")], [], id="none-for-us"),
])
def test_flavors(api: FakeApi, transport: Transport, workloads: list[dict[str, object]], answers: list[Answer],
                 names: list[str]) -> None:
    api.answers = list(answers)
    assert [one["metadata"]["name"] for one in offers.flavors(transport, workloads)] == names
    paths = [f"/apis/kueue.x-k8s.io/v1beta2/resourceflavors/{name}" for name in "ab"]
    assert [one.path for one in api.asked] == paths[:len(answers)]


def test_a_server_that_does_not_answer_is_not_one_without_the_kind(api: FakeApi, transport: Transport) -> None:
    api.answers = [status(503)] * 100
    with pytest.raises(errors.UnavailableError):
        offers.applications(transport, "SparkApplication", "lab", "k=v")


def test_an_object_whose_kind_went_away_is_refused_in_words(api: FakeApi, cluster: KubeCluster) -> None:
    api.answers = [NOT_SERVED]
    with pytest.raises(errors.InvalidError, match="TFJob a: its CustomResourceDefinition is not installed"):
        cluster.apply(Create({"kind": "TFJob", "metadata": {"name": "a", "namespace": "lab"}}))


def test_a_namespace_that_is_gone_is_still_that(api: FakeApi, cluster: KubeCluster) -> None:
    api.answers = [status(404, "NotFound", 'namespaces "lab" not found')]
    with pytest.raises(errors.GoneError):
        cluster.apply(Create({"kind": "TFJob", "metadata": {"name": "a", "namespace": "lab"}}))
