"""Write a whole generated dataset to a folder.

Shapes: V vertices, F faces, T frames, K channels, S samples. Units: metres, seconds.
"""

import hashlib
import json
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
from blendshapes import CHANNELS, JAW_DEGREES
from clips import Utterance, speak, take
from control_rate import SAMPLE_RATE
from facts import Facts
from head_set import HeadSet
from jaxtyping import Int16
from masks import Mask
from subjects import Subject, draw_subject

MANIFEST = "manifest.json"
SCHEMA = 1


def generate(
    out: Path, facts: Facts, *, num_vertices: int, seed: int = 0, name: str | None = None
) -> dict[str, Any]:
    """Generate the dataset of these facts into the folder ``out`` and return its manifest.

    Everything is written beside ``out`` and moved there at the end, so an interrupted run leaves
    no half dataset. Raises ValueError when there are too few vertices, or when ``out`` holds
    something that is not a dataset.
    """
    out = out.absolute()
    _refuse_other_folders(out)
    heads = HeadSet(num_vertices)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for folder in ("masks", "templates", "bases", "audio", "coefficients"):
        (partial / folder).mkdir(parents=True)
    names = {subject for split in facts.splits.values() for subject in split.subjects}
    subjects = {subject: draw_subject(subject, seed) for subject in sorted(names)}
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "name": name or facts.name,
        "generated": facts.generated,
        "description": facts.description,
        "fps": facts.fps,
        "unit": facts.unit,
        "unit_to_mm": facts.unit_to_mm,
        "num_vertices": num_vertices,
        "styles": list(facts.styles),
        "motion": "coefficients",
        "masks": _write_masks(partial, heads.masks),
        "mouth_pairs": heads.grid.mouth_pairs.tolist(),
        "mouth_opening_pair": heads.mouth_opening_pair,
        "templates_sha256": _write_heads(partial, heads, subjects),
        "clips": _write_clips(partial, facts, subjects, seed),
        "generator": {
            "seed": seed,
            "num_vertices": num_vertices,
            "channels": list(CHANNELS),
            "jaw_degrees": JAW_DEGREES,
        },
    }
    text = json.dumps(manifest, sort_keys=True, indent=1) + "\n"
    (partial / MANIFEST).write_text(text, encoding="utf-8")
    _move_into_place(partial, out)
    return manifest


def _refuse_other_folders(out: Path) -> None:
    """Only a dataset or an empty folder is ever replaced."""
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise ValueError(
            f"{out} is not empty and holds no {MANIFEST}, so it is not a dataset; "
            "choose another --out or empty it"
        )


def _move_into_place(partial: Path, out: Path) -> None:
    if out.exists():
        replaced = out.with_name(out.name + ".replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        out.rename(replaced)
        partial.rename(out)
        shutil.rmtree(replaced)
    else:
        partial.rename(out)


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def _write_masks(folder: Path, masks: dict[str, Mask]) -> dict[str, dict[str, Any]]:
    entries = {}
    for name, mask in masks.items():
        np.save(folder / "masks" / f"{name}.npy", mask.vertices)
        entries[name] = {
            "size": len(mask.vertices),
            "sha256": _sha256(mask.vertices.astype("<i4")),
            "origin": mask.origin,
        }
    return entries


def _write_heads(folder: Path, heads: HeadSet, subjects: dict[str, Subject]) -> dict[str, str]:
    np.save(folder / "faces.npy", heads.grid.faces.astype(np.int32))
    np.save(folder / "reference.npy", heads.reference())
    hashes = {}
    for name, subject in subjects.items():
        head = heads.head(subject)
        np.save(folder / "templates" / f"{name}.npy", head.template)
        np.save(folder / "bases" / f"{name}.npy", head.basis)
        hashes[name] = _sha256(head.template)
    return hashes


def _write_clips(
    folder: Path, facts: Facts, subjects: dict[str, Subject], seed: int
) -> list[dict[str, Any]]:
    """Manifest entries of all clips, split by split; audio and coefficients go to the folder."""
    entries = []
    for split_name, split in facts.splits.items():
        for subject in split.subjects:
            style = facts.styles.index(subject) if subject in facts.styles else None
            for sentence in split.sentences:
                utterance = speak(subjects[subject], sentence, seed)
                clip = f"{subject}_{sentence:02d}"
                _write_wav(folder / "audio" / f"{clip}.wav", utterance.speech.audio)
                shared = _utterance_entry(utterance, clip) | {"split": split_name, "style": style}
                for number in range(split.takes):
                    motion = take(utterance, number, facts.fps)
                    name = clip if number == 0 else f"{clip}-take{number}"
                    np.save(folder / "coefficients" / f"{name}.npy", motion)
                    own = {
                        "name": name,
                        "take": number,
                        "frames": len(motion),
                        "motion_sha256": _sha256(motion),
                    }
                    entries.append(shared | own)
    return entries


def _utterance_entry(utterance: Utterance, clip: str) -> dict[str, Any]:
    """What all takes of an utterance have in common."""
    return {
        "subject": utterance.subject.name,
        "sentence": utterance.sentence,
        "text": utterance.text,
        "audio": clip,
        "samples": len(utterance.speech.audio),
        "audio_sha256": _sha256(utterance.speech.audio.astype("<i2")),
        "phonemes": [
            [segment.phoneme, round(segment.start, 6), round(segment.end, 6)]
            for segment in utterance.segments
        ],
    }


def _write_wav(path: Path, audio: Int16[np.ndarray, " S"]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(audio.astype("<i2").tobytes())
