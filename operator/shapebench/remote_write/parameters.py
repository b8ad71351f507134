"""Parameters as labels, in one way for all that Prometheus gets: scraped from the operator, and written remotely.

A Benchmark's own parameters have names that Prometheus takes. A job's rows may name theirs in any words; one label name
that Prometheus refuses would cost the operator's whole scrape.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from shapebench.api.fields import Scalar, scalar_text

PREFIX = "parameter_"

_OTHERS = re.compile("[^A-Za-z0-9_]")


def names(parameters: Iterable[str], taken: Collection[str] = ()) -> dict[str, str]:
    """The label name of each of these parameters: every other character becomes _.

    Of those that come to the same, or to one that is `taken`, each but the first gets a number: `parameter_a_b_2`. The
    first is the one that needed no change, else they come in the order of the alphabet.
    """
    found: dict[str, str] = {}
    used = set(taken)
    for parameter in sorted(set(parameters), key=lambda one: (_OTHERS.search(one) is not None, one)):
        plain = label = PREFIX + _OTHERS.sub("_", parameter)
        number = 1
        while label in used:
            number += 1
            label = f"{plain}_{number}"
        used.add(label)
        found[parameter] = label
    return found


def labels(parameters: Mapping[str, Scalar]) -> dict[str, str]:
    """The parameters of a cell as labels."""
    return {label: scalar_text(parameters[name]) for name, label in names(parameters).items()}
