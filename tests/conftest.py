"""For all tests: the programs that they start hear signals.

A shell starts background jobs with SIGINT and SIGQUIT ignored, nohup with SIGHUP, and children inherit that; tests of
what a signal does would then wait for ever.
"""

from __future__ import annotations

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
