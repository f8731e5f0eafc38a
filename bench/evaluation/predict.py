"""From weights to predictions on the test splits: which are drawn, and which of them are kept.

Shapes   N samples, T frames, V vertices.
Units    the dataset's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from bench.common.seeding import generator
from bench.config import PredictConfig
from bench.data import Clip, DatasetSpec
from bench.dataset.reader import Dataset
from bench.evaluation.kept_samples import MOST_KEPT
from bench.method import Method, Noise

Progress = Callable[[int, int], None]
"""progress(done, all)."""

LISTENING = "listening"  # of requests with the audio of another sentence of the same subject


@dataclass(frozen=True)
class Request:
    """One prediction: whose face, in which style, to whose audio, how often, and what is kept."""

    split: str  # "test_a", "test_b" or LISTENING
    clip: Clip
    style: int
    audio: Clip
    num_samples: int
    num_kept: int  # samples that pictures show; the others are scored and dropped


@runtime_checkable
class Store(Protocol):
    """Takes predictions as they are drawn."""

    def has(self, request: Request) -> bool:
        """Whether a prediction was taken before."""

    def add(self, request: Request, samples: np.ndarray) -> None:
        """Take the (N, T, V, 3) of a prediction; own styles come before LISTENING."""


def is_deterministic(method: Method | type[Method], config: PredictConfig) -> bool:
    """Whether a row draws nothing: what its preset says, else what the method's class says."""
    return method.deterministic if config.deterministic is None else config.deterministic


def requests(dataset: Dataset, config: PredictConfig, deterministic: bool) -> list[Request]:
    """Every prediction that the tables need.

    test_a: own style, all samples. test_b: every training style, one sample each. Listening: test_a
    clips with the audio of the subject's next test_a sentence. Kept is what may be shown: test_a,
    and each test_b clip in its shown style.
    """
    drawn = 1 if deterministic else config.num_samples
    seen, unseen = dataset.clips("test_a"), dataset.clips("test_b")
    return [
        *(
            Request("test_a", clip, _style(clip), clip, drawn, min(drawn, MOST_KEPT))
            for clip in seen
        ),
        *(
            Request("test_b", clip, style, clip, 1, int(style == shown_style(dataset, clip)))
            for clip in unseen
            for style in range(len(dataset.spec.styles))
        ),
        *(
            Request(LISTENING, clip, _style(clip), other, 1, 0)
            for clip, other in other_sentences(seen)
        ),
    ]


def shown_requests(dataset: Dataset, config: PredictConfig, deterministic: bool) -> list[Request]:
    """One prediction per clip that figures show: test_a's own style, else test_b's drawn one."""
    kept = [each for each in requests(dataset, config, deterministic) if each.num_kept]
    return [each for each in kept if each.split == "test_a"] or kept


def shown_style(dataset: Dataset, clip: Clip) -> int:
    """The style that a clip is shown in: its subject's own, else a training style that is drawn
    once per clip, and so the same for all methods and seeds."""
    if clip.style is not None:
        return clip.style
    draws = generator(0, "figure style", dataset.name, clip.name)
    return int(torch.randint(len(dataset.spec.styles), (), generator=draws))


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
    store: Store,
    progress: Progress,
) -> None:
    """Draw every prediction that the store does not have.

    Raises ValueError for output that is no face, and for noise drawn against the declaration.
    """
    method.eval()
    deterministic = is_deterministic(method, config)
    todo = requests(dataset, config, deterministic)
    device = next((t.device for t in method.state_dict().values()), torch.device("cpu"))
    for done, request in enumerate(todo):
        if not store.has(request):
            style = dataset.spec.styles[request.style]
            noise = no_noise if deterministic else make_noise(seed, request.clip.name, style)
            store.add(request, predict_one(method, dataset.spec, request, noise, device))
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


def _style(clip: Clip) -> int:
    if clip.style is None:
        raise ValueError(
            f"{clip.name}: test_a holds training subjects only, {clip.subject} is none"
        )
    return clip.style
