"""What a study is made of: the key, which stays with the experimenter, and its parts.

The page that participants see holds stimuli under random ids; only the key says what each is.
"""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.common.files import sha256_of, write_json

"""The source of a stimulus that no method made."""

QUESTIONS = {"realism": "Realism", "lip_sync": "Lip sync"}
"""What each stimulus is rated for, 1 to 5: name in files -> title."""

PAPER_CLIPS = 20
"""Clips per dataset in the paper's study."""


class Record(BaseModel):
    """Frozen and strict; an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


R = TypeVar("R", bound=Record)


class Check(Record):
    """An attention check: whoever looks and listens rates its lip sync this low."""

    kind: Literal["frozen", "other_sound"]
    at_most: int = Field(ge=1, le=5)  # of lip sync

    @property
    def words(self) -> str:
        """What the stimulus shows."""
        if self.kind == "frozen":
            return "a face that stands still while it is heard to speak"
        return "a face with another sentence's sound"


CHECKS = {
    # no lip moves at all: the worst or the second worst rating
    "frozen": Check(kind="frozen", at_most=2),
    # lips move, at the wrong times: some credit is not careless, a good rating is
    "other_sound": Check(kind="other_sound", at_most=3),
}


class Stimulus(Record):
    """What one video shows."""

    dataset: str
    clip: str
    style: str  # the training subject that conditioned every method on this clip
    source: str  # a row of the tables, or GROUND_TRUTH
    check: Check | None = None  # then the source is GROUND_TRUTH, spoiled


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
    def checks(self) -> dict[str, Check]:
        """The attention checks by stimulus."""
        return {name: s.check for name, s in self.stimuli.items() if s.check is not None}

    @property
    def rated(self) -> dict[str, Stimulus]:
        """The stimuli that count: all but the attention checks."""
        return {name: s for name, s in self.stimuli.items() if s.check is None}


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
