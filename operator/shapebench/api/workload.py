"""The workload: a shipped job, or the user's own program, under Spark or TensorFlow."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from shapebench.api import quantity
from shapebench.api.fields import AbsolutePath, Cpu, Image, Memory, ObjectName, Price, Text
from shapebench.api.pods import EnvVar
from shapebench.api.rules import ApiObject, Distinct, Rule

SparkJob = Literal["read-speed", "read-grid", "sort", "sql", "k-means", "write-tfrecords", "stream-windows"]
"""Shipped Spark jobs."""
TensorFlowJob = Literal["train", "train-stream"]
"""Shipped TensorFlow jobs."""

RESERVED_CONF = (
    "spark.master", "spark.submit.deployMode", "spark.app.name", "spark.driver.host", "spark.driver.port",
    "spark.driver.bindAddress", "spark.driver.blockManager.port", "spark.blockManager.port", "spark.executor.instances",
    "spark.executor.cores", "spark.executor.memory", "spark.executor.memoryOverhead",
    "spark.memory.offHeap.enabled", "spark.memory.offHeap.size", "spark.executor.pyspark.memory",
    "spark.dynamicAllocation.enabled", "spark.scheduler.minRegisteredResourcesRatio",
)
"""What the shape and the launch decide; everything under spark.kubernetes. is reserved too."""

Arguments = Annotated[tuple[Text, ...], Field(max_length=64)]
Environment = Annotated[tuple[EnvVar, ...], Field(max_length=64), Distinct("name")]

_PULL_POLICIES = Literal["Always", "IfNotPresent", "Never"]

AgentPython = Annotated[Literal["Image", "Bundled"], Field(
    description="which Python runs the agent that measures the pod: the image's own python3 (3.9 or newer), or one "
                "that is brought along, for an image without")]

EngineKind = Literal["SparkApplication", "TFJob"]
"""The kinds of another operator's objects that a run can be launched through; that operator makes the pods."""
ENGINE_KINDS: tuple[EngineKind, ...] = get_args(EngineKind)


class Driver(ApiObject):
    """The Spark driver's own pod: the same for every shape, and not part of it."""

    cpu: Cpu = "1"
    memory: Memory = "1Gi"
    price_per_hour: Annotated[Price | None, Field(
        description="of the driver's pod, in the currency of the shapes' prices; default: not counted")] = None
    service_account_name: Annotated[
        ObjectName | None, Field(description="may create pods, services and config maps; default: the chart's")] = None


class SparkWorkload(ApiObject):
    """A PySpark program: one driver, and as many executors as the shape has workers."""

    engine: Annotated[Literal["Native", "SparkApplication"], Field(
        description="who makes the pods: Shapebench itself, or the Kubeflow Spark operator (2.4 or newer)")] = "Native"
    job: Annotated[SparkJob | None, Field(description="a shipped job")] = None
    image: Annotated[Image | None, Field(description="default: the Spark image that the operator came with")] = None
    image_pull_policy: _PULL_POLICIES | None = None
    agent_python: AgentPython = "Image"
    application: Annotated[
        AbsolutePath | None, Field(description="the user's own PySpark script, a path inside the pod")] = None
    executor_entrypoint: Annotated[
        AbsolutePath, Field(description="what the image starts executors with, as Spark's own images do")
    ] = "/opt/entrypoint.sh"
    arguments: Arguments = ()
    env: Environment = ()
    conf: Annotated[dict[Annotated[str, Field(max_length=253)], Text], Field(max_length=64)] = {}
    driver: Driver = Driver()

    rules = (
        Rule("has(self.job) != has(self.application)",
             "give either job (a shipped one) or application (the path of your own script)",
             lambda self: (self.job is None) != (self.application is None)),
        Rule("!has(self.conf) || self.conf.all(key, !key.startsWith('spark.kubernetes.') && !(key in ["
             + ", ".join(f"'{key}'" for key in RESERVED_CONF) + "]))",
             "conf holds a key that the shape or the launch decides (spark.kubernetes.*, spark.master, "
             "spark.driver.host and ports, spark.executor.instances, .cores, .memory, .memoryOverhead, "
             "spark.dynamicAllocation.enabled, …): set workers, cpu and memory of the shape instead",
             lambda self: not any(key.startswith("spark.kubernetes.") or key in RESERVED_CONF
                                  for key in self.conf), field="conf"),
    )


class TensorFlowWorkload(ApiObject):
    """A TensorFlow program: as many workers as the shape has, each with TF_CONFIG."""

    engine: Annotated[Literal["Native", "TFJob"], Field(
        description="who makes the pods: Shapebench itself, or the Kubeflow training operator (v1)")] = "Native"
    job: Annotated[TensorFlowJob | None, Field(description="a shipped job")] = None
    image: Annotated[
        Image | None, Field(description="default: the TensorFlow image that the operator came with")] = None
    image_pull_policy: _PULL_POLICIES | None = None
    agent_python: AgentPython = "Image"
    command: Annotated[
        tuple[Text, ...], Field(max_length=16, description="the user's own program, which reads TF_CONFIG")] = ()
    arguments: Arguments = ()
    env: Environment = ()
    parameter_servers: Annotated[int, Field(ge=0, le=64)] = 0

    rules = (Rule(
        "has(self.job) != (has(self.command) && self.command.size() > 0)",
        "give either job (a shipped one) or command (your own program)",
        lambda self: (self.job is None) != (not self.command)),)


class Workload(ApiObject):
    """What runs: Spark or TensorFlow."""

    spark: SparkWorkload | None = None
    tensorflow: TensorFlowWorkload | None = None

    rules = (Rule(
        "has(self.spark) != has(self.tensorflow)", "give one workload: spark or tensorflow",
        lambda self: (self.spark is None) != (self.tensorflow is None)),)

    @property
    def kind(self) -> Literal["spark", "tensorflow"]:
        """Which of the two it is."""
        return "spark" if self.spark is not None else "tensorflow"

    @property
    def engine(self) -> EngineKind | None:
        """The kind of object that another operator makes the pods from; None: Shapebench makes them itself."""
        engine = self.program.engine
        return None if engine == "Native" else engine

    @property
    def program(self) -> SparkWorkload | TensorFlowWorkload:
        """The workload itself, for what both kinds have."""
        program = self.spark or self.tensorflow
        assert program is not None  # the rule above
        return program


def job_module(job: str) -> str:
    """The Python module of a shipped job."""
    return f"shapebench_jobs.{job.replace('-', '_')}"


SPARK_MINIMUM_HEAP_BYTES = 471_859_200
"""Spark refuses a smaller executor heap (1.5 × the 300 MiB that it reserves)."""
SPARK_MINIMUM_OVERHEAD_BYTES = quantity.memory_bytes("384Mi")
