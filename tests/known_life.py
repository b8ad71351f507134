"""A program whose use of everything is known: it says itself what it did, by other accounts than the agent reads.

    python3 known_life.py SECONDS FOLDER MIB ADDRESS PORT

It moves MIB to disk and back past the page cache, sends datagrams and gets each back (not without an address), touches
so much memory, and uses its CPU all the time; the middle half of its CPU time is its measured part. The last line is
JSON. It imports nothing of ours: it must run by itself.
"""

import json
import mmap
import os
import resource
import socket
import sys
import time

MIB = 1 << 20
MEMORY_MIB = 512
DATAGRAMS, PAYLOAD_BYTES = 1500, 1400


def cpu_s() -> float:
    """By the kernel's account of this process and its dead children."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def burn(seconds: float) -> None:
    """Use so much CPU time."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(2000))


def direct_io(folder: str, mib: int) -> int:
    """Write and read so much past the page cache; the bytes in each direction."""
    page, path = mmap.mmap(-1, MIB), os.path.join(folder, f"known-{os.getpid()}")  # noqa: PTH118 (starts faster)
    page.write(os.urandom(MIB))
    moved = {os.O_WRONLY: 0, os.O_RDONLY: 0}
    for flags, move in ((os.O_WRONLY, os.writev), (os.O_RDONLY, os.readv)):
        fd = os.open(path, flags | os.O_CREAT | os.O_DIRECT)
        for _ in range(mib):
            moved[flags] += move(fd, [page])
        os.close(fd)
    os.unlink(path)  # noqa: PTH108
    assert moved[os.O_WRONLY] == moved[os.O_RDONLY] == mib * MIB
    return mib * MIB


def talk(address: str, port: int) -> int:
    """Datagrams sent, each of which came back."""
    if not address:
        return 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((address, port))
        client.settimeout(5)
        for _ in range(DATAGRAMS):
            client.send(bytes(PAYLOAD_BYTES))
            assert len(client.recv(65536)) == PAYLOAD_BYTES
    return DATAGRAMS


def touch() -> int:
    """Hold memory for a moment; how much this process had then that was no file's."""
    block = mmap.mmap(-1, MEMORY_MIB * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, len(block), mmap.PAGESIZE):
        block[at] = 1
    with open("/proc/self/smaps_rollup") as file:  # noqa: PTH123
        held = next(int(line.split()[1]) * 1024 for line in file if line.startswith("Anonymous:"))
    block.close()
    return held


def mark(event: str) -> None:
    """Tell the agent."""
    with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:  # noqa: PTH123
        file.write(json.dumps({"event": event, "time_s": time.time()}) + "\n")
    time.sleep(0.3)  # while it reads, nothing is used; a busy machine wakes it up late


def main() -> None:
    """Live, and tell."""
    seconds, folder, mib, address, port = float(sys.argv[1]), sys.argv[2], *sys.argv[3:]
    peak = touch()
    moved = direct_io(folder, int(mib))
    datagrams = talk(address, int(port))
    burn(max(0.0, 0.25 * seconds - cpu_s()))
    mark("measured-started")
    before = cpu_s()
    burn(0.5 * seconds)
    measured = cpu_s() - before
    mark("measured-finished")
    burn(max(0.0, seconds - cpu_s()))
    print("known " + json.dumps({"memory": peak, "disk": moved, "datagrams": datagrams, "measured_cpu": measured,
                                 "cpu": cpu_s()}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
