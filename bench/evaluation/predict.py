"""From weights to predictions on the test splits.

Shapes   N samples, T frames, V vertices.
Units    the dataset's.

``predictions/<split>/<clip>.<style>.npy`` holds (N, T, V, 3) float32; ``listening/<clip>.npy``
holds (1, T, V, 3) with the audio of another sentence of the same subject.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.common.files import write_array
from bench.common.seeding import generator
from bench.config import PredictConfig
from bench.data import Clip, DatasetSpec
from bench.dataset.reader import Dataset
from bench.method import Method, Noise

Progress = Callable[[int, int], None]
"""progress(done, all)."""

ScoreSamples = Callable[[Clip, np.ndarray], None]
"""Called with all samples of a clip before those that are not kept are dropped."""


@dataclass(frozen=True)
class Request:
    """One prediction: whose face, in which style, to whose audio, how often, and its file."""

    clip: Clip
    style: int
    audio: Clip
    num_samples: int
    path: Path  # relative to the folder of predictions

    @property
    def scored(self) -> bool:
        """Whether its samples count for diversity."""
        return self.path.parts[1] == "test_a"


def is_deterministic(method: Method | type[Method], config: PredictConfig) -> bool:
    """Whether a row draws nothing: what its preset says, else what the method's class says."""
    return method.deterministic if config.deterministic is None else config.deterministic


def requests(dataset: Dataset, config: PredictConfig, deterministic: bool) -> list[Request]:
    """Every prediction that the tables need.

    test_a: own style, all samples. test_b: every training style, one sample each. Listening: test_a
    clips with the audio of the subject's next test_a sentence.
    """
    num_samples = 1 if deterministic else config.num_samples
    seen, unseen = dataset.clips("test_a"), dataset.clips("test_b")
    styles = dataset.spec.styles
    return [
        *(_own_style(clip, styles, num_samples) for clip in seen),
        *(
            Request(clip, s, clip, 1, prediction_path("test_b", clip, name))
            for clip in unseen
            for s, name in enumerate(styles)
        ),
        *(
            Request(clip, _style(clip), other, 1, Path("listening") / f"{clip.name}.npy")
            for clip, other in other_sentences(seen)
        ),
    ]


def shown_requests(dataset: Dataset, config: PredictConfig, deterministic: bool) -> list[Request]:
    """One prediction per clip that figures show: test_a's own style, else test_b's drawn one."""
    todo = requests(dataset, config, deterministic)
    own = [request for request in todo if request.path.parts[:2] == ("predictions", "test_a")]
    if own:
        return own
    return [
        request
        for request in todo
        if request.style == figure_style(dataset, request.clip)
        and request.path.parts[:2] == ("predictions", "test_b")
    ]


def figure_style(dataset: Dataset, clip: Clip) -> int:
    """The training style of a figure for a subject that has none: drawn once per clip, and so the
    same for all methods and seeds."""
    draws = generator(0, "figure style", dataset.name, clip.name)
    return int(torch.randint(len(dataset.spec.styles), (), generator=draws))


def prediction_path(split: str, clip: Clip, style: str) -> Path:
    """Where the prediction of a clip under a style lies."""
    return Path("predictions") / split / f"{clip.name}.{style}.npy"


def other_sentences(clips: Sequence[Clip]) -> Iterator[tuple[Clip, Clip]]:
    """Each clip beside the next clip of its subject; subjects with one clip have no pair."""
    by_subject: dict[str, list[Clip]] = {}
    for clip in clips:
        by_subject.setdefault(clip.subject, []).append(clip)
    for own in by_subject.values():
        if len(own) > 1:
            yield from zip(own, own[1:] + own[:1], strict=True)


def make_noise(seed: int, clip: str, style: str) -> Noise:
    """Streams of standard normal draws, one per sample, for one prediction."""
    streams: dict[int, torch.Generator] = {}

    def noise(k: int, shape: tuple[int, ...]) -> Tensor:
        if k not in streams:
            streams[k] = generator(seed, "noise", clip, style, k)
        return torch.randn(shape, generator=streams[k])

    return noise


def no_noise(_k: int, _shape: tuple[int, ...]) -> Tensor:
    """The noise of a row that is declared deterministic: there is none. Raises ValueError."""
    raise ValueError(
        "predict() drew noise, but this row is declared deterministic (by the method's class or "
        "predict.deterministic: true); take the claim back, or draw nothing"
    )


@torch.no_grad()
def predict_all(
    method: Method,
    dataset: Dataset,
    config: PredictConfig,
    seed: int,
    folder: Path,
    score_samples: ScoreSamples,
    progress: Progress,
) -> None:
    """Write every prediction that is not there.

    Raises ValueError for output that is no face, and for noise drawn against the declaration.
    """
    method.eval()
    deterministic = is_deterministic(method, config)
    todo = requests(dataset, config, deterministic)
    device = next((t.device for t in method.state_dict().values()), torch.device("cpu"))
    for done, request in enumerate(todo):
        path = folder / request.path
        if not path.exists():
            style = dataset.spec.styles[request.style]
            noise = no_noise if deterministic else make_noise(seed, request.clip.name, style)
            vertices = predict_one(method, dataset.spec, request, noise, device)
            if request.scored and config.keep_samples == "first" and len(vertices) > 1:
                score_samples(request.clip, vertices)
                vertices = vertices[:1]
            write_array(path, vertices)
        progress(done + 1, len(todo))


def predict_one(
    method: Method, spec: DatasetSpec, request: Request, noise: Noise, device: torch.device
) -> np.ndarray:
    """One prediction as (N, T, V, 3) float32. Raises ValueError for a wrong shape or NaN."""
    clip = request.clip
    vertices = method.predict(
        request.audio.audio.to(device),
        clip.template.to(device),
        request.style,
        clip.num_frames,
        request.num_samples,
        noise,
    )
    found = vertices.detach().cpu().numpy().astype(np.float32)
    check_prediction(found, request, spec)
    return found


def check_prediction(found: np.ndarray, request: Request, spec: DatasetSpec) -> None:
    """Refuse what no metric should ever see."""
    expected = (request.num_samples, found.shape[1] if found.ndim > 1 else 0, spec.num_vertices, 3)
    if found.shape != expected or not 1 <= found.shape[1] <= request.clip.num_frames:
        raise ValueError(
            f"{request.clip.name}: predict() returned shape {found.shape}, expected "
            f"({request.num_samples}, 1..{request.clip.num_frames}, {spec.num_vertices}, 3)"
        )
    if not np.isfinite(found).all():
        raise ValueError(f"{request.clip.name}: predict() returned values that are not finite")


def _own_style(clip: Clip, styles: Sequence[str], num_samples: int) -> Request:
    style = _style(clip)
    path = prediction_path("test_a", clip, styles[style])
    return Request(clip, style, clip, num_samples, path)


def _style(clip: Clip) -> int:
    if clip.style is None:
        raise ValueError(
            f"{clip.name}: test_a holds training subjects only, {clip.subject} is none"
        )
    return clip.style
