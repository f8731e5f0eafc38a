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

from bench.checks.estimate import duration
from bench.cli.options import AnimateOptions
from bench.common.constants import AUDIO_RATE
from bench.common.environment import pick_device
from bench.common.errors import unknown
from bench.common.files import write_array
from bench.common.terminal import console, say
from bench.data import DatasetSpec
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

WriteVideo = Callable[[Path, np.ndarray, np.ndarray, float, Path, int], None]
"""write_video(path, motion, faces, fps, sound, size)."""


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
    device = torch.device(pick_device(options.device))
    make_deterministic(device.type)
    method = trained.build(dataset).to(device).eval()
    predict = _predictor(method, template, style, spec, options, trained, device)
    _say_what(trained, dataset, spec.styles[style], len(speech))
    _say_cost(predict, speech, spec.fps)
    with tempfile.TemporaryDirectory(dir=_existing(options.out.parent)) as folder:
        motion = _predict_all(predict, speech, spec, Path(folder) / "motion.npy")
        _write(kind, options, motion, spec, write_video)
    seconds = len(motion) / spec.fps
    say(f"written: {options.out} ({len(motion)} frames, {seconds:.2f} s)")
    return 0


def _kind(options: AnimateOptions) -> str:
    """npy, glb, mp4 or obj. Raises ValueError for another ending and for what is there."""
    kind = options.out.suffix.lower().lstrip(".")
    if not kind or options.out.name.endswith("_obj"):
        kind = "obj"
    if kind not in ("npy", "glb", "mp4", "obj"):
        raise ValueError(
            f"--out {options.out}: expected .mp4, .npy, .glb, or a folder's name for .obj files"
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


def _write(
    kind: str,
    options: AnimateOptions,
    motion: np.ndarray,
    spec: DatasetSpec,
    write_video: WriteVideo,
) -> None:
    faces = spec.faces.numpy()
    if kind == "npy":
        write_array(options.out, motion)
    elif kind == "obj":
        write_meshes(options.out, motion, faces)
    elif kind == "mp4":
        write_video(options.out, motion, faces, spec.fps, options.audio, options.size)
    else:
        found = write_glb(options.out, motion, faces, spec.fps)
        say(
            f"{len(found.components)} morph targets; the largest distance of a vertex from the "
            f"prediction is {found.error:.3g} {spec.unit}"
        )


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
