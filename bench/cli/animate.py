"""`bench animate`: a trained run speaks a user's sound file.

Shapes   T frames, V vertices, S samples.    Units  vertices in the dataset's unit.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from bench.animate.avatars import KINDS as OF_AVATARS
from bench.animate.avatars import Speaker, rate_of, write_avatar
from bench.animate.names import ARKIT
from bench.animate.rig import Rig, rig_of
from bench.checks.estimate import duration
from bench.cli.options import AnimateOptions
from bench.common.constants import AUDIO_RATE
from bench.common.environment import pick_device
from bench.common.errors import unknown
from bench.common.files import write_array
from bench.common.terminal import console, say
from bench.data import DatasetSpec
from bench.dataset.drawn import unit_weights
from bench.dataset.reader import Dataset
from bench.evaluation.predict import make_noise
from bench.evaluation.windows import (
    EXACT_SECONDS,
    FADE_SECONDS,
    WINDOW_SECONDS,
    Predict,
    predict_in_windows,
)
from bench.media.animations import write_glb, write_meshes
from bench.media.audio import read_speech
from bench.media.meshes import read_mesh
from bench.method import Method
from bench.pipeline.planner import Choice, Session
from bench.pipeline.trained import TrainedRun, trained_by_key, trained_row
from bench.pipeline.work import make_deterministic
from bench.registry.rows import Registry

PROBE_SECONDS = 4.0  # of speech; twice as much is measured too
QUADRATIC = 1.15  # twice the speech costs so many times more than twice: it grows with the square

Paint = tuple[np.ndarray, np.ndarray] | None  # faces and colours of the motion's last vertices
WriteVideo = Callable[[Path, np.ndarray, np.ndarray, float, Path, int, Paint], None]
"""write_video(path, motion, faces, fps, sound, size, paint)."""


def animate(options: AnimateOptions, registry: Registry, write_video: WriteVideo) -> int:
    """Predict, and write what the ending of ``out`` asks for. Returns 0.

    Raises ValueError for whatever cannot be used, before anything is predicted.
    """
    kind = _kind(options)
    speech = read_speech(options.audio)
    session = Session(Choice(options.profile, options.device), registry)
    trained = _trained(options, session)
    dataset = session.dataset(trained.dataset)
    spec = dataset.spec
    style = _style(options.style, spec)
    template = _template(options.template, dataset, style)
    rate, rig = rate_of(options.fps, kind, spec.fps), _rig(options, kind, dataset)
    device = torch.device(pick_device(options.device))
    make_deterministic(device.type)
    method = trained.build(dataset).to(device).eval()
    predict = _predictor(method, template, style, spec, options, trained, device)
    _say_what(trained, dataset, spec.styles[style], len(speech))
    _say_cost(predict, speech, spec.fps)
    with tempfile.TemporaryDirectory(dir=_existing(options.out.parent)) as folder:
        motion = _predict_all(predict, speech, spec, Path(folder) / "motion.npy")
        subject = None if options.template else spec.styles[style]
        if kind == "mp4":
            video = _with_parts(motion, template.numpy(), dataset, subject)
            faces = spec.faces.numpy()
            write_video(
                options.out, video[0], faces, spec.fps, options.audio, options.size, video[1]
            )
        elif rig is None:
            _write(kind, options.out, motion, spec)
        else:
            speaker = Speaker(dataset, rig, template.numpy(), subject)
            _write_weights(kind, options.out, speaker, motion, rate)
    seconds = len(motion) / spec.fps
    say(f"written: {options.out} ({len(motion)} frames, {seconds:.2f} s)")
    return 0


def _kind(options: AnimateOptions) -> str:
    """npy, mp4, obj or one of avatars. Raises ValueError for another ending and what is there."""
    kind = options.out.suffix.lower().lstrip(".")
    if not kind or options.out.name.endswith("_obj"):
        kind = "obj"
    if kind not in ("npy", "mp4", "obj", *OF_AVATARS):
        raise ValueError(
            f"--out {options.out}: expected .mp4, .npy, .glb, .csv, .json, or a folder's name for "
            ".obj files"
        )
    if options.out.exists() and not options.force:
        raise ValueError(f"{options.out} exists; use --force to replace it")
    if options.out.is_dir() != (kind == "obj") and options.out.exists():
        raise ValueError(f"{options.out} is a {'folder' if options.out.is_dir() else 'file'}")
    return kind


def _trained(options: AnimateOptions, session: Session) -> TrainedRun:
    head = options.run.partition("-")[0].partition(":")[0]
    if head in session.registry.methods or ":" in options.run:
        seed = session.profile.seeds[0] if options.seed is None else options.seed
        dataset = options.dataset or session.datasets[0]
        return trained_row(options.run, dataset, seed, session)
    return trained_by_key(options.run, session)


def _style(name: str | None, spec: DatasetSpec) -> int:
    if name is None:
        return 0
    if name not in spec.styles:
        raise unknown("style", name, spec.styles)
    return spec.styles.index(name)


def _template(path: Path | None, dataset: Dataset, style: int) -> torch.Tensor:
    """A user's face with the dataset's vertices, else that of the style's subject."""
    spec = dataset.spec
    if path is None:
        return dataset.template(spec.styles[style])
    vertices = read_mesh(path).vertices
    if len(vertices) != spec.num_vertices:
        raise ValueError(
            f"{path}: expected the {spec.num_vertices} vertices of {spec.name}, got {len(vertices)}"
        )
    return torch.from_numpy(vertices.astype(np.float32))


def _rig(options: AnimateOptions, kind: str, dataset: Dataset) -> Rig | None:
    """What weights are fitted to, for a file of weights; None for one of vertices.

    Raises ValueError for a dataset without names for what it moves, and for an idle --fps.
    """
    if kind in OF_AVATARS and (kind != "glb" or dataset.channels):
        return rig_of(dataset, f"a .{kind}")
    if options.fps is not None:
        raise ValueError(
            "--fps: only weights of named units have a rate of their own (.csv, .json, and .glb of "
            "a dataset with units)"
        )
    return None


def _predictor(
    method: Method,
    template: torch.Tensor,
    style: int,
    spec: DatasetSpec,
    options: AnimateOptions,
    trained: TrainedRun,
    device: torch.device,
) -> Predict:
    """One draw for a stretch of speech, as (T, V, 3) float32; the same stretch, the same draw."""

    @torch.no_grad()
    def predict(speech: np.ndarray, num_frames: int) -> np.ndarray:
        draws = make_noise(trained.seed, options.audio.name, spec.styles[style])
        found = method.predict(
            torch.from_numpy(np.ascontiguousarray(speech)).to(device),
            template.to(device),
            style,
            num_frames,
            1,
            lambda k, shape: draws(k + options.sample, shape),
        )
        vertices = found[0].cpu().numpy().astype(np.float32)
        if not np.isfinite(vertices).all():
            raise ValueError(f"{trained.title}: the prediction is not finite")
        return vertices

    return predict


def _predict_all(predict: Predict, speech: np.ndarray, spec: DatasetSpec, path: Path) -> np.ndarray:
    """The whole motion in a temporary file, memory-mapped: (T, V, 3) float32."""
    most = int(len(speech) / AUDIO_RATE * spec.fps) + 1
    shape = (most, spec.num_vertices, 3)
    file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    count = 0
    blocks = predict_in_windows(predict, speech, spec.fps)
    for block in track(blocks, "predicting", total=None, console=console(), transient=True):
        file[count : count + len(block)] = block
        count += len(block)
    return file[:count]


def _with_parts(
    motion: np.ndarray, template: np.ndarray, dataset: Dataset, subject: str | None
) -> tuple[np.ndarray, Paint]:
    """Skin and behind it the subject's eyes, teeth and tongue, where there are such."""
    parts = dataset.drawn(subject) if subject else None
    if parts is None or dataset.units is None:
        return motion, None
    posed = parts.posed(unit_weights(dataset.units, template, motion))
    return np.concatenate([motion, posed.astype(np.float32)], axis=1), parts.paint


def _write(kind: str, out: Path, motion: np.ndarray, spec: DatasetSpec) -> None:
    faces = spec.faces.numpy()
    if kind == "npy":
        write_array(out, motion)
    elif kind == "obj":
        write_meshes(out, motion, faces)
    else:
        found = write_glb(out, motion, faces, spec.fps)
        say(
            f"{spec.name} has no named units: {len(found.components)} principal components are the "
            "morph targets; the largest distance of a vertex from the prediction is "
            f"{found.error:.3g} {spec.unit}"
        )


def _write_weights(kind: str, out: Path, speaker: Speaker, motion: np.ndarray, rate: float) -> None:
    written = write_avatar(kind, out, speaker, motion, rate)
    say(
        f"weights of {len(ARKIT)} blendshapes, of which the face tells {written.told}; "
        f"{written.frames} frames at {rate:g} per second"
    )
    say(f"distance of their face from the prediction: {written.residual}")


def _say_what(trained: TrainedRun, dataset: Dataset, style: str, num_samples: int) -> None:
    made = ", trained on generated data" if dataset.generated else ""
    say(f"{trained.title}{made}; style {style}")
    seconds = num_samples / AUDIO_RATE
    if seconds > EXACT_SECONDS:
        say(
            f"{seconds:.0f} s of speech: more than {EXACT_SECONDS:g} s are predicted in windows of "
            f"{WINDOW_SECONDS:g} s that fade into each other over {FADE_SECONDS:g} s"
        )


def _say_cost(predict: Predict, speech: np.ndarray, fps: float) -> None:
    """For longer speech: how long it will take, where that grows with the square of its length.

    Measured on two stretches of it, so that no method need know its own cost.
    """
    short = round(PROBE_SECONDS * AUDIO_RATE)
    if len(speech) < 4 * short:
        return
    seconds = []
    for length in (short, short, 2 * short):  # the first one folds weights and warms up
        clock = time.monotonic()
        predict(speech[:length], int(length / AUDIO_RATE * fps))
        seconds.append(time.monotonic() - clock)
    _, once, twice = seconds
    if twice < 2 * QUADRATIC * once:
        return
    square = (twice - 2 * once) / 2  # t(x) = linear x + square x^2, x in stretches
    linear = once - square
    window = min(len(speech) / AUDIO_RATE, EXACT_SECONDS) / PROBE_SECONDS
    count = 1.0
    if len(speech) / AUDIO_RATE > EXACT_SECONDS:
        window = WINDOW_SECONDS / PROBE_SECONDS
        count = len(speech) / AUDIO_RATE / (WINDOW_SECONDS - FADE_SECONDS)
    estimate = count * (linear * window + square * window**2)
    say(
        f"the cost of this method grows with the square of the length: about {duration(estimate)}, "
        f"by {PROBE_SECONDS:g} s and {2 * PROBE_SECONDS:g} s of this speech"
    )


def _existing(folder: Path) -> Path:
    """The folder of an output, made where it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--out: {folder} cannot be made: {error.strerror}") from error
    return folder
