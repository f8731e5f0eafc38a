"""The page's pictures: each with words for those who do not see it, and a caption."""

from dataclasses import dataclass

from bench.metrics.table import METRICS
from bench.results import COLLAPSE
from reports.analysis.codebooks import share, trained_stages
from reports.analysis.scores import never, over_seeds
from reports.inputs.results import Dataset
from reports.inputs.shown_motion import ShownMotion
from reports.text.grid import Cell, Column, Grid
from reports.text.labels import GROUND_TRUTH, ORACLE, data_sentence, label, sentences
from reports.text.masks import mask_sentence
from reports.text.numbers import number, scale_of
from reports.text.splits import drawn_style, split_of


@dataclass(frozen=True)
class Figure:
    """A picture in the assets, with words for those who do not see it."""

    file: str
    alt: str
    caption: str
    wide: bool = False  # on a narrow screen it is scrolled, not shrunk


def figure1_picture(dataset: Dataset) -> Figure:
    """Lip error over time and Diversity."""
    split = split_of(dataset)
    left = f"Left: lip error of one {split} clip over time, one line per row of Table 1."
    shown, right = _diversity(dataset)
    return Figure(
        file=f"{dataset[0].dataset}-figure1.svg",
        alt=f"{left} Right: {shown}.",
        caption=sentences(
            data_sentence(dataset[0]),
            f"Left: in every frame of one {split} clip the largest squared distance of a mouth "
            "vertex from its place, the term of LVE; first sample, mean over seeds, in a band from "
            "the lowest to the highest seed; the axis is logarithmic but for its lowest part.",
            f"Right: {right}.",
            drawn_style(dataset),
            mask_sentence(dataset, ("mouth",)),
        ),
        wide=True,
    )


def _diversity(dataset: Dataset) -> tuple[str, str]:
    """The right half of Figure 1: what it shows, and what that is."""
    if reason := never([each for each in dataset if each.method != ORACLE], "diversity"):
        return (f"no Diversity: {reason}",) * 2
    scale = scale_of("diversity", METRICS["diversity"].unit, dataset[0])
    told = []
    for results in dataset:
        found = over_seeds(results, "diversity")
        value = "no value"
        if found.summary is not None:
            value = number(found.summary.mean / scale.factor, 3)
            value += "" if found.complete else f" ({found.seeds})"
        told.append(f"{label(results)} {value}")
    return f"bars of Diversity in {scale.text}: {', '.join(told)}", (
        "Diversity of all rows with the 95 % t interval over seeds, beside the numerical floor, "
        "below which a difference is rounding, and the Diversity of several takes of the ground "
        "truth"
    )


def codebooks_picture(rows: Dataset) -> Figure | None:
    """Perplexity per epoch; None where no row learns codes."""
    stages = [each for each in trained_stages(rows) if each.codebook is not None]
    if not stages:
        return None
    bad = [each for each in stages if each.codebook and each.codebook.collapsed]
    told = "; ".join(
        f"{each.rows[0]}, seed {each.seed}, {number(share(each.codebook), 3)}"
        for each in bad
        if each.codebook
    )
    return Figure(
        file=f"{rows[0].dataset}-codebook.svg",
        alt=(
            f"Line charts of perplexity divided by codebook size per epoch, for {len(stages)} "
            f"trained stages. Below {COLLAPSE:g} at the end: {told or 'none'}."
        ),
        caption=(
            f"{data_sentence(rows[0])} Perplexity of the codes that the training clips chose in "
            "each epoch, divided by the codebook's size, and (thin) the share of entries that they "
            "chose at all; the point at the end is the perplexity of the "
            f"validation clips. A codebook below the dashed line at {COLLAPSE:g} has collapsed and "
            "is drawn in red."
        ),
        wide=True,
    )


def heatmaps_picture(dataset: Dataset) -> Figure:
    """The heads."""
    names = [label(results) for results in dataset if results.method != ORACLE]
    return Figure(
        file=f"{dataset[0].dataset}-heatmaps.png",
        alt=f"Heads coloured by how much each vertex moves: ground truth, {', '.join(names)}.",
        caption=sentences(
            data_sentence(dataset[0]),
            "Standard deviation of each vertex's motion over time, one colour scale for all heads. "
            "A method's map is that of its first sample, averaged over seeds. "
            f"First row: mean over all {split_of(dataset)} clips; second row: one clip.",
            drawn_style(dataset),
        ),
        wide=True,
    )


def motion_pictures(dataset: Dataset, motion: ShownMotion | None) -> list[Figure]:
    """Mean motion, heads at phonemes, lip opening; those that the results hold."""
    if motion is None:
        return []
    stem, names = dataset[0].dataset, [label(r) for r in dataset if r.method != ORACLE]
    about, style = data_sentence(dataset[0]), drawn_style(dataset)
    rows = ", ".join(["ground truth", *names])
    found = [
        Figure(
            file=f"{stem}-heatmaps-mean.png",
            alt=f"Heads coloured by each vertex's mean distance from the neutral face: {rows}.",
            caption=sentences(
                about,
                "Mean over frames of each vertex's distance from the neutral face, one colour "
                f"scale for all heads; first samples, averaged over all {split_of(dataset)} clips "
                "and seeds. The masks of the metrics are outlined.",
                style,
            ),
            wide=True,
        )
    ]
    if motion.heads:
        clip = f"clip {motion.clip_name}"
        found.append(
            Figure(
                file=f"{stem}-strips.png",
                alt=f"Heads of {clip} at {', '.join(motion.moments)}, a line each: {rows}.",
                caption=sentences(
                    about,
                    f"Heads at the middle of the longest phonemes of {clip}, or at equal distances "
                    "where the data has no phonemes: first sample of the first finished seed.",
                    style,
                ),
                wide=True,
            )
        )
    if GROUND_TRUTH in motion.openings:
        found.append(
            Figure(
                file=f"{stem}-opening.svg",
                alt=f"Line charts of lip opening over time, ground truth in black, one per row: "
                f"{', '.join(names)}.",
                caption=sentences(
                    about,
                    f"Distance between the middle of the upper and the lower lip in clip "
                    f"{motion.clip_name}; black: ground truth; a line per seed.",
                    style,
                ),
                wide=True,
            )
        )
    return found


def listening_picture(dataset: Dataset, values: Grid) -> Figure | None:
    """The listening chart, whose numbers are in the grid; None where no run was checked."""
    if not values.rows:
        return None
    spoken = "; ".join(
        f"{row[0].text} {row[1].text} with its own, {row[2].text} with another"
        for row in values.rows
    )
    return Figure(
        file=f"{dataset[0].dataset}-listening.svg",
        alt=f"Bar chart of LVE with a clip's own and with another sentence's audio: {spoken}.",
        caption=sentences(
            data_sentence(dataset[0]),
            "A method that listens is worse with another sentence's audio than with the clip's "
            "own. Only frames that both predictions have are scored, so LVE may differ from Table "
            "1's. Bars: mean over seeds; lines: 95 % t interval.",
            drawn_style(dataset),
            mask_sentence(dataset, ("mouth",)),
        ),
    )


def listening_grid(dataset: Dataset) -> Grid:
    """The listening chart in numbers: mean over the seeds that were checked."""
    scale = scale_of("lve", METRICS["lve"].unit, dataset[0])
    rows = []
    for results in dataset:
        heard = [run.listening for run in results.runs if run.listening is not None]
        if results.method == ORACLE or not heard:
            continue
        own = sum(each.own for each in heard) / len(heard) / scale.factor
        other = sum(each.other for each in heard) / len(heard) / scale.factor
        seeds = f"{len(heard)} of {len(results.runs)}"
        cells = (Cell(number(own), own), Cell(number(other), other))
        rows.append((Cell(label(results)), *cells, Cell(seeds)))
    return Grid(
        name=f"listening-{dataset[0].dataset}",
        caption=sentences(
            data_sentence(dataset[0]),
            "The listening chart in numbers, mean over seeds.",
            drawn_style(dataset),
            mask_sentence(dataset, ("mouth",)),
        ),
        columns=(
            Column("Method", numeric=False),
            Column("LVE, own audio", scale.text),
            Column("LVE, another sentence's audio", scale.text),
            Column("Seeds", numeric=False),
        ),
        rows=tuple(rows),
    )
