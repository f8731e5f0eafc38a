"""The page's pictures: each with words for those who do not see it, and a caption."""

from dataclasses import dataclass

from bench.results import COLLAPSE
from reports.analysis.codebooks import share, trained_stages
from reports.analysis.scores import never, over_seeds
from reports.inputs.arrays import ShownMotion
from reports.inputs.results import Rows
from reports.text.grid import Cell, Column, Grid, words
from reports.text.labels import GROUND_TRUTH, ORACLE, data_sentence, label, sentences
from reports.text.masks import mask_sentence
from reports.text.numbers import number, scale_of
from reports.text.splits import drawn_style, split_of


@dataclass(frozen=True)
class Picture:
    """A picture in the assets, with words for those who do not see it."""

    file: str
    alt: str
    caption: str
    wide: bool = False  # on a narrow screen it is scrolled, not shrunk


def _picture(dataset: Rows, end: str, alt: str, *caption: str, wide: bool = True) -> Picture:
    """A picture of a whole dataset; the caption begins with what its numbers are."""
    words = sentences(data_sentence(dataset[0]), *caption)
    return Picture(f"{dataset[0].dataset}-{end}", alt, words, wide)


def figure1_picture(dataset: Rows) -> Picture:
    """Lip error over time and Diversity."""
    split = split_of(dataset)
    left = f"Left: lip error of one {split} clip over time, one line per row of Table 1."
    shown, right = _diversity(dataset)
    return _picture(
        dataset,
        "figure1.svg",
        f"{left} Right: {shown}.",
        f"Left: in every frame of one {split} clip the largest squared distance of a mouth "
        "vertex from its place, the term of LVE; first sample, mean over seeds, in a band from "
        "the lowest to the highest seed; the axis is logarithmic but for its lowest part.",
        f"Right: {right}.",
        drawn_style(dataset),
        mask_sentence(dataset, ("mouth",)),
    )


def _diversity(dataset: Rows) -> tuple[str, str]:
    """The right half of Figure 1: what it shows, and what that is."""
    if reason := never([each for each in dataset if each.method != ORACLE], "diversity"):
        return (f"no Diversity: {reason}",) * 2
    scale = scale_of("diversity", dataset[0])
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


def codebooks_picture(rows: Rows) -> Picture | None:
    """Perplexity per epoch; None where no row learns codes."""
    found = [(each, each.codebook) for each in trained_stages(rows) if each.codebook]
    if not found:
        return None
    told = "; ".join(
        f"{each.rows[0]}, seed {each.seed}, {number(share(codebook), 3)}"
        for each, codebook in found
        if codebook.collapsed
    )
    return _picture(
        rows,
        "codebook.svg",
        f"Line charts of perplexity divided by codebook size per epoch, for {len(found)} "
        f"trained stages. Below {COLLAPSE:g} at the end: {told or 'none'}.",
        "Perplexity of the codes that the training clips chose in each epoch, divided by the "
        "codebook's size, and (thin) the share of entries that they chose at all; the point at "
        f"the end is the perplexity of the validation clips. A codebook below the dashed line at "
        f"{COLLAPSE:g} has collapsed and is drawn in red.",
    )


def heatmaps_picture(dataset: Rows) -> Picture:
    """The heads."""
    names = [label(results) for results in dataset if results.method != ORACLE]
    return _picture(
        dataset,
        "heatmaps.png",
        f"Heads coloured by how much each vertex moves: ground truth, {', '.join(names)}.",
        "Standard deviation of each vertex's motion over time, one colour scale for all heads. "
        "A method's map is that of its first sample, averaged over seeds. "
        f"First row: mean over all {split_of(dataset)} clips; second row: one clip.",
        drawn_style(dataset),
    )


def motion_pictures(dataset: Rows, motion: ShownMotion | None) -> list[Picture]:
    """Mean motion, heads at phonemes, lip opening; those that the results hold."""
    if motion is None:
        return []
    names = [label(results) for results in dataset if results.method != ORACLE]
    rows, style = ", ".join(["ground truth", *names]), drawn_style(dataset)
    found = [
        _picture(
            dataset,
            "heatmaps-mean.png",
            f"Heads coloured by each vertex's mean distance from the neutral face: {rows}.",
            "Mean over frames of each vertex's distance from the neutral face, one colour "
            f"scale for all heads; first samples, averaged over all {split_of(dataset)} clips "
            "and seeds. The masks of the metrics are outlined.",
            style,
        )
    ]
    if motion.heads:
        clip = f"clip {motion.clip_name}"
        strips = _picture(
            dataset,
            "strips.png",
            f"Heads of {clip} at {', '.join(motion.moments)}, a line each: {rows}.",
            f"Heads at the middle of the longest phonemes of {clip}, or at equal distances "
            "where the data has no phonemes: first sample of the first finished seed.",
            style,
        )
        found.append(strips)
    if GROUND_TRUTH in motion.openings:
        opening = _picture(
            dataset,
            "opening.svg",
            "Line charts of lip opening over time, ground truth in black, one per row: "
            f"{', '.join(names)}.",
            "Distance between the middle of the upper and the lower lip in clip "
            f"{motion.clip_name}; black: ground truth; a line per seed.",
            style,
        )
        found.append(opening)
    return found


def listening_picture(dataset: Rows, values: Grid) -> Picture | None:
    """The listening chart, whose numbers are in the grid; None where no run was checked."""
    if not values.rows:
        return None
    spoken = "; ".join(
        f"{row[0].text} {row[1].text} with its own, {row[2].text} with another"
        for row in values.rows
    )
    return _picture(
        dataset,
        "listening.svg",
        f"Bar chart of LVE with a clip's own and with another sentence's audio: {spoken}.",
        "A method that listens is worse with another sentence's audio than with the clip's "
        "own. Only frames that both predictions have are scored, so LVE may differ from Table "
        "1's. Bars: mean over seeds; lines: 95 % t interval.",
        drawn_style(dataset),
        mask_sentence(dataset, ("mouth",)),
        wide=False,
    )


def listening_grid(dataset: Rows) -> Grid:
    """The listening chart in numbers: mean over the seeds that were checked."""
    scale = scale_of("lve", dataset[0])
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
            *words("Method"),
            Column("LVE, own audio", scale.text),
            Column("LVE, another sentence's audio", scale.text),
            *words("Seeds"),
        ),
        rows=tuple(rows),
    )
