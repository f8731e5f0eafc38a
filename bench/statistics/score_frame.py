"""Clip scores as one long pandas frame, and the arrays that comparisons are made of.

Conventions  A frame has one row per method, seed and clip, in any order. Its columns are
             ``method`` str, ``seed`` int, ``subject`` str, ``clip`` str, ``value`` float,
             ``weight`` float; others are ignored. A value of NaN or a weight of 0 is missing.
Shapes       M methods, S seeds, J subjects, C clips.
Units        values in those of the metric; weights in frames for a metric pooled over frames,
             else 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float64

COLUMNS = ("method", "seed", "subject", "clip", "value", "weight")
CLIP = ["subject", "clip"]
KEY = ["seed", *CLIP]
"""Columns that pair the scores of two methods."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Scores that all of some methods have; a cell is a clip under a seed."""

    methods: tuple[str, ...]
    seeds: tuple[int, ...]  # sorted
    subjects: tuple[str, ...]  # of each clip; sorted, so that a subject's clips are neighbours
    totals: Float64[np.ndarray, "M S C"]  # weight * value; 0 where a method lacks the cell
    weights: Float64[np.ndarray, "M S C"]  # 0 where a method lacks the cell

    @property
    def clips_of_subject(self) -> tuple[int, ...]:
        """Clips of each subject, subjects sorted."""
        return tuple(np.unique(self.subjects, return_counts=True)[1].tolist())

    def of_subjects(self) -> tuple[Float64[np.ndarray, "M J"], Float64[np.ndarray, "M J"]]:
        """Totals and weights by subject, over its seeds and clips."""
        starts = np.cumsum((0, *self.clips_of_subject[:-1]))
        totals = np.add.reduceat(self.totals.sum(axis=1), starts, axis=1)
        return totals, np.add.reduceat(self.weights.sum(axis=1), starts, axis=1)


def check_frame(frame: pd.DataFrame) -> None:
    """ValueError in one line unless the frame is what the head of this module says."""
    if absent := [name for name in COLUMNS if name not in frame.columns]:
        raise ValueError(
            f"scores lack the column {absent[0]!r}; expected the columns {', '.join(COLUMNS)}"
        )
    if len(frame) and not pd.api.types.is_integer_dtype(frame["seed"]):
        raise ValueError(f"column 'seed': expected integers, got {frame['seed'].dtype}")
    for name in ("value", "weight"):
        if len(frame) and not pd.api.types.is_numeric_dtype(frame[name]):
            raise ValueError(f"column {name!r}: expected numbers, got {frame[name].dtype}")
    _refuse(frame, frame[["method", "subject", "clip"]].isna().any(axis=1), "a name is missing")
    _refuse(frame, np.isinf(frame["value"]), "expected a finite value, or NaN where it is missing")
    weight = frame["weight"]
    _refuse(frame, ~(np.isfinite(weight) & (weight >= 0)), "expected a finite weight >= 0")
    _refuse(frame, frame.duplicated(["method", *KEY]), "comes twice; give each clip once per seed")


def _refuse(frame: pd.DataFrame, bad: pd.Series, problem: str) -> None:
    """ValueError that names the first row where ``bad`` holds."""
    if bad.any():
        row = frame[bad.to_numpy(dtype=bool)].iloc[0]
        raise ValueError(
            f"method {row['method']}, seed {row['seed']}, subject {row['subject']}, clip "
            f"{row['clip']}: {problem} (value {row['value']}, weight {row['weight']})"
        )


def scored(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that have a value and count."""
    return frame[frame["value"].notna() & (frame["weight"] > 0)]


def common_cells(frame: pd.DataFrame, methods: Sequence[str]) -> Cells | None:
    """Take the cells that all these methods have a value for; None where there is none."""
    rows = scored(frame)
    rows = rows[rows["method"].isin(methods)]
    if set(rows["method"]) != set(methods):
        return None
    table = rows.pivot(index=[*CLIP, "seed"], columns="method", values=["value", "weight"]).dropna()
    if table.empty:
        return None
    seeds, row = np.unique(table.index.get_level_values("seed"), return_inverse=True)
    pairs = list(zip(*(table.index.get_level_values(name) for name in CLIP), strict=True))
    clips = sorted(set(pairs))
    place = {pair: i for i, pair in enumerate(clips)}
    column = [place[pair] for pair in pairs]
    totals, weights = np.zeros((2, len(methods), len(seeds), len(clips)))
    for i, method in enumerate(methods):
        weights[i, row, column] = table["weight", method]
        totals[i, row, column] = table["weight", method] * table["value", method]
    subjects = tuple(subject for subject, _ in clips)
    return Cells(tuple(methods), tuple(seeds.tolist()), subjects, totals, weights)


def paired_cells(frame: pd.DataFrame, first: str, second: str) -> Cells | None:
    """Take the cells that both have a value for, or None; the frame is checked."""
    check_frame(frame)
    if first == second:
        raise ValueError(f"method {first} cannot be compared with itself")
    return common_cells(frame, (first, second))


def unpaired(frame: pd.DataFrame, first: str, second: str) -> tuple[tuple[int, str, str], ...]:
    """Keys that only one of the two has a value for."""
    rows = frame[frame["method"].isin((first, second))]
    known = set(rows[KEY].itertuples(index=False, name=None))
    counts = scored(rows).groupby(KEY).size()
    return tuple(sorted(known - set(counts.index[counts == 2])))
