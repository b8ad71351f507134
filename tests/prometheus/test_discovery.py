"""The scrape configuration that docs/how-to/prometheus.md gives to copy, in a real Prometheus.

The one of the tests is built without Kubernetes discovery, so what that would find of a pod (the `__meta_` labels) is
given by hand; the relabelling is the page's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from prometheus import server

META = "__meta_kubernetes_"
SCRAPED = {f"{META}pod_annotation_prometheus_io_scrape": "true", f"{META}pod_annotation_prometheus_io_path": "/metrics",
           f"{META}pod_phase": "Running", f"{META}pod_ip": "127.0.0.1", f"{META}namespace": "lab"}
RUNS = {f"{META}pod_label_shapebench_dev_benchmark": "read", f"{META}pod_annotation_prometheus_io_port": "9404"}
OPERATORS = {f"{META}pod_label_app_kubernetes_io_part_of": "shapebench",
             f"{META}pod_annotation_prometheus_io_port": "9090"}
PODS: dict[str, dict[str, str]] = {
    "run": RUNS, "of-ipv6": {**RUNS, f"{META}pod_ip": "fd00:10:244::5"},
    "operator": OPERATORS, "someone-elses": {f"{META}pod_annotation_prometheus_io_port": "8080"},
    "over": {**RUNS, f"{META}pod_phase": "Succeeded"},
    "without": {**OPERATORS, f"{META}pod_annotation_prometheus_io_scrape": ""}}


def example() -> dict[str, Any]:
    page = (server.ROOT / "docs/how-to/prometheus.md").read_text()
    (text,) = (one for one in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "kubernetes_sd_configs" in one)
    (config,) = yaml.safe_load(text)["scrape_configs"]
    assert config.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    assert config["honor_labels"] is True
    return dict(config)


def test_the_example_finds_the_pods_of_runs_and_the_operator_once_each(tmp_path: Path) -> None:
    # Two ports of a container are two targets of discovery.
    found = [{"targets": [f"127.0.0.1:{port}"], "labels": {**SCRAPED, f"{META}pod_name": name, **labels}}
             for name, labels in PODS.items() for port in (1, 2)]
    with server.running(tmp_path, [{**example(), "static_configs": found}]) as running:
        def targets() -> list[dict[str, Any]]:
            return list(running._data("targets", {})["activeTargets"])

        server.until(lambda: bool(targets()), "no target")
        assert sorted((one["labels"]["pod"], one["labels"]["namespace"], one["scrapeUrl"]) for one in targets()) == [
            ("of-ipv6", "lab", "http://[fd00:10:244::5]:9404/metrics"),
            ("operator", "lab", "http://127.0.0.1:9090/metrics"), ("run", "lab", "http://127.0.0.1:9404/metrics")]
