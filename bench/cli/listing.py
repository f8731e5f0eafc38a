"""What there is: methods, datasets, ablations, metrics and cached runs, a line each."""

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
from bench.pipeline.step import IMPORT
from bench.registry.ablations import ablation_files
from bench.registry.methods import known_methods, preset_folder
from bench.registry.rows import IMPORTED, row_name, variants_of

KINDS = ("methods", "datasets", "ablations", "metrics", "runs")


def lines(what: str, table: dict[str, str]) -> Iterator[str]:
    """The lines of `bench list`. Raises ValueError for an unknown kind."""
    if what not in (*KINDS, "all"):
        raise unknown("list", what, (*KINDS, "all"))
    listers = {
        "methods": lambda: _methods(table),
        "datasets": _datasets,
        "ablations": lambda: _ablations(table),
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
        from bench.pipeline.step import nearest_change

        others = [r for r in cache.records() if r["key"] != key]
        yield f"{record['step']} of {record['method']} on {record['dataset']}, differs by:"
        yield from (f"  {line}" for line in nearest_change(record, others))
        return
    for name in ("step", "method", "variant", "dataset", "seed", "status", "error", "reason"):
        if record.get(name) not in (None, ""):
            yield f"{name}: {record[name]}"
    for name in ("started", "seconds", "peak_memory_mb", "device", "threads", "git", "versions"):
        if name in record:
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
    """What was read, what of it was ignored, and the model that came of it."""
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


def _methods(table: dict[str, str]) -> Iterator[str]:
    imported = list(pointers(Cache(runs_folder())))
    for name, reference in known_methods(table).items():
        yield f"{name:<12} {_first_line(reference)}"
        if source_file(module_of(reference)) is None:
            continue
        if variants := variants_of(reference):
            rows = ", ".join(row_name(name, variant) for variant in variants)
            yield from _wrapped(f"variants: {rows}")
        for dataset, method, pointer in imported:
            if method == name:
                source = f"from {pointer.label}" if isinstance(pointer, Pointer) else str(pointer)
                yield f"{'':<12} imported: {row_name(name, IMPORTED)} on {dataset}, {source}"


def _wrapped(text: str) -> list[str]:
    """Lines under a method's description; no name is broken."""
    indent = " " * 13
    return wrap(text, 100, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _first_line(reference: str) -> str:
    """The first line of a method module's docstring, read without importing it."""
    import ast

    path = source_file(module_of(reference))
    if path is None:
        return f"({reference} is not installed)"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or reference
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


def _ablations(table: dict[str, str]) -> Iterator[str]:
    for method, reference in known_methods(table).items():
        if source_file(module_of(reference)) is None:
            continue  # registered, but not installed
        for name, ablation in ablation_files(preset_folder(reference)).items():
            variants = ", ".join(ablation.variants)
            yield f"{f'{method}-{name}':<22} {ablation.description}"
            yield f"{'':<22} variants: {variants}"


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
