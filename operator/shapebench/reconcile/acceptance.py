"""Whether a Benchmark can be run here: it parses, its plan makes sense, and the installation is ready for it."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from shapebench.api.benchmark import Benchmark
from shapebench.api.settings import Settings
from shapebench.plan import acceptance, expand
from shapebench.plan.actions import KubeObject, Offer
from shapebench.reconcile import offers

INVALID = "Invalid"
DRIVER_ACCOUNT_MISSING = "DriverAccountMissing"


@dataclass(frozen=True)
class Judged:
    """The parsed Benchmark, or why there is none; `message` says either in words."""

    benchmark: Benchmark | None
    reason: str
    message: str


@dataclass(frozen=True)
class Provided:
    """What the cluster has of what the Benchmark needs."""

    driver_account_exists: bool = True
    engine: Offer = Offer.READY
    queue: Offer = Offer.READY


def judge(body: KubeObject, provided: Provided, settings: Settings) -> Judged:
    """Accept or reject. What the CRD's own rules cover was refused at apply and is only seen here as a safeguard."""
    try:
        benchmark = Benchmark.model_validate(body)
    except ValidationError as error:
        return Judged(None, INVALID, field_errors(error))
    problems = () if _has_runs(body) else acceptance.problems(benchmark.spec)
    if problems:
        return Judged(None, INVALID, "; ".join(problems))
    if benchmark.spec.workload.spark is not None and not provided.driver_account_exists:
        return Judged(None, DRIVER_ACCOUNT_MISSING, _account_message(benchmark, settings))
    lacking = offers.lack(benchmark, provided.engine, provided.queue)
    if lacking is not None:
        return Judged(None, lacking.reason, lacking.message)
    cells, planned = expand.cell_count(benchmark.spec), expand.run_count(benchmark.spec)
    return Judged(benchmark, "Accepted", "; ".join(
        (f"{planned} runs of {cells} cells planned", *acceptance.cluster_remarks(benchmark.spec))))


def _has_runs(body: KubeObject) -> bool:
    """What is judged is fixed then: only a newer operator's rules could refuse it, and would leave its pods alone."""
    return bool(body.get("status", {}).get("runs", {}).get("created"))


def field_errors(error: ValidationError) -> str:
    """A validation error as `spec.shapes.0.workers: …`, one after the other."""
    return "; ".join(f"{'.'.join(str(part) for part in one['loc']) or 'Benchmark'}: {one['msg']}"
                     for one in error.errors())


def _account_message(benchmark: Benchmark, settings: Settings) -> str:
    spark = benchmark.spec.workload.spark
    own = spark.driver.service_account_name if spark else None
    name = own or settings.driver_service_account
    fix = ("create it, or name another in spec.workload.spark.driver.serviceAccountName" if own else
           f"add {benchmark.metadata.namespace} to the chart's workloadNamespaces, or name an account that may create "
           "pods in spec.workload.spark.driver.serviceAccountName")
    return f"the Spark driver's service account {name} is not in namespace {benchmark.metadata.namespace}: {fix}"
