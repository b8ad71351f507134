"""The agent's command line: `python3 agent.pyz -- PROGRAM [ARGUMENT ...]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from shapebench.agent import lifecycle, settings
from shapebench.api import wire

_USAGE_ERROR = 2
_LAST_STANDARD_FD = 2

_DESCRIPTION = f"""\
Runs PROGRAM as its child and counts what it uses: CPU, memory, network, disk. Signals and the exit code pass
through (128 + n if signal n ended the program). At the end it writes one record: to the file that
{wire.ENV_RECORD_FILE} names, or as the last lines on standard output, with the totals in the termination log."""

_EPILOG = f"""\
environment:
  {wire.ENV_COUNTERS}           cgroup (in a pod) or processes (default: the program's process tree)
  {wire.ENV_SAMPLE_INTERVAL_S}  seconds between two samples, 0.1 to 60 (default 1)
  {wire.ENV_METRICS_PORT}       port of /metrics and /healthz (default {wire.AGENT_PORT}; 0: any)
  {wire.ENV_RECORD_FILE}        where the record goes (default: standard output)
  {wire.ENV_AWAIT}              host:port,... that must accept a connection before PROGRAM starts
  {wire.ENV_AWAIT_TIMEOUT_S}    how long they are waited for (default 300)
  {wire.ENV_FOLLOW}             host:port of the agent whose measured part usage is counted in, too; or $NAME: the host
                              of the URL in that variable
  {wire.ENV_SERVES}             host:port,... of the agents after whose programs PROGRAM, which only serves, is ended
  SHAPEBENCH_{{NAMESPACE,BENCHMARK,RUN,SHAPE,ROLE,INDEX}}   labels of the metrics; role and index of the record

exit codes of the agent's own:
  {wire.EXIT_AWAIT_TIMEOUT:<3} a peer never came
  {wire.EXIT_CANNOT_START:<3} PROGRAM cannot be started
  {_USAGE_ERROR:<3} wrong use

example: {wire.ENV_METRICS_PORT}=0 {wire.ENV_RECORD_FILE}=record.json python3 agent.pyz -- sleep 3
"""


def main(argv: list[str]) -> int:
    """Run with these arguments; returns the exit code."""
    own, program = _split(argv)
    options = _parser().parse_args(own)
    if not program:
        _parser().print_usage(sys.stderr)
        print("agent: no program: put it behind --", file=sys.stderr)
        return _USAGE_ERROR
    _open_standard_files()
    world = lifecycle.real_world(options.cgroup_root, options.termination_log)
    try:
        found = settings.parse(world.env)
    except settings.SettingsError as error:
        print(f"agent: {error}", file=sys.stderr)
        return _USAGE_ERROR
    return lifecycle.run(found, program, world)


def _split(argv: list[str]) -> tuple[list[str], list[str]]:
    """The agent's own arguments, and the program's command behind the first `--`."""
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], argv[at + 1:]


def _open_standard_files() -> None:
    """Where the starter closed one of them, the agent's first pipe would take its number, and get the record."""
    fd = os.open(os.devnull, os.O_RDWR)
    while fd <= _LAST_STANDARD_FD:
        os.set_inheritable(fd, True)
        fd = os.open(os.devnull, os.O_RDWR)
    os.close(fd)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent.pyz", usage="agent.pyz [options] -- PROGRAM [ARGUMENT ...]",
                                     description=_DESCRIPTION, epilog=_EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cgroup-root", type=Path, default=Path("/sys/fs/cgroup"), metavar="DIR",
                        help="where the cgroup file systems are (default %(default)s)")
    parser.add_argument("--termination-log", type=Path, default=Path(wire.TERMINATION_LOG), metavar="FILE",
                        help="where the totals go, if the file exists (default %(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
