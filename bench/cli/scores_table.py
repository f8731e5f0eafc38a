"""Scores in the terminal: a table per row, or one table with a line per variant of an ablation."""

from collections.abc import Iterable, Mapping

from rich.table import Table

from bench.collect.results import mean_of, means
from bench.common.terminal import console, say
from bench.metrics.table import METRICS
from bench.registry.ablations import Ablation
from bench.results import MethodResults, RunResult

OF_ABLATIONS = ("lve", "fdd", "diversity")  # the paper's


def print_scores(results: MethodResults) -> None:
    """A table of a row's scores, with the rule that chose the styles; generated data is labelled
    as such."""
    console().print(_table(results))
    say_collapsed(results.row, results.runs)
    say(f"speech encoder: {results.speech_encoder}")


def print_ablation(name: str, ablation: Ablation, rows: Mapping[str, MethodResults]) -> None:
    """A line per variant: mean over seeds and half of the 95 % t interval of each metric.

    What a variant is stands below, where its name does not say it.
    """
    first = next(iter(rows.values()))
    table = Table(title=_heading(name, first), caption=ablation.description)
    table.add_column("variant")
    for metric in OF_ABLATIONS:
        table.add_column(f"{metric} ({_in_mm(metric, first)[0]})", justify="right")
    table.add_column("seeds", justify="right")
    for variant, results in rows.items():
        done = sum(run.status == "done" for run in results.runs)
        cells = [_over_seeds(results, metric) for metric in OF_ABLATIONS]
        table.add_row(variant, *cells, f"{done} of {len(results.runs)}")
    console().print(table)
    for variant in rows:
        if remark := ablation.variants[variant].remark:
            say(f"{variant}: {remark}")
    for variant, results in rows.items():
        say_collapsed(variant, results.runs)


def _table(result: MethodResults) -> Table:
    """A line per metric: every seed, their mean, and on test_b each clip's best style."""
    split, runs = result.shown_split, result.runs
    best = split == "test_b"
    table = Table(title=_heading(result.row, result), caption=_scored(result))
    for column in ("metric", "unit"):
        table.add_column(column)
    for column in (*(f"seed {run.seed}" for run in runs), "mean", *(["best style"] * best)):
        table.add_column(column, justify="right")
    for name, mean in means(result).items():
        values = [run.value(split, name) for run in runs]
        chosen = [run.splits[split].best_style.get(name) for run in runs if split in run.splits]
        shown = [mean_of(chosen)] if best else []
        table.add_row(name, _unit(name, result), *map(_cell, [*values, mean, *shown]))
    ratios = [run.listening.ratio if run.listening else None for run in runs]
    if any(ratio is not None for ratio in ratios):
        table.add_row("other audio / own", "1", *map(_cell, ratios), "", *([""] if best else []))
    return table


def _scored(results: MethodResults) -> str:
    """Whose style the predictions are in, and how many frames were scored."""
    splits = [run.splits[results.shown_split] for run in results.runs if run.splits]
    lines = {
        f"{each.conditioning}; {each.frames_scored} frames scored, {each.frames_cut} cut"
        for each in splits
    }
    return " / ".join(sorted(lines))


def say_collapsed(row: str, runs: Iterable[RunResult]) -> None:
    """A red line for every stage whose codebook has collapsed."""
    for run in runs:
        for stage, book in run.codebooks.items():
            if book.collapsed:
                say(
                    f"{row}, seed {run.seed}, {stage}: the codebook has collapsed: perplexity "
                    f"{book.perplexity:.1f} of {book.size} codes",
                    style="bold red",
                )


def _heading(name: str, results: MethodResults) -> str:
    text = f"{name} on {results.dataset}, {results.shown_split}"
    return f"{text} (generated data: no reproduction of the paper)" if results.generated else text


def _unit(metric: str, results: MethodResults) -> str:
    return METRICS[metric].unit.replace("unit", results.unit)


def _in_mm(metric: str, results: MethodResults) -> tuple[str, float]:
    """The unit that a metric is printed in and the factor to it: mm where the dataset knows."""
    unit, to_mm = METRICS[metric].unit, results.unit_to_mm
    if to_mm is None:
        return _unit(metric, results), 1.0
    return unit.replace("unit", "mm"), {"unit": to_mm, "unit^2": to_mm**2}[unit]


def _over_seeds(results: MethodResults, metric: str) -> str:
    from bench.statistics.comparisons import summary  # heavy: pandas and scipy

    factor = _in_mm(metric, results)[1]
    split = results.shown_split
    found = summary({run.seed: run.value(split, metric) for run in results.runs})
    if found is None:
        return "missing"
    mean = f"{found.mean * factor:.4g}"
    if found.n < len(results.runs):
        return f"{mean} ({found.n} of {len(results.runs)} seeds)"
    if found.interval is None:
        return mean
    return f"{mean} +- {(found.interval.high - found.interval.low) / 2 * factor:.2g}"


def _cell(value: float | None) -> str:
    return "missing" if value is None else f"{value:.4g}"
