"""What the operator, the agent and the jobs say to each other: names of environment variables, files and lines.

Plain constants and nothing else, importable by Python 3.9 with the standard library alone, because the agent runs
inside other people's images. The jobs do not import this module (they may run where Shapebench is not installed);
a test holds their copy of the two names they need equal to these.
"""

# --- environment of a run's program, set by the operator and by the local backend -------------------------------

ENV_NAMESPACE = "SHAPEBENCH_NAMESPACE"
ENV_BENCHMARK = "SHAPEBENCH_BENCHMARK"
ENV_RUN = "SHAPEBENCH_RUN"
ENV_SHAPE = "SHAPEBENCH_SHAPE"
ENV_ROLE = "SHAPEBENCH_ROLE"
"""One of ROLE_*."""
ENV_INDEX = "SHAPEBENCH_INDEX"
"""The pod's number within its role, from 0. Spark's executors count from 1 (SPARK_EXECUTOR_ID)."""
ENV_WORKERS = "SHAPEBENCH_WORKERS"
"""How many workers (executors, TensorFlow workers) the shape has: what the harness waits for."""
ENV_CPU = "SHAPEBENCH_CPU"
"""CPU of one worker, in cores, as a decimal: "0.5", "2"."""
ENV_SEED = "SHAPEBENCH_SEED"

# --- environment of the agent -----------------------------------------------------------------------------------

ENV_NODE = "SHAPEBENCH_NODE"
"""The node's name, for the record's environment."""
ENV_POD = "SHAPEBENCH_POD"
"""The pod's own name."""
ENV_AWAIT = "SHAPEBENCH_AWAIT"
"""Comma-separated host:port of the gang's other agents: the program starts when all of them accept a connection."""
ENV_AWAIT_TIMEOUT_S = "SHAPEBENCH_AWAIT_TIMEOUT_S"
ENV_FOLLOW = "SHAPEBENCH_FOLLOW"
"""Whose measured part this pod's usage is counted in, where its own program marks none: host:port of that agent, or
$NAME for the host of the URL that the variable NAME holds, at AGENT_PORT."""
ENV_SERVES = "SHAPEBENCH_SERVES"
"""Comma-separated host:port of the agents whose programs this pod's program serves. It never ends by itself, so its
agent ends it when all of theirs have ended, and that is a good end."""
ENV_METRICS_PORT = "SHAPEBENCH_METRICS_PORT"
ENV_SAMPLE_INTERVAL_S = "SHAPEBENCH_SAMPLE_INTERVAL_S"
SHORTEST_SAMPLE_INTERVAL_S, LONGEST_SAMPLE_INTERVAL_S = 0.1, 60.0
"""More often would cost more of a core than an agent may take; more seldom leaves too little of a curve."""
ENV_COUNTERS = "SHAPEBENCH_COUNTERS"
"""Where usage is read: "cgroup" (a pod; v1 or v2 is found out) or "processes" (local: the program's process tree)."""
ENV_RECORD_FILE = "SHAPEBENCH_RECORD_FILE"
"""Local backend: the agent writes its PodRecord to this file instead of to its last log lines."""

# --- the jobs' harness ------------------------------------------------------------------------------------------

ENV_EVENTS_FILE = "SHAPEBENCH_EVENTS_FILE"
"""A file to which the harness appends one JSON object a line; the agent makes it and reads it. Unset: by hand."""

EVENT_MEASURED_STARTED = "measured-started"
"""{"event", "time_s", "monotonic_s"}: the clock starts (all executors registered, data set there). Both are optional:
Unix time, and CLOCK_MONOTONIC, from which durations come."""
EVENT_MEASURED_FINISHED = "measured-finished"
EVENT_MEASUREMENT = "measurement"
"""{"event", "parameters": {name: scalar}, "values": {name: number}}: one row that the job measured."""
EVENT_ENVIRONMENT = "environment"
"""{"event", "values": {name: text}}: versions, resolved configuration, data set fingerprint."""
EVENT_WRONG_ANSWER = "wrong-answer"
"""{"event", "message"}: the job checked its answer, and it is wrong."""

EXIT_WRONG_ANSWER = 65
"""The exit code of a shipped job whose answer is wrong (sysexits' EX_DATAERR); the event is what decides."""

EXIT_AWAIT_TIMEOUT = 75
"""The agent's own exit code when a peer never came (sysexits' EX_TEMPFAIL)."""

EXIT_CANNOT_START = 127
"""The agent's own exit code when the program cannot be started, as a shell's."""

# --- inside a pod -----------------------------------------------------------------------------------------------

AGENT_DIR = "/shapebench/agent"
"""Where the init container puts the agent; an emptyDir shared with the program's container."""
AGENT_FILE = "/shapebench/agent/agent.pyz"
AGENT_PYTHON_DIR = "/shapebench/agent/python"
"""A Python of the agent's own, where the image has none: its linker (ld.so), bin and lib."""
CONF_DIR = "/shapebench/conf"
"""Where a Spark driver finds spark-defaults.conf and the executors' pod template."""
DATA_DIR = "/shapebench/data"
"""A scratch emptyDir in every pod of a run: the data set step's default place."""
IMAGE_AGENT_FILE = "/opt/shapebench/agent.pyz"
IMAGE_AGENT_PYTHON_DIR = "/opt/agent/python"
"""Where the operator's image carries the agent."""

AGENT_PORT = 9404
EVENT_PROGRAM_OVER = "program-over"
"""Told there last: this agent's program has ended."""
MEASURED_PATH = "/measured"
"""Where an agent tells others of its measured part: a line for each end, on a connection that stays open."""
TERMINATION_LOG = "/dev/termination-log"
TERMINATION_LOG_LIMIT_BYTES = 4096

RECORD_LINE_PREFIX = "SHAPEBENCH-RECORD "
"""The last log lines of a pod: `SHAPEBENCH-RECORD <part>/<parts> <base64 of gzip of the PodRecord's JSON>`."""
RECORD_LINE_PAYLOAD_CHARS = 8000
CUT_SHORT = "the agent was killed before its end; the totals are those of its last checkpoint"
"""The message of a record that an agent left before its end."""
VALUE_SEPARATORS = (b",", b"[", b"{")
"""In a record's JSON: who reads it bounds their number, since `[],` is three bytes of text and seventy of memory."""

# --- roles ------------------------------------------------------------------------------------------------------

ROLE_DRIVER = "driver"
ROLE_EXECUTOR = "executor"
ROLE_WORKER = "worker"
ROLE_PARAMETER_SERVER = "ps"
