"""A Spark application that knows what its executors use in its measured part, by other accounts than agents read.

    known_spark.py EXECUTORS SECONDS MIB DATAGRAMS

In the measured part each executor does what known_life.py does; the driver sends the datagrams back. A whole JVM
lives there, too, so CPU is what the kernel's clock of each process of the pod says (but of the agent, which is its
first), just before and just after, less what looking so twice uses; and memory what these processes have that is no
file's, with the files that the pod is charged with. A row for each executor is what is known of it. It imports
nothing of Shapebench.
"""

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


def in_pod() -> list[int]:
    """The pod's processes but the agent."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]  # noqa: PTH208


def cpu_s() -> float:
    """Of them all, to the nanosecond, by each process' own clock."""
    used = 0.0
    for pid in in_pod():
        try:
            used += time.clock_gettime((~pid << 3) | _SCHEDULED)
        except OSError:
            continue
    return used


def work(seconds: float, memory_mib: int, mib: int, datagrams: int, address: str) -> dict[str, float]:
    """What one executor does, and knows of it."""
    sys.path.insert(0, PROGRAMS)
    os.environ["KNOWN_GROUP"] = "/sys/fs/cgroup"
    import known_life

    def held_bytes() -> int:
        """What processes share since a fork is there once."""
        return sum(1024 * known_life.rows(f"/proc/{pid}/smaps_rollup")["Pss_Anon:"] for pid in in_pod()) + (
            known_life.cache_bytes())

    began = time.process_time()
    known = {"memory": known_life.touch(memory_mib, held_bytes), "disk": known_life.direct_io("/shapebench/data", mib),
             "datagrams": known_life.talk(address, PORT, datagrams)}
    known_life.burn(seconds - (time.process_time() - began))
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
        everywhere(cpu_s)
    time.sleep(2)
    # A look is a task: its end after the clock was read, and the next one's beginning, are outside the measured part.
    idle = everywhere(cpu_s)
    time.sleep(BEFORE_S + AFTER_S)
    before = everywhere(cpu_s)
    time.sleep(BEFORE_S)
    known_life.tell("measured-started")
    time.sleep(0.3)
    known = everywhere(lambda: work(seconds, memory_mib, mib, datagrams, address))
    time.sleep(1)
    known_life.tell("measured-finished")
    time.sleep(AFTER_S)
    after = everywhere(cpu_s)
    for executor, values in known.items():
        used = after[executor] - before[executor] - (before[executor] - idle[executor])
        known_life.tell("measurement", parameters={"executor": int(executor)}, values={**values, "cpu": used})


if __name__ == "__main__":
    main()
