"""Published MeshTalk checkpoints: three files, their names, and a model of the sizes they hold.

The release keeps the three modules apart; the geometry's mean and deviation are buffers inside.
Buffers that are formulas (mel filters, window, masks of heads) are checked, not loaded.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import BaseModel
from torch import Tensor

from bench.common.errors import unknown
from bench.data import DatasetSpec
from methods.layers import published as files
from methods.meshtalk import MeshTalk
from methods.meshtalk.config import (
    AutoencoderConfig,
    ContextConfig,
    MeshTalkConfig,
    SamplingConfig,
    SpeechConfig,
)
from methods.meshtalk.context import head_mask

FILES = {
    "checkpoint": "context_model.pkl",
    "encoder": "encoder.pkl",
    "vertex_unet": "vertex_unet.pkl",
}
NAME = "MeshTalk"
PREFIXES = {  # ours -> the file's, as errors spell it
    "context.": "context_model/",
    "autoencoder.encoder.": "encoder/",
    "autoencoder.vertex_unet.": "vertex_unet/",
}
ROLES = {"checkpoint": "context_model/", "encoder": "encoder/", "vertex_unet": "vertex_unet/"}
SPECTROGRAM = "encoder/audio_encoder.melspec.spectrogram.window"
FILTERS = "encoder/audio_encoder.melspec.mel_scale.fb"
FACE_SCALE = "vertex_unet/face_scale"  # only in files of this suite, for a model of offsets
MASK = "context_model/embedding.mask"
HISTORIC = "context_model/context_layers.0.historic.weight"
CONVOLUTION = "encoder/audio_encoder.convert_dimensions.weight"
AUDIO_CODE = "encoder/audio_encoder.code.weight"
EXPRESSION = "encoder/expression_encoder."
FUSION = "encoder/fusion_model.mlp.0.weight"
RANKS = {  # role -> keys that tell a model's sizes, and their axes
    "checkpoint": {MASK: 3, HISTORIC: 3},
    "encoder": {
        CONVOLUTION: 3,
        AUDIO_CODE: 2,
        FUSION: 2,
        f"{EXPRESSION}layers.0.weight": 2,
        f"{EXPRESSION}layers.1.weight": 2,
        f"{EXPRESSION}code.weight": 2,
    },
    "vertex_unet": {"vertex_unet/encoder.0.weight": 2, "vertex_unet/vertex_bias": 1},
}
# what shapes cannot tell and predictions depend on, read off a model
SETTINGS: dict[str, Callable[[MeshTalk], Any]] = {
    "dilations": lambda method: list(method.config.context.dilations),
    "output_activation": lambda method: method.config.autoencoder.output_activation,
    "speech_level": lambda method: method.config.autoencoder.speech.level,
    "speech_frame_hop": lambda method: method.config.autoencoder.speech.frame_hop,
}
MULTIFACE_FPS = 30.0  # the release was trained at


def load(
    state_dict: Mapping[str, Any],
    spec: DatasetSpec | None = None,
    *,
    encoder: Mapping[str, Any] | None = None,
    vertex_unet: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> MeshTalk:
    """A model in eval mode that holds a release's weights, for any vertex count.

    ``state_dict`` is the context model's. Sizes are read from shapes; ``overrides`` are fields of
    AutoencoderConfig, ContextConfig or SamplingConfig, or of SpeechConfig with the prefix
    ``speech_``, for what shapes cannot tell; without a ``spec``, ``fps`` (30 by default).
    Raises Mismatch naming every key that is missing, unexpected, of another shape, or not what its
    formula gives; ValueError for a missing file or an unknown override.
    """
    given = {"checkpoint": state_dict, "encoder": encoder, "vertex_unet": vertex_unet}
    if absent := [role for role, document in given.items() if document is None]:
        names = ", ".join(f"{role} ({FILES[role]})" for role in absent)
        raise ValueError(f"A {NAME} model is three files; missing: {names}")
    published = {
        ROLES[role] + name: value
        for role, document in given.items()
        for name, value in files.tensors(document or {}).items()
    }
    for role, ranks in RANKS.items():
        files.require(published, f"{NAME} {role}", ranks, role)
    face_scale = published.pop(FACE_SCALE, None)
    if face_scale is not None:
        overrides = {"normalise": "offsets"} | overrides
    fps = overrides.pop("fps", MULTIFACE_FPS)
    if spec is None:
        num_vertices = len(published["vertex_unet/vertex_bias"]) // 3
        spec = files.bare_spec(fps, num_vertices, 1)
    config = _config(published, overrides)
    method = MeshTalk(config, spec)
    files.fit(method, _without_formulas(method, published), _published_name, (), _role)
    if face_scale is not None:
        method.autoencoder.vertex_unet.face_scale.copy_(face_scale)
    return method.eval()


def export(method: MeshTalk) -> dict[str, dict[str, Tensor]]:
    """The model's three files under their published names: what :func:`load` reads back.

    Bit for bit for a model of published form. Standardised spectra have none and go into the first
    convolution, which gives the same predictions up to rounding. A model of offsets (``normalise:
    offsets``) has none either: the published encoder does not subtract the template. Its file
    carries one more tensor, ``face_scale``, which :func:`load` reads and published code
    refuses.
    """
    config = method.config.autoencoder
    weights = files.published_weights(method, _published_name) | _formulas(method)
    heard = method.autoencoder.encoder.audio_encoder
    if config.speech.standardise == "train":
        stem = "encoder/audio_encoder.convert_dimensions"
        scaled = weights[f"{stem}.weight"] / heard.mel_deviation.cpu()
        shift = (scaled * heard.mel_mean.cpu()).sum((1, 2))
        weights[f"{stem}.weight"], weights[f"{stem}.bias"] = scaled, weights[f"{stem}.bias"] - shift
    if config.normalise == "offsets":
        scale = method.autoencoder.vertex_unet.face_scale
        weights[FACE_SCALE] = scale.detach().cpu().clone()
    return {
        role: {n.removeprefix(p): w for n, w in weights.items() if n.startswith(p)}
        for role, p in ROLES.items()
    }


def _published_name(name: str) -> str | None:
    if name.endswith(("mel_mean", "mel_deviation", "loss_scale", "face_scale")):
        return None  # 0, 1, 1 and 1: published models have none
    for ours, theirs in PREFIXES.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def _role(name: str) -> str:
    return next(role for role, prefix in ROLES.items() if name.startswith(prefix))


def _formulas(method: MeshTalk) -> dict[str, Tensor]:
    """Published buffers that we compute."""
    log_mel = method.autoencoder.encoder.audio_encoder.log_mel
    masks = {
        f"context_model/{name}": buffer
        for name, buffer in method.context.named_buffers()
        if name.endswith("mask")
    }
    found = {SPECTROGRAM: log_mel.window, FILTERS: log_mel.filters} | masks
    return {name: value.detach().cpu().clone() for name, value in found.items()}


def _without_formulas(method: MeshTalk, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights alone. Raises Mismatch when a buffer is not what its formula gives."""
    formulas = _formulas(method)
    wrong = [
        name
        for name, value in formulas.items()
        if name in published
        and (
            published[name].shape != value.shape
            or not torch.allclose(published[name].float(), value, rtol=0, atol=1e-4)
        )
    ]
    if wrong:
        roles = {_role(name) for name in wrong}
        raise files.Mismatch({"not what its formula gives": wrong}, roles=roles)
    return {name: value for name, value in published.items() if name not in formulas}


def _config(published: Mapping[str, Tensor], overrides: Mapping[str, Any]) -> MeshTalkConfig:
    given, speech_overrides = files.split_overrides(overrides)
    context, heads, classes = _context_sizes(published)
    speech = {
        "num_bands": published[CONVOLUTION].shape[1],
        "channels": published[CONVOLUTION].shape[0],
        "code": len(published[AUDIO_CODE]),
    }
    layers = files.count(published, "vertex_unet/encoder.")
    stage1 = {
        "speech": SpeechConfig(**(speech | speech_overrides)),
        "expression_hidden": tuple(
            len(published[f"{EXPRESSION}layers.{k}.weight"]) for k in (0, 1)
        ),
        "expression_code": len(published[f"{EXPRESSION}code.weight"]),
        "fusion_hidden": len(published[FUSION]),
        "heads": heads,
        "classes": classes,
        "unet_hidden": tuple(
            files.shape(published, f"vertex_unet/encoder.{k}.weight", NAME, 2)[0]
            for k in range(layers)
        ),
        "lstm_layers": sum(n.startswith("vertex_unet/temporal.weight_hh") for n in published),
    }
    sections: dict[str, dict[str, Any]] = {
        "autoencoder": stage1,
        "context": context,
        "sampling": {},
    }
    for name, value in given.items():
        sections[_section(name)][name] = value
    return MeshTalkConfig(**sections)


def _context_sizes(published: Mapping[str, Tensor]) -> tuple[dict[str, Any], int, int]:
    """(fields of ContextConfig, heads, classes); the number of heads is in a mask's steps.

    Dilations double from layer to layer, as published.
    """
    outputs, inputs, _ = published[MASK].shape
    # row 0 belongs to head 0, which reads nothing; rows of the next head read one head's classes
    sizes = published[MASK][..., 0].sum(1)
    width = int((sizes == 0).sum())
    heads = outputs // max(width, 1)
    if not width or heads * width != outputs or inputs % heads:
        raise files.Mismatch({"not what its formula gives": [MASK]}, roles=["checkpoint"])
    classes = inputs // heads
    layers = files.count(published, "context_model/context_layers.")
    kernel = published[HISTORIC].shape[2]
    strict = head_mask((width, classes), heads, own=False)[..., None]
    found = published.get("context_model/logits.mask", strict)
    own = head_mask((width, classes), heads, own=True)[..., None]
    mask = "first" if found.shape == own.shape and torch.equal(found.float(), own) else "strict"
    fields = {
        "width": width,
        "kernel_size": kernel,
        "dilations": tuple(2**k for k in range(layers)),
        "head_mask": mask,
    }
    return fields, heads, classes


def _section(name: str) -> str:
    """The section of the config that a field belongs to. Raises ValueError for an unknown one."""
    sections: dict[str, type[BaseModel]] = {
        "autoencoder": AutoencoderConfig,
        "context": ContextConfig,
        "sampling": SamplingConfig,
    }
    for section, model in sections.items():
        if name in model.model_fields and name != "segment":
            return section
    known = {n for model in sections.values() for n in model.model_fields}
    raise unknown(f"setting of {NAME}", name, known)
