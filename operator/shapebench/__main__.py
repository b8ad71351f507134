"""`python -m shapebench`: the same as the command `shapebench`."""

from shapebench.cli import app, started

app(prog_name=started.command())
