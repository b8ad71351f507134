"""Known users of CPU, disk and network, against what the agent says they used."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

MIB = 1 << 20
BYTES = 16 * MIB
SLACK = MIB
"""What a process may read and write of the disk before and after it looks at the kernel's account of that."""
READ = """
import resource
def read(): return 512 * resource.getrusage(resource.RUSAGE_SELF).ru_inblock
"""
"""In bytes; an interpreter's own files are in it where they are not in memory."""

BURNER = """
import os, resource, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end: pass
if os.fork() == 0:
    burn(0.5)
    os._exit(0)
burn(0.5)
os.wait()
used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print("used", sum(u.ru_utime + u.ru_stime for u in used), flush=True)
os._exit(0)
"""


def test_cpu_burner(run, python) -> None:
    result = run(*python(BURNER))
    [used] = [float(line.split()[1]) for line in result.stdout.splitlines() if line.startswith("used")]
    assert result.record.usage.cpu_seconds == pytest.approx(used, rel=0.02)


def test_children_shorter_than_a_sample_are_counted(run) -> None:
    """Each lives a few milliseconds; together they are what the shell's own account says."""
    result = run("/bin/bash", "-c", "for i in $(seq 150); do /bin/true; done; times")
    minutes = result.stdout.split("SHAPEBENCH-RECORD")[0].split()[-4:]
    used = sum(float(m) * 60 + float(s) for m, s in (t.rstrip("s").split("m") for t in minutes))
    assert result.record.usage.cpu_seconds == pytest.approx(used, rel=0.05, abs=0.02)


@pytest.fixture
def disk_folder(tmp_path: Path) -> Path:
    """A folder on a real file system: memory is not storage, and takes no O_DIRECT in old kernels."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(tmp_path)], capture_output=True, text=True, check=True)
    if kind.stdout.strip() in ("tmpfs", "ramfs"):
        pytest.skip("the temporary folder is in memory")
    return tmp_path


def told(result) -> int:
    """The bytes that the program says that it has read."""
    [number] = [int(line.split()[1]) for line in result.stdout.splitlines() if line.startswith("read")]
    return number


def test_file_writer(run, python, disk_folder: Path) -> None:
    usage = run(*python(f"""
        import os
        with open("data", "wb") as file:
            for _ in range(16): file.write(bytes({MIB}))
            os.fsync(file.fileno())
    """)).record.usage
    assert BYTES <= usage.disk_written_bytes < BYTES + SLACK
    assert usage.disk_writes is None, "no process account has operations"


def test_file_reader(run, python, disk_folder: Path) -> None:
    with (disk_folder / "data").open("wb") as file:
        file.write(os.urandom(BYTES))
        os.fsync(file.fileno())
    result = run(*python(READ + f"""
import mmap, os
fd, page, before = os.open("data", os.O_RDONLY | os.O_DIRECT), mmap.mmap(-1, {MIB}), read()
total = 0
while (n := os.readv(fd, [page])): total += n
assert read() - before >= total == {BYTES}
print("read", read(), flush=True)
os._exit(0)
"""))
    assert 0 <= result.record.usage.disk_read_bytes - told(result) < SLACK


def test_reading_from_the_page_cache_is_no_disk_read(run, python, disk_folder: Path) -> None:
    (disk_folder / "data").write_bytes(os.urandom(BYTES))
    result = run(*python(READ + """
import os
for _ in range(10): assert len(open("data", "rb").read()) > 0
print("read", read(), flush=True)
os._exit(0)
"""))
    assert told(result) < 5 * BYTES, "most came from memory, also where the machine is short of that"
    assert 0 <= result.record.usage.disk_read_bytes - told(result) < SLACK


SENDER = f"""
import fcntl, os, socket, struct
with socket.socket() as s:  # a new network namespace has its loopback down
    if ISOLATED: fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 0x49))
server = socket.create_server(("127.0.0.1", 0))
if os.fork() == 0:
    client = socket.create_connection(server.getsockname())
    client.sendall(bytes({BYTES}))
    os._exit(0)
peer, _ = server.accept()
got = 0
while (data := peer.recv(65536)): got += len(data)
os.wait()
assert got == {BYTES}
"""


def _may_isolate() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0


def test_socket_sender(run, python) -> None:
    """In a network namespace of its own where that is allowed, so that nobody else's bytes are in the figure."""
    isolated = _may_isolate()
    result = run(*python(SENDER.replace("ISOLATED", str(isolated))), prefix=("unshare", "-n") if isolated else ())
    usage = result.record.usage
    assert usage.network_transmit_bytes >= BYTES
    assert usage.network_receive_packets > 100
    if isolated:
        # Headers are 1 %; on a busy machine TCP sends some of it again, which is traffic too.
        assert usage.network_receive_bytes == usage.network_transmit_bytes < BYTES * 1.1


def test_memory_peak_of_a_program_shorter_than_a_sample(run, python) -> None:
    usage = run(*python(f"b = bytearray({64 * MIB})")).record.usage
    assert 64 * MIB < usage.memory_peak_bytes < 96 * MIB


def test_real_cgroup_if_this_machine_has_one(run, python) -> None:
    """Not in a container the group is shared; its CPU is then at least the program's."""
    result = run(*python("import time\nwhile time.process_time() < 0.3: pass"), env={"SHAPEBENCH_COUNTERS": "cgroup"})
    if result.record.counters == "processes":
        pytest.skip("no cgroup file system here")
    assert result.record.usage.cpu_seconds > 0.3
