"""A program for a run: works at an even pace for some seconds, in its measured part, and marks that part.

program.py SECONDS SHARE KILOBYTES: uses SHARE of a core, sends KILOBYTES a second over the loopback and writes as
much to a file. Nothing but the standard library: it is the user's own program.
"""

import json
import os
import pathlib
import resource
import socket
import sys
import tempfile
import time

STEP_S = 0.02


def tell(event, **fields):
    with pathlib.Path(os.environ["SHAPEBENCH_EVENTS_FILE"]).open("a") as events:
        events.write(json.dumps({"event": event, "time_s": time.time(), **fields}) + "\n")


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def work(seconds, share, kilobytes):
    sender, receiver = connected()
    block = os.urandom(int(kilobytes * 1000 * STEP_S))
    with tempfile.TemporaryFile() as file:
        started_s, before_s, step = time.monotonic(), cpu_s(), 0
        while step * STEP_S < seconds:
            step += 1
            sender.sendall(block)
            receiver.recv(len(block), socket.MSG_WAITALL)
            file.write(block)
            file.flush()
            while cpu_s() - before_s < step * STEP_S * share:
                pass
            time.sleep(max(0.0, started_s + step * STEP_S - time.monotonic()))
    return cpu_s() - before_s


def connected():
    with socket.create_server(("127.0.0.1", 0)) as server:
        sender = socket.create_connection(server.getsockname())
        receiver, _ = server.accept()
    return sender, receiver


def main():
    seconds, share, kilobytes = map(float, sys.argv[1:])
    work(0.5, 0.5, 100)  # what is before the measured part must not be in it
    tell("measured-started")
    used_s = work(seconds, share, kilobytes)
    tell("measured-finished")
    tell("measurement", values={"cpu_seconds": used_s})
    work(0.5, 0.5, 100)


main()
