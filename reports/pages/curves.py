"""Loss curves of one method: every trained stage, every seed; training and validation.

Units  losses have the unit of their stage, which the method defines; the axis is logarithmic.
"""

from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.common.files import output, read_json
from bench.results import MethodResults
from reports.charts.captions import Picture
from reports.charts.style import INK, OTHER_COLOURS, save
from reports.text.labels import data_sentence, label, row_of

SEEDS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", *OTHER_COLOURS)
"""A colour per seed, of the palette of Okabe and Ito."""

LETTERS = 15  # of the line above the chart, per inch

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """The loss of one stage and seed: (step, loss)."""

    stage: str
    seed: int
    train: Points
    validation: Points


def read_curves(results: MethodResults, runs: Path) -> list[Curve]:
    """Read what the cache holds; stages without stored curves are left out."""
    found = []
    for run in sorted(results.runs, key=lambda run: run.seed):
        for step, key in run.keys.items():
            path = runs / key / "curves.json"
            if not step.startswith("train/") or not path.is_file():
                continue
            stored = read_json(output(path.parent, path.name))
            train, validation = (_points(stored.get(part)) for part in ("train", "validation"))
            if train or validation:
                found.append(Curve(step.removeprefix("train/"), run.seed, train, validation))
    return found


def _points(records: object) -> Points:
    if not isinstance(records, list):
        return []
    found = (r for r in records if "step" in r and r.get("loss", 0) > 0)
    return [(float(r["step"]), float(r["loss"])) for r in found]


def draw_curves(results: MethodResults, curves: list[Curve], assets: Path) -> Picture | None:
    """Write the chart as SVG and PNG; None where there is nothing to draw."""
    if not curves:
        return None
    stages = list(dict.fromkeys(curve.stage for curve in curves))
    drawing = Figure(figsize=(4.2 * len(stages) + 0.4, 3.2), dpi=120, layout="constrained")
    axes = drawing.subplots(1, len(stages), squeeze=False)[0]
    for place, stage in zip(axes, stages, strict=True):
        _stage(place, stage, [curve for curve in curves if curve.stage == stage])
    words = wrap(data_sentence(results), int(LETTERS * drawing.get_figwidth()))
    drawing.suptitle("\n".join(words), fontsize=8, color=INK)
    stem = f"{results.dataset}-{row_of(results)}-loss"
    save(drawing, assets / stem)
    return Picture(
        file=f"{stem}.svg",
        alt=f"Line charts of the loss of {label(results)}: {_ends(curves)}.",
        caption=f"{data_sentence(results)} Loss by training step, one colour per seed; thin: "
        "training, thick with points: validation. Logarithmic axis.",
        wide=len(stages) > 1,
    )


def _stage(place: Axes, stage: str, curves: list[Curve]) -> None:
    for curve in curves:
        colour = SEEDS[curve.seed % len(SEEDS)]
        name = f"seed {curve.seed}"
        if curve.train:
            place.plot(*zip(*curve.train, strict=True), color=colour, lw=0.8, alpha=0.7)
        line = curve.validation or curve.train
        place.plot(*zip(*line, strict=True), color=colour, lw=1.6, marker="o", ms=3, label=name)
    place.set(title=f"stage {stage}", xlabel="step", ylabel="loss", yscale="log")
    place.grid(alpha=0.3)
    place.legend(fontsize=8)


def _ends(curves: list[Curve]) -> str:
    told = []
    for curve in curves:
        kind, line = ("validation", curve.validation) if curve.validation else ("", curve.train)
        told.append(f"stage {curve.stage}, seed {curve.seed}, last {kind} loss {line[-1][1]:.3g}")
    return "; ".join(told)
