"""The runs that `shapebench plan` judges by: where they are from, which of them count, and what to remark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shapebench.analysis import likeness
from shapebench.api.benchmark import Benchmark
from shapebench.api.record import RunRecord
from shapebench.cli import sources, terminal
from shapebench.cli.run import DEFAULT_OUTPUT
from shapebench.local.store import Store


@dataclass(frozen=True)
class Earlier:
    """Runs, where they are from, and the Benchmark that they were of (None: it is not there any more)."""

    records: Sequence[RunRecord]
    source: str
    about: Benchmark | None = None


@dataclass(frozen=True)
class Usable:
    """Those of them that say something of one Benchmark, and what the reader must know of them."""

    records: Sequence[RunRecord]
    source: str
    remarks: tuple[str, ...] = ()


def named(source: str, namespace: str | None, context: str | None) -> Earlier:
    """The runs that --from names; refuses where there are none."""
    about = _about(source, namespace, context)
    _, records = sources.load(source, namespace, context)
    if not records:
        terminal.refuse(f"--from {source}: there is no record of an ended run, so there is nothing to judge by")
    if about is not None and about.metadata.name != records[0].benchmark:
        about = None
    return Earlier(records, source, about)


def neither(source: str, why: str) -> str:
    """What to say of a --from that is no path and cannot be read as a Benchmark's name."""
    there = (f"write ./{source} for what is here by that name" if Path(source).exists() else
             "it is no path here (a path has a / or ends in .json)")
    return f"--from {source}: {there}, and it cannot be read as a Benchmark of a cluster: {why}"


def judged_by(earlier: Earlier, benchmark: Benchmark) -> Usable:
    """Of the runs that --from names: those of the Benchmark's cells. Work that was another is remarked on."""
    found = likeness.sifted(benchmark.spec, earlier.records)
    said = _other_work(earlier, benchmark) if found.records else ()
    return Usable(found.records, earlier.source, (*said, *_left_out(found, earlier)))


def refuse_strangers(earlier: Earlier, benchmarks: Sequence[Benchmark]) -> None:
    """Refuses runs that say nothing of any of the Benchmarks."""
    sifted = [likeness.sifted(one.spec, earlier.records) for one in benchmarks]
    if not any(found.records for found in sifted):
        terminal.refuse(f"--from {earlier.source}: none of its {len(earlier.records)} runs is of a cell of "
                        f"{benchmarks[0].metadata.name}: {sifted[0].why}; name runs with the file's shapes and "
                        "parameters, or leave --from out")


def left_by_run(benchmark: Benchmark) -> Usable:
    """What `shapebench run` left of a Benchmark of this name in its default folder; none is fine.

    Only runs that it would go on with, or whose cells are as they are in the file, are judged by.
    """
    store = Store(DEFAULT_OUTPUT / benchmark.metadata.name)
    records, kept = store.all(), store.about()
    if not records or kept is None:
        return Usable(records, str(store.folder))
    changes = likeness.workload_changes(kept[0].spec, benchmark.spec)
    if changes:
        return Usable((), str(store.folder), (
            f"left out: all {len(records)} runs in {store.folder}, made before {' and '.join(changes)} changed",))
    earlier = Earlier(records, str(store.folder), kept[0])
    found = likeness.sifted(benchmark.spec, records)
    changed = store.changed(benchmark)
    said = [f"the runs in {store.folder} were made before {' and '.join(changed)} changed: `shapebench run` will not "
            "go on with them, and asks for --fresh or another --output"] if changed and found.records else []
    return Usable(found.records, str(store.folder), (*said, *_left_out(found, earlier)))


def _left_out(found: likeness.Sifted, earlier: Earlier) -> tuple[str, ...]:
    if not found.left_out:
        return ()
    return (f"left out: {found.left_out} of the {len(earlier.records)} runs of {earlier.source}: {found.why}",)


def _other_work(earlier: Earlier, benchmark: Benchmark) -> tuple[str, ...]:
    if earlier.about is not None:
        changes = likeness.workload_changes(earlier.about.spec, benchmark.spec)
        return (f"the runs of {earlier.source} did other work ({', '.join(changes)} differ): what they took may say "
                f"little of {benchmark.metadata.name}",) if changes else ()
    strangers = sorted({record.benchmark for record in earlier.records} - {benchmark.metadata.name})
    return (f"the runs of {earlier.source} are of {', '.join(strangers)}, and it is not known here whether they did "
            f"the same work as {benchmark.metadata.name}",) if strangers else ()


def _about(source: str, namespace: str | None, context: str | None) -> Benchmark | None:
    if sources.is_path(source):
        path = Path(source)
        kept = Store(path if path.is_dir() else path.parent).about() if "://" not in source else None
        return kept[0] if kept is not None else None
    return _on_cluster(source, namespace, context)


def _on_cluster(name: str, namespace: str | None, context: str | None) -> Benchmark | None:
    """The Benchmark by its name; refuses where it is not there, None where another version wrote it."""
    from pydantic import ValidationError

    from shapebench.kube import connect
    from shapebench.kube.cluster import KubeCluster
    from shapebench.kube.errors import KubeError
    from shapebench.kube.transport import Transport

    try:
        where = namespace or connect.namespace(context)
        cluster = KubeCluster(Transport(connect.client(context)), driver_service_account="")
        body = cluster.benchmark(where, name)
    except KubeError as error:
        terminal.refuse(neither(name, f"{error}"))
    if body is None:
        terminal.refuse(neither(name, f"there is no Benchmark {name} in namespace {where}"))
    try:
        return Benchmark.model_validate(body)
    except ValidationError:
        return None
