"""What the agent does when it runs out of file descriptors, and what the program may have open."""

from __future__ import annotations

import contextlib
import http.client
import re
import resource
import socket

import pytest

from shapebench.api import wire

FEW, CONNECTIONS = 64, 80
TELLS = "import resource, time; print('limit', *resource.getrlimit(resource.RLIMIT_NOFILE), flush=True); time.sleep(30)"
FOLLOW = f"GET {wire.MEASURED_PATH} HTTP/1.1\r\n\r\n".encode()


def limited(soft: int, hard: int) -> tuple[str, ...]:
    return ("sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$@"', "sh")


def healthz(port: int) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/healthz")
    with contextlib.closing(connection):
        return connection.getresponse().read()


def hard_limit() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)


@pytest.mark.parametrize("request_text", [
    pytest.param(b"", id="that say nothing"), pytest.param(FOLLOW, id="that follow"),
])
@pytest.mark.parametrize("raised", [pytest.param(True, id="more allowed"), pytest.param(False, id="no more allowed")])
def test_more_connections_than_descriptors(start, python, request_text: bytes, raised: bool) -> None:
    hard = hard_limit() if raised else FEW
    running = start(*python(TELLS), prefix=limited(FEW, hard))
    port = int(re.search(r"port (\d+)", running.wait_for("metrics on port"))[1])
    assert running.wait_for("limit").split() == ["limit", str(FEW), str(hard)], "the program sees the old limit"
    with contextlib.ExitStack() as held:
        for _ in range(CONNECTIONS):
            client = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            client.sendall(request_text)
        if raised and request_text:
            assert healthz(port) == b"ok\n", "all of them, and one more"
        elif request_text:
            running.wait_for("could not be taken")
    assert healthz(port) == b"ok\n"
    running.process.terminate()
    result = running.finish()
    assert result.code == 143
    assert "Traceback" not in result.stdout
    assert "could not be taken" not in result.stdout, "said once"


def test_more_followers_than_select_can_count(start, python) -> None:
    """The job's lines are still heard: they come over a pipe that was opened after the followers had come."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3000:
        pytest.skip(f"this machine allows {hard} open files")
    with socket.create_server(("127.0.0.1", 0)) as peer, contextlib.ExitStack() as held:
        address = f"127.0.0.1:{peer.getsockname()[1]}"
        peer.close()
        say = """
            import os
            with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:
                file.write('{"event": "measurement", "values": {"n": 1}}\\n')
        """
        running = start(*python(say), env={wire.ENV_AWAIT: address}, prefix=limited(FEW, 3000))
        port = int(re.search(r"port (\d+)", running.wait_for("metrics on port"))[1])
        soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(3000, most) if most > 0 else 3000), most))
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, most))
        for _ in range(1100):
            client = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            client.sendall(FOLLOW)
        assert healthz(port) == b"ok\n"
        host, _, number = address.partition(":")
        with socket.create_server((host, int(number))):
            result = running.finish()
    assert result.code == 0
    assert [row.values for row in result.record.measurements] == [{"n": 1}]
