"""A Spark application that knows what its executors use in its measured part, by other accounts than agents read.

    known_spark.py EXECUTORS SECONDS MIB DATAGRAMS

In the measured part each executor does what known_life.py does; the driver sends the datagrams back. A whole JVM
lives there, too, so CPU is what the kernel's clock of each process of the pod says (but of the agent, which is its
first), just before and just after, less what looking so twice uses; memory what these processes have that is no
file's, with the files that the pod is charged with. Besides the disk bytes that it moves itself the kernel may read
files of Java, Python and the agent again, whose pages the machine had dropped: at least those of the work were in the
measured part, and at most those between the two looks. A row for each executor is what is known of it. It imports
nothing of Shapebench.
"""

import contextlib
import os
import socket
import sys
import threading
import time

PROGRAMS = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 (one style with known_life.py)
PORT = 2223
_SCHEDULED = 2
BEFORE_S, AFTER_S = 1.0, 0.3
"""Between a look at the clocks and the measured part."""


def of_all(told, agent: bool = False) -> float:
    """The sum of what is told of each of the pod's processes, the agent among them or not; dead ones have nothing."""
    total = 0.0
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and (agent or name != "1"):
            with contextlib.suppress(OSError):
                total += told(int(name))
    return total


def read_bytes() -> float:
    """From the disk until now, with what was of the agent's own files."""
    import known_life

    return of_all(lambda pid: known_life.rows(f"/proc/{pid}/io")["read_bytes:"], agent=True)


def look() -> dict[str, float]:
    """What was used until now, the CPU to the nanosecond."""
    sys.path.insert(0, PROGRAMS)
    return {"read": read_bytes(), "cpu": of_all(lambda pid: time.clock_gettime((~pid << 3) | _SCHEDULED))}


def work(seconds: float, memory_mib: int, mib: int, datagrams: int, address: str) -> dict[str, float]:
    """What one executor does, and knows of it."""
    sys.path.insert(0, PROGRAMS)
    os.environ["KNOWN_GROUP"] = "/sys/fs/cgroup"
    import known_life

    def held_bytes() -> int:
        """What processes share since a fork is there once."""
        return 1024 * of_all(lambda pid: known_life.rows(f"/proc/{pid}/smaps_rollup")["Pss_Anon:"]) + (
            known_life.cache_bytes())

    began, read_before = time.process_time(), read_bytes()
    known = {"memory": known_life.touch(memory_mib, held_bytes)}
    read_touching = known_life.read_bytes()
    known["disk"] = known_life.direct_io("/shapebench/data", mib)
    known["direct"] = known_life.read_bytes() - read_touching
    known["datagrams"] = known_life.talk(address, PORT, datagrams)
    known_life.burn(seconds - (time.process_time() - began))
    known["least_pages"] = read_bytes() - read_before - known["direct"]
    return known


def echo() -> None:
    """Send every datagram back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("", PORT))
        while True:
            server.sendto(*server.recvfrom(65536))


def main() -> None:
    """Run, and tell a row for each executor."""
    from pyspark.sql import SparkSession

    sys.path.insert(0, PROGRAMS)
    import known_life

    executors, seconds, mib, datagrams = (int(word) for word in sys.argv[1:])
    memory_mib = known_life.MEMORY_MIB
    address = socket.gethostbyname(socket.gethostname())
    threading.Thread(target=echo, daemon=True).start()
    context = SparkSession.builder.getOrCreate().sparkContext

    def everywhere(function):
        """One task on each executor, all at the same time; what each says, by the executor's number."""
        tasks = context.parallelize(range(executors), executors).barrier()
        return dict(tasks.mapPartitions(lambda _: [(os.environ["SPARK_EXECUTOR_ID"], function())]).collect())

    everywhere(lambda: work(2, 1, 1, 10, address))  # what is loaded once is loaded now
    for _ in range(3):
        everywhere(look)
    time.sleep(2)
    # A look is a task: its end after the clock was read, and the next one's beginning, are outside the measured part.
    idle = everywhere(look)
    time.sleep(BEFORE_S + AFTER_S)
    before = everywhere(look)
    time.sleep(BEFORE_S)
    known_life.tell("measured-started")
    time.sleep(1)  # agents that hear of it later than this do not know the measured part's usage
    known = everywhere(lambda: work(seconds, memory_mib, mib, datagrams, address))
    time.sleep(1)
    known_life.tell("measured-finished")
    time.sleep(AFTER_S)
    after = everywhere(look)
    for executor, values in known.items():
        looking, whole = ({name: end[executor][name] - start[executor][name] for name in ("cpu", "read")}
                          for start, end in ((idle, before), (before, after)))
        values |= {"cpu": whole["cpu"] - looking["cpu"], "most_pages": whole["read"] - values.pop("direct")}
        known_life.tell("measurement", parameters={"executor": int(executor)}, values=values)


if __name__ == "__main__":
    main()
