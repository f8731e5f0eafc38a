"""Speakers' utterances, with as many takes of their motion as wanted, and a dataset of them.

Audio and motion draw from separate random streams, so that a further take moves everything that
the audio does not determine and leaves the audio alone.

Shapes: V vertices, T video frames, K channels, D drawn faces, P drawn points, S samples. Units:
metres, seconds; weights relative, 1 is a full unit.
"""

import hashlib
import json
import shutil
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from anatomy import SPEAKERS, UNITS, Heads
from articulation import Mouth, articulate
from contact import CHANNELS, Contact, arc_weight, correctives
from jaxtyping import Float, Int16
from lexicon import LEXICON, Sentence, sentence
from mouth import mouth_weights
from phonemes import SILENCE
from plan import Plan
from speakers import Speaker, draw_speaker
from speech import Speech, synthesise
from subjects import named_rng
from timing import HOP, SAMPLE_RATE, STEP, Segment, segment
from upper import upper_weights

from bench.common.files import files_below, sealed, sha256_of_file

MANIFEST = "manifest.json"
SCHEMA = 2
STATED = ("generated", "description", "fps", "unit", "unit_to_mm")  # facts in the manifest
ROUNDING = 2.0**-14  # of weights: coarser than what processors disagree on


@dataclass(frozen=True)
class Utterance:
    """A spoken sentence; ``take`` gives motion to go with it."""

    speaker: Speaker
    number: int
    sentence: Sentence
    segments: list[Segment]
    mouth: Mouth
    speech: Speech
    seed: int


def speak(speaker: Speaker, number: int, seed: int) -> Utterance:
    """The speaker saying the sentence of that number; the same arguments give the same bits."""
    spoken = sentence(number)
    rng = named_rng(f"people-audio-{seed}-{speaker.name}-{number}")
    segments = segment(spoken, speaker.voice.rate, rng)
    num_frames = int(np.ceil(segments[-1].end * SAMPLE_RATE / HOP))
    mouth = articulate(segments, num_frames, speaker.style)
    speech = synthesise(
        segments,
        speaker.voice,
        jaw=mouth.jaw * speaker.style.jaw,
        rounding=mouth.rounding * speaker.style.rounding,
        rng=rng,
    )
    return Utterance(speaker, number, spoken, segments, mouth, speech, seed)


def take(
    utterance: Utterance, number: int, fps: float, contact: Contact
) -> Float[np.ndarray, "T K"]:
    """Weights (float32) of take ``number``; frame t is the face at (t + 0.5) / fps."""
    style, pitch = utterance.speaker.style, utterance.speech.pitch
    stream = f"{utterance.seed}-{utterance.speaker.name}-{utterance.number}-{number}"
    rng = named_rng(f"people-motion-{stream}")
    num_frames = int(np.floor(len(pitch) * STEP * fps))
    frame_times = (np.arange(num_frames) + 0.5) / fps
    lips = mouth_weights(utterance.mouth, style, frame_times, rng)
    upper = upper_weights(utterance.segments, pitch, style, lips.smile, frame_times, rng)
    weights = lips.weights | upper
    units = np.stack([weights[unit] for unit in UNITS], axis=1)
    units = rounded(np.clip(units, 0, 1))
    arc = rounded(arc_weight(units[:, UNITS.index("jawOpen")]))
    posed = contact.resolved(np.column_stack([units, arc]), lips.seal, lips.bite)
    return rounded(posed).astype(np.float32)


def rounded(weights: Float[np.ndarray, "T K"]) -> Float[np.ndarray, "T K"]:
    """To the nearest multiple of a step that float32 holds exactly."""
    return np.rint(weights / ROUNDING) * ROUNDING


def words(spoken: Sentence, segments: list[Segment]) -> list[tuple[str, float, float]]:
    """Every word of a sentence with its start and end, from the segments of its phonemes."""
    voiced = iter([segment for segment in segments if segment.phoneme != SILENCE])
    timed = []
    for word in spoken.words + spoken.tail:
        own = [next(voiced) for _ in LEXICON[word]]
        timed.append((word, own[0].start, own[-1].end))
    return timed


def generate(
    out: Path, plan: Plan, *, size: str, seed: int = 0, name: str | None = None
) -> dict[str, Any]:
    """Generate the dataset of this plan into the folder ``out`` and return its manifest.

    Everything is written beside ``out`` and moved there at the end, so an interrupted run leaves
    no half dataset. Raises ValueError for an unknown size, and when ``out`` holds something that
    is not a dataset.
    """
    out = out.absolute()
    _refuse_other_folders(out)
    heads = Heads(size)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for folder in ("masks", "templates", "drawn", "audio", "coefficients"):
        (partial / folder).mkdir(parents=True)
    speakers = {subject: draw_speaker(subject, seed) for subject in plan.subjects}
    pairs = {region: pairs.tolist() for region, pairs in heads.pairs.items()}
    manifest: dict[str, Any] = {
        **{key: getattr(plan, key) for key in STATED},
        "schema": SCHEMA,
        "name": name or plan.name,
        "num_vertices": len(heads.reference),
        "styles": list(plan.styles),
        "motion": "units",
        "channels": list(CHANNELS),
        "masks": _write_masks(partial, heads),
        "pairs": pairs,
        "mouth_pairs": pairs["inner_lips"],
        "mouth_opening_pair": [int(vertex) for vertex in heads.mouth_opening_pair],
        "drawn": {part: [int(start), int(end)] for part, (start, end) in heads.drawn.spans.items()},
        "templates_sha256": _write_heads(partial, heads, list(speakers)),
        "clips": list(_write_clips(partial, plan, speakers, seed)),
        "generator": {"seed": seed, "size": size},
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


def _write_masks(folder: Path, heads: Heads) -> dict[str, dict[str, Any]]:
    entries = {}
    for name, mask in heads.masks.items():
        np.save(folder / "masks" / f"{name}.npy", mask.vertices)
        entries[name] = {
            "size": len(mask.vertices),
            "sha256": _sha256(mask.vertices.astype("<i4")),
            "origin": mask.origin,
        }
    return entries


def _write_heads(folder: Path, heads: Heads, names: list[str]) -> dict[str, str]:
    """The geometry, and the hash of each speaker's neutral face."""
    np.save(folder / "faces.npy", heads.faces)
    np.save(folder / "reference.npy", heads.reference)
    np.save(folder / "units.npy", np.concatenate([heads.basis, correctives(heads)]))
    drawn = heads.drawn
    still = np.zeros((len(CHANNELS) - len(drawn.basis), *drawn.basis.shape[1:]), np.float32)
    np.save(folder / "drawn" / "faces.npy", drawn.faces)
    np.save(folder / "drawn" / "colours.npy", drawn.colours)
    np.save(folder / "drawn" / "units.npy", np.concatenate([drawn.basis, still]))
    hashes = {}
    for name in names:
        template = heads.template(SPEAKERS[name])
        np.save(folder / "templates" / f"{name}.npy", template)
        np.save(folder / "drawn" / f"{name}.npy", heads.drawn_template(SPEAKERS[name]))
        hashes[name] = _sha256(template)
    return hashes


def _write_clips(
    folder: Path, plan: Plan, speakers: dict[str, Speaker], seed: int
) -> Iterator[dict[str, Any]]:
    """Manifest entries of all clips, split by split; audio and weights go to the folder."""
    contacts = {name: Contact(name) for name in speakers}
    for split_name, split in plan.splits.items():
        for subject in split.subjects:
            style = plan.styles.index(subject) if subject in plan.styles else None
            for number in split.sentences_of(subject):
                utterance = speak(speakers[subject], number, seed)
                clip = f"{subject}_{number:02d}"
                _write_wav(folder / "audio" / f"{clip}.wav", utterance.speech.audio)
                shared = _utterance_entry(utterance, clip) | {"split": split_name, "style": style}
                for repeat in range(split.takes):
                    motion = take(utterance, repeat, plan.fps, contacts[subject])
                    name = clip if repeat == 0 else f"{clip}-take{repeat}"
                    np.save(folder / "coefficients" / f"{name}.npy", motion)
                    yield shared | {
                        "name": name,
                        "take": repeat,
                        "frames": len(motion),
                        "motion_sha256": _sha256(motion),
                    }


def _utterance_entry(utterance: Utterance, clip: str) -> dict[str, Any]:
    """Everything that all takes of an utterance have in common."""
    return {
        "subject": utterance.speaker.name,
        "sentence": utterance.number,
        "text": utterance.sentence.text,
        "audio": clip,
        "samples": len(utterance.speech.audio),
        "audio_sha256": _sha256(utterance.speech.audio.astype("<i2")),
        "phonemes": [
            [segment.phoneme, round(segment.start, 6), round(segment.end, 6)]
            for segment in utterance.segments
        ],
        "words": [
            [word, round(start, 6), round(end, 6)]
            for word, start, end in words(utterance.sentence, utterance.segments)
        ],
    }


def _write_wav(path: Path, audio: Int16[np.ndarray, " S"]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(audio.astype("<i2").tobytes())
