"""The rows of the tables that `sql` asks about: drawn by numpy from a seed, the same on every machine.

The tables are like TPC-H's, in their shape and in the number of rows at each scale, and are not TPC-H's: the draws and
the words are ours, and columns that no query asks for are missing. Money is whole cents here, days are counted from the
first, and words are numbers in a list, so a row is integers alone; `tables.py` writes them out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int64]
Columns = Mapping[str, Column]

VERSION = 1
"""Raised when the same arguments would make other rows, so that an old folder is not taken for a new one."""

FIRST_DAY = "1992-01-01"
_ORDER_DAYS = 2406
"""Orders are made from the first day on for so many days, to 1998-08-02."""
_TODAY = 1263
"""1995-06-17: what was received by then is returned or accepted, what was shipped later is still open."""
_MOST_LINES = 7

REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "OCEANIA")
NATIONS_PER_REGION = 5
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY")
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
SHIP_MODES = ("AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK")
RETURN_FLAGS = ("A", "N", "R")
LINE_STATUSES = ("F", "O")

_CUSTOMER, _SUPPLIER, _ORDERS = range(3)


@dataclass(frozen=True)
class TablesArguments:
    """What fully decides the tables."""

    scale: float = 0.05
    seed: int = 7
    files: int = 8
    """Files of each of the two large tables; each is drawn by itself, so another number makes other rows."""

    @property
    def customers(self) -> int:
        """Rows of customer."""
        return max(3, round(150_000 * self.scale))

    @property
    def suppliers(self) -> int:
        """Rows of supplier."""
        return max(1, round(10_000 * self.scale))

    @property
    def orders(self) -> int:
        """Rows of orders; lineitem has four times as many, more or less."""
        return max(1, round(1_500_000 * self.scale))

    @property
    def fingerprint(self) -> str:
        """A folder name: readable in front, unique by the hash behind."""
        text = json.dumps({**asdict(self), "version": VERSION}, sort_keys=True)
        return f"tables-{self.scale:g}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def customer(arguments: TablesArguments) -> Columns:
    """All customers."""
    random, count = _random(arguments, _CUSTOMER), arguments.customers
    return {
        "key": np.arange(1, count + 1),
        "nation": random.integers(0, len(REGIONS) * NATIONS_PER_REGION, count),
        "segment": random.integers(0, len(SEGMENTS), count),
    }


def supplier(arguments: TablesArguments) -> Columns:
    """All suppliers."""
    random, count = _random(arguments, _SUPPLIER), arguments.suppliers
    return {"key": np.arange(1, count + 1), "nation": random.integers(0, len(REGIONS) * NATIONS_PER_REGION, count)}


def orders_and_lines(arguments: TablesArguments, file: int) -> tuple[Columns, Columns]:
    """The orders of one file, and their lines."""
    random = _random(arguments, _ORDERS, file)
    first, end = (arguments.orders * (file + step) // arguments.files for step in (0, 1))
    count = end - first
    order_key, order_day = np.arange(first + 1, end + 1), random.integers(0, _ORDER_DAYS, count)
    lines = random.integers(1, _MOST_LINES + 1, count)
    line_start = np.cumsum(lines) - lines
    line_items = _lines(arguments, random, np.repeat(order_day, lines), int(lines.sum()))
    cost = line_items["price_cents"] * (100 - line_items["discount"]) * (100 + line_items["tax"])
    orders = {
        "key": order_key,
        "customer": _buyers(random, arguments.customers, count),
        "total_cents": np.add.reduceat((cost + 5_000) // 10_000, line_start),
        "day": order_day,
        "priority": random.integers(0, len(PRIORITIES), count),
    }
    number = np.arange(int(lines.sum())) - np.repeat(line_start, lines) + 1
    return orders, {"order": np.repeat(order_key, lines), "number": number, **line_items}


def _lines(arguments: TablesArguments, random: np.random.Generator, order_day: Column, count: int) -> dict[str, Column]:
    quantity = random.integers(1, 51, count)
    ship_day = order_day + random.integers(1, 122, count)
    receipt_day = ship_day + random.integers(1, 31, count)
    returned = 2 * random.integers(0, 2, count)  # A or R
    return {
        "supplier": random.integers(1, arguments.suppliers + 1, count),
        "quantity": quantity,
        "price_cents": quantity * random.integers(90_000, 200_001, count),
        "discount": random.integers(0, 11, count),
        "tax": random.integers(0, 9, count),
        "return_flag": np.where(receipt_day <= _TODAY, returned, 1),
        "line_status": np.where(ship_day > _TODAY, 1, 0),
        "ship_day": ship_day,
        "commit_day": order_day + random.integers(30, 91, count),
        "receipt_day": receipt_day,
        "ship_mode": random.integers(0, len(SHIP_MODES), count),
    }


def _buyers(random: np.random.Generator, customers: int, count: int) -> Column:
    """A customer for each order. Every third customer never orders anything."""
    drawn = random.integers(0, customers - customers // 3, count)
    buyers: Column = drawn // 2 * 3 + drawn % 2 + 1
    return buyers


def _random(arguments: TablesArguments, table: int, file: int = 0) -> Any:
    return np.random.default_rng((arguments.seed, table, file))
