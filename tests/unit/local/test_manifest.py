"""Reading a file: what is wrong is named with its path and the fix."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapebench.local import manifest

GOOD = """\
apiVersion: shapebench.dev/v1alpha1
kind: Benchmark
metadata: {name: tiny}
spec:
  workload: {tensorflow: {command: [python, -c, pass], arguments: ["--x={x}"]}}
  shapes: [{name: a, workers: 1, cpu: "1", memory: 1Gi}]
  parameters: [{name: x, values: [1, 2]}]
"""


def load(tmp_path: Path, text: str):
    file = tmp_path / "benchmark.yaml"
    file.write_text(text)
    return manifest.load(file)


def test_several_documents_and_other_kinds(tmp_path: Path) -> None:
    text = GOOD + "---\n---\napiVersion: v1\nkind: ConfigMap\n---\n" + GOOD.replace("tiny", "other")
    assert [one.metadata.name for one in load(tmp_path, text)] == ["tiny", "other"]


@pytest.mark.parametrize(("replace", "by", "problem"), [
    pytest.param("workers: 1", "workers: 0", "spec.shapes[0].workers: Input should be greater than or equal to 1",
                 id="no-workers"),
    pytest.param("workers: 1", "wokers: 1", "spec.shapes[0].wokers: no such field; did you mean workers?", id="typo"),
    pytest.param("1Gi}", "1Gi, pricePerHour: 0.05}", "spec.shapes[0].pricePerHour: write a price as a text, such as "
                 "'0.05'; put quotes around it: '0.05'", id="price-without-quotes"),
    pytest.param('cpu: "1"', "cpu: 1.5", "spec.shapes[0].cpu: write cores such as '2' or '0.5', or millicores such as "
                 "'500m', above 0; put quotes around it: '1.5'", id="cpu-without-quotes"),
    pytest.param("memory: 1Gi", "memory: 1024", "spec.shapes[0].memory: write bytes with a unit, such as '512Mi' or "
                 "'2Gi', above 0 (got 1024)", id="memory-without-unit"),
    pytest.param('["--x={x}"]', "[{x}]", "spec.workload.tensorflow.arguments[0]: write a text: put quotes around it",
                 id="template-without-quotes"),
    pytest.param("kind: Benchmark", "kind: Benchmrk", "kind: 'Benchmrk' is not known; did you mean Benchmark?",
                 id="kind-misspelt"),
    pytest.param("spec:", "spec:\n  limits: {budget: 0.5}", "spec.limits.budget: write a price as a text",
                 id="budget-without-quotes"),
    pytest.param("spec:", "spec:\n  validity: {maxStealShare: 0.1}", "spec.validity.maxStealShare: write a share from "
                 "0 to 1 as a text", id="share-without-quotes"),
    pytest.param("spec:", "spec:\n  limits: {runTimeout: 30}", "spec.limits.runTimeout: write hours, minutes and "
                 "seconds such as '90s', '5m' or '1h30m', above 0 (got 30)", id="duration-as-a-number"),
    pytest.param("[1, 2]", "[1, [2]]", "spec.parameters[0].values[1]: write a number, a text, or true or false",
                 id="a-list-as-a-value"),
    pytest.param("[1, 2]", "[1, .nan]", "spec.parameters[0].values[1]: write a number, a text, or true or false (got "
                 "nan)", id="not-a-number"),
    pytest.param("[1, 2]", "[-.inf, 2]", "spec.parameters[0].values[0]: write a number, a text, or true or false (got "
                 "-inf)", id="infinity"),
    pytest.param("command: [python, -c, pass]", "job: trian", "spec.workload.tensorflow.job: 'trian' is not known; did "
                 "you mean train?", id="job-misspelt"),
    pytest.param("command: [python, -c, pass]", "job: zzz", "spec.workload.tensorflow.job: 'zzz' is not known; known "
                 "are train, train-stream", id="job-unknown"),
    pytest.param("workers: 1, ", "", "spec.shapes[0].workers: is missing; add it", id="missing"),
    pytest.param('cpu: "1"', "cpu: much", "spec.shapes[0].cpu: write cores such as '2'", id="cpu"),
    pytest.param("{x}", "{y}", "spec.workload.tensorflow.arguments[0]: '--x={y}': unknown parameter 'y'; known are",
                 id="template"),
    pytest.param("spec:", "spce:", "spec: is missing; add it", id="no-spec"),
    pytest.param("name: tiny", "name: Tiny", "metadata.name must be", id="rule"),
    pytest.param("[python, -c, pass]", "[]", "give either job (a shipped one) or command", id="rule-inside"),
    pytest.param(GOOD[:GOOD.index("metadata")], "apiVersion: batch/v1\nkind: Job\n",
                 "has no document with kind: Benchmark, only Job", id="other-kind"),
])
def test_what_is_wrong_is_named(tmp_path: Path, replace: str, by: str, problem: str) -> None:
    with pytest.raises(manifest.ManifestError) as caught:
        load(tmp_path, GOOD.replace(replace, by))
    assert any(problem in one for one in caught.value.problems), caught.value.problems
    fields = [one.partition(": ")[0] for one in caught.value.problems]
    assert len(fields) == len(set(fields)), "one line for each field"
    assert not any("Value error" in one or "constrained" in one for one in caught.value.problems)


@pytest.mark.parametrize(("replace", "by", "line", "told", "at"), [
    pytest.param("  workload", "\tworkload", 5, "found character '\\t' that cannot start any token; write spaces",
                 "→workload: {", id="tab"),
    pytest.param("kind: Benchmark", "kind: a: b", 2, "mapping values are not allowed here; put quotes around a text "
                 "that has ': ' in it; or this line is indented too far", ": b", id="colon"),
    pytest.param("  shapes", " shapes", 6, "expected <block end>, but found '<block mapping start>'; indent this line "
                 "as those that it belongs with", "shapes: [", id="not-far-enough"),
    pytest.param("memory: 1Gi}]", "memory: 1Gi]", 6, "expected ',' or '}', but got ']'; close the bracket of line 6",
                 "]", id="bracket"),
    pytest.param('"--x={x}"]}}', "'--x={x}]}}", 5, "found unexpected end of stream; close the quote of line 5", "'--x",
                 id="quote-that-never-ends"),
    pytest.param("[1, 2]}]", "[1, 2]}]]", 7, "take this bracket away", "]", id="bracket-too-many"),
    pytest.param("python", "@python", 5, "found character '@' that cannot start any token; put quotes around",
                 "@python", id="sign"),
    pytest.param("tiny", "ti\x07ny", 3, "special characters are not allowed (U+0007)", "·ny}", id="control-character"),
])
def test_what_is_no_yaml_is_shown_where_it_stands(
        tmp_path: Path, replace: str, by: str, line: int, told: str, at: str) -> None:
    with pytest.raises(manifest.ManifestError) as caught:
        load(tmp_path, GOOD.replace(replace, by))
    (problem,) = caught.value.lines
    first, shown, caret = problem.splitlines()
    assert shown[caret.index("^"):].startswith(at)
    assert first.startswith(f"{tmp_path / 'benchmark.yaml'}:{line}:{caret.index('^') - 3}: is not YAML: ")
    assert told in first


def test_of_a_long_line_the_part_around_the_place_is_shown(tmp_path: Path) -> None:
    with pytest.raises(manifest.ManifestError) as caught:
        load(tmp_path, f"a: [{'x, ' * 200}@here, {'x, ' * 200}]")
    _, shown, caret = caught.value.lines[0].splitlines()
    assert shown[caret.index("^"):].startswith("@here")
    assert len(shown) < 120


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "image.yaml").write_bytes(b"\x89PNG\xff")
    with pytest.raises(manifest.ManifestError, match="is no text in UTF-8"):
        manifest.load(tmp_path / "image.yaml")


@pytest.mark.parametrize(("text", "place", "told"), [
    pytest.param("arguments: [a, b,\n", "1:18", "close the bracket", id="list"),
    pytest.param("a: 1\narguments: [\n\n\n", "2:13", "close the bracket", id="empty-list"),
    pytest.param("a: [1,\u2028\n", "1:7", "close the bracket", id="list-and-a-rare-line-end"),
    pytest.param("- {name: a, workers: 1,\n", "1:24", "close the bracket", id="mapping"),
    pytest.param("a: {b: \n", "1:7", "close the bracket", id="mapping-without-a-value"),
    pytest.param("? [\n", "1:4", "close the bracket", id="key"),
    pytest.param("a: 1\n\x00b: 2", "2:1", "(U+0000); take it away", id="bad-character-first-in-its-line"),
    pytest.param("a: 1\nb\x0b: 2", "2:2", "(U+000B); take it away", id="bad-character-that-python-ends-lines-at"),
    pytest.param("\ufeffa: @", "1:4", "cannot start any token", id="byte-order-mark"),
    pytest.param("a: !!timestamp x", "1:4", "this is no timestamp; put quotes around a text (and no !!timestamp before",
                 id="no-date"),
    pytest.param("a: 1\nb: 2020-13-45", "2:4", "this is no timestamp; put quotes around", id="no-month"),
    pytest.param(f"a: 1{':0' * 200}.0", "1:4", "this is no float; put quotes around", id="too-large-a-number"),
    pytest.param("a: !!bool x", "1:4", "this is no bool; put quotes around", id="no-bool"),
    pytest.param("a: !!int x", "1:4", "this is no int; put quotes around", id="no-number"),
    pytest.param("a: [!!int '']", "1:5", "this is no int; put quotes around", id="empty-number"),
    pytest.param(f"kind: 0x{'f' * 5000}", "1:7", "this is no int", id="number-of-too-many-digits"),
    pytest.param('a: "\\UFFFFFFFF"', "1:7", "this cannot be read: Python int too large", id="escape-beyond-unicode"),
    pytest.param("[" * 1000, "", "this is nested too deep", id="deep"),
])
def test_whatever_is_no_yaml_has_a_place(tmp_path: Path, text: str, place: str, told: str) -> None:
    with pytest.raises(manifest.ManifestError) as caught:
        load(tmp_path, text)
    (problem,) = caught.value.lines
    assert problem.startswith(f"{tmp_path / 'benchmark.yaml'}:{place}"), problem
    assert told in problem.splitlines()[0]


SIGNS = st.text(st.sampled_from("\t\n :'\"[]{}&*!|>%@`#,?-=<~.\\\r\x85\u2028\ufeff\0x0 1_eé"), max_size=12)
BROKEN = st.builds(lambda at, length, by: GOOD[:at] + by + GOOD[at + length:],
                   st.integers(0, len(GOOD)), st.sampled_from([0, 1, 5, len(GOOD)]), SIGNS)
TAGGED = st.builds("a: !!{} {}".format, st.sampled_from(["int", "float", "bool", "timestamp", "binary", "set", "omap",
                                                         "pairs", "null", "str", "seq", "map"]), SIGNS)


@given(st.one_of(st.text(), SIGNS, BROKEN, TAGGED).map(str.encode) | st.binary())
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(content)
    try:
        manifest.load(file)
    except manifest.ManifestError as error:
        if any("is not YAML" in line for line in error.lines):
            (line,) = error.lines
            assert re.match(rf"{re.escape(str(file))}:\d+:\d+: is not YAML: .+\n    .*\n +\^$", line), line


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(manifest.ManifestError) as caught:
        load(tmp_path, GOOD.replace("workers: 1", "workers: -1").replace("1Gi", "lots").replace("tiny", "Tiny")
             + "---\n" + GOOD.replace("[1, 2]", "[]"))
    assert [one.partition(":")[0] for one in caught.value.problems] == [
        "metadata.name", "spec.shapes[0].workers", "spec.shapes[0].memory", "spec.parameters[0].values"]


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]"])
def test_what_is_no_object(tmp_path: Path, text: str) -> None:
    with pytest.raises(manifest.ManifestError):
        load(tmp_path, text)


def test_the_same_name_twice(tmp_path: Path) -> None:
    with pytest.raises(manifest.ManifestError, match="two Benchmarks are called tiny"):
        load(tmp_path, f"{GOOD}---\n{GOOD}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(manifest.ManifestError, match="cannot be read"):
        manifest.load(tmp_path / "nothing.yaml")
