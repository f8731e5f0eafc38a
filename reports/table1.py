"""Table 1: methods by LVE, FDD and Diversity, the paper's value beside ours.

Units  printed numbers are in the unit of their heading; records keep the dataset's own unit.
"""

from typing import Any

from bench.metrics import METRICS
from bench.results import MethodResults, RunResult
from reports.comparable import compare
from reports.grid import Cell, Column, Grid
from reports.inputs import Dataset
from reports.labels import ORACLE, SPLIT, checkpoints, data_sentence, label
from reports.numbers import Scale, number, scale_of, spell_factor, unit_of, with_interval
from reports.published import Published
from reports.scores import OverSeeds, over_seeds, unfinished

TABLE1 = ("lve", "fdd", "diversity")
ARROWS = {"lower": "lower is better", "higher": "higher is better", "zero": "0 is best"}


def table1(dataset: Dataset, published: Published) -> Grid:
    """Table 1 of one dataset, as people read it."""
    scales = {m: scale_of(m, METRICS[m].unit, dataset[0]) for m in TABLE1}
    rows: list[tuple[Cell, ...]] = []
    for results in dataset:
        rows.append(_method_row(results, scales, published))
        rows.extend(_unfinished_row(results, run) for run in unfinished(results))
    rows.append(_floor_row(dataset, scales["diversity"]))
    return Grid(
        name=f"table1-{dataset[0].dataset}",
        caption=_caption(dataset),
        columns=_columns(scales, published),
        rows=tuple(rows),
        notes=_notes(dataset, published),
    )


def _columns(scales: dict[str, Scale], published: Published) -> tuple[Column, ...]:
    paired = []
    for metric in TABLE1:
        printed = published.tables["table1"].columns[metric]
        unit = f"{spell_factor(printed.scale)}{printed.unit}, printed as mm"
        paired += [
            Column(METRICS[metric].title, scales[metric].text),
            Column(f"Paper {METRICS[metric].title}", unit),
        ]
    return (
        Column("Method", numeric=False),
        Column("Speech encoder", numeric=False),
        Column("Seeds", numeric=False),
        *paired,
        Column("Comparable with the paper", numeric=False),
    )


def _method_row(
    results: MethodResults, scales: dict[str, Scale], published: Published
) -> tuple[Cell, ...]:
    scores = {metric: over_seeds(results, metric) for metric in TABLE1}
    cells = []
    for metric in TABLE1:
        cells.append(_ours(scores[metric], scales[metric]))
        cells.append(_papers(results, metric, published))
    return (
        Cell(label(results)),
        Cell(results.speech_encoder),
        Cell(_seeds(results)),
        *cells,
        Cell(_comparable(results, published)),
    )


def _ours(score: OverSeeds, scale: Scale) -> Cell:
    if score.summary is None:
        return Cell("no value", kind="failed", note=f"{score.seeds} have a value")
    mean = score.summary.mean / scale.factor
    half = None if score.half_width is None else score.half_width / scale.factor
    text = with_interval(mean, half)
    return Cell(
        text if score.complete else f"{text} ({score.seeds})",
        mean,
        note=f"{score.seeds}; SD {number(score.summary.sd / scale.factor, 3)}",
        kind="" if score.complete else "partial",
    )


def _papers(results: MethodResults, metric: str, published: Published) -> Cell:
    cell = published.cell("table1", results.method, metric)
    if cell is None:
        return Cell("-", note="the paper has no such row")
    text = f"{cell.printed:.4f}" if cell.printed >= 0.1 else f"{cell.printed:.4e}"
    note = f"{cell.source}; printed in {cell.unit_printed}, read as {cell.unit}; {cell.remark}"
    return Cell("0" if cell.printed == 0 else text, cell.printed, note)


def _seeds(results: MethodResults) -> str:
    done = len(results.runs) - len(unfinished(results))
    return str(done) if done == len(results.runs) else f"{done} of {len(results.runs)}"


def _comparable(results: MethodResults, published: Published) -> str:
    """One reason where all three cells share it, else each with its own."""
    verdicts = {m: compare(results, m, METRICS[m].unit, published) for m in TABLE1}
    if len(set(verdicts.values())) == 1:
        return verdicts["lve"].text
    return "; ".join(f"{METRICS[m].title} {verdict.text}" for m, verdict in verdicts.items())


def _unfinished_row(results: MethodResults, run: RunResult) -> tuple[Cell, ...]:
    empty = [Cell(run.status, kind="failed"), Cell("-")] * len(TABLE1)
    reason = Cell(f"{run.status}: {run.reason or 'no reason recorded'}", kind="failed")
    name = Cell(f"{label(results)}, seed {run.seed}")
    return name, Cell(results.speech_encoder), Cell(run.status, kind="failed"), *empty, reason


def _floor_row(dataset: Dataset, scale: Scale) -> tuple[Cell, ...]:
    """The size of one float32 step: a Diversity near it is rounding, not variety."""
    floor = max(results.numerical_floor for results in dataset) / scale.factor
    dash = Cell("-")
    value = Cell(number(floor, 3), floor, note="mean size of one float32 step of the vertices")
    name = Cell("numerical floor (one float32 step)")
    return name, dash, dash, dash, dash, dash, dash, value, dash, dash


def _caption(dataset: Dataset) -> str:
    first = dataset[0]
    return (
        f"{data_sentence(first)} Table 1 on {first.dataset}, split {SPLIT}, profile "
        f"{first.profile}: mean over seeds and half of the 95 % t interval."
    )


def _notes(dataset: Dataset, published: Published) -> tuple[str, ...]:
    notes = [
        f"{METRICS[m].title}, {ARROWS[METRICS[m].better]}: {METRICS[m].description}" for m in TABLE1
    ]
    notes.append("No interval: only one seed has a value. An interval of 0: all seeds agree.")
    notes.append(published.unit_remark.strip())
    if any(results.method == ORACLE for results in dataset):
        notes.append(
            "The row of the ground truth scores another take of the same sentence as if it were "
            "a prediction; its Diversity is that of several takes."
        )
    for results in dataset:
        if files := checkpoints(results):
            hashes = ", ".join(f"{role} {sha256[:12]}" for role, sha256 in files.items())
            notes.append(
                f"{label(results)}: weights read from a checkpoint (SHA-256: {hashes}), not "
                "trained here."
            )
    for field in ("versions", "metric_versions", "masks"):
        if len({str(sorted(getattr(each, field).items())) for each in dataset}) > 1:
            notes.append(f"Mixture: the rows were not all made with the same {field}.")
    return tuple(notes)


def table1_records(dataset: Dataset, published: Published) -> list[dict[str, Any]]:
    """Table 1 with every digit: one record per method and metric, and per run without a value."""
    records = []
    for results in dataset:
        records += [_record(results, metric, published) for metric in TABLE1]
        for run in unfinished(results):
            identity = _identity(results)
            records.append(
                identity | {"seed": run.seed, "status": run.status, "reason": run.reason}
            )
    return records


def _identity(results: MethodResults) -> dict[str, Any]:
    return {
        "dataset": results.dataset,
        "generated": results.generated,
        "profile": results.profile,
        "split": SPLIT,
        "method": results.method,
        "variant": results.variant,
        "label": label(results),
        "speech_encoder": results.speech_encoder,
    }


def _record(results: MethodResults, metric: str, published: Published) -> dict[str, Any]:
    score, cell = over_seeds(results, metric), published.cell("table1", results.method, metric)
    verdict = compare(results, metric, METRICS[metric].unit, published)
    found = score.summary
    interval = found.interval if found else None
    return _identity(results) | {
        "seed": None,
        "status": "done" if score.complete else "incomplete",
        "reason": "" if score.complete else score.seeds,
        "metric": metric,
        "unit": unit_of(METRICS[metric].unit, results.unit),
        "mean": found.mean if found else None,
        "sd": found.sd if found else None,
        "low": interval.low if interval else None,
        "high": interval.high if interval else None,
        "seeds": found.n if found else 0,
        "planned": score.planned,
        "numerical_floor": results.numerical_floor,
        "paper_printed": cell.printed if cell else None,
        "paper_unit_printed": cell.unit_printed if cell else None,
        "paper_value": cell.value if cell else None,
        "paper_unit": cell.unit if cell else None,
        "paper_source": cell.source if cell else None,
        "comparable": verdict.comparable,
        "comparable_reason": verdict.reason,
    }
