"""Does a method listen? LVE with a clip's own audio beside LVE with another sentence's audio.

Units  LVE in the unit of Table 1's heading.
"""

import textwrap
from collections.abc import Iterable

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from bench.statistics.comparisons import summary
from reports.charts.style import INK, OTHER, OWN
from reports.inputs.results import Rows
from reports.text.labels import ORACLE, data_sentence, label, sentences
from reports.text.masks import mask_sentence
from reports.text.numbers import math_text, scale_of
from reports.text.splits import drawn_style

AUDIO = ("own audio", "another sentence's audio")


def listening_values(dataset: Rows) -> pd.DataFrame:
    """One row per method, seed and audio; LVE in the dataset's unit squared."""
    rows = [
        {"method": label(results), "seed": run.seed, "audio": audio, "lve": value}
        for results in dataset
        for run in results.runs
        if results.method != ORACLE and run.listening is not None
        for audio, value in zip(AUDIO, (run.listening.own, run.listening.other), strict=True)
    ]
    return pd.DataFrame(rows, columns=["method", "seed", "audio", "lve"])


def interval(values: Iterable[float]) -> tuple[float, float]:
    """The 95 % t interval of one value per seed; of a single seed, the value itself."""
    found = summary(dict(enumerate(values)))
    assert found is not None  # seaborn asks for bars that exist
    return (found.interval.low, found.interval.high) if found.interval else (found.mean, found.mean)


def listening_figure(dataset: Rows) -> Figure | None:
    """Two bars per method: own and other audio; None where no run has been checked."""
    values = listening_values(dataset)
    if values.empty:
        return None
    scale = scale_of("lve", dataset[0])
    values["lve"] /= scale.factor
    methods = list(values["method"].unique())
    figure = Figure(figsize=(max(5.0, 1.35 * len(methods) + 1.5), 4.2), dpi=130, layout="tight")
    axes = figure.subplots()
    sns.barplot(
        values,
        x="method",
        y="lve",
        hue="audio",
        palette=[OWN, OTHER],
        saturation=1,
        errorbar=interval,
        capsize=0.2,
        err_kws={"color": INK, "linewidth": 1.2},
        ax=axes,
    )
    for bar in axes.containers[1]:
        bar.set(hatch="//", edgecolor="white")
    sns.move_legend(axes, "upper right", title=None, frameon=False)
    sns.despine(ax=axes)
    words = (drawn_style(dataset), mask_sentence(dataset, ("mouth",)))
    sentence = textwrap.fill(sentences(data_sentence(dataset[0]), *words), 70)
    axes.set(xlabel=None, ylabel=f"LVE ({math_text(scale.text)})", title=sentence)
    axes.title.set(fontsize=9, color=INK)
    axes.set_xticks(range(len(methods)), [name.replace(" (", "\n(") for name in methods])
    return figure
