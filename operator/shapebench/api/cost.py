"""What pods cost: prices are of one pod's hour, in whatever currency the user thinks in.

Two figures, and they are never mixed. The cost of a run is the price of its whole gang for the measured part: cells are
compared by it, and start-up or a busy registry do not change it. What was spent on a run is the price of the time for
which the pods of all its attempts held their nodes: budgets are kept by it. Time in a queue is in neither.
"""

from __future__ import annotations

from shapebench.api import wire
from shapebench.api.benchmark import Shape
from shapebench.api.workload import Workload

HOUR_S = 3600.0


def pod_per_hour(workload: Workload, shape: Shape, role: str) -> float | None:
    """The price of an hour of one pod of this role; None where the shape has no price.

    A parameter server has the size of a worker, and its price. A driver without a price is not counted.
    """
    if shape.price_per_hour is None:
        return None
    return _driver_per_hour(workload) if role == wire.ROLE_DRIVER else float(shape.price_per_hour)


def gang_per_hour(workload: Workload, shape: Shape) -> float | None:
    """The price of an hour of all the pods of a run together; None where the shape has no price."""
    if shape.price_per_hour is None:
        return None
    servers = workload.tensorflow.parameter_servers if workload.tensorflow is not None else 0
    return (shape.workers + servers) * float(shape.price_per_hour) + _driver_per_hour(workload)


def of_time(per_hour: float | None, seconds: float | None) -> float | None:
    """The price of so many seconds; None where either is not known."""
    return None if per_hour is None or seconds is None else per_hour * seconds / HOUR_S


def _driver_per_hour(workload: Workload) -> float:
    price = workload.spark.driver.price_per_hour if workload.spark is not None else None
    return float(price) if price is not None else 0.0
