"""The facts of the dataset as dataset.yaml states them: who says what, and in which split."""

from dataclasses import dataclass
from pathlib import Path

import yaml

FACTS_FILE = Path(__file__).with_name("dataset.yaml")


@dataclass(frozen=True)
class Split:
    """All of ``subjects`` speak all of ``sentences``; every clip has ``takes`` takes of motion."""

    subjects: tuple[str, ...]
    sentences: tuple[int, ...]
    takes: int


@dataclass(frozen=True)
class Facts:
    """dataset.yaml, typed; field names are its keys."""

    name: str
    generated: bool
    description: str
    fps: float
    unit: str
    unit_to_mm: float
    styles: tuple[str, ...]  # the seen subjects
    splits: dict[str, Split]
    sizes: dict[str, int]
    masks: dict[str, str]  # what each region is


def read_facts(path: Path = FACTS_FILE) -> Facts:
    """The facts in ``path``; raises KeyError where one is missing."""
    facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    groups = {group: tuple(names) for group, names in facts["subjects"].items()}
    return Facts(
        name=facts["name"],
        generated=facts["generated"],
        description=facts["description"],
        fps=facts["fps"],
        unit=facts["unit"],
        unit_to_mm=facts["unit_to_mm"],
        styles=groups["seen"],
        splits={
            name: Split(groups[split["subjects"]], tuple(split["sentences"]), split["takes"])
            for name, split in facts["splits"].items()
        },
        sizes=facts["sizes"],
        masks=facts["masks"],
    )
