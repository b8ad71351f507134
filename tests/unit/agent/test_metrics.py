"""/metrics and /healthz while the program runs."""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Iterator

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from shapebench.agent import exposition
from shapebench.agent import http as agent_http
from shapebench.agent.counters import Usage
from shapebench.agent.series import Sample

LABELS = {"namespace": "ns", "benchmark": "b", "run": 'r"1\\', "shape": "4x1", "role": "worker", "index": "0"}
FULL = Usage(*range(1, len(Usage._fields) + 1))

NAMES = {
    "shapebench_pod_cpu_seconds_total", "shapebench_pod_cpu_throttled_seconds_total",
    "shapebench_pod_network_receive_bytes_total", "shapebench_pod_network_transmit_bytes_total",
    "shapebench_pod_network_receive_packets_total", "shapebench_pod_network_transmit_packets_total",
    "shapebench_pod_disk_read_bytes_total", "shapebench_pod_disk_written_bytes_total",
    "shapebench_pod_disk_reads_total", "shapebench_pod_disk_writes_total",
    "shapebench_pod_memory_working_set_bytes",
    "shapebench_pod_cpu_periods_total", "shapebench_pod_cpu_throttled_periods_total",
}


def text(usage: Usage, memory: int | None, periods: int | None = None) -> str:
    sample = Sample(1.0, usage, memory, periods, periods)
    return exposition.render(exposition.PodCollector(LABELS, lambda: sample)).decode()


def test_names_labels_and_values() -> None:
    families = list(openmetrics.text_string_to_metric_families(text(FULL, 77, 5)))
    samples = {sample.name: sample for family in families for sample in family.samples}
    assert set(samples) == NAMES
    assert all(sample.labels == LABELS | {"source": "agent"} for sample in samples.values())
    assert samples["shapebench_pod_cpu_seconds_total"].value == FULL.cpu_seconds
    assert samples["shapebench_pod_disk_writes_total"].value == FULL.disk_writes
    assert samples["shapebench_pod_cpu_throttled_periods_total"].value == 5
    assert samples["shapebench_pod_memory_working_set_bytes"].value == 77


def test_the_older_text_format_reads_the_same_samples() -> None:
    found = {s.name for f in text_string_to_metric_families(text(FULL, 77, 5)) for s in f.samples}
    assert found == NAMES


def test_the_unknown_is_not_shown() -> None:
    assert "shapebench_pod_disk_reads" not in text(Usage(cpu_seconds=1.0), None)


@pytest.fixture
def server() -> Iterator[agent_http.Server]:
    def broken() -> bytes:
        raise ValueError("oh")

    pages = {"/ok": agent_http.Page("text/plain", lambda: b"fine\n"), "/broken": agent_http.Page("text/plain", broken)}
    serving = agent_http.Server(0, pages)
    serving.start()
    yield serving
    serving.close()


@pytest.mark.parametrize(("method", "path", "status", "body"), [
    ("GET", "/ok", 200, b"fine\n"), ("GET", "/ok?x=1", 200, b"fine\n"), ("HEAD", "/ok", 200, b""),
    ("GET", "/", 404, b"try /broken /ok\n"), ("POST", "/ok", 405, b"only GET and HEAD\n"),
    ("GET", "/broken", 500, b"ValueError('oh')\n"),
])
def test_http(server: agent_http.Server, method: str, path: str, status: int, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path)
    response = connection.getresponse()
    assert (response.status, response.read()) == (status, body)
    connection.close()


def test_odd_clients_do_no_harm(server: agent_http.Server) -> None:
    socket.create_connection(("127.0.0.1", server.port)).close()
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"\x16\x03\x01\x00\r\n\r\n")
        assert b"405" in client.recv(100)
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET /ok HTTP/1.0\r\n\r\n")
        assert b"200 OK" in client.recv(100)


def test_a_running_agent(start, python) -> None:
    running = start(*python("import time; time.sleep(30)"), env={"SHAPEBENCH_RUN": "r1", "SHAPEBENCH_SHAPE": "2x2"})
    port = int(re.search(r"port (\d+)", running.wait_for("metrics on port"))[1])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/healthz")
    assert connection.getresponse().read() == b"ok\n"
    connection.request("GET", "/metrics")
    response = connection.getresponse()
    families = list(openmetrics.text_string_to_metric_families(response.read().decode()))
    connection.close()
    running.process.terminate()
    assert response.getheader("Content-Type", "").startswith("application/openmetrics-text; version=1.0.0")
    [cpu] = [f for f in families if f.name == "shapebench_pod_cpu_seconds"]
    assert cpu.samples[0].labels["run"] == "r1"
    assert running.finish().code == 143


def test_a_port_that_is_taken_does_not_stop_the_run(run, python) -> None:
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        result = run(*python("print('ran')"), env={"SHAPEBENCH_METRICS_PORT": str(port)})
    assert "ran" in result.stdout
    assert f"no /metrics: port {port}" in result.stdout
    assert result.code == 0
