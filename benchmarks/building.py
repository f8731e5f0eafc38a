"""Methods with random weights, at the sizes of their presets."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import yaml

from bench.config import Preset, load_preset, read_yaml
from bench.data import DatasetSpec
from bench.method import Method
from bench.registry import load, preset_folder, resolve
from bench.seeding import seed_everything
from methods import METHODS

PRETRAINED = ("source", "revision", "sha256")


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
