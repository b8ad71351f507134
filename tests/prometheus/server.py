"""A real Prometheus: started for the tests, written to and asked over HTTP."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import ports
import yaml

from shapebench.remote_write import message
from shapebench.remote_write.series import TimeSeries

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60
"""What is waited for comes in a second or two, on a slow machine in more."""
WINDOW = "3d"
"""How far back samples may lie when they come: what docs/how-to/prometheus.md tells to set."""


@dataclass(frozen=True)
class Answered:
    """One series of an answer: its labels, and its samples (Unix seconds, value)."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]

    @property
    def value(self) -> float:
        """The only sample's value."""
        ((_, value),) = self.samples
        return value


class Prometheus:
    """A running server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.write_url = f"{url}/api/v1/write"

    def query(self, text: str, at_s: float) -> list[Answered]:
        """An instant query at a moment (Unix seconds)."""
        return [Answered(one["metric"], (_sample(one["value"]),)) for one in self._ask("query", query=text, time=at_s)]

    def query_range(self, text: str, start_s: float, end_s: float, step_s: float) -> list[Answered]:
        """A range query, as a panel asks."""
        return [Answered(one["metric"], tuple(map(_sample, one["values"])))
                for one in self._ask("query_range", query=text, start=start_s, end=end_s, step=step_s)]

    def samples(self, selector: str, at_s: float, range_s: int) -> list[Answered]:
        """The samples as they are stored, of the seconds before a moment; staleness markers are not shown."""
        return [Answered(one["metric"], tuple(map(_sample, one["values"])))
                for one in self._ask("query", query=f"{selector}[{range_s}s]", time=at_s)]

    def names(self) -> set[str]:
        """The names of all series."""
        return set(self._data("label/__name__/values", {}))

    def targets(self) -> dict[str, str]:
        """The health of each scraped target, by job: up, down or unknown; with the error if there is one."""
        found = self._data("targets", {})["activeTargets"]
        return {one["labels"]["job"]: f"{one['health']} {one['lastError']}".strip() for one in found}

    def write(self, series: Iterable[TimeSeries]) -> None:
        """Write remotely; raises urllib.error.HTTPError for what the server refuses."""
        for part in message.requests(series):
            self.post(message.encode(part))

    def post(self, body: bytes) -> None:
        """One remote write request."""
        request = urllib.request.Request(self.write_url, data=body, headers=message.HEADERS)
        with urllib.request.urlopen(request, timeout=10):
            pass

    def _ask(self, what: str, **parameters: str | float) -> list[dict[str, Any]]:
        answer: list[dict[str, Any]] = self._data(what, parameters)["result"]
        return answer

    def _data(self, what: str, parameters: Mapping[str, str | float]) -> Any:
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error
        return answer["data"]


def _sample(pair: list[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


@contextmanager
def running(folder: Path, scrape_configs: Iterable[Mapping[str, Any]] = (), window: str = WINDOW,
            port: int | None = None) -> Iterator[Prometheus]:
    """A server with its data in the folder, which takes remote writes and scrapes each second; on any port, or this."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": list(scrape_configs)}
    if window:
        config["storage"] = {"tsdb": {"out_of_order_time_window": window}}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{port or ports.free(1)[0]}"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [tools() / "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={address}", "--web.enable-remote-write-receiver", "--log.level=warn"],
            stdout=log, stderr=log)
    try:
        server = Prometheus(f"http://{address}")
        until(lambda: _ready(server, process, folder / "log"), "Prometheus is not ready")
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def until(holds: Callable[[], bool], problem: str) -> None:
    """Wait for it to hold."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, problem
        time.sleep(0.05)


def _ready(server: Prometheus, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"Prometheus ended: {log.read_text()}"
    try:
        with urllib.request.urlopen(f"{server.url}/-/ready", timeout=5):
            return True
    except OSError:
        return False


@cache
def tools() -> Path:
    """The folder of prometheus and promtool; hack/prometheus.sh fetches them where the machine has none."""
    done = subprocess.run([ROOT / "hack/prometheus.sh"], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


def promtool(*arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run promtool; what it says is in stdout and stderr."""
    return subprocess.run([tools() / "promtool", *arguments], input=text, capture_output=True, text=True, timeout=60,
                          check=False)
