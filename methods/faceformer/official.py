"""Published FaceFormer checkpoints: their names, and a model of the sizes they hold.

A published file is a plain state dict; methods/layers/published.py knows the common spellings.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from bench.data import DatasetSpec
from methods.faceformer import FaceFormer, FaceFormerConfig
from methods.layers import published as files

FILES = {"checkpoint": "faceformer.pth"}  # published as biwi.pth and vocaset.pth
NAME = "FaceFormer"
TABLE = "PPE.pe"  # a formula: checked, not loaded
# keys that tell a model's sizes, and their axes
RANKS = {files.DECODER_LAYER: 2} | files.SPEECH_RANKS
FACE_RANKS = {"vertice_map.weight": 2, "obj_vector.weight": 2}  # without a spec
# what shapes cannot tell and predictions depend on, read off a model
SETTINGS: dict[str, Callable[[FaceFormer], Any]] = {
    "num_heads": lambda method: method.config.num_heads,
    "period": lambda method: method.network.period,
    "unroll": lambda method: method.config.unroll,
    "speech_kind": lambda method: method.config.speech.kind,
    "speech_num_heads": lambda method: files.speech_heads(method.network.audio_encoder),
}


def load(
    state_dict: Mapping[str, Any], spec: DatasetSpec | None = None, **overrides: Any
) -> FaceFormer:
    """A model in eval mode that holds a published checkpoint's weights, for any vertex count.

    Sizes are read from shapes; ``overrides`` are fields of FaceFormerConfig or, with the prefix
    ``speech_``, of SpeechConfig, for what shapes cannot tell (``num_heads``, ``speech_num_heads``).
    Without a ``spec``, ``fps`` is needed too unless the file holds ``PPE.pe``.
    Raises Mismatch naming every key that is missing, unexpected or of another shape.
    """
    published = files.tensors(state_dict)
    files.require(published, NAME, RANKS | ({} if spec else FACE_RANKS))
    table = published.pop(TABLE, None)
    fps = overrides.pop("fps", files.period_of(table))
    if spec is None:
        num_vertices = published["vertice_map.weight"].shape[1] // 3
        num_styles = published["obj_vector.weight"].shape[1]
        spec = files.bare_spec(fps, num_vertices, num_styles)
    method = FaceFormer(_config(published, overrides), spec)
    files.check_table(table, method.network.PPE.table, TABLE)
    files.fit(method, published, _published_name, files.SPEECH_OPTIONAL)
    return method.eval()


def ignored(states: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Tensors of a file that :func:`load` does not load, in the file's spelling."""
    return {role: files.respelled(state, {TABLE}) for role, state in states.items()}


def export(method: FaceFormer) -> dict[str, dict[str, Tensor]]:
    """The model's weights under their published names: what :func:`load` reads back bit for bit.

    A motion scale s has no published form and goes into the linear maps next to the vertices:
    vertice_map(x / s) is a map of weight W / s, s * vertice_map_r(h) one of s W and s b. Such a
    file gives the same predictions up to rounding.
    """
    weights = files.published_weights(method, _published_name)
    scale = float(method.motion_scale)
    if scale != 1:
        weights["vertice_map.weight"] /= scale
        weights["vertice_map_r.weight"] *= scale
        weights["vertice_map_r.bias"] *= scale
    return {"checkpoint": weights}


def _published_name(name: str) -> str | None:
    if name == "motion_scale":
        return None  # 1: published models train on unscaled vertices
    return files.published_speech_name(name.removeprefix("network."))


def _config(published: Mapping[str, Tensor], overrides: Mapping[str, Any]) -> FaceFormerConfig:
    model, speech = files.split_overrides(overrides)
    speech = {"kind": "wav2vec2", "frozen": "feature-extractor"} | speech
    sizes = files.decoder_sizes(published) | model
    return FaceFormerConfig(speech=files.speech_config(published, speech), **sizes)
