"""Makes the face and the speech that methods are measured on; nothing is downloaded.

Shapes   S audio samples, V vertices, F faces, T frames.
Units    audio at 16 kHz; vertices in m.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from bench.checks.made_up import make_spec, make_speech, with_random_speech
from bench.common.constants import AUDIO_RATE, REACH
from bench.common.records import read_yaml
from bench.common.seeding import generator, seed_everything
from bench.config import Preset, load_preset
from bench.data import DatasetSpec
from bench.method import Method
from bench.registry.methods import load, preset_folder
from methods import METHODS

FPS = 25.0  # of BIWI
STYLES = tuple(f"S{k}" for k in range(6))  # BIWI's training subjects
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


def make_sheet(num_vertices: int) -> DatasetSpec:
    """A curved sheet of V vertices with the masks that every dataset has."""
    return make_spec("benchmark", num_vertices, FPS, STYLES)


def make_head(num_vertices: int) -> DatasetSpec:
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
            arrays = {name: torch.from_numpy(stored[name]) for name in stored}
    return DatasetSpec(
        name="benchmark",
        fps=FPS,
        unit="m",
        faces=arrays.pop("faces").long(),
        template=arrays.pop("template"),
        masks={name.removeprefix("mask_"): mask.long() for name, mask in arrays.items()},
        styles=STYLES,
    )


def make_audio(seconds: float) -> Float[Tensor, " S"]:
    """Noise whose loudness changes like speech; long enough for ``seconds * FPS`` whole frames."""
    return torch.from_numpy(make_speech(round(seconds * AUDIO_RATE) + REACH))


def make_motion(spec: DatasetSpec, num_frames: int) -> Float[Tensor, "T V 3"]:
    """The template and noise of 1 mm on it: what is computed does not depend on the values."""
    shape = (num_frames, spec.num_vertices, 3)
    noise = torch.randn(shape, generator=generator(0, "benchmark", "motion"))
    return spec.template + 1e-3 * noise


def read_preset(method: str, preset: str) -> Preset:
    """A preset of a method, checked; ``preset`` is the file's stem."""
    reference = METHODS[method]
    cls = load(reference)
    path = preset_folder(reference) / f"{preset}.yaml"
    return load_preset(path, cls.config_type, cls.stages)


def build(
    method: str, spec: DatasetSpec, preset: str, changes: Mapping[str, Any] | None = None
) -> Method:
    """The method with random weights, in eval mode.

    ``preset`` is the file's stem; ``changes`` maps dotted keys of its model section to values.
    """
    reference = METHODS[method]
    cls = load(reference)
    raw = read_yaml(preset_folder(reference) / f"{preset}.yaml").get("model") or {}
    model = with_random_speech(raw)
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


def forget(method: nn.Module, *memos: type[Any]) -> None:
    """Empty what a method keeps of these kinds, so that it is computed anew."""
    for module in method.modules():
        for value in vars(module).values():
            if isinstance(value, memos):
                value.clear()


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
