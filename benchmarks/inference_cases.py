"""What is measured: methods, their forms, and the face and the speech they are given.

Sizes are those of the BIWI presets; speech encoders have random weights at full width, so nothing
is downloaded and no number here says anything about quality.
Shapes   S audio samples, V vertices, F faces.
Units    audio at 16 kHz; vertices in m; 25 frames per second.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from bench.config import read_yaml
from bench.data import AUDIO_RATE, DatasetSpec
from bench.method import Method
from bench.registry import load, preset_folder, resolve
from bench.seeding import generator, seed_everything
from methods import METHODS

FPS = 25.0
NUM_STYLES = 6  # training subjects of BIWI
LAST_TOKEN = 80  # samples: what the last token's window reaches beyond the last frame
PRETRAINED = ("source", "revision", "sha256")


@dataclass(frozen=True)
class Form:
    """One way to compute a method's prediction."""

    name: str
    set: dict[str, Any] = field(default_factory=dict)  # config key (dotted) -> value
    repeats: int = 3  # at most; a form of minutes is measured once, before the others
    steps: int | None = None  # measured, of all that the preset has; the time is scaled
    hears_every_step: bool = False  # the speech encoder's time is scaled too


def _diffusion_forms() -> tuple[Form, ...]:
    measured = 5
    plain = {"sampling.form": "plain", "sampling.num_steps": measured}
    once, again = {"sampling.encode_every_step": False}, {"sampling.encode_every_step": True}
    return (
        Form("fast"),
        Form("plain", plain | once, steps=measured),
        Form("plain, hears in every step", plain | again, 1, measured, True),
    )


def _two_forms(repeats: int) -> tuple[Form, ...]:
    return Form("fast"), Form("plain", {"sampling.form": "plain"}, repeats)


# the first form of each is the fast one
CASES: dict[str, tuple[Form, ...]] = {
    "faceformer": (Form("fast"), Form("plain", {"unroll": "reference"})),
    "codetalker": _two_forms(repeats=1),
    "facediffuser": _diffusion_forms(),
    "meshtalk": _two_forms(repeats=1),
    "voca": (Form("fast"),),
    "gldi": (Form("fast", repeats=2),),
}


def find_form(method: str, name: str) -> Form:
    """A form by its name."""
    return next(form for form in CASES[method] if form.name == name)


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
    return DatasetSpec(
        name="benchmark",
        fps=FPS,
        unit="m",
        faces=triangles,
        template=vertices,
        masks={name: region.flatten().nonzero()[:, 0] for name, region in regions.items()},
        styles=tuple(f"S{k}" for k in range(NUM_STYLES)),
    )


def make_audio(seconds: float) -> Float[Tensor, " S"]:
    """Noise whose loudness changes like speech; long enough for ``seconds * FPS`` whole frames."""
    samples = round(seconds * AUDIO_RATE) + LAST_TOKEN
    time = torch.arange(samples) / AUDIO_RATE
    loudness = 0.5 + 0.5 * torch.sin(2 * torch.pi * 4 * time)
    return 0.1 * loudness * torch.randn(samples, generator=generator(0, "benchmark", "audio"))


def build(method: str, form: Form, spec: DatasetSpec, preset: str) -> Method:
    """The method with random weights, in eval mode; ``preset`` is the file's stem."""
    reference = resolve(method, METHODS)[1]
    cls = load(reference)
    model = read_yaml(preset_folder(reference) / f"{preset}.yaml").get("model") or {}
    _draw_speech_weights(model)
    for key, value in form.set.items():
        *sections, last = key.split(".")
        node = model
        for section in sections:
            node = node.setdefault(section, {})
        node[last] = value
    seed_everything(0, "benchmark")
    built = cls(cls.config_type.model_validate(model), spec)
    _fill_zeros(built)
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


@torch.no_grad()
def _fill_zeros(method: Method) -> None:
    """Last layers start at zero: products with it could be cheaper than with trained weights."""
    for parameter in method.parameters():
        if parameter.ndim > 1 and not parameter.any():
            parameter.normal_(std=parameter[0].numel() ** -0.5)
