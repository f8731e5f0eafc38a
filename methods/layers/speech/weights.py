"""The speech encoder that a preset names, and the transformers model behind it.

Weights come from a hub id or folder (safetensors only, never the network: `bench fetch` gets
them), or are drawn from a fixed seed that leaves the caller's random state alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import model_validator
from safetensors import SafetensorError

from bench.common.files import sha256_of_file
from bench.config import SpeechInput
from bench.weights.local import local_weights
from methods.layers.speech.log_mel import LogMel

if TYPE_CHECKING:  # importing it takes seconds, and a plan builds no model
    from transformers import HubertModel, Wav2Vec2Model

WEIGHT_SEED = 0
MEL_BANDS = 40
MEL_SIZES = {
    "hidden": 64,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward": 256,
    "position_kernel": 32,
    "position_groups": 4,
}
BASE_SIZES = {
    "hidden": 768,
    "num_layers": 12,
    "num_heads": 12,
    "feed_forward": 3072,
    "position_kernel": 128,
    "position_groups": 16,
    "conv_channels": 512,
}


class SpeechConfig(SpeechInput):
    """Which encoder listens, where its weights come from, and what of it stays frozen.

    Sizes left at None are the kind's own: 64 features in 2 layers for mel-hubert, 768 in 12 for
    the others. A source brings its own sizes.
    """

    kind: Literal["mel-hubert", "hubert", "wav2vec2"] = "mel-hubert"
    source: str | None = None  # hub id or local folder with config.json and model.safetensors
    revision: str | None = None  # of a hub id
    sha256: str | None = None  # of model.safetensors
    random_weights: bool = False  # fixed-seed random weights at full width: benchmarks and tests
    frozen: Literal["all", "feature-extractor", "paper", "none"] = "all"
    frozen_dropout: bool = False  # True: frozen parts stay in train mode, as in published code
    hidden: int | None = None
    num_layers: int | None = None
    num_heads: int | None = None
    feed_forward: int | None = None
    conv_channels: int | None = None
    position_kernel: int | None = None  # tokens
    position_groups: int | None = None
    dropout: float | None = None  # None: the source's, else 0.1; 0 for mel-hubert
    spec_augment: bool = True  # in training, spans of tokens are replaced (SpecAugment)

    @model_validator(mode="after")
    def _check_weights(self) -> "SpeechConfig":
        if self.kind == "mel-hubert" and self.source is not None:
            raise ValueError("mel-hubert has no published weights: leave source empty")
        if self.kind != "mel-hubert" and (self.source is None) != self.random_weights:
            raise ValueError(
                f"{self.kind}: expected either a source (hub id or folder) or random_weights: true"
            )
        given = [name for name in BASE_SIZES if getattr(self, name) is not None]
        if self.source is not None and given:
            raise ValueError(f"{', '.join(given)}: {self.source} brings its own sizes")
        return self

    @property
    def label(self) -> str:
        """As a table row names it, e.g. ``mel-HuBERT (random, frozen)``."""
        names = {"mel-hubert": "mel-HuBERT", "hubert": "HuBERT", "wav2vec2": "wav2vec2"}
        if self.source is None:
            name = names[self.kind]
        else:  # a folder's path is nobody else's business
            name = Path(self.source).name if Path(self.source).is_dir() else self.source
        notes = ["random"] * (self.source is None) + ["frozen"] * (self.frozen == "all")
        return f"{name} ({', '.join(notes)})" if notes else name

    def sizes(self) -> dict[str, int]:
        """Every size, with the kind's own where none is given."""
        own = MEL_SIZES if self.kind == "mel-hubert" else BASE_SIZES
        return {
            n: size if getattr(self, n) is None else getattr(self, n) for n, size in own.items()
        }


def build_speech_model(config: SpeechConfig) -> "HubertModel | Wav2Vec2Model":
    """The transformers model in eval mode; the caller's random state stays as it was.

    Raises ValueError when the source is not on this machine or is not what the preset pins.
    """
    with _own_random_state():
        model = _random_model(config) if config.source is None else _pretrained_model(config)
    return model.eval()


def _types_of(kind: str) -> tuple[Any, Any]:
    """The transformers class of a kind's model, and that of its settings."""
    import transformers

    family = "Wav2Vec2" if kind == "wav2vec2" else "Hubert"
    return getattr(transformers, f"{family}Model"), getattr(transformers, f"{family}Config")


@contextmanager
def _own_random_state() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(WEIGHT_SEED)
        yield


def _random_model(config: SpeechConfig) -> "HubertModel | Wav2Vec2Model":
    model_type, config_type = _types_of(config.kind)
    sizes = config.sizes()
    is_mel = config.kind == "mel-hubert"
    options: dict[str, Any] = {
        "hidden_size": sizes["hidden"],
        "num_hidden_layers": sizes["num_layers"],
        "num_attention_heads": sizes["num_heads"],
        "intermediate_size": sizes["feed_forward"],
        "num_conv_pos_embeddings": sizes["position_kernel"],
        "num_conv_pos_embedding_groups": sizes["position_groups"],
    }
    if is_mel:  # the convolution itself is replaced below
        options |= {"conv_dim": (2 * MEL_BANDS,), "conv_stride": (320,), "conv_kernel": (400,)}
    else:
        options["conv_dim"] = (sizes["conv_channels"],) * 7
    options |= _dropouts(0.0 if is_mel else 0.1) | _overrides(config)
    model = model_type(config_type(**options))
    if is_mel:
        model.feature_extractor = LogMel(MEL_BANDS)
    return model


def _pretrained_model(config: SpeechConfig) -> "HubertModel | Wav2Vec2Model":
    from transformers.utils import cached_file

    assert config.source is not None
    model_type, config_type = _types_of(config.kind)
    source = local_weights(config.source)
    where = {"revision": config.revision, "local_files_only": True}
    try:
        settings, _ = config_type.get_config_dict(source, **where)
        weights = cached_file(source, "model.safetensors", **where)
        if settings.get("model_type") != config_type.model_type:
            raise ValueError(
                f"{config.source}: expected a {config_type.model_type} model, "
                f"got {settings.get('model_type')!r}; change speech.kind"
            )
        _check_hash(Path(str(weights)), config)
        model, report = model_type.from_pretrained(
            source, use_safetensors=True, output_loading_info=True, **where, **_overrides(config)
        )
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"Speech weights {config.source!r} are not on this machine, or unreadable "
            f"(config.json and model.safetensors are needed); run: bench fetch {config.source}"
        ) from error
    # the mask token is not in every published file; it matters in training only
    missing = sorted(set(report["missing_keys"]) - {"masked_spec_embed"})
    if missing:
        raise ValueError(
            f"{weights}: {len(missing)} weights are missing, the first is {missing[0]}"
        )
    return model


def _check_hash(path: Path, config: SpeechConfig) -> None:
    if config.sha256 is not None and (found := sha256_of_file(path)) != config.sha256:
        raise ValueError(
            f"{path}: expected sha256 {config.sha256}, got {found}; "
            f"run: bench fetch {config.source}"
        )


def _dropouts(rate: float) -> dict[str, float]:
    names = ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout")
    return dict.fromkeys((*names, "layerdrop"), rate)


def _overrides(config: SpeechConfig) -> dict[str, Any]:
    dropouts = {} if config.dropout is None else _dropouts(config.dropout)
    return dropouts | {"apply_spec_augment": config.spec_augment}
