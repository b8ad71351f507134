"""For all tests: the programs that they start hear signals.

A shell starts background jobs with SIGINT and SIGQUIT ignored, nohup with SIGHUP, and children inherit that; tests of
what a signal does would then wait for ever.

And no property fails because the machine was busy, or by chance: its examples follow from the test's text.
`pytest --hypothesis-profile=search` tries a thousand others of each.
"""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("busy", PATIENT, derandomize=True)
settings.register_profile("search", PATIENT, max_examples=1000)
settings.load_profile("busy")

signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
