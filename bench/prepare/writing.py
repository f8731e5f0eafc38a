"""Writes what all clips of a dataset share: geometry, masks, manifest.

Shapes   V vertices, F faces, M vertices of a mask.    Units  the dataset's.
"""

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bench.common.files import files_below, sealed, sha256_of_file, write_array, write_json
from bench.dataset.card import Card
from bench.dataset.manifest import MANIFEST_SCHEMA
from bench.dataset.masks import Region, find_masks
from bench.prepare.clips import Prepared
from bench.prepare.release import Release

TIERS = ("phones", "phone", "phonemes", "phoneme")
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
                    "phonemes": _phonemes(textgrids / f"{name}.TextGrid"),
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


def _phonemes(path: Path) -> list[tuple[str, float, float]]:
    return read_phones(path) if path.exists() else []


def read_phones(path: Path) -> list[tuple[str, float, float]]:
    """(symbol, start, end) of every phone; silence is left out.

    The tier called phones, else the last tier of intervals. Raises ValueError for a file that is no
    TextGrid or has no such tier.
    """
    from praatio import textgrid  # only users who have such files need it

    try:
        grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    except Exception as error:  # its parser raises whatever it stumbles over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} is not a readable TextGrid: {reason}") from error
    tiers = [tier for tier in grid.tiers if isinstance(tier, textgrid.IntervalTier)]
    if not tiers:
        raise ValueError(f"{path}: expected a tier of intervals (phones), got none")
    tier = next((tier for tier in tiers if tier.name.lower() in TIERS), tiers[-1])
    return [
        (each.label, float(each.start), float(each.end))
        for each in tier.entries
        if each.label.lower() not in SILENCE
    ]
