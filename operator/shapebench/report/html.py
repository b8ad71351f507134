"""stub"""

from collections.abc import Sequence

from shapebench.api.record import RunRecord
from shapebench.report.subject import Subject


def page(subject: Subject, records: Sequence[RunRecord]) -> str:
    """Stub."""
    return subject.name + str(len(records))
