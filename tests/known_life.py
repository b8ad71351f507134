"""A program whose use of everything is known: it says itself what it did, by other accounts than the agent reads.

    python3 known_life.py SECONDS FOLDER MIB ADDRESS PORT DATAGRAMS

It uses SECONDS of CPU, the middle half of them in its measured part, and there it also moves MIB to disk and back past
the page cache, sends datagrams and gets each back (not without an address) and touches so much memory. What it knows is
its measurement; `pages` are the bytes of its own files that were not in memory when it needed them. It imports nothing
of ours: it must run by itself.
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
PAYLOAD_BYTES = 1200
"""In one piece through any network: pods' often have smaller packets than the 1500 bytes of Ethernet."""


def cpu_s() -> float:
    """By the kernel's account of this process and its dead children."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def read_bytes() -> int:
    """From the disk, by the kernel's account of this process: of what was direct, and of its own files' pages."""
    return 512 * resource.getrusage(resource.RUSAGE_SELF).ru_inblock


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


def talk(address: str, port: int, datagrams: int) -> int:
    """Datagrams sent, each of which came back."""
    if not address:
        return 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((address, port))
        client.settimeout(5)
        for _ in range(datagrams):
            client.send(bytes(PAYLOAD_BYTES))
            assert len(client.recv(65536)) == PAYLOAD_BYTES
    return datagrams


def rows(path: str) -> "dict[str, int]":
    """The number beside each name."""
    with open(path) as file:  # noqa: PTH123
        return {words[0]: int(words[1]) for words in map(str.split, file) if len(words) > 1 and words[1].isdigit()}


def cache_bytes() -> int:
    """Files in memory that the group KNOWN_GROUP is charged with: what it was the first to read on its node."""
    group = os.environ.get("KNOWN_GROUP", "")
    if not group:
        return 0
    v1 = f"{group}/memory/memory.stat"
    told = rows(v1 if os.path.exists(v1) else f"{group}/memory.stat")  # noqa: PTH110
    return told["total_cache"] if "total_cache" in told else told["file"]


def held_bytes() -> int:
    """The memory of this process that is no file's, and the files'."""
    return 1024 * rows("/proc/self/smaps_rollup")["Anonymous:"] + cache_bytes()


def touch(mib: int = MEMORY_MIB, look=held_bytes) -> int:
    """Hold memory for a moment; how much there was then."""
    block = mmap.mmap(-1, mib * MIB, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, len(block), mmap.PAGESIZE):
        block[at] = 1
    held = look()
    block.close()
    return held


def tell(event: str, **fields: object) -> None:
    """Tell the agent."""
    with open(os.environ["SHAPEBENCH_EVENTS_FILE"], "a") as file:  # noqa: PTH123
        file.write(json.dumps({"event": event, "monotonic_s": time.monotonic(), **fields}) + "\n")


def main() -> None:
    """Live, and tell."""
    seconds, folder, address = float(sys.argv[1]), sys.argv[2], sys.argv[4]
    mib, port, datagrams = int(sys.argv[3]), int(sys.argv[5]), int(sys.argv[6])
    burn(max(0.0, 0.25 * seconds - cpu_s()))
    tell("measured-started")
    time.sleep(0.3)  # while the agent reads, nothing is used; a busy machine wakes it up late
    before, read_before = cpu_s(), read_bytes()
    known = {"memory": touch()}
    read_touching = read_bytes()
    known["disk"] = direct_io(folder, mib)
    direct_read = read_bytes() - read_touching
    known["datagrams"] = talk(address, port, datagrams)
    burn(max(0.0, before + 0.5 * seconds - cpu_s()))
    known["measured_cpu"] = cpu_s() - before
    known["measured_pages"] = read_bytes() - read_before - direct_read
    tell("measured-finished")
    time.sleep(0.3)
    burn(max(0.0, seconds - cpu_s()))
    tell("measurement", parameters={}, values=known | {"cpu": cpu_s(), "pages": read_bytes() - direct_read})
    os._exit(0)


if __name__ == "__main__":
    main()
