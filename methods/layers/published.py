"""Published checkpoints: their spellings, sizes read from shapes, and a fit that names every key.

A published file is a state dict, plain or under the key ``state_dict``, its names with or without
the ``module.`` of DataParallel. Its speech encoder spells weight normalisation ``weight_g`` /
``weight_v``; newer torch spells it ``parametrizations.weight.original0`` / ``1``. Positional tables
are formulas: a file may hold them or not, and those it holds must be what the formula gives.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bench.data import DatasetSpec
from methods.layers.speech import SpeechConfig, SpeechEncoder

SPELLINGS = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}
SPEECH = "audio_encoder."  # where the published models keep their speech encoder
SPEECH_LAYER = f"{SPEECH}encoder.layers.0.feed_forward.intermediate_dense.weight"
SPEECH_POSITIONS = f"{SPEECH}encoder.pos_conv_embed.conv.weight_v"
SPEECH_RANKS = {SPEECH_LAYER: 2, SPEECH_POSITIONS: 3}  # what speech_config() reads sizes from
DECODER_LAYER = "transformer_decoder.layers.0.linear1.weight"
SPEECH_OPTIONAL = frozenset({f"{SPEECH}masked_spec_embed"})  # used in training only

NameOf = Callable[[str], str | None]
"""The published name of one of our weights, or None for one that only we have."""


class Mismatch(ValueError):
    """A checkpoint that does not fit a model; ``problems`` lists all keys by what is wrong.

    ``shapes`` holds (the file's, the model's) of every key of another shape; ``roles`` says whose
    keys these are; ``why``, where no model could be built, what that is for.
    """

    def __init__(
        self,
        problems: Mapping[str, Sequence[str]],
        shapes: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] | None = None,
        roles: Collection[str] = (),
        why: str = "",
    ):
        self.problems = {kind: sorted(keys) for kind, keys in problems.items() if keys}
        self.shapes, self.roles, self.why = dict(shapes or {}), tuple(sorted(roles)), why
        told = [f"{len(v)} {k}: {', '.join(v[:3])}" for k, v in self.problems.items()]
        super().__init__("; ".join(["The checkpoint does not fit", *([why] if why else []), *told]))


def tensors(document: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a published file in its own spelling, without wrappers and prefixes.

    Plain values beside them are left out. Raises ValueError for a document that is no state dict.
    """
    while isinstance(nested := document.get("state_dict"), Mapping):
        document = nested
    found = {n: value for n, value in document.items() if isinstance(value, Tensor)}
    if not found:
        raise ValueError("Expected a state dict of tensors, plain or under state_dict; it has none")
    return {published_spelling(name): value for name, value in found.items()}


def respelled(state: Mapping[str, Any], names: Collection[str]) -> list[str]:
    """How a file itself spells those of these published names that it holds."""
    return sorted(name for name in state if published_spelling(name) in names)


def published_spelling(name: str) -> str:
    """A weight's name without ``module.``, with ``weight_g`` / ``weight_v``."""
    name = name.removeprefix("module.")
    for newer, published in SPELLINGS.items():
        name = name.replace(newer, published)
    return name


def published_speech_name(name: str) -> str:
    """Our name of a weight without the transformers wrapper's part, in published spelling."""
    return published_spelling(name.replace(f"{SPEECH}model.", SPEECH))


def require(
    published: Mapping[str, Tensor], method: str, ranks: Mapping[str, int], role: str = "checkpoint"
) -> None:
    """The keys that a model's sizes are read from, with their number of axes, are all there.

    Raises Mismatch naming those that are not; ValueError for a file that has none of them.
    """
    there = ranks.keys() & published.keys()
    if not there:
        names = ", ".join([*ranks][:3])
        raise Mismatch(
            {"missing": [*ranks]}, roles=[role], why=f"this is no {method} checkpoint (no {names})"
        )
    wrong = [
        f"{name} {tuple(published[name].shape)} instead of {ranks[name]} axes"
        for name in there
        if published[name].ndim != ranks[name] or not published[name].numel()
    ]
    missing = [*(ranks.keys() - there)]
    if missing or wrong:
        first = min(missing or [name.partition(" ")[0] for name in wrong])
        raise Mismatch(
            {"missing": missing, "of another shape": wrong},
            roles=[role],
            why=f"cannot tell its sizes without {first} ({len(there) - len(wrong)} of "
            f"{len(ranks)} keys that tell a {method}'s sizes are there)",
        )


def shape(published: Mapping[str, Tensor], name: str, method: str, rank: int) -> torch.Size:
    """The shape of a weight that every checkpoint of a method has. Raises Mismatch without it."""
    require(published, method, {name: rank})
    return published[name].shape


def count(published: Mapping[str, Tensor], prefix: str) -> int:
    """How many modules are numbered under a prefix."""
    return len({n[len(prefix) :].split(".")[0] for n in published if n.startswith(prefix)})


def split_overrides(overrides: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(fields of the method's config, fields of SpeechConfig, which carry ``speech_``)."""
    prefix = "speech_"
    speech = {k.removeprefix(prefix): v for k, v in overrides.items() if k.startswith(prefix)}
    return {k: v for k, v in overrides.items() if not k.startswith(prefix)}, speech


def speech_config(published: Mapping[str, Tensor], overrides: Mapping[str, Any]) -> SpeechConfig:
    """The speech encoder of the sizes that a checkpoint with SPEECH_RANKS holds.

    ``overrides`` are fields of SpeechConfig: at least ``kind`` and ``frozen``, as published for the
    method. A checkpoint without convolutions is one of this suite's with a mel-hubert.
    """
    feed_forward, hidden = published[SPEECH_LAYER].shape
    _, group, kernel = published[SPEECH_POSITIONS].shape
    sizes = {
        "hidden": hidden,
        "feed_forward": feed_forward,
        "num_layers": count(published, f"{SPEECH}encoder.layers."),
        "position_kernel": kernel,
        "position_groups": hidden // group,
    }
    front = f"{SPEECH}feature_extractor.conv_layers.0.conv.weight"
    if front not in published:
        return SpeechConfig(**(sizes | dict(overrides) | {"kind": "mel-hubert", "frozen": "all"}))
    # base size: 12 heads of 64
    sizes |= {"conv_channels": len(published[front]), "num_heads": max(1, hidden // 64)}
    return SpeechConfig(**({"random_weights": True} | sizes | dict(overrides)))


def speech_heads(encoder: SpeechEncoder) -> int:
    """How many heads a speech encoder attends with, which no shape tells."""
    return encoder.model.config.num_attention_heads


def bare_spec(fps: float | int | None, num_vertices: int, num_styles: int) -> DatasetSpec:
    """As much of a dataset as a checkpoint tells, without a mesh. Raises ValueError without fps."""
    if fps is None:
        raise ValueError("The checkpoint does not tell its frame rate: pass spec or fps (25 or 30)")
    return DatasetSpec(
        name="published checkpoint",
        fps=float(fps),
        unit="unknown",
        faces=torch.zeros(0, 3, dtype=torch.long),
        template=torch.zeros(num_vertices, 3),
        masks={},
        styles=tuple(str(style) for style in range(num_styles)),
    )


def period_of(table: Tensor | None) -> int | None:
    """The period P of a positional table of floor(600 / P) + 1 periods, which is the frame rate."""
    rows = None if table is None else table.shape[1]
    return next((p for p in (25, 30) if rows == (600 // p + 1) * p), None)


def decoder_sizes(published: Mapping[str, Tensor]) -> dict[str, int]:
    """Sizes of FaceFormer's and CodeTalker's decoder; the checkpoint must hold DECODER_LAYER."""
    feed_forward, num_features = published[DECODER_LAYER].shape
    num_layers = count(published, "transformer_decoder.layers.")
    return {"num_features": num_features, "feed_forward": feed_forward, "num_layers": num_layers}


def check_table(found: Tensor | None, formula: Tensor, name: str) -> None:
    """A positional table that a file holds is what its formula gives. Raises Mismatch."""
    if found is None:
        return
    rows = found.float().flatten(0, -2)
    repeated = formula[torch.arange(len(rows)) % len(formula)]
    if rows.shape != repeated.shape or not torch.allclose(rows, repeated, atol=1e-4):
        raise Mismatch({"not the table of its formula": [name]})


def fit(
    method: nn.Module,
    published: Mapping[str, Tensor],
    name_of: NameOf,
    optional: Collection[str] = (),
    role_of: Callable[[str], str] = lambda name: "checkpoint",
) -> None:
    """Fill every weight from its published name; nothing may be left over on either side.

    ``optional`` are published names that a file may lack; ``role_of`` says which file a name
    belongs to. Raises Mismatch with every key.
    """
    weights = method.state_dict()
    ours = {their: name for name in weights if (their := name_of(name)) is not None}
    both = ours.keys() & published.keys()
    pairs = {n: (tuple(published[n].shape), tuple(weights[ours[n]].shape)) for n in both}
    shapes = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    missing = ours.keys() - published.keys() - set(optional)
    unexpected = published.keys() - ours.keys()
    if wrong := {*missing, *unexpected, *shapes}:
        problems = {
            "missing": [*missing],
            "unexpected": [*unexpected],
            "of another shape": [f"{n} {a} instead of {b}" for n, (a, b) in shapes.items()],
        }
        raise Mismatch(problems, shapes, {role_of(name) for name in wrong})
    method.load_state_dict(weights | {ours[name]: published[name] for name in both})


def published_weights(method: nn.Module, name_of: NameOf) -> dict[str, Tensor]:
    """The model's weights under their published names: what :func:`fit` reads back."""
    named = ((name_of(name), value) for name, value in method.state_dict().items())
    return {name: value.detach().cpu().clone() for name, value in named if name is not None}
