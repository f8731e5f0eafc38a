"""Checks the manifest.json of a prepared dataset before anything else of it is read."""

import math
from pathlib import Path
from typing import Any

from bench.common.files import read_json, sealed

MANIFEST_SCHEMA = 2  # 2 adds files: the SHA-256 of each, and of the manifest itself
OF_CLIPS = ("vertices", "coefficients", "audio")  # folders with a file per clip
DRAWN = "drawn"  # folder of what is drawn with the face and never scored: eyes, teeth, tongue
# how motion is stored; coefficients have a basis per subject, units are the same for all of them
MOTIONS = ("vertices", "coefficients", "units")
GEOMETRY = (  # what every number depends on, besides the clips
    *("fps", "unit", "num_vertices", "styles", "motion", "masks"),
    *("mouth_opening_pair", "templates_sha256"),
)
ENTRIES = {*GEOMETRY, "name", "generated", "unit_to_mm", "clips", "files"}
CLIP_ENTRIES = {
    *("name", "subject", "sentence", "text", "take", "audio"),
    *("split", "frames", "phonemes", "style"),
}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a dataset's folder. Raises ValueError naming what is wrong with it."""
    path = folder / "manifest.json"
    manifest = read_json(path)
    if problem := _problem(manifest):
        raise ValueError(f"{path}: {problem}; {prepare_hint(folder.name)}")
    return manifest


def _problem(manifest: dict[str, Any]) -> str | None:
    """The first thing that is wrong, or None."""
    if manifest.get("schema") != MANIFEST_SCHEMA:
        return f"expected schema {MANIFEST_SCHEMA}, got {manifest.get('schema')!r}"
    if manifest != sealed(manifest):
        return "it has another hash than is written in it: it is damaged or was changed by hand"
    if missing := sorted(ENTRIES - manifest.keys()):
        return f"{', '.join(missing)} missing"
    if manifest["motion"] not in MOTIONS:
        return f"expected motion to be one of {', '.join(MOTIONS)}, got {manifest['motion']!r}"
    if manifest["motion"] == "units" and (problem := _channel_problem(manifest)):
        return problem
    if "mouth" not in manifest["masks"]:
        return f"expected a mask called mouth, got {sorted(manifest['masks'])}"
    for vertex in manifest["mouth_opening_pair"] or ():
        if not 0 <= vertex < manifest["num_vertices"]:
            return f"mouth_opening_pair: {vertex} is no vertex of the mesh"
    problems = (_clip_problem(clip, len(manifest["styles"])) for clip in manifest["clips"])
    return next(filter(None, problems), None)


def _channel_problem(manifest: dict[str, Any]) -> str | None:
    channels = manifest.get("channels") or ()
    if len(set(channels)) != len(channels) or not channels:
        return "motion in units needs channels, a name of its own for each unit"
    if not manifest["unit_to_mm"]:
        return f"motion in units needs unit_to_mm, got {manifest['unit_to_mm']!r}"
    return None


def _clip_problem(clip: dict[str, Any], num_styles: int) -> str | None:
    if missing := sorted(CLIP_ENTRIES - clip.keys()):
        return f"clip {clip.get('name')}: {', '.join(missing)} missing"
    if clip["style"] not in (None, *range(num_styles)):
        return f"clip {clip['name']}: style {clip['style']} is none of the {num_styles} styles"
    return _words_problem(clip)


def _words_problem(clip: dict[str, Any]) -> str | None:
    """Words are said one after another: a caption is made of them."""
    words, before = clip.get("words", []), 0.0
    if not isinstance(words, list):
        return f"clip {clip['name']}: words: expected a list, got {words!r:.60}"
    for word in words:
        if not _is_interval(word) or word[1] < before:
            wanted = "[word, start, end] with start < end, in order of time"
            return f"clip {clip['name']}: words: expected {wanted}, got {word!r:.60}"
        before = word[1]
    return None


def _is_interval(found: Any) -> bool:
    """Whether it is [text, start, end] in seconds, start < end."""
    match found:
        case [str(text), int() | float() as start, int() | float() as end]:
            return bool(text.strip()) and 0 <= start < end < math.inf
    return False


def prepare_command(name: str) -> str:
    """The command that makes a dataset, and makes again what is damaged of it."""
    return f"bench prepare {name}"


def prepare_hint(name: str) -> str:
    """The end of a line on what is wrong with a dataset."""
    return f"run: {prepare_command(name)}"
