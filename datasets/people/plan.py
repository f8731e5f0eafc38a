"""Who says what: dataset.yaml, typed, and expected.json, the fingerprint of what must come out.

expected.json covers PCM16 audio and float32 weights, which do not depend on the size of the head:
the same audio and motion are expected on every machine.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml
from facts import fingerprint

PLAN_FILE = Path(__file__).with_name("dataset.yaml")
EXPECTED_FILE = Path(__file__).with_name("expected.json")
EXPECTED_SEED = 0


@dataclass(frozen=True)
class Split:
    """Speakers in turn take the next ``each`` of the sentences, and after the last the first."""

    subjects: tuple[str, ...]
    first: int
    last: int
    each: int
    takes: int

    def sentences_of(self, subject: str) -> list[int]:
        """The numbers of the sentences that a speaker of the split says."""
        start = self.subjects.index(subject) * self.each
        count = self.last - self.first + 1
        return [self.first + (start + step) % count for step in range(self.each)]


@dataclass(frozen=True)
class Plan:
    """dataset.yaml; field names are its keys, but for the seen subjects."""

    name: str
    generated: bool
    description: str
    fps: float
    unit: str
    unit_to_mm: float
    styles: tuple[str, ...]  # the seen subjects
    splits: dict[str, Split]
    masks: dict[str, str]  # what each region is

    @property
    def subjects(self) -> list[str]:
        """Everybody who speaks, by name."""
        return sorted({name for split in self.splits.values() for name in split.subjects})


def read_plan(path: Path = PLAN_FILE) -> Plan:
    """The plan in ``path``; raises KeyError where a fact is missing."""
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    groups = {group: tuple(names) for group, names in card["subjects"].items()}
    splits = {
        name: Split(**split | {"subjects": groups[split["subjects"]]})
        for name, split in card["splits"].items()
    }
    known = card | {"styles": groups["seen"], "splits": splits}
    return Plan(**{field.name: known[field.name] for field in fields(Plan)})


def read_expected() -> dict[str, Any]:
    """The fingerprint that every machine should get."""
    return json.loads(EXPECTED_FILE.read_text(encoding="utf-8"))


def write_expected(manifest: dict[str, Any]) -> None:
    """Make this manifest's fingerprint the expected one, after a wanted change of the data.

    Raises ValueError for the population of another seed.
    """
    seed = manifest["generator"]["seed"]
    if seed != EXPECTED_SEED:
        raise ValueError(f"--write-expected needs --seed {EXPECTED_SEED}, got {seed}")
    partial = EXPECTED_FILE.with_suffix(".partial")
    partial.write_text(json.dumps(fingerprint(manifest), indent=1) + "\n", encoding="utf-8")
    partial.replace(EXPECTED_FILE)
