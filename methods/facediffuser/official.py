"""Published FaceDiffuser checkpoints: their names, and a model of the sizes they hold.

A published file is a plain state dict; methods/layers/published.py knows the common spellings.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from bench.data import DatasetSpec
from methods.facediffuser import FaceDiffuser, FaceDiffuserConfig
from methods.layers import published as files

FILES = {"checkpoint": "pretrained_BIWI.pth"}  # or pretrained_vocaset.pth
NAME = "FaceDiffuser"
RANKS = {"time_mlp.0.weight": 2} | files.SPEECH_RANKS  # keys that tell sizes, and their axes
FACE_RANKS = {"final_layer.weight": 2, "obj_vector.weight": 2}  # without a spec
# what shapes cannot tell and predictions depend on, read off a model
SETTINGS: dict[str, Callable[[FaceDiffuser], Any]] = {
    "speech_kind": lambda method: method.config.speech.kind,
    "speech_num_heads": lambda method: files.speech_heads(method.network.audio_encoder),
}
# only in files of this suite; says what is diffused, and what it is divided by
SCALES = {"vertices": "vertex_scale", "motion": "motion_scale"}


def load(
    state_dict: Mapping[str, Any], spec: DatasetSpec | None = None, **overrides: Any
) -> FaceDiffuser:
    """A model in eval mode that holds a published checkpoint's weights, for any vertex count.

    Latent size, steps, styles, GRU layers and the speech encoder's sizes are read from shapes;
    ``overrides`` are fields of FaceDiffuserConfig or, with the prefix ``speech_``, of SpeechConfig,
    for what shapes cannot tell (``speech_num_heads``). Without a ``spec``, ``fps`` is needed: 25
    for BIWI, 30 for VOCASET.
    Raises Mismatch naming every key that is missing, unexpected or of another shape.
    """
    published = files.tensors(state_dict)
    files.require(published, NAME, RANKS | ({} if spec else FACE_RANKS))
    fps = overrides.pop("fps", None)
    scales = {target: published.pop(name, None) for target, name in SCALES.items()}
    if spec is None:
        num_vertices = published["final_layer.weight"].shape[0] // 3
        num_styles = published["obj_vector.weight"].shape[1]
        spec = files.bare_spec(fps, num_vertices, num_styles)
    known = {target: scale for target, scale in scales.items() if scale is not None}
    for target in known:
        overrides = {"target": target, "motion_scale": "train_std"} | overrides
    method = FaceDiffuser(_config(published, overrides), spec)
    files.fit(method, published, _published_name, files.SPEECH_OPTIONAL)
    for scale in known.values():
        method.motion_scale.copy_(scale)
    return method.eval()


def export(method: FaceDiffuser) -> dict[str, dict[str, Tensor]]:
    """The model's weights under their published names: what :func:`load` reads back bit for bit.

    A model that diffuses motion, or anything scaled, has no published form: unit noise on x / s is
    no unit noise on x, so s does not go into any linear map. Such a file carries one more tensor,
    ``motion_scale`` or ``vertex_scale``, which :func:`load` reads and published code refuses.
    """
    weights = files.published_weights(method, _published_name)
    if method.config.target != "vertices" or float(method.motion_scale) != 1:
        weights[SCALES[method.config.target]] = method.motion_scale.detach().cpu().clone()
    return {"checkpoint": weights}


def _published_name(name: str) -> str | None:
    if name == "motion_scale":
        return None  # 1 in published models
    return files.published_speech_name(name.removeprefix("network."))


def _config(published: Mapping[str, Tensor], overrides: Mapping[str, Any]) -> FaceDiffuserConfig:
    model, speech = files.split_overrides(overrides)
    speech = {"kind": "hubert", "frozen": "paper", "frozen_dropout": True} | speech
    latent, num_steps = published["time_mlp.0.weight"].shape
    sizes = {
        "latent": latent,
        "num_steps": num_steps,
        "gru_layers": files.count(published, "gru.weight_ih_l"),
    }
    return FaceDiffuserConfig(speech=files.speech_config(published, speech), **(sizes | model))
