"""Speech features at 50 Hz, from one of several providers.

Shapes   B clips, S audio samples, N feature steps at 50 Hz, C features of a step.
Units    audio in [-1, 1] at 16 kHz; step j stands for second j / 50.
"""

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from pydantic import Field
from safetensors import safe_open
from torch import Tensor, nn

from bench.config import SpeechInput
from bench.data import AUDIO_RATE
from bench.weights.local import local_weights
from methods.layers.speech import ClipMemo, SpeechConfig, SpeechEncoder
from methods.layers.speech.log_mel import LogMel
from methods.layers.speech.tokens import TOKEN_RATE, check_token, normalise_audio, unpad_audio

# the alphabet of facebook/wav2vec2-base-960h in the order of its output layer; <pad> is CTC's blank
VOCABULARY = ("<pad>", "<s>", "</s>", "<unk>", *"|ETAONIHSRDLUMWCFGYPBVK'XJQZ")
# 29 classes, as many as DeepSpeech 0.1.0 has: blank, space (|), apostrophe, 26 letters
LABELS = tuple(label for label in VOCABULARY if label not in ("<s>", "</s>", "<unk>"))
HEAD_SEED = 0
NUM_LOGITS = 29  # 26 letters, space, apostrophe, blank
SLACK = 5  # steps that a file may have more or less than its audio


class CtcConfig(SpeechConfig):
    """wav2vec 2.0 with its CTC output layer; weights and sizes as in :class:`SpeechConfig`."""

    kind: Literal["wav2vec2-ctc"] = "wav2vec2-ctc"  # type: ignore[assignment]

    @property
    def label(self) -> str:
        """As a table row names it, e.g. ``facebook/wav2vec2-base-960h CTC logits (frozen)``."""
        return f"{self.encoder().label} CTC logits"

    def encoder(self) -> SpeechConfig:
        """The same encoder without its output layer."""
        return SpeechConfig(**{**self.model_dump(), "kind": "wav2vec2"})


class DeepSpeechConfig(SpeechInput):
    """DeepSpeech 0.1.0 logits that were computed elsewhere, one ``<folder>/<key>.npy`` per clip.

    A method hears audio and no file name, so the key is the audio itself: :func:`audio_key`.
    DeepSpeech 0.1.0 is a frozen TensorFlow 1 graph; run it in its own environment.
    """

    kind: Literal["deepspeech-npy"] = "deepspeech-npy"
    folder: str

    @property
    def label(self) -> str:
        """As a table row names it."""
        return "DeepSpeech 0.1.0 logits (from files)"


class LogMelConfig(SpeechInput):
    """Standardised log-mel bands, nothing learned."""

    kind: Literal["log-mel"] = "log-mel"
    num_bands: int = Field(NUM_LOGITS, ge=1)

    @property
    def label(self) -> str:
        """As a table row names it."""
        return "log-mel"


SpeechSection = Annotated[
    SpeechConfig | CtcConfig | DeepSpeechConfig | LogMelConfig, Field(discriminator="kind")
]


class SpeechFeatures(nn.Module, ABC):
    """A provider: features of one clip, kept in memory so that a clip is heard once."""

    num_features: int

    def trainable_parameters(self) -> list[nn.Parameter]:
        """None: VOCA's features are fixed."""
        return []

    @abstractmethod
    def forward(self, audio: Float[Tensor, "1 S"]) -> Float[Tensor, "N C"]:
        """Features of one clip's raw audio. Raises ValueError when it is too short."""

    def clips(
        self, audio: Float[Tensor, "B S"], num_frames: Int[Tensor, " B"], fps: float
    ) -> list[Float[Tensor, "_ C"]]:
        """Features of each clip of a padded batch; padding is not heard."""
        return [self(clip) for clip in unpad_audio(audio, num_frames, fps)]


class EncoderFeatures(SpeechFeatures):
    """Tokens of a speech encoder, frozen unless the preset says otherwise."""

    def __init__(self, config: SpeechConfig):
        super().__init__()
        self.encoder = SpeechEncoder(config)
        self.num_features = self.encoder.num_features

    def forward(self, audio: Float[Tensor, "1 S"]) -> Float[Tensor, "N C"]:
        """The encoder's last hidden states."""
        tokens: Tensor = self.encoder(audio)
        return tokens[0]

    def trainable_parameters(self) -> list[nn.Parameter]:
        """Parameters that ``speech.frozen`` leaves free; none by default."""
        return self.encoder.trainable_parameters()


class CtcFeatures(EncoderFeatures):
    """Logits of the CTC output layer for the 29 classes of LABELS."""

    def __init__(self, config: CtcConfig):
        super().__init__(config.encoder())
        weight, bias = _ctc_head(config, self.num_features)
        kept = [VOCABULARY.index(label) for label in LABELS]
        self.head = nn.utils.skip_init(nn.Linear, weight.shape[1], len(LABELS))  # draws nothing
        self.head.requires_grad_(False)
        self.head.weight.copy_(weight[kept])
        self.head.bias.copy_(bias[kept])
        self.num_features = len(LABELS)

    def forward(self, audio: Float[Tensor, "1 S"]) -> Float[Tensor, "N C"]:
        """Columns as in LABELS. The output layer itself is fixed."""
        logits: Tensor = self.head(super().forward(audio))
        return logits


class DeepSpeechFeatures(SpeechFeatures):
    """Logits from a folder of files."""

    num_features = NUM_LOGITS

    def __init__(self, config: DeepSpeechConfig):
        super().__init__()
        self.folder = Path(config.folder)
        self.memo = ClipMemo()

    def forward(self, audio: Float[Tensor, "1 S"]) -> Float[Tensor, "N C"]:
        """The file of this audio. Raises ValueError when there is none or it is no such thing."""
        return self.memo(audio, lambda clip: read_logits(self.folder, clip[0]).to(clip.device))

    def clips(
        self, audio: Float[Tensor, "B S"], num_frames: Int[Tensor, " B"], fps: float
    ) -> list[Float[Tensor, "_ C"]]:
        """By each clip's whole audio: its key leaves the padding out, a cut would change it."""
        return [self(clip) for clip in audio.split(1)]


class LogMelFeatures(SpeechFeatures):
    """Two neighbouring 10 ms log-mel frames averaged into one step."""

    def __init__(self, config: LogMelConfig):
        super().__init__()
        self.num_features = config.num_bands
        self.log_mel = LogMel(config.num_bands)
        self.memo = ClipMemo()

    def forward(self, audio: Float[Tensor, "1 S"]) -> Float[Tensor, "N C"]:
        """Standardised log power. Raises ValueError for less than 25 ms."""
        check_token(audio.shape[1])
        return self.memo(audio, self._compute)

    def _compute(self, audio: Tensor) -> Tensor:
        tokens = self.log_mel(normalise_audio(audio))[0].T  # (N, 2 bands)
        return tokens.unflatten(1, (2, -1)).mean(1)


def build_features(
    config: SpeechConfig | CtcConfig | DeepSpeechConfig | LogMelConfig,
) -> SpeechFeatures:
    """The provider that a preset's ``speech`` section names.

    Raises ValueError when its weights or its folder are not on this machine.
    """
    if isinstance(config, CtcConfig):
        return CtcFeatures(config)
    if isinstance(config, SpeechConfig):
        return EncoderFeatures(config)
    if isinstance(config, DeepSpeechConfig):
        return DeepSpeechFeatures(config)
    return LogMelFeatures(config)


def _ctc_head(config: CtcConfig, width: int) -> tuple[Tensor, Tensor]:
    """Weight and bias of the output layer, one row per entry of VOCABULARY."""
    rows = len(VOCABULARY)
    if config.source is None:
        draws = torch.Generator().manual_seed(HEAD_SEED)
        return 0.02 * torch.randn(rows, width, generator=draws), torch.zeros(rows)
    from transformers.utils import cached_file  # heavy, and only this provider needs it

    path = cached_file(
        local_weights(config.source),
        "model.safetensors",
        revision=config.revision,
        local_files_only=True,
    )
    with safe_open(str(path), framework="pt") as weights:
        names = ("lm_head.weight", "lm_head.bias")
        if missing := sorted(set(names) - set(weights.keys())):
            raise ValueError(
                f"{config.source}: no {missing[0]} among its weights; expected a model with a CTC "
                "output layer, like facebook/wav2vec2-base-960h"
            )
        weight, bias = (weights.get_tensor(name) for name in names)
    if weight.shape != (rows, width):
        raise ValueError(
            f"{config.source}: expected a CTC output layer of {rows} classes and {width} features, "
            f"got {tuple(weight.shape)}; the alphabet must be facebook/wav2vec2-base-960h's"
        )
    return weight, bias


def audio_key(audio: Float[Tensor, " S"]) -> str:
    """SHA-256 of the samples as little-endian 16-bit integers, without zeros at the end.

    (A padded batch has zeros there, so they cannot be part of a clip's name.)
    """
    samples = (audio.detach().cpu().double() * 2**15).round().clamp(-(2**15), 2**15 - 1).numpy()
    return hashlib.sha256(np.trim_zeros(samples, "b").astype("<i2").tobytes()).hexdigest()


def read_logits(folder: Path, audio: Float[Tensor, " S"]) -> Float[Tensor, "N 29"]:
    """The logits of this audio. Raises ValueError when there are none, or they are not usable."""
    path = folder / f"{audio_key(audio)}.npy"
    if not path.exists():
        raise ValueError(
            f"No DeepSpeech logits for this audio: expected {path}; write it as "
            "methods/voca/README.md says, and train on whole clips (train.window: clip)"
        )
    try:
        logits = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is not a readable .npy file; write it again") from error
    if logits.ndim != 2 or logits.shape[1] != NUM_LOGITS or logits.dtype.kind != "f":
        raise ValueError(
            f"{path}: expected floats of shape (steps, {NUM_LOGITS}), got {logits.dtype} "
            f"{logits.shape}; write it again"
        )
    if not np.isfinite(logits).all():
        raise ValueError(f"{path}: expected finite logits, got NaN or infinity; write it again")
    spoken = len(np.trim_zeros(audio.detach().cpu().numpy(), "b")) / AUDIO_RATE * TOKEN_RATE
    longest = len(audio) / AUDIO_RATE * TOKEN_RATE
    if not spoken - SLACK <= len(logits) <= longest + SLACK:
        raise ValueError(
            f"{path}: expected about {longest:.0f} steps at 50 Hz, got {len(logits)}; "
            "write it again"
        )
    return torch.from_numpy(logits.astype(np.float32))
