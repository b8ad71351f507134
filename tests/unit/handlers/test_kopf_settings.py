"""kopf's settings are there under the names that we set, and its handlers never ask for a finalizer."""

from __future__ import annotations

import itertools

import kopf

from shapebench.handlers import kopf_settings


def test_every_setting_exists_in_this_kopf() -> None:
    settings = kopf.OperatorSettings()
    groups = {name: set(dir(getattr(settings, name))) for name in vars(settings)}
    kopf_settings.configure(settings)
    assert {name: set(dir(getattr(settings, name))) for name in vars(settings)} == groups


def test_patience_begins_anew_each_time_and_ends_after_some_minutes() -> None:
    first, second = list(kopf_settings.PATIENCE), list(kopf_settings.PATIENCE)
    assert all(5 * 60 < sum(pauses) < 15 * 60 for pauses in (first, second))
    assert all(earlier <= 30 for earlier in first)
    assert sum(itertools.islice(first, 4)) < 20
