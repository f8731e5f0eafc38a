"""The face and the speech that methods are measured on; nothing is downloaded.

Shapes   S audio samples, V vertices, F faces, T frames.
Units    audio at 16 kHz; vertices in m.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import yaml
from jaxtyping import Float, Int
from torch import Tensor

from bench.common.records import read_yaml
from bench.common.seeding import generator, seed_everything
from bench.config import Preset, load_preset
from bench.data import AUDIO_RATE, DatasetSpec
from bench.method import Method
from bench.registry.methods import load, preset_folder, resolve
from methods import METHODS

PRETRAINED = ("source", "revision", "sha256")

FPS = 25.0  # of BIWI
NUM_STYLES = 6  # training subjects of BIWI
LAST_TOKEN = 80  # samples: what the last token's window reaches beyond the last frame
GENERATOR = Path(__file__).parents[1] / "datasets" / "synthetic"
# in a process of its own: the folder is no package, and its scripts import each other by plain name
MAKE_HEAD = """
import sys
import numpy
from head import HeadSet
heads = HeadSet(int(sys.argv[1]))
masks = {f"mask_{name}": mask.vertices for name, mask in heads.masks.items()}
numpy.savez(sys.argv[2], faces=heads.grid.faces, template=heads.reference(), **masks)
"""


def make_spec(num_vertices: int) -> DatasetSpec:
    """A curved sheet of V vertices with the masks that every dataset has."""
    columns = max(n for n in range(1, int(num_vertices**0.5) + 1) if num_vertices % n == 0)
    rows = num_vertices // columns
    if columns < 8:
        raise ValueError(f"{num_vertices} vertices make no sheet; take one like 1300 or 23370")
    y, x = torch.meshgrid(
        torch.linspace(-0.1, 0.1, rows), torch.linspace(-0.08, 0.08, columns), indexing="ij"
    )
    vertices = torch.stack([x, y, 0.08 - 6 * x**2 - 2 * y**2], 2).reshape(-1, 3)
    corner = torch.arange(num_vertices).view(rows, columns)
    a, b, c, d = corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]
    triangles = torch.cat([torch.stack(t, 2).reshape(-1, 3) for t in ((a, b, c), (a, c, d))])
    regions = {
        "lips": (y > -0.06) & (y < -0.03) & (x.abs() < 0.03),
        "mouth": (y < -0.02) & (x.abs() < 0.05),
        "upper_face": y > 0.02,
        "eyes": ((y - 0.04).abs() < 0.01) & (x.abs() > 0.02),
    }
    indices = {name: region.flatten().nonzero()[:, 0] for name, region in regions.items()}
    return _spec(triangles, vertices, indices, FPS, NUM_STYLES)


def make_head(num_vertices: int, fps: float = FPS, num_styles: int = NUM_STYLES) -> DatasetSpec:
    """The generated dataset's head of average shape at V vertices, from 200 up; metres.

    It has slits for the mouth and the eyes, as BIWI's has. Raises ValueError for too few vertices.
    """
    paths = [str(GENERATOR), *filter(None, [os.environ.get("PYTHONPATH")])]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "head.npz"
        made = subprocess.run(
            [sys.executable, "-c", MAKE_HEAD, str(num_vertices), str(path)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
        )
        if made.returncode:
            reason = made.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise ValueError(f"no head of {num_vertices} vertices: {reason[0]}")
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored}
    masks = {
        name.removeprefix("mask_"): torch.from_numpy(array.astype(np.int64))
        for name, array in arrays.items()
        if name.startswith("mask_")
    }
    faces = torch.from_numpy(arrays["faces"].astype(np.int64))
    return _spec(faces, torch.from_numpy(arrays["template"]), masks, fps, num_styles)


def _spec(
    faces: Int[Tensor, "F 3"],
    template: Float[Tensor, "V 3"],
    masks: dict[str, Tensor],
    fps: float,
    num_styles: int,
) -> DatasetSpec:
    return DatasetSpec(
        name="benchmark",
        fps=fps,
        unit="m",
        faces=faces,
        template=template,
        masks=masks,
        styles=tuple(f"S{k}" for k in range(num_styles)),
    )


def make_audio(seconds: float) -> Float[Tensor, " S"]:
    """Noise whose loudness changes like speech; long enough for ``seconds * FPS`` whole frames."""
    samples = round(seconds * AUDIO_RATE) + LAST_TOKEN
    time = torch.arange(samples) / AUDIO_RATE
    loudness = 0.5 + 0.5 * torch.sin(2 * torch.pi * 4 * time)
    return 0.1 * loudness * torch.randn(samples, generator=generator(0, "benchmark", "audio"))


def make_motion(spec: DatasetSpec, num_frames: int) -> Float[Tensor, "T V 3"]:
    """The template and noise of 1 mm on it: what is computed does not depend on the values."""
    shape = (num_frames, spec.num_vertices, 3)
    noise = torch.randn(shape, generator=generator(0, "benchmark", "motion"))
    return spec.template + 1e-3 * noise


def read_preset(method: str, preset: str, overrides: Sequence[str] = ()) -> Preset:
    """A preset of a method, checked; ``preset`` is the file's stem."""
    reference = resolve(method, METHODS)[1]
    cls = load(reference)
    path = preset_folder(reference) / f"{preset}.yaml"
    return load_preset(path, cls.config_type, cls.stages, overrides)


def changes_of(overrides: Sequence[str]) -> dict[str, Any]:
    """Those of a variant's overrides that change the model, as :func:`build` takes them."""
    pairs = (text.partition("=") for text in overrides if text.startswith("model."))
    return {key.removeprefix("model."): yaml.safe_load(value) for key, _, value in pairs}


def build(
    method: str, spec: DatasetSpec, preset: str, changes: Mapping[str, Any] | None = None
) -> Method:
    """The method with random weights, in eval mode.

    ``preset`` is the file's stem; ``changes`` maps dotted keys of its model section to values.
    """
    reference = resolve(method, METHODS)[1]
    cls = load(reference)
    model = read_yaml(preset_folder(reference) / f"{preset}.yaml").get("model") or {}
    _draw_speech_weights(model)
    for key, value in (changes or {}).items():
        *sections, last = key.split(".")
        node = model
        for section in sections:
            node = node.setdefault(section, {})
        node[last] = value
    seed_everything(0, "benchmark")
    built = cls(cls.config_type.model_validate(model), spec)
    _fill_zeros(built)
    _keep_all_layers(built)
    return built.eval()


def _draw_speech_weights(section: dict[str, Any]) -> None:
    """Random weights in the place of pre-trained ones, at the same width."""
    if section.get("source"):
        for name in PRETRAINED:
            section.pop(name, None)
        section["random_weights"] = True
    for value in section.values():
        if isinstance(value, dict):
            _draw_speech_weights(value)


def _keep_all_layers(method: Method) -> None:
    """No LayerDrop in training: a step would cost what chance leaves of the speech encoder."""
    for module in method.modules():
        config = getattr(module, "config", None)
        if config is not None and hasattr(config, "layerdrop"):
            config.layerdrop = 0.0


@torch.no_grad()
def _fill_zeros(method: Method) -> None:
    """Last layers start at zero: products with it could be cheaper than with trained weights."""
    for parameter in method.parameters():
        if parameter.ndim > 1 and not parameter.any():
            parameter.normal_(std=parameter[0].numel() ** -0.5)
