"""Writes what all clips of a dataset share: geometry, masks, manifest.

Shapes   V vertices, F faces, M vertices of a mask.    Units  the dataset's.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.common.files import files_below, sealed, sha256_of_file, write_array, write_json
from bench.dataset.card import Card
from bench.dataset.manifest import MANIFEST_SCHEMA
from bench.dataset.masks import Region, find_masks
from bench.prepare.clips import Prepared
from bench.prepare.release import Release

Intervals = list[tuple[str, float, float]]  # text, start, end

TIERS = ("phones", "phone", "phonemes", "phoneme")
WORD_TIERS = ("words", "word")
SILENCE = ("", "sil", "sp", "spn", "<eps>", "<p:>")

FACTS = (  # of the card, as they stand in the manifest
    *("name", "generated", "description", "licence", "fps", "unit", "unit_to_mm"),
    *("subject_scale_mm", "num_vertices", "mouth_opening_pair"),
)


def write_geometry(out: Path, card: Card, release: Release, raw: Path) -> dict[str, Any]:
    """Faces, reference, templates and masks; returns the manifest's entries about them, and about
    the content of their files.

    Raises ValueError for a subject without a template and for unusable mask files.
    """
    arrays = {
        "faces.npy": release.faces.astype(np.int32),
        "reference.npy": release.reference.astype(np.float32),
    }
    hashes = {}
    for subject in sorted(subject for group in card.subjects.values() for subject in group):
        if subject in release.templates:
            template = release.templates[subject].astype(np.float32)
            arrays[f"templates/{subject}.npy"] = template
            hashes[subject] = hashlib.sha256(template.tobytes()).hexdigest()
    masks = find_masks(card, raw, release.reference)
    arrays |= {f"masks/{name}.npy": mask.vertices for name, mask in masks.items()}
    for name, array in arrays.items():
        write_array(out / name, array)
    return {
        "templates_sha256": hashes,
        "masks": {name: _entry(mask) for name, mask in masks.items()},
        "files": {name: sha256_of_file(out / name) for name in arrays},
    }


def write_manifest(
    out: Path,
    card: Card,
    release: Release,
    geometry: Mapping[str, Any],
    clips: Mapping[str, Prepared],
    textgrids: Path,
) -> None:
    """Write manifest.json, the last file: with it the dataset is prepared.

    Raises ValueError for a TextGrid that cannot be read.
    """
    expected = card.expected()
    entries = []
    for name, (subject, sentence, split) in expected.items():
        if name in clips:
            style = card.styles.index(subject) if subject in card.styles else None
            entries.append(
                {
                    "name": name,
                    "subject": subject,
                    "sentence": sentence,
                    "text": "",
                    "take": 0,
                    "audio": name,
                    "split": split,
                    "style": style,
                    **_said(textgrids / f"{name}.TextGrid"),
                    **clips[name].entries,
                }
            )
    facts = card.model_dump(mode="json", include=set(FACTS))
    of_clips = {name: sha256 for clip in clips.values() for name, sha256 in clip.files.items()}
    manifest = {
        **facts,
        **geometry,
        "schema": MANIFEST_SCHEMA,
        "motion": "vertices",
        "styles": list(card.styles),
        "source": release.kind,
        "missing": sorted(expected.keys() - clips.keys()),
        "clips": entries,
        "files": geometry["files"] | of_clips,
    }
    write_json(out / "manifest.json", sealed(manifest))
    _remove_others(out, manifest["files"])


def _remove_others(out: Path, files: Collection[str]) -> None:
    """Delete files that the manifest does not name, of killed calls and of earlier cards.

    The same raw files then give the same folder, whatever was in it.
    """
    for name, path in files_below(out).items():
        if name not in files and "/" in name:  # the folder itself has the manifest
            path.unlink()


def _entry(mask: Region) -> dict[str, Any]:
    return {"size": len(mask.vertices), "sha256": mask.sha256, "origin": mask.origin}


def _said(path: Path) -> dict[str, Intervals]:
    """The manifest's entries about what is said when: words only where a file has some."""
    said = read_said(path) if path.exists() else Said([], [])
    return {"phonemes": said.phones} | ({"words": said.words} if said.words else {})


class Said(NamedTuple):
    """What is said when; silence is left out."""

    phones: Intervals
    words: Intervals


def read_said(path: Path) -> Said:
    """The phones and words of a TextGrid.

    Phones: the tier of that name, else the last tier of intervals that are no words. Words: the
    tier of that name, if there is one. Raises ValueError for a file that is no TextGrid or has no
    tier of intervals.
    """
    from praatio import textgrid  # only users who have such files need it

    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    except Exception as error:  # its parser raises whatever it stumbles over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} is not a readable TextGrid: {reason}") from error
    tiers = {
        tier.name.lower(): _spoken(tier.entries)
        for tier in grid.tiers
        if isinstance(tier, textgrid.IntervalTier)
    }
    if not tiers:
        raise ValueError(f"{path}: expected a tier of intervals (phones), got none")
    words = next((said for name, said in tiers.items() if name in WORD_TIERS), [])
    others = {name: said for name, said in tiers.items() if name not in WORD_TIERS}
    last = next(reversed(others.values()), [])
    return Said(next((said for name, said in others.items() if name in TIERS), last), words)


def _spoken(entries: Iterable[Any]) -> Intervals:
    return [
        (each.label, float(each.start), float(each.end))
        for each in entries
        if each.label.lower() not in SILENCE
    ]
