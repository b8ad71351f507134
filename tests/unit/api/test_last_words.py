"""The lines of a log that tell why a program failed."""

from __future__ import annotations

import pytest

from shapebench.api import last_words

ERROR = """\
Traceback (most recent call last):
  File "job.py", line 4, in <module>
    read()
ValueError: no such thing"""
JVM_DIES = """\
26/11/23 07:55:20 ERROR Worker: Failed to launch executor 1
java.lang.IllegalStateException: Shutdown hooks cannot be modified during shutdown.
\tat java.base/java.lang.ApplicationShutdownHooks.add(ApplicationShutdownHooks.java:66)
26/11/23 07:55:20 ERROR ExecutorRunner: Error running executor
java.io.IOException: Cannot run program "java"
Caused by: java.io.IOException: error=0, Failed to exec spawn helper
\t... 3 more
shapebench-agent: the program left 10 processes behind; they were ended"""
TENSORFLOW_DIES = """\
2026-11-23 07:55:20.123456: W tensorflow/core/framework/local_rendezvous.cc:404] Local rendezvous is aborting
I0000 00:00:1795420520.123456    4321 coordination_service_agent.cc:411] Shutting down"""
STAGE = """\
Traceback (most recent call last):
  File "job.py", line 9, in <module>
    count()
py4j.protocol.Py4JJavaError: An error occurred while calling o41.count.
: org.apache.spark.SparkException: Job aborted due to stage failure
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:3122)
Caused by: java.lang.OutOfMemoryError: Java heap space"""


def without_frames(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("\t"))


@pytest.mark.parametrize(("log", "words"), [
    pytest.param("", "", id="nothing"),
    pytest.param("hello\n\n  \nbye\n", "hello\nbye", id="blank-lines"),
    pytest.param("\n".join(map(str, range(40))), "\n".join(map(str, range(25, 40))), id="the-last-lines"),
    pytest.param(f"bye\nSHAPEBENCH-RECORD 1/1 {'x' * 2000}\n", "bye", id="without-the-record"),
    pytest.param("x" * 5000, "x" * last_words.CHARS, id="one-long-line"),
    pytest.param(f"{ERROR}\n{JVM_DIES}\n", ERROR, id="a-jvm-dies-of-the-error"),
    pytest.param(f"{STAGE}\n{JVM_DIES}\n", without_frames(STAGE), id="an-error-with-the-jvms-causes"),
    pytest.param(f"{ERROR}\n{TENSORFLOW_DIES}\n", ERROR, id="tensorflow-dies-of-the-error"),
    pytest.param(f"{ERROR}\nshapebench-agent: the program left 1 process behind; it was ended\n", ERROR, id="no-jvm"),
    pytest.param(f"{ERROR}\ngoing on without it\n26/11/23 07:55:20 WARN A: b\nno data: giving up",
                 f"{ERROR}\ngoing on without it\n26/11/23 07:55:20 WARN A: b\nno data: giving up", id="a-caught-error"),
    pytest.param(JVM_DIES, without_frames(JVM_DIES), id="no-python"),
])
def test_the_last_words(log: str, words: str) -> None:
    assert last_words.of_log(log) == words
