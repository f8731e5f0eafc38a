"""Published CodeTalker checkpoints: their names, and a model of the sizes they hold.

A release is two files: stage 2 (every key with ``autoencoder`` removed before it was saved) and
stage 1. Stage-2 files that hold the autoencoder after all need no second file.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from bench.data import DatasetSpec
from methods.codetalker import CodeTalker
from methods.codetalker.config import (
    AutoencoderConfig,
    CodeTalkerConfig,
    PredictorConfig,
    SamplingConfig,
)
from methods.layers import published as files

# published as biwi_stage2.pth.tar and vocaset_stage2.pth.tar, biwi_stage1.pth.tar, ...
FILES = {"checkpoint": "stage2.pth.tar", "stage1": "stage1.pth.tar"}
NAME = "CodeTalker"
STAGE1 = "autoencoder."
AUTOENCODER = "autoencoder_"  # prefix of overrides

PARTS = {  # our names in stage 1, and the published ones
    "quantizer.codebook": "quantize.embedding.weight",
    "encoder.vertices_in": "encoder.vertice_mapping.0",
    "encoder.to_latents": "encoder.encoder_linear_embedding_post.net",
    "decoder.from_latents": "decoder.decoder_linear_embedding_pre.net",
    "decoder.vertices_out": "decoder.vertice_map_reverse",
    "encoder.trunk.convolution.convolution": "encoder.squasher.0.0",
    "decoder.trunk.convolution.convolution": "decoder.expander.0.0",
    "encoder.trunk.embedding": "encoder.encoder_linear_embedding.net",
    "decoder.trunk.embedding": "decoder.decoder_linear_embedding.net",
}
BLOCK_PARTS = {  # ours: (0 for attention or 1 for the feed-forward network, published)
    "attention_norm": (0, "fn.norm"),
    "queries_keys_values": (0, "fn.fn.to_qkv"),
    "attention_out": (0, "fn.fn.to_out"),
    "feed_forward_norm": (1, "fn.norm"),
    "expand": (1, "fn.fn.l1"),
    "contract": (1, "fn.fn.l2"),
}
BLOCK = re.compile(r"(encoder|decoder)\.trunk\.blocks\.(\d+)\.(\w+)\.(\w+)")
OURS_ONLY = {"motion_scale", "quantizer.idle_steps"}  # of stage 1
TABLE = "PPE.pe"  # tables are formulas: checked, not loaded
TABLES = ("encoder.encoder_pos_embedding.pe", "decoder.decoder_pos_embedding.pe")
BLOCKS = f"{STAGE1}encoder.encoder_transformer.net."
CODEBOOK = f"{STAGE1}quantize.embedding.weight"
# keys that tell a model's sizes, and their axes
RANKS = {"feat_map.weight": 2, files.DECODER_LAYER: 2} | files.SPEECH_RANKS
FACE_RANKS = {"vertice_map.weight": 2, "learnable_style_emb.weight": 2}  # without a spec
RANKS1 = {f"{BLOCKS}1.fn.fn.l1.weight": 2, CODEBOOK: 2}
# what shapes cannot tell and predictions depend on, read off a model
SETTINGS: dict[str, Callable[[CodeTalker], Any]] = {
    "num_heads": lambda method: method.config.predictor.num_heads,
    "period": lambda method: method.predictor.period,
    "autoencoder_num_heads": lambda method: method.config.autoencoder.num_heads,
    "autoencoder_temporal_norm": lambda method: method.config.autoencoder.temporal_norm,
    "autoencoder_positions": lambda method: method.config.autoencoder.positions,
    "autoencoder_attention_scale": lambda method: method.config.autoencoder.attention_scale,
    "speech_kind": lambda method: method.config.predictor.speech.kind,
    "speech_num_heads": lambda method: files.speech_heads(method.predictor.audio_encoder),
}


def load(
    state_dict: Mapping[str, Any],
    spec: DatasetSpec | None = None,
    *,
    stage1: Mapping[str, Any] | None = None,
    **overrides: Any,
) -> CodeTalker:
    """A model in eval mode that holds a published checkpoint's weights, for any vertex count.

    ``state_dict`` is the file of stage 2, ``stage1`` that of stage 1; without it stage 2 must hold
    ``autoencoder.*``. Sizes and the layouts of BIWI and VOCASET are read from keys and shapes.
    ``overrides`` are fields of PredictorConfig (``num_heads``, by default 4), with the prefix
    ``autoencoder_`` of AutoencoderConfig (``autoencoder_num_heads``, by default 8), with
    ``speech_`` of SpeechConfig, or ``sampling``. Without a ``spec``, ``fps`` is needed too unless
    the file holds ``PPE.pe``. Raises Mismatch naming every key that is missing, unexpected or of
    another shape, and ValueError where the autoencoder is missing.
    """
    published = _joined(state_dict, stage1)
    apart = "checkpoint" if stage1 is None else "stage1"  # where the autoencoder comes from
    files.require(published, f"{NAME} stage 2", RANKS | ({} if spec else FACE_RANKS))
    files.require(published, f"{NAME} stage 1", RANKS1, apart)
    tables = {n: published.pop(n, None) for n in (TABLE, *(STAGE1 + t for t in TABLES))}
    fps = overrides.pop("fps", files.period_of(tables[TABLE]))
    if spec is None:
        num_vertices = published["vertice_map.weight"].shape[1] // 3
        num_styles = published["learnable_style_emb.weight"].shape[0]
        spec = files.bare_spec(fps, num_vertices, num_styles)
    method = CodeTalker(_config(published, overrides), spec)
    _check_tables(method, tables)
    files.fit(
        method,
        published,
        _published_name,
        files.SPEECH_OPTIONAL,
        lambda name: apart if name.startswith(STAGE1) else "checkpoint",
    )
    return method.eval()


def ignored(states: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Tensors of each file that :func:`load` does not load, in the file's spelling.

    Positional tables, and the autoencoder in the file of stage 2 when stage 1 has its own.
    """
    names = {TABLE, *TABLES, *(STAGE1 + table for table in TABLES)}
    found = {role: files.respelled(state, names) for role, state in states.items()}
    if "stage1" in states:
        stage2 = states["checkpoint"]
        twice = [n for n in stage2 if files.published_spelling(n).startswith(STAGE1)]
        found["checkpoint"] = sorted({*found["checkpoint"], *twice})
    return found


def export(method: CodeTalker) -> dict[str, dict[str, Tensor]]:
    """Both files of a release, under their published names: ``load(**export(x))`` has equal bits.

    A motion scale s has no published form and goes into the linear maps next to the vertices:
    W / s for those that read motion, s W and s b for the one that writes it. Such a file gives the
    same predictions up to rounding. (``load`` takes the first file as ``state_dict``.)
    """
    weights = files.published_weights(method, _published_name)
    scale = float(method.autoencoder.motion_scale)
    if scale != 1:
        weights["vertice_map.weight"] /= scale
        weights[f"{STAGE1}encoder.vertice_mapping.0.weight"] /= scale
        for name in weights:
            if name.startswith(f"{STAGE1}decoder.vertice_map_reverse."):
                weights[name] *= scale
    return {
        "checkpoint": {n: w for n, w in weights.items() if not n.startswith(STAGE1)},
        "stage1": {n.removeprefix(STAGE1): w for n, w in weights.items() if n.startswith(STAGE1)},
    }


def _joined(state_dict: Mapping[str, Any], stage1: Mapping[str, Any] | None) -> dict[str, Tensor]:
    """Stage 2 and, under ``autoencoder.``, stage 1. A stage-1 file given wins over stage 2's."""
    published = files.tensors(state_dict)
    if stage1 is not None:
        own = {n: w for n, w in published.items() if not n.startswith(STAGE1)}
        found = files.tensors(stage1)
        return own | {STAGE1 + n.removeprefix(STAGE1): w for n, w in found.items()}
    if not any(name.startswith(STAGE1) for name in published):
        raise ValueError(
            f"The {NAME} checkpoint holds stage 2 only (no key starts with {STAGE1}): pass the "
            f"file of stage 1 too (stage1=..., published as {FILES['stage1']})"
        )
    return published


def _published_name(name: str) -> str | None:
    if not name.startswith(STAGE1):
        return files.published_speech_name(name.removeprefix("predictor."))
    name = name.removeprefix(STAGE1)
    if name in OURS_ONLY:
        return None
    if block := BLOCK.fullmatch(name):
        side, number, part, last = block.groups()
        which, theirs = BLOCK_PARTS[part]
        return f"{STAGE1}{side}.{side}_transformer.net.{2 * int(number) + which}.{theirs}.{last}"
    if name in PARTS:
        return STAGE1 + PARTS[name]
    part, _, last = name.rpartition(".")
    return f"{STAGE1}{PARTS[part]}.{last}"


def _config(published: Mapping[str, Tensor], overrides: Mapping[str, Any]) -> CodeTalkerConfig:
    model, speech = files.split_overrides(overrides)
    sampling = model.pop("sampling", SamplingConfig())
    prefix = AUTOENCODER
    stage1 = {k.removeprefix(prefix): v for k, v in model.items() if k.startswith(prefix)}
    stage2 = {k: v for k, v in model.items() if not k.startswith(prefix)}
    speech = {"kind": "wav2vec2", "frozen": "feature-extractor"} | speech
    predictor = {"speech": files.speech_config(published, speech)}
    predictor |= files.decoder_sizes(published) | stage2
    return CodeTalkerConfig(
        autoencoder=AutoencoderConfig(**(_autoencoder_sizes(published) | stage1)),
        predictor=PredictorConfig(**predictor),
        sampling=sampling,
    )


def _autoencoder_sizes(published: Mapping[str, Tensor]) -> dict[str, Any]:
    feed_forward, hidden = published[f"{BLOCKS}1.fn.fn.l1.weight"].shape
    codes, channels = published[CODEBOOK].shape
    latent_width, _ = published["feat_map.weight"].shape
    return {
        "hidden": hidden,
        "feed_forward": feed_forward,
        "num_layers": files.count(published, BLOCKS) // 2,
        "face_components": latent_width // channels,
        "channels": channels,
        "codebook_size": codes,
        "latent_linear": f"{STAGE1}encoder.encoder_linear_embedding_post.net.weight" in published,
        "vertex_bias": f"{STAGE1}decoder.vertice_map_reverse.bias" in published,
    }


def _check_tables(method: CodeTalker, tables: Mapping[str, Tensor | None]) -> None:
    """Positional tables that a file holds are what their formulas give. Raises Mismatch."""
    files.check_table(tables[TABLE], method.predictor.PPE.table, TABLE)
    stage1 = method.autoencoder
    trunks = stage1.encoder.trunk, stage1.decoder.trunk
    for name, trunk in zip(TABLES, trunks, strict=True):
        found = tables[STAGE1 + name]
        if found is not None:
            rows = trunk.positions.table(torch.arange(len(found)))
            files.check_table(found, rows, STAGE1 + name)
