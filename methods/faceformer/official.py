"""Published FaceFormer checkpoints: their names, and a model of the sizes they hold.

A published file is a plain state dict. Its speech encoder spells weight normalisation
``weight_g`` / ``weight_v``; positional tables (``PPE.pe``) are formulas: only their length is read.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.data import DatasetSpec
from methods.faceformer import FaceFormer, FaceFormerConfig
from methods.layers.speech import SpeechConfig

SPELLINGS = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}
OURS_ONLY = {"motion_scale"}  # 1: published models train on unscaled vertices


def load(
    state_dict: Mapping[str, Tensor], spec: DatasetSpec | None = None, **overrides: Any
) -> FaceFormer:
    """A model in eval mode that holds a published checkpoint's weights.

    Sizes are read from shapes; ``overrides`` are fields of FaceFormerConfig or, with the prefix
    ``speech_``, of SpeechConfig, for what shapes cannot tell (``num_heads``, ``speech_num_heads``).
    Without a ``spec``, ``fps`` is needed too unless the file holds ``PPE.pe``.
    Raises ValueError that names what is missing, unexpected or of another shape.
    """
    published = {_published_spelling(name): value for name, value in state_dict.items()}
    fps = overrides.pop("fps", _period(published.pop("PPE.pe", None)))
    spec = spec or _bare_spec(published, fps)
    method = FaceFormer(_config(published, overrides), spec)
    _copy(published, method)
    return method.eval()


def export(method: FaceFormer) -> dict[str, Tensor]:
    """The model's weights under their published names. Raises ValueError for a scaled model."""
    if float(method.motion_scale) != 1:
        raise ValueError("A model with motion_scale train_std has no published form")
    weights = method.state_dict()
    return {_published_name(name): weights[name] for name in weights if name not in OURS_ONLY}


def _published_name(name: str) -> str:
    name = name.removeprefix("network.").replace("audio_encoder.model.", "audio_encoder.")
    return _published_spelling(name)


def _published_spelling(name: str) -> str:
    name = name.removeprefix("module.")
    for ours, theirs in SPELLINGS.items():
        name = name.replace(ours, theirs)
    return name


def _period(table: Tensor | None) -> int | None:
    """The period P, which is the frame rate: the table holds floor(600 / P) + 1 periods."""
    rows = None if table is None else table.shape[1]
    return next((p for p in (25, 30) if rows == (600 // p + 1) * p), None)


def _config(published: Mapping[str, Tensor], overrides: dict[str, Any]) -> FaceFormerConfig:
    prefix = "speech_"
    speech = {k.removeprefix(prefix): v for k, v in overrides.items() if k.startswith(prefix)}
    model = {k: v for k, v in overrides.items() if not k.startswith(prefix)}
    linear1 = _shape(published, "transformer_decoder.layers.0.linear1.weight")
    sizes = {
        "num_features": linear1[1],
        "feed_forward": linear1[0],
        "num_layers": _count(published, "transformer_decoder.layers."),
    }
    return FaceFormerConfig(speech=_speech(published, speech), **(sizes | model))


def _speech(published: Mapping[str, Tensor], overrides: dict[str, Any]) -> SpeechConfig:
    prefix = "audio_encoder."
    feed_forward, hidden = _shape(
        published, f"{prefix}encoder.layers.0.feed_forward.intermediate_dense.weight"
    )
    _, group, kernel = _shape(published, f"{prefix}encoder.pos_conv_embed.conv.weight_v")
    channels, _, _ = _shape(published, f"{prefix}feature_extractor.conv_layers.0.conv.weight")
    sizes = {
        "hidden": hidden,
        "feed_forward": feed_forward,
        "num_layers": _count(published, f"{prefix}encoder.layers."),
        "num_heads": max(1, hidden // 64),  # base size: 12 heads of 64
        "conv_channels": channels,
        "position_kernel": kernel,
        "position_groups": hidden // group,
    }
    defaults = {"kind": "wav2vec2", "random_weights": True, "frozen": "feature-extractor"}
    return SpeechConfig(**(defaults | sizes | overrides))


def _bare_spec(published: Mapping[str, Tensor], fps: float | int | None) -> DatasetSpec:
    """As much of a dataset as a checkpoint tells; without a mesh."""
    if fps is None:
        raise ValueError("The checkpoint does not tell its frame rate: pass spec or fps (25 or 30)")
    num_vertices = _shape(published, "vertice_map.weight")[1] // 3
    num_styles = _shape(published, "obj_vector.weight")[1]
    return DatasetSpec(
        name="published checkpoint",
        fps=float(fps),
        unit="unknown",
        faces=torch.zeros(0, 3, dtype=torch.long),
        template=torch.zeros(num_vertices, 3),
        masks={},
        styles=tuple(str(style) for style in range(num_styles)),
    )


def _shape(published: Mapping[str, Tensor], name: str) -> torch.Size:
    if name not in published:
        raise ValueError(f"This is no FaceFormer checkpoint: {name} is missing")
    return published[name].shape


def _count(published: Mapping[str, Tensor], prefix: str) -> int:
    """How many layers are numbered under a prefix."""
    return len({n[len(prefix) :].split(".")[0] for n in published if n.startswith(prefix)})


def _copy(published: Mapping[str, Tensor], method: FaceFormer) -> None:
    """Fill every weight from its published name; nothing may be left over on either side."""
    ours = {_published_name(n): n for n in method.state_dict() if n not in OURS_ONLY}
    weights = method.state_dict()
    both = ours.keys() & published.keys()
    problems = {
        "missing": ours.keys() - published.keys(),
        "unexpected": published.keys() - ours.keys(),
        "of another shape": {n for n in both if weights[ours[n]].shape != published[n].shape},
    }
    if any(problems.values()):
        told = [f"{len(v)} {k}: {', '.join(sorted(v)[:3])}" for k, v in problems.items() if v]
        raise ValueError(f"The checkpoint does not fit: {'; '.join(told)}")
    method.load_state_dict(weights | {ours[name]: published[name] for name in both})
