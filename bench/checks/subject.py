"""What contract checks run a method on: a small mesh, a few clips, the method's mini preset.

Shapes   T frames, V vertices; the mesh is a curved 36 x 36 grid, the motion a few smooth waves.
Units    metres; 25 frames per second. Generated noise as audio: no quality is judged here.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch
from pydantic import BaseModel
from torch import Tensor

from bench.common.records import read_yaml
from bench.common.seeding import seed_everything
from bench.data import AUDIO_RATE, Batch, Clip, DatasetSpec
from bench.evaluation.predict import make_noise
from bench.method import Method
from bench.registry.rows import Registry
from bench.training.batches import Item, collate

FPS = 25.0
SIDE = 36  # 1296 vertices: four quarter-size levels leave enough for a spiral
STYLES = ("F1", "M1")


@dataclass(frozen=True)
class Subject:
    """A prepared method and what it is checked on."""

    cls: type[Method]
    config: BaseModel
    spec: DatasetSpec
    clips: list[Clip]

    def build(self) -> Method:
        """A freshly initialised and prepared method, the same one at every call."""
        seed_everything(0, "contract")
        method = self.cls(self.config, self.spec)
        for stage in self.cls.stages:
            method.prepare(stage, self.clips)
        return method.eval()

    def batch(self, *clips: Clip) -> Batch:
        """Clips side by side."""
        return collate([Item(clip, 0, clip.num_frames) for clip in clips], FPS)

    def predict(self, method: Method, num_samples: int = 1, num_frames: int = 7) -> Tensor:
        """A prediction of the first clip."""
        clip = self.clips[0]
        with torch.no_grad():
            return method.predict(
                clip.audio, clip.template, 0, num_frames, num_samples, make_noise(0, "clip", "F1")
            )


def make_subject(name: str, registry: Registry, folder: Path) -> Subject | str:
    """The method with its mini preset's config (else its defaults), or why it is unsupported."""
    entry = registry.method(name)
    cls, preset = entry.cls, entry.folder / "synthetic-mini.yaml"
    model = read_yaml(preset).get("model") or {} if preset.exists() else {}
    spec = _spec()
    if reason := cls.unsupported(spec):
        return reason
    clips = [_clip(folder, spec, k, frames) for k, frames in enumerate((25, 32, 28, 25))]
    return Subject(cls, cls.config_type.model_validate(model), spec, clips)


def _spec() -> DatasetSpec:
    """A curved grid with the four masks that every dataset has."""
    x, y = np.meshgrid(np.linspace(-0.08, 0.08, SIDE), np.linspace(-0.1, 0.1, SIDE))
    z = 0.08 - 6 * x**2 - 2 * y**2
    vertices = np.stack([x, y, z], -1).reshape(-1, 3)
    corner = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    regions = {
        "lips": (y > -0.06) & (y < -0.03) & (abs(x) < 0.03),
        "mouth": (y < -0.02) & (abs(x) < 0.05),
        "upper_face": y > 0.02,
        "eyes": (abs(y - 0.04) < 0.01) & (abs(x) > 0.02),
    }
    return DatasetSpec(
        name="contract",
        fps=FPS,
        unit="m",
        faces=torch.from_numpy(triangles),
        template=torch.from_numpy(vertices.astype(np.float32)),
        masks={k: torch.from_numpy(np.flatnonzero(v)) for k, v in regions.items()},
        styles=STYLES,
    )


def _clip(folder: Path, spec: DatasetSpec, k: int, num_frames: int) -> Clip:
    """Noise whose loudness opens a mouth."""
    draws = np.random.RandomState(k)
    samples = int(num_frames / FPS * AUDIO_RATE)
    loudness = 0.5 + 0.5 * np.sin(np.arange(samples) / AUDIO_RATE * 2 * np.pi * (2 + k))
    path = folder / f"clip{k}.wav"
    soundfile.write(path, 0.3 * loudness * draws.randn(samples).clip(-3, 3) / 3, AUDIO_RATE)
    template = spec.template.numpy() * (1 + 0.02 * k)
    frames = loudness[(np.arange(num_frames) / FPS * AUDIO_RATE).astype(int)]
    opening = np.zeros_like(template)
    opening[spec.masks["mouth"].numpy(), 1] = -0.01
    motion = template + frames[:, None, None] * opening + 1e-4 * draws.randn(num_frames, 1, 3)
    return Clip(
        name=f"{STYLES[k % 2]}_{k:02d}",
        subject=STYLES[k % 2],
        sentence=k,
        take=0,
        split="train",
        style=k % 2,
        template=torch.from_numpy(template),
        motion=motion.astype(np.float32),
        audio_path=path,
    )
