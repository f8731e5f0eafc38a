"""Which clips a study shows, in which style, and which runs the methods' faces come from."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.common.errors import unknown
from bench.common.seeding import derive
from bench.data import Clip
from bench.dataset.reader import Dataset, load_dataset
from bench.results import MethodResults
from reports.inputs.results import Rows
from reports.study.records import Source
from reports.text.labels import GROUND_TRUTH, ORACLE, label, row_of


@dataclass(frozen=True, eq=False)
class Chosen:
    """The clips and rows that a study shows of one dataset."""

    dataset: Dataset
    split: str
    sources: tuple[Source, ...]  # ground truth first
    clips: tuple[tuple[Clip, str], ...]  # with the style that conditions every method
    others: tuple[Clip, ...]  # every clip of the split: sounds of attention checks


def choose(
    results: Mapping[str, Rows],
    folder: Path,
    rows: Sequence[str],
    clips: int,
    split: str | None,
    seed: int,
) -> list[Chosen]:
    """Per dataset as many random clips as asked for, or all where there are fewer.

    Without a split: test_b, subjects that no method was trained on, as in the paper; test_a where
    a dataset has no such clips. Raises ValueError for rows, runs or clips that are not there.
    """
    if not results:
        raise ValueError("no dataset has results, so there is nothing to show; run: dvc repro")
    if clips < 1:
        raise ValueError(f"--clips {clips}: expected at least 1")
    if len(set(rows)) < len(rows):
        raise ValueError(f"--row: each row once, got {', '.join(rows)}")
    return [_of_dataset(found, folder, rows, clips, split, seed) for found in results.values()]


def _of_dataset(
    results: Rows, folder: Path, rows: Sequence[str], clips: int, split: str | None, seed: int
) -> Chosen:
    dataset = load_dataset(results[0].dataset, folder)
    by_row = {row_of(each): each for each in results if each.method != ORACLE}
    for row in rows:
        if row not in by_row:
            raise unknown(f"row of {dataset.name}", row, by_row)
    split = split or ("test_b" if dataset.clips("test_b") else "test_a")
    everything = dataset.clips(split)
    if not everything:
        raise ValueError(f"{dataset.name} has no clips of {split}")
    draws = random.Random(derive(seed, "study clips", dataset.name, split))
    names = set(draws.sample(sorted(c.name for c in everything), min(clips, len(everything))))
    shown = [clip for clip in everything if clip.name in names]
    return Chosen(
        dataset=dataset,
        split=split,
        sources=(
            _ground_truth(results[0], split),
            *(_source(by_row[row], split) for row in rows),
        ),
        clips=tuple((clip, _style(dataset, clip, seed)) for clip in shown),
        others=tuple(everything),
    )


def _style(dataset: Dataset, clip: Clip, seed: int) -> str:
    """The subject's own style; for a subject without one, a training style drawn once per clip."""
    styles = dataset.spec.styles
    if clip.style is not None:
        return styles[clip.style]
    return random.Random(derive(seed, "study style", dataset.name, clip.name)).choice(styles)


def _source(results: MethodResults, split: str) -> Source:
    """The finished run with the lowest seed."""
    done = sorted((run for run in results.runs if run.status == "done"), key=lambda run: run.seed)
    if not done or "predict" not in done[0].keys:
        raise ValueError(
            f"{row_of(results)} on {results.dataset} has no finished run; run: dvc repro"
        )
    return Source(
        dataset=results.dataset,
        row=row_of(results),
        method=results.method,
        variant=results.variant,
        label=label(results),
        split=split,
        profile=results.profile,
        generated=results.generated,
        speech_encoder=results.speech_encoder,
        seed=done[0].seed,
        key=done[0].keys["predict"],
    )


def _ground_truth(any_row: MethodResults, split: str) -> Source:
    return Source(
        dataset=any_row.dataset,
        row=GROUND_TRUTH,
        method=GROUND_TRUTH,
        variant="",
        label="ground truth",
        split=split,
        profile=any_row.profile,
        generated=any_row.generated,
        speech_encoder="none",
        seed=None,
        key="",
    )
