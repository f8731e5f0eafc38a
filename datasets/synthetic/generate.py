"""Utterances of subjects, with as many takes of their motion as wanted, and a dataset of them.

Audio and motion draw from separate random streams, so that a further take moves everything that
the audio does not determine and leaves the audio alone.

Shapes: V vertices, F faces, T video frames, K blendshape channels, S samples. Units: metres,
seconds; channels relative, 1 is full activation.
"""

import hashlib
import json
import shutil
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from facts import Facts
from head import CHANNELS, JAW_DEGREES, HeadSet, Mask
from jaxtyping import Float, Int16
from lexicon import sentence
from motion import MouthTracks, mouth_coefficients, mouth_tracks, upper_coefficients
from speech import Speech, synthesise
from subjects import Subject, draw_subject, named_rng
from timing import HOP, SAMPLE_RATE, STEP, Segment, segment

from bench.common.files import files_below, sealed, sha256_of_file

MANIFEST = "manifest.json"
SCHEMA = 2
STATED = ("generated", "description", "fps", "unit", "unit_to_mm")  # facts in the manifest


@dataclass(frozen=True)
class Utterance:
    """A spoken sentence; ``take`` gives motion to go with it."""

    subject: Subject
    sentence: int
    text: str
    segments: list[Segment]
    mouth: MouthTracks
    speech: Speech
    seed: int


def speak(subject: Subject, number: int, seed: int) -> Utterance:
    """The subject speaking the sentence of that number; the same arguments give the same bits."""
    spoken = sentence(number)
    rng = named_rng(f"audio-{seed}-{subject.number}-{number - 1}")
    segments = segment(spoken, subject.voice.rate, rng)
    num_frames = int(np.ceil(segments[-1].end * SAMPLE_RATE / HOP))
    mouth = mouth_tracks(segments, num_frames, subject.style)
    speech = synthesise(
        segments,
        subject.voice,
        jaw=mouth.jaw * subject.style.jaw,
        rounding=mouth.rounding * subject.style.rounding,
        rng=rng,
    )
    return Utterance(subject, number, spoken.text, segments, mouth, speech, seed)


def take(utterance: Utterance, number: int, fps: float) -> Float[np.ndarray, "T K"]:
    """Coefficients (float32) of take ``number``; frame t is the face at (t + 0.5) / fps."""
    subject, pitch = utterance.subject, utterance.speech.pitch
    stream = f"motion-{utterance.seed}-{subject.number}-{utterance.sentence - 1}-{number}"
    rng = named_rng(stream)
    num_frames = int(np.floor(len(pitch) * STEP * fps))
    frame_times = (np.arange(num_frames) + 0.5) / fps
    mouth = mouth_coefficients(utterance.mouth, subject.style, frame_times, rng)
    upper = upper_coefficients(
        utterance.segments, pitch, subject.style, mouth["spread"], frame_times, rng
    )
    channels = mouth | upper
    return np.stack([channels[name] for name in CHANNELS], axis=1).astype(np.float32)


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
        **{key: getattr(facts, key) for key in STATED},
        "schema": SCHEMA,
        "name": name or facts.name,
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
    manifest["files"] = {name: sha256_of_file(path) for name, path in files_below(partial).items()}
    manifest = sealed(manifest)
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
            for number in split.sentences:
                utterance = speak(subjects[subject], number, seed)
                clip = f"{subject}_{number:02d}"
                _write_wav(folder / "audio" / f"{clip}.wav", utterance.speech.audio)
                shared = _utterance_entry(utterance, clip) | {"split": split_name, "style": style}
                for repeat in range(split.takes):
                    motion = take(utterance, repeat, facts.fps)
                    name = clip if repeat == 0 else f"{clip}-take{repeat}"
                    np.save(folder / "coefficients" / f"{name}.npy", motion)
                    own = {
                        "name": name,
                        "take": repeat,
                        "frames": len(motion),
                        "motion_sha256": _sha256(motion),
                    }
                    entries.append(shared | own)
    return entries


def _utterance_entry(utterance: Utterance, clip: str) -> dict[str, Any]:
    """Everything that all takes of an utterance have in common."""
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
