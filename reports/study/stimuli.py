"""The clips, styles and runs of a study, and its videos, cut so that nothing gives them away.

Shapes   T frames, V vertices, S samples.
Units    vertices in the dataset's unit; sound in [-1, 1] at 16 kHz.
"""

import random
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float, Float32, Integer

from bench.common.constants import AUDIO_RATE
from bench.common.errors import unknown
from bench.common.files import output
from bench.common.seeding import derive
from bench.data import Clip
from bench.dataset.drawn import Drawn, unit_weights
from bench.dataset.reader import Dataset, load_dataset
from bench.evaluation.kept_samples import kept_name, read_kept
from bench.evaluation.predict import shown_style
from bench.media.audio import write_speech
from bench.results import MethodResults
from reports.heads.camera import Paint
from reports.heads.head import PITCH, YAW
from reports.heads.render import rotate
from reports.inputs.results import Rows
from reports.study.records import CHECKS, Source, Stimulus
from reports.text.labels import GROUND_TRUTH, ORACLE, label, row_of
from reports.video.movie import write_video

BOX_HEADER = 8  # bytes: length and name


@dataclass(frozen=True, eq=False)
class Chosen:
    """The clips and rows that a study shows of one dataset."""

    dataset: Dataset
    split: str
    sources: tuple[Source, ...]  # ground truth first
    clips: tuple[tuple[Clip, str], ...]  # with the style that conditions every method
    others: tuple[Clip, ...]  # every clip of the split: sounds of attention checks


def choose(
    results: Mapping[str, Rows],
    folder: Path,
    rows: Sequence[str],
    clips: int,
    split: str | None,
    seed: int,
) -> list[Chosen]:
    """Per dataset as many random clips as asked for, or all where there are fewer.

    Without a split: test_b, subjects that no method was trained on, as in the paper; test_a where
    a dataset has no such clips. Raises ValueError for rows, runs or clips that are not there.
    """
    if not results:
        raise ValueError("no dataset has results, so there is nothing to show; run: dvc repro")
    if clips < 1:
        raise ValueError(f"--clips {clips}: expected at least 1")
    if len(set(rows)) < len(rows):
        raise ValueError(f"--row: each row once, got {', '.join(rows)}")
    return [_of_dataset(found, folder, rows, clips, split, seed) for found in results.values()]


def _of_dataset(
    results: Rows, folder: Path, rows: Sequence[str], clips: int, split: str | None, seed: int
) -> Chosen:
    dataset = load_dataset(results[0].dataset, folder)
    by_row = {row_of(each): each for each in results if each.method != ORACLE}
    for row in rows:
        if row not in by_row:
            raise unknown(f"row of {dataset.name}", row, by_row)
    split = split or ("test_b" if dataset.clips("test_b") else "test_a")
    everything = dataset.clips(split)
    if not everything:
        raise ValueError(f"{dataset.name} has no clips of {split}")
    draws = random.Random(derive(seed, "study clips", dataset.name, split))
    names = set(draws.sample(sorted(c.name for c in everything), min(clips, len(everything))))
    shown = [clip for clip in everything if clip.name in names]
    sources = [_source(by_row[row], split) for row in rows]
    return Chosen(
        dataset=dataset,
        split=split,
        sources=(_ground_truth(sources[0]), *sources),
        clips=tuple((clip, dataset.spec.styles[shown_style(dataset, clip)]) for clip in shown),
        others=tuple(everything),
    )


def _source(results: MethodResults, split: str) -> Source:
    """The finished run with the lowest seed."""
    done = sorted((run for run in results.runs if run.status == "done"), key=lambda run: run.seed)
    if not done or "predict" not in done[0].keys:
        raise ValueError(
            f"{row_of(results)} on {results.dataset} has no finished run; run: dvc repro"
        )
    return Source(
        dataset=results.dataset,
        row=row_of(results),
        method=results.method,
        variant=results.variant,
        label=label(results),
        split=split,
        profile=results.profile,
        generated=results.generated,
        speech_encoder=results.speech_encoder,
        seed=done[0].seed,
        key=done[0].keys["predict"],
    )


def _ground_truth(row: Source) -> Source:
    """The source that no method made, shown beside a row's."""
    nobody = {"row": GROUND_TRUTH, "method": GROUND_TRUTH, "variant": "", "label": "ground truth"}
    return row.model_copy(update={**nobody, "speech_encoder": "none", "seed": None, "key": ""})


@dataclass(frozen=True, eq=False)
class Shown:
    """One stimulus before it is rendered."""

    stimulus: Stimulus
    motion: Float32[np.ndarray, "T V 3"]  # the skin, then what is drawn with it
    sound: Float32[np.ndarray, " S"]
    paint: Paint | None = None  # how that is drawn


def shown_clips(chosen: Chosen, runs: Path, seed: int) -> Iterator[list[Shown]]:
    """Clip by clip every version of it: ground truth, methods, and attention checks where drawn.

    All versions of a clip have as many frames as the shortest one, and exactly as much sound.
    Raises ValueError where a prediction is missing or does not fit.
    """
    frozen, other = _drawn_checks(chosen, seed)
    for clip, style in chosen.clips:
        parts = chosen.dataset.drawn(clip.subject)
        paint = parts.paint if parts else None
        motions = {
            s.row: _whole(_motion(chosen, s, clip, style, runs), parts, chosen.dataset, clip)
            for s in chosen.sources
        }
        length = min(map(len, motions.values()))
        motions = {row: motion[:length] for row, motion in motions.items()}
        fps = chosen.dataset.spec.fps
        own = _fitted(clip, length, fps)
        name = chosen.dataset.name
        versions = [
            Shown(Stimulus(dataset=name, clip=clip.name, style=style, source=row), m, own, paint)
            for row, m in motions.items()
        ]
        truth = motions[GROUND_TRUTH]
        spoiled = dict(dataset=name, clip=clip.name, style=style, source=GROUND_TRUTH)
        if clip.name == frozen:
            still = np.repeat(truth[:1], length, axis=0)
            versions.append(Shown(Stimulus(**spoiled, check=CHECKS["frozen"]), still, own, paint))
        if other is not None and clip.name == other[0]:
            sound = _fitted(other[1], length, fps)
            versions.append(
                Shown(Stimulus(**spoiled, check=CHECKS["other_sound"]), truth, sound, paint)
            )
        yield versions


def same_view(versions: list[Shown]) -> list[Float32[np.ndarray, "T U 3"]]:
    """Their motions with four points that no face uses, the outermost of all versions' skins.

    They stand behind the skin and before what is drawn with it. A camera that sees them all frames
    every version of a clip alike: a face that moves more is not shown smaller.
    """
    paint = versions[0].paint
    num_drawn = len(paint[1]) if paint else 0
    num_skin = versions[0].motion.shape[1] - num_drawn
    reached = np.concatenate([each.motion[:, :num_skin].reshape(-1, 3) for each in versions])
    turned = rotate(reached, YAW, PITCH)[:, :2]
    outermost = reached[np.concatenate([turned.argmin(axis=0), turned.argmax(axis=0)])]
    return [
        np.insert(each.motion, [num_skin] * len(outermost), outermost, axis=1) for each in versions
    ]


def _whole(
    motion: Float[np.ndarray, "T V 3"], parts: Drawn | None, dataset: Dataset, clip: Clip
) -> Float32[np.ndarray, "T U 3"]:
    """A skin, and after its vertices the points that are drawn with it."""
    if parts is None or dataset.units is None:
        return motion.astype(np.float32)
    weights = unit_weights(dataset.units, clip.template.numpy(), motion)
    return np.concatenate([motion, parts.posed(weights)], axis=1).astype(np.float32)


def _motion(
    chosen: Chosen, source: Source, clip: Clip, style: str, runs: Path
) -> Float[np.ndarray, "T V 3"]:
    """The ground truth, or the first sample that is stored of a row."""
    if source.row == GROUND_TRUTH:
        return clip.vertices.numpy()
    name = kept_name(chosen.split, clip.name, style)
    path = output(runs / source.key, name)
    if not path.exists():
        raise ValueError(f"{path}: no stored prediction of {source.row}; run: dvc repro")
    motion = read_kept(path, 1).samples[0]
    if motion.shape[1:] != (chosen.dataset.spec.num_vertices, 3):
        raise ValueError(f"{path}: expected frames x vertices x 3, got {motion.shape}")
    return motion


def _fitted(clip: Clip, frames: int, fps: float) -> Float32[np.ndarray, " S"]:
    """A clip's sound for so many frames: cut, or followed by silence."""
    length = round(frames / fps * AUDIO_RATE)
    sound = clip.audio.numpy()[:length]
    return np.pad(sound, (0, length - len(sound)))


def _drawn_checks(chosen: Chosen, seed: int) -> tuple[str, tuple[str, Clip] | None]:
    """Which clip stands still, and which is heard with which other clip's sound.

    The other sound is another sentence, of the same subject where there is one; None where the
    split has a single sentence.
    """
    draws = random.Random(derive(seed, "study checks", chosen.dataset.name))
    clips = [clip for clip, _ in chosen.clips]
    frozen = draws.choice(clips)
    dubbed = draws.choice([clip for clip in clips if clip is not frozen] or clips)
    others = [c for c in chosen.others if c.sentence != dubbed.sentence]
    others = [c for c in others if c.subject == dubbed.subject] or others
    return frozen.name, (dubbed.name, draws.choice(others)) if others else None


def render_clip(
    versions: list[Shown], faces: Integer[np.ndarray, "F 3"], fps: float, size: int
) -> list[bytes]:
    """One .mp4 per version of a clip, all framed alike and equally long in bytes and seconds."""
    videos = []
    with TemporaryDirectory() as folder:
        sound, video = Path(folder) / "sound.wav", Path(folder) / "video.mp4"
        for version, motion in zip(versions, same_view(versions), strict=True):
            write_speech(sound, version.sound)
            write_video(video, motion, faces, fps, sound, size, version.paint)
            videos.append(video.read_bytes())
    longest = max(map(len, videos)) + BOX_HEADER
    return [padded(video, longest) for video in videos]


def padded(video: bytes, length: int) -> bytes:
    """The video with a box of free space behind it, ``length`` bytes together.

    Players ignore the contents of such a box (ISO/IEC 14496-12, Free Space Box). Without it the
    length would tell lively faces from still ones. Raises ValueError where no box fits.
    """
    rest = length - len(video)
    if rest < BOX_HEADER:
        raise ValueError(f"a video of {len(video)} bytes cannot be padded to {length}")
    return video + struct.pack(">I4s", rest, b"free") + bytes(rest - BOX_HEADER)
