"""Does a method listen, move where it should, and beat the floors? The worst seed decides.

Conventions  Every line is about the split of Table 1: test_a, or test_b where there is no test_a.
             Where a planned seed has no value, the cell says how many seeds have met the line.
"""

from collections.abc import Collection, Mapping

from bench.results import MethodResults, RunResult
from reports.analysis.acceptance import (
    CHECKS,
    CODEBOOK,
    Check,
    better_floor,
    bound,
    check_value,
    concerns,
    no_concern,
)
from reports.analysis.codebooks import COLLAPSED, collapse_of
from reports.analysis.scores import value_of
from reports.inputs.results import Ablations, Dataset
from reports.inputs.shortfalls import SHORTFALLS, Shortfalls, known_of, read_shortfalls
from reports.text.grid import Cell, Column, Grid
from reports.text.labels import FLOORS, ORACLE, data_sentence, label, row_of, sentences
from reports.text.masks import mask_sentence
from reports.text.numbers import number
from reports.text.splits import split_of

NAMES = tuple(check.name for check in CHECKS)


def checks_table(dataset: Dataset, shortfalls: Shortfalls | None = None) -> Grid:
    """Every check of every row of a dataset; ``shortfalls``: those of known_shortfalls.yaml."""
    floor = better_floor(dataset)
    known = {row_of(each): _known(each, shortfalls) for each in dataset}
    notes = [f"{check.title}: {check.meaning}." for check in CHECKS]
    notes.append(f"No line is drawn for the floors ({', '.join(FLOORS)}) and the ground truth.")
    if floor is None:
        notes.append("No LVE ratio: neither template nor mean has a result.")
    notes += _reasons(dataset)
    for results in dataset:
        for check in CHECKS:
            if reason := known[row_of(results)].get(check.name):
                notes.append(f"{label(results)}, {check.title}, documented: {reason}")
    return Grid(
        name=f"checks-{dataset[0].dataset}",
        caption=sentences(
            data_sentence(dataset[0]),
            f"Checks on {split_of(dataset)}: each cell is the worst seed.",
            mask_sentence(dataset, ("mouth",)),
        ),
        columns=(
            Column("Method", numeric=False),
            *(Column(f"{check.title} ({bound(check)})") for check in CHECKS),
        ),
        rows=tuple(
            (
                Cell(label(results)),
                *(_cell(c, results, floor, c.name in known[row_of(results)]) for c in CHECKS),
            )
            for results in dataset
        ),
        notes=tuple(notes),
    )


def _reasons(dataset: Dataset) -> list[str]:
    """Why a check is about no row of the dataset; that rows have no codebook needs no word."""
    notes = []
    for check in CHECKS:
        reasons = {
            no_concern(check, each) for each in dataset if each.method not in (*FLOORS, ORACLE)
        }
        if check.name != CODEBOOK and len(reasons) == 1 and (reason := reasons.pop()):
            notes.append(f"No {check.title}: {reason}.")
    return notes


def problems(dataset: Dataset, shortfalls: Shortfalls | None = None) -> list[str]:
    """Runs that are not done, lines that a trained row's seed does not meet, stale shortfalls.

    A line that is documented (known_shortfalls.yaml, or ``shortfalls``) may be missed, but its
    value may not be missing; it is stale when every seed meets it.
    """
    found, floor = [], better_floor(dataset)
    for results in dataset:
        where, known = f"{row_of(results)} on {results.dataset}", _known(results, shortfalls)
        for run in results.runs:
            who = f"{where}, seed {run.seed}"
            if run.status != "done":
                found.append(f"{who}: {run.status}: {run.reason}")
            elif results.method not in FLOORS and results.method != ORACLE:
                found += [f"{who}: {text}" for text in _missed(results, run, floor, known)]
        found += [f"{where}: {text}" for text in _stale(results, floor, known)]
    return found


def ablation_problems(ablations: Ablations, shortfalls: Shortfalls | None = None) -> list[str]:
    """Of one dataset's ablations: runs not done, runs without LVE, collapsed codebooks.

    A collapse that is documented under the row's name (known_shortfalls.yaml) is none.
    """
    found = []
    for ablation in ablations:
        name = f"{ablation.method}-{ablation.name} on {ablation.dataset}"
        for row in ablation.rows:
            known = CODEBOOK in _known(row.results, shortfalls)
            for run in row.results.runs:
                who = f"{name}, {row.variant}, seed {run.seed}"
                if run.status != "done":
                    found.append(f"{who}: {run.status}: {run.reason}")
                elif value_of(run, "lve") is None:
                    found.append(f"{who}: LVE is missing")
                if not known and (collapse := collapse_of(run)):
                    found.append(f"{who}: {collapse}")
            if not row.results.runs:
                found.append(f"{name}, {row.variant}: no run")
            elif known:
                stale = _stale(row.results, None, (CODEBOOK,))
                found += [f"{name}, {row.variant}: {text}" for text in stale]
    return found


def _known(results: MethodResults, shortfalls: Shortfalls | None) -> Mapping[str, str]:
    every = read_shortfalls() if shortfalls is None else shortfalls
    return known_of(every, results.dataset, row_of(results), NAMES)


def _missed(
    results: MethodResults, run: RunResult, floor: float | None, known: Collection[str]
) -> list[str]:
    lines = []
    for check in (check for check in CHECKS if concerns(check, results)):
        value = check_value(check, results, run, floor)
        if value is None:
            lines.append(f"{check.title} is missing, expected {_wanted(check, results)}")
        elif not _met(check, results, value) and check.name not in known:
            wanted = _wanted(check, results)
            lines.append(f"{check.title} is {number(value, 3)}, expected {wanted}")
    return lines


def _stale(results: MethodResults, floor: float | None, known: Collection[str]) -> list[str]:
    """Documented shortfalls that are none any more."""
    lines = []
    for check in CHECKS:
        values = [check_value(check, results, run, floor) for run in results.runs]
        if check.name in known and all(v is not None and _met(check, results, v) for v in values):
            lines.append(f"every seed meets {check.title}; remove it from {SHORTFALLS.name}")
    return lines


def _met(check: Check, results: MethodResults, value: float) -> bool:
    return value == 0 if _draws_nothing(check, results) else check.met(value)


def _wanted(check: Check, results: MethodResults) -> str:
    return "exactly 0" if _draws_nothing(check, results) else bound(check)


def _draws_nothing(check: Check, results: MethodResults) -> bool:
    """Whether a Diversity of exactly 0 is wanted, and not a large one."""
    return check.name == "diversity" and results.deterministic


def _cell(check: Check, results: MethodResults, floor: float | None, documented: bool) -> Cell:
    values = {run.seed: check_value(check, results, run, floor) for run in results.runs}
    present = {seed: value for seed, value in values.items() if value is not None}
    if not present:
        return Cell("-", note=no_concern(check, results) or "no seed has a value")
    by_seed = ", ".join(f"seed {seed}: {number(value, 3)}" for seed, value in present.items())
    count = "" if len(present) == len(values) else f"{len(present)} of {len(values)} seeds"
    short = f" in {count}" if count else ""
    no_variety = _draws_nothing(check, results)
    worst = max(present.values()) if no_variety else check.worst(list(present.values()))
    if results.method in FLOORS or results.method == ORACLE:
        return Cell(number(worst, 3) + short, worst, note=by_seed)
    kind = "met" if _met(check, results, worst) else "missed"
    told = COLLAPSED if check.name == CODEBOOK and kind == "missed" else kind
    told += " (documented)" if documented and kind == "missed" else ""
    if kind == "missed":  # by one seed at least: not by as many as have a value
        short = f"; {count} have a value" if count else ""
    text = f"{number(worst, 3)}{' (deterministic)' if no_variety else ''}, {told}{short}"
    return Cell(text, worst, note=by_seed, kind="partial" if kind == "met" and short else kind)
