"""The files of a study: its key, which stays with the experimenter, and what came of it.

The page that participants see holds stimuli under random ids; only the key says what each is. What
tables read is results/study/<study>/summary.json: small, without participants' codes, and made
again at any time from the answers and the key.
"""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.common.files import sha256_of, write_json

FOLDER, FILE = "study", "summary.json"

QUESTIONS = {"realism": "Realism", "lip_sync": "Lip sync"}
"""Each stimulus is rated for these, 1 to 5: name in files -> title."""

PAPER_CLIPS = 20
"""Clips per dataset in the paper's study."""


class Record(BaseModel):
    """Frozen and strict; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


R = TypeVar("R", bound=Record)


class AttentionCheck(Record):
    """An attention check: whoever looks and listens rates its lip sync this low."""

    kind: Literal["frozen", "other_sound"]
    at_most: int = Field(ge=1, le=5)  # of lip sync

    @property
    def words(self) -> str:
        """Say what the stimulus shows."""
        if self.kind == "frozen":
            return "a face that stands still while it is heard to speak"
        return "a face with another sentence's sound"


CHECKS = {
    # no lip moves at all: the worst or the second worst rating
    "frozen": AttentionCheck(kind="frozen", at_most=2),
    # lips move, at the wrong times: some credit is not careless, a good rating is
    "other_sound": AttentionCheck(kind="other_sound", at_most=3),
}


class Stimulus(Record):
    """The contents of one video."""

    dataset: str
    clip: str
    style: str  # the training subject that conditioned every method on this clip
    source: str  # a row of the tables, or GROUND_TRUTH
    check: AttentionCheck | None = None  # then the source is GROUND_TRUTH, spoiled


class Source(Record):
    """Where the predictions of a row come from, as far as tables must name it."""

    dataset: str
    row: str
    method: str
    variant: str
    label: str
    split: str
    profile: str
    generated: bool
    speech_encoder: str
    seed: int | None  # of the run; None for the ground truth
    key: str  # of the cached predictions; "" for the ground truth


class Key(Record):
    """Everything about a study, its blinding included. Never given to participants."""

    format: Literal["talking-face-bench study key 1"] = "talking-face-bench study key 1"
    study: str
    seed: int  # that clips, styles and checks were drawn with
    blinding: str  # secret that ids and their order were drawn with, in hex
    size: int  # of the videos, pixels
    sources: tuple[Source, ...]
    stimuli: dict[str, Stimulus]

    @property
    def checks(self) -> dict[str, AttentionCheck]:
        """The attention checks by stimulus."""
        return {name: s.check for name, s in self.stimuli.items() if s.check is not None}

    @property
    def rated(self) -> dict[str, Stimulus]:
        """The stimuli that count: all but the attention checks."""
        return {name: s for name, s in self.stimuli.items() if s.check is None}


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
    low: float | None  # as of a score
    high: float | None


class Agreement(Record):
    """Krippendorff's alpha of one question on one dataset; None where it is not defined."""

    dataset: str
    question: str
    ordinal: float | None
    interval: float | None
    videos: int


class StudySummary(Record):
    """Everything that tables print of a study."""

    format: Literal["talking-face-bench study summary 1"] = "talking-face-bench study summary 1"
    study: str
    raters: int
    refused: dict[str, int]  # reason, without what is in one file only -> number of files
    sources: tuple[Source, ...]
    scores: tuple[Score, ...]
    differences: tuple[Difference, ...]
    agreement: tuple[Agreement, ...]


def sealed(key: Key) -> Key:
    """The key with the id that its contents give: another study has another id."""
    contents = key.model_dump(mode="json", exclude={"study"})
    return key.model_copy(update={"study": sha256_of(contents)[:16]})


def write_key(path: Path, key: Key) -> None:
    """Write a key."""
    write_json(path, key.model_dump(mode="json"))


def read_key(path: Path) -> Key:
    """Read a key. Raises ValueError for a file that is none, or that was changed by hand."""
    key = read_record(Key, path, "a study key")
    if sealed(key).study != key.study:
        raise ValueError(f"{path}: its contents do not fit its study id: it was changed by hand")
    return key


def read_record(kind: type[R], path: Path, noun: str) -> R:
    """A strict record from a JSON file. Raises ValueError with one line: file, place, problem."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ValueError(
            f"{path} is not {noun}: {place + ': ' if place else ''}{first['msg']}"
        ) from error


def summary_path(results: Path, study: str) -> Path:
    """Where a study's summary lies; deeper than any results file of a method."""
    return results / FOLDER / study / FILE


def read_summaries(results: Path) -> tuple[StudySummary, ...]:
    """All studies that were collected; none where there was no study.

    Raises ValueError naming a file that is no summary.
    """
    paths = sorted((results / FOLDER).glob(f"*/{FILE}"))
    return tuple(read_record(StudySummary, path, "the summary of a study") for path in paths)
