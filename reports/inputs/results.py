"""Reads what reports are made of: results files, and run records where there are any."""

import json
from pathlib import Path
from typing import Any

from bench.common.files import read_json
from bench.results import AblationResults, MethodResults, read_ablation, read_results
from reports.text.labels import place, row_of
from reports.text.lists import grouped

Rows = tuple[MethodResults, ...]
"""All rows on one dataset, in the order of the tables."""

Ablations = tuple[AblationResults, ...]
"""All ablations on one dataset, those of the paper's tables first."""


def read_datasets(root: Path) -> dict[str, Rows]:
    """Every ``<root>/<dataset>/<row>.json``, by dataset; none where all datasets were skipped.

    Raises ValueError when there is nothing, when a file cannot be read, when methods of a dataset
    disagree on what it is, or when only some of them were skipped.
    """
    every = [read_results(path) for path in _files(root, "*/*.json") if not _skip(path)]
    datasets = grouped((results.dataset, results) for results in every)
    skipped = read_skipped(root)
    if not datasets and not skipped:
        raise ValueError(f"{root} has no results (<dataset>/<method>.json); run: dvc repro")
    if both := sorted(datasets.keys() & skipped.keys()):
        raise ValueError(f"results of {both[0]}: some are there, some were skipped; run: dvc repro")
    for name, methods in datasets.items():
        check_agreement(name, methods)
    return {name: tuple(sorted(methods, key=place)) for name, methods in sorted(datasets.items())}


def read_skipped(root: Path) -> dict[str, str]:
    """Dataset -> why it was not run, from every results file that says so.

    Such a file is ``{"dataset": "biwi", "skipped": "<reason>"}``. Raises ValueError for one that is
    something else, or no JSON.
    """
    paths = (*_files(root, "*/*.json"), *_files(root, "*/ablations/*.json"))
    found = grouped(skipped for path in paths if (skipped := _skip(path)))
    return {name: "; ".join(reasons) for name, reasons in sorted(found.items())}


def _skip(path: Path) -> tuple[str, str] | None:
    """(dataset, why it was skipped) of a file that says so, or None: it holds results."""
    match read_json(path):
        case {"dataset": str(name), "skipped": str(why)} if name and why:
            return name, why
        case {"skipped": _}:
            expected = '{"dataset": NAME, "skipped": REASON}'
            raise ValueError(f"{path}: expected {expected}; run: dvc repro")
    return None


def _files(root: Path, pattern: str) -> list[Path]:
    """Results files; ``<method>.metrics.json`` has the means again, for `dvc metrics`."""
    return [path for path in sorted(root.glob(pattern)) if len(path.suffixes) == 1]


def read_ablations(root: Path) -> dict[str, Ablations]:
    """Every ``<root>/<dataset>/ablations/<method>-<ablation>.json``, by dataset; maybe none.

    Raises ValueError when one cannot be read, or when its rows disagree on what the dataset is.
    """
    paths = _files(root, "*/ablations/*.json")
    every = [read_ablation(path) for path in paths if not _skip(path)]
    for ablation in every:
        check_agreement(ablation.dataset, [row.results for row in ablation.rows])
    found = grouped((ablation.dataset, ablation) for ablation in every)
    return {
        name: tuple(sorted(ablations, key=lambda a: (not a.paper, a.paper, a.method, a.name)))
        for name, ablations in sorted(found.items())
    }


def all_rows(dataset: Rows, ablations: Ablations) -> Rows:
    """Table 1's rows, then those of the ablations; rows that are runs of another row included."""
    return (*dataset, *(row.results for ablation in ablations for row in ablation.rows))


def distinct(rows: Rows) -> Rows:
    """Rows without those whose runs are another row's: they were run once."""
    found: dict[tuple[str, ...], MethodResults] = {}
    for results in rows:
        found.setdefault(_runs_of(results), results)
    return tuple(found.values())


def _runs_of(results: MethodResults) -> tuple[str, ...]:
    """Equal for rows with the same runs: their keys, or the row's name where there is none."""
    keys = [f"{run.seed} {step} {key}" for run in results.runs for step, key in run.keys.items()]
    return tuple(keys) or (row_of(results),)


def check_agreement(name: str, methods: list[MethodResults]) -> None:
    """ValueError unless all methods mean the same dataset, unit and profile."""
    for field in ("generated", "unit", "unit_to_mm", "profile"):
        values = {str(getattr(results, field)) for results in methods}
        if len(values) > 1:
            found = ", ".join(sorted(values))
            raise ValueError(f"results of {name} disagree on {field}: {found}; run: dvc repro")


def read_run_record(runs: Path, key: str) -> dict[str, Any]:
    """The record of a cached step as it is, or an empty one where there is none to read."""
    try:
        record = json.loads((runs / key / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # records are extra: pages are made from results alone
    return record if isinstance(record, dict) else {}
