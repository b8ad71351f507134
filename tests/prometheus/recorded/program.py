"""A program for a run in a pod: uses every kind of thing that is counted, at an even pace, and marks its measured part.

program.py SECONDS STEP SHARE KILOBYTES ADDRESS PORT: each STEP seconds KILOBYTES a second are written to disk and read
back past the page cache, and sent to an echo and back. SHARE of a core is used, but in lumps, which a small CPU limit
stretches by withholding. Nothing but the standard library: it is the user's own program.
"""

import json
import mmap
import os
import pathlib
import socket
import sys
import tempfile
import time

LUMP = 25
"""Steps."""


def tell(event, **fields):
    with pathlib.Path(os.environ["SHAPEBENCH_EVENTS_FILE"]).open("a") as events:
        events.write(json.dumps({"event": event, "time_s": time.time(), **fields}) + "\n")


def burn(until):
    while time.process_time() < until:
        pass


def work(seconds, step_s, share, kilobytes, client, file):
    pages = max(1, round(kilobytes * 1000 * step_s / mmap.PAGESIZE))
    block = mmap.mmap(-1, pages * mmap.PAGESIZE)
    block.write(os.urandom(len(block)))
    datagram = bytes(min(60_000, len(block)))
    started_s, used_s, step = time.monotonic(), time.process_time(), 0
    while step * step_s < seconds:
        step += 1
        os.pwritev(file, [block], 0)
        os.preadv(file, [block], 0)
        client.send(datagram)
        client.recv(65536)
        if step % LUMP == 0:
            burn(used_s + step * step_s * share)
        time.sleep(max(0.0, started_s + step * step_s - time.monotonic()))


def main():
    seconds, step_s, share, kilobytes = map(float, sys.argv[1:5])
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # /tmp may be in memory
        file = os.open(folder + "/block", os.O_RDWR | os.O_CREAT | os.O_DIRECT)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((sys.argv[5], int(sys.argv[6])))
        client.settimeout(30)
        work(0.5, step_s, share, 100, client, file)  # what is before the measured part must not be in it
        tell("measured-started")
        before_s = time.process_time()
        work(seconds, step_s, share, kilobytes, client, file)
        used_s = time.process_time() - before_s
        tell("measured-finished")
        tell("measurement", values={"cpu_seconds": used_s})
        work(0.5, step_s, share, 100, client, file)


main()
