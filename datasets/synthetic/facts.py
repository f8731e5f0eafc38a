"""The facts of the dataset: dataset.yaml says who says what, expected.json what must come out.

expected.json covers PCM16 audio and float32 coefficients, which do not depend on the number of
vertices: the same audio and motion are expected on every machine.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

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
    splits = {
        name: Split(groups[split["subjects"]], tuple(split["sentences"]), split["takes"])
        for name, split in facts["splits"].items()
    }
    known = facts | {"styles": groups["seen"], "splits": splits}
    return Facts(**{field.name: known[field.name] for field in fields(Facts)})


EXPECTED_FILE = Path(__file__).with_name("expected.json")
EXPECTED_SEED = 0


def fingerprint(manifest: dict[str, Any]) -> dict[str, Any]:
    """Number of clips, and one SHA-256 each over the hashes of all audio and of all motion."""
    clips = sorted(manifest["clips"], key=lambda clip: clip["name"])
    return {
        "seed": manifest["generator"]["seed"],
        "clips": len(clips),
        "audio_sha256": _sha256_over(clip["audio_sha256"] for clip in clips),
        "motion_sha256": _sha256_over(clip["motion_sha256"] for clip in clips),
    }


def _sha256_over(hashes: Iterable[str]) -> str:
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


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
