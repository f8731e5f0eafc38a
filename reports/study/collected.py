"""What a study found, as it is stored and read by tables: results/study/<study>/summary.json.

Small, without participants' codes, and made again at any time from the answers and the key.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from reports.study.records import Record, Source, read_record

FOLDER, FILE = "study", "summary.json"


class Score(Record):
    """A mean opinion score of one source on one dataset."""

    dataset: str
    row: str
    question: str
    mean: float
    low: float | None  # of the 95 % interval; None: a single participant or clip
    high: float | None
    clips: int


class Difference(Record):
    """A row's mean minus the reference row's, of the same people on the same clips."""

    dataset: str
    row: str
    reference: str
    question: str
    mean: float
    low: float | None
    high: float | None


class Agreement(Record):
    """Krippendorff's alpha of one question on one dataset; None where it is not defined."""

    dataset: str
    question: str
    ordinal: float | None
    interval: float | None
    videos: int


class Summary(Record):
    """Everything that tables print of a study."""

    format: Literal["talking-face-bench study summary 1"] = "talking-face-bench study summary 1"
    study: str
    raters: int
    refused: dict[str, int]  # reason, without what is in one file only -> number of files
    sources: tuple[Source, ...]
    scores: tuple[Score, ...]
    differences: tuple[Difference, ...]
    agreement: tuple[Agreement, ...]


def summary_path(results: Path, study: str) -> Path:
    """Where a study's summary lies; deeper than any results file of a method."""
    return results / FOLDER / study / FILE


def read_summaries(results: Path) -> tuple[Summary, ...]:
    """All studies that were collected; none where there was no study.

    Raises ValueError naming a file that is no summary.
    """
    paths: Iterable[Path] = sorted((results / FOLDER).glob(f"*/{FILE}"))
    return tuple(read_record(Summary, path, "the summary of a study") for path in paths)
