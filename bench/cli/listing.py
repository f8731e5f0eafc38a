"""Lists methods, datasets, ablations, metrics and cached runs, a line each."""

import ast
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap
from typing import Any

import yaml

from bench.collect.codebooks import codebooks
from bench.common.errors import unknown
from bench.common.files import read_json
from bench.common.fingerprint import module_of, source_file
from bench.common.project import data_folder, plans_folder, runs_folder
from bench.pipeline.cache import Cache
from bench.pipeline.imported import POINTERS, Pointer, pointers
from bench.pipeline.step import IMPORT, nearest_change
from bench.registry.methods import MethodEntry
from bench.registry.rows import IMPORTED, Registry, row_name

KINDS = ("methods", "datasets", "ablations", "metrics", "runs")


def lines(what: str, registry: Registry) -> Iterator[str]:
    """The lines of `bench list`. Raises ValueError for an unknown kind."""
    if what not in (*KINDS, "all"):
        raise unknown("list", what, (*KINDS, "all"))
    listers = {
        "methods": lambda: _methods(registry),
        "datasets": _datasets,
        "ablations": lambda: _ablations(registry),
        "metrics": _metrics,
        "runs": _runs,
    }
    for kind in KINDS[:4] if what == "all" else (what,):
        if what == "all":
            yield f"{kind}:"
        for line in listers[kind]():
            yield f"  {line}" if what == "all" else line


def show_lines(prefix: str, why: bool) -> Iterator[str]:
    """A record in lines; with ``why``, what differs from the nearest other run of its kind."""
    cache = Cache(runs_folder())
    key = cache.find(prefix)
    if key == POINTERS:
        raise ValueError(f"{prefix!r} is no run; `bench list methods` shows what is imported")
    record = cache.record(key)
    if record is None:
        raise ValueError(f"{key} was interrupted: it has no record; run the same command again")
    if why:
        others = [r for r in cache.records() if r["key"] != key]
        yield f"{record['step']} of {record['method']} on {record['dataset']}, differs by:"
        yield from (f"  {line}" for line in nearest_change(record, others))
        return
    for name in ("step", "method", "variant", "dataset", "seed", "status", "error", "reason"):
        if record.get(name) not in (None, ""):
            yield f"{name}: {record[name]}"
    times = ("started", "seconds", "peak_memory_mb")
    for name in (*times, "device", "threads", "machine", "job", "git", "versions"):
        if record.get(name) is not None:
            yield f"{name}: {record[name]}"
    for name, value in record["inputs"].items():
        yield f"input {name}: {value}"
    for book in codebooks(cache, {record["step"]: key}).values():
        yield (
            f"codebook of {book.size} codes: usage {book.usage:.2g}, "
            f"perplexity {book.perplexity:.1f} on the validation clips"
        )
    if record["step"] == IMPORT and record["status"] == "done":
        yield from _import_lines(record)
    for path in sorted(cache.folder(key).iterdir()):
        yield f"file {path}"


def _import_lines(record: dict[str, Any]) -> Iterator[str]:
    """Tells which files were read, how much of them was ignored, and the model that came of it."""
    for role, file in record["files"].items():
        ignored = len(record["ignored"].get(role, []))
        yield f"read {role}: {file['name']} (sha256 {file['sha256'][:12]}), {ignored} keys ignored"
    yield "model:"
    for line in yaml.safe_dump(record["model"], sort_keys=False).splitlines():
        yield f"  {line}"


def clean(yes: bool) -> Iterator[str]:
    """Delete (or, without ``yes``, list) the entries that nothing refers to and no process holds.

    What refers: plans, which `bench fill` wrote for the tables, and imports; runs made by hand are
    not among them.
    """
    from bench.collect.plan_files import planned_keys  # heavy: torch

    cache = Cache(runs_folder())
    referenced = planned_keys(plans_folder())
    imported = [pointer for *_, pointer in pointers(cache)]
    referenced |= {POINTERS, *(each.key for each in imported if isinstance(each, Pointer))}
    if damaged := [error for error in imported if isinstance(error, ValueError)]:
        yield from (f"{error}; all imported weights are kept" for error in damaged)
        referenced |= {r["key"] for r in cache.records() if r["step"] == IMPORT}
    loose = [key for key in cache.unreferenced(referenced) if not cache.is_busy(key)]
    total = 0
    for key in loose:
        size = sum(f.stat().st_size for f in cache.folder(key).rglob("*") if f.is_file())
        total += size
        what = _what(cache, key)
        yield f"{'removed' if yes else 'would remove'} {key[:12]}  {size / 1e6:8.1f} MB  {what}"
        if yes:
            cache.remove(key)
    verb = "removed" if yes else "would be removed; add --yes to delete"
    yield f"{len(loose)} entries, {total / 1e6:.1f} MB {verb}"


def _what(cache: Cache, key: str) -> str:
    """Method and step of an entry, whatever state it is in."""
    try:
        record = cache.record(key) or {}
    except ValueError:  # which is why it should go
        return "a damaged record"
    return f"{record.get('method', '?')} {record.get('step', 'interrupted')}"


def _methods(registry: Registry) -> Iterator[str]:
    imported = list(pointers(Cache(runs_folder())))
    for name, method in registry.methods.items():
        yield f"{name:<12} {_first_line(method)}"
        if not method.is_installed:
            continue
        if method.variants:
            rows = ", ".join(row_name(name, variant) for variant in method.variants)
            yield from _wrapped(f"variants: {rows}")
        for dataset, owner, pointer in imported:
            if owner == name:
                source = f"from {pointer.label}" if isinstance(pointer, Pointer) else str(pointer)
                yield f"{'':<12} imported: {row_name(name, IMPORTED)} on {dataset}, {source}"


def _wrapped(text: str) -> list[str]:
    """Lines under a method's description; no name is broken."""
    indent = " " * 13
    return wrap(text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _first_line(method: MethodEntry) -> str:
    """The first line of a method module's docstring, read without importing it."""
    path = source_file(module_of(method.reference))
    if path is None:
        return f"({method.reference} is not installed)"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or method.reference
    return text.splitlines()[0]


def _datasets() -> Iterator[str]:
    cards = {path.parent.name for path in Path("datasets").glob("*/dataset.yaml")}
    prepared = {path.parent.name for path in data_folder().glob("*/manifest.json")}
    for name in sorted(cards | prepared):
        if name not in prepared:
            yield f"{name:<12} not prepared; run: bench prepare {name}"
            continue
        manifest = read_json(data_folder() / name / "manifest.json")
        kind = "generated" if manifest["generated"] else "recorded"
        clips = sum(entry["take"] == 0 for entry in manifest["clips"])
        yield (
            f"{name:<12} {kind}, {manifest['num_vertices']} vertices, {manifest['fps']} fps, "
            f"{clips} clips, unit {manifest['unit']}"
        )


def _ablations(registry: Registry) -> Iterator[str]:
    for name, method in registry.methods.items():
        for stem, ablation in method.ablations.items() if method.is_installed else ():
            yield f"{f'{name}-{stem}':<22} {ablation.description}"
            yield f"{'':<22} variants: {', '.join(ablation.variants)}"


def _metrics() -> Iterator[str]:
    from bench.metrics.table import METRICS

    for metric in METRICS.values():
        yield f"{metric.name:<26} {metric.unit:<7} {metric.description}"


def _runs() -> Iterator[str]:
    for record in Cache(runs_folder()).records():
        files = [file["name"] for file in record.get("files", {}).values()]
        source = f" from {', '.join(files)}" if record["step"] == IMPORT and files else ""
        yield (
            f"{record['key'][:12]}  {record['status']:<8} {record['method']} {record['variant']} "
            f"{record['dataset']} seed {record['seed']} {record['step']}{source}"
        )
