"""Cards: what is known of a dataset before any of its files is seen (datasets/<name>/dataset.yaml).

Facts that differ between datasets stand in their cards, and nowhere in the code.

Units    vertices in ``unit``; ``unit_to_mm`` and ``subject_scale_mm`` are millimetres per unit.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from bench.common.errors import unknown
from bench.common.records import Frozen, read_yaml

CARDS = Path("datasets")
Axis = Literal["x", "y", "z"]
Interval = tuple[float, float]


class MaskFile(Frozen):
    """A file of a user's that defines a region; which kind it is shows in its name.

    ``.txt``: vertex numbers, or one weight per vertex where ``above`` is given.
    ``.npy``: the same as an array. ``.pkl``: named lists of vertex numbers, of which ``regions``.
    """

    file: str  # relative to the folder of raw data, or to --regions
    regions: tuple[str, ...] = ()  # keys of a .pkl, united
    above: float | None = None  # a vertex belongs to the region if its weight is greater
    size: int | None = None  # vertices that the published file gives; another size is reported
    source: str  # who uses it


class MaskCard(Frozen):
    """One region: the files that may define it, the first present one wins, and a box without."""

    about: str
    files: tuple[MaskFile, ...] = ()
    # region without a file: a box in fractions of the reference face's bounding box, 0 = low end,
    # 1 = high end; x to the face's left, y up, z to where it looks. None: the mask is then absent.
    box: dict[Axis, Interval] | None = None


class SplitCard(Frozen):
    """Which group of subjects speaks which sentences."""

    subjects: str  # a key of Card.subjects
    sentences: tuple[int, int]  # first and last number, both included


class Card(Frozen):
    """A dataset that users bring themselves."""

    name: str
    title: str
    generated: Literal[False]
    description: str
    licence: str
    fps: float = Field(gt=0)  # of the prepared clips
    raw_fps: float = Field(gt=0)  # of the files; a whole multiple of fps: every k-th frame is kept
    unit: str
    unit_to_mm: float | None  # None: no common scale
    subject_scale_mm: dict[str, float] = {}  # approximate millimetres per unit, by subject
    subject_scale_source: str = ""  # who found them, and how
    num_vertices: int = Field(gt=0)
    # form -> paths below the raw folder that show that it is there, all of them
    forms: dict[Literal["raw", "processed"], tuple[str, ...]]
    subjects: dict[str, tuple[str, ...]]  # group -> names; "train" in one-hot order
    sentence_name: str  # format of a sentence's number in file names, e.g. "e{:02d}"
    splits: dict[str, SplitCard]  # split -> who and what; each sequence is in one split at most
    masks: dict[str, MaskCard]
    mouth_opening_pair: tuple[int, int] | None  # (upper, lower) vertex of the mid-lip pair

    @model_validator(mode="after")
    def _consistent(self) -> "Card":
        for split, card in self.splits.items():
            if card.subjects not in self.subjects:
                raise ValueError(
                    f"splits.{split}: {unknown('group', card.subjects, self.subjects)}"
                )
        if "train" not in self.subjects or "mouth" not in self.masks:
            raise ValueError("expected a group of subjects called train and a mask called mouth")
        if self.raw_fps % self.fps:
            raise ValueError(f"raw_fps {self.raw_fps} is no multiple of fps {self.fps}")
        return self

    @property
    def styles(self) -> tuple[str, ...]:
        """Training subjects in one-hot order."""
        return self.subjects["train"]

    @property
    def frame_step(self) -> int:
        """Every how many-th raw frame is kept, starting with the first."""
        return round(self.raw_fps / self.fps)

    def clip_name(self, subject: str, sentence: int) -> str:
        """``F2_e01``: how published code names a sequence's files."""
        return f"{subject}_{self.sentence_name.format(sentence)}"

    def expected(self) -> dict[str, tuple[str, int, str]]:
        """Every sequence of the splits: clip name -> (subject, sentence, split)."""
        return {
            self.clip_name(subject, sentence): (subject, sentence, split)
            for split, card in self.splits.items()
            for subject in self.subjects[card.subjects]
            for sentence in range(card.sentences[0], card.sentences[1] + 1)
        }


def read_card(name: str, root: Path = CARDS) -> Card:
    """The card of ``root/name``. Raises ValueError with one line for what is wrong with it."""
    path = root / name / "dataset.yaml"
    if not path.exists():
        raise unknown("dataset", name, sorted(p.parent.name for p in root.glob("*/dataset.yaml")))
    raw = read_yaml(path)
    if raw.get("generated"):
        raise ValueError(f"{name} is generated: there are no files of it that a user could bring")
    try:
        return Card.model_validate(raw)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise ValueError(f"{path}: {place}: {problem['msg']}") from error
