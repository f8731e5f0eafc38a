"""A decoder that listens to speech at the motion's rate: what FaceFormer and CodeTalker share.

Shapes   B clips, S audio samples, T frames, N = T * tokens_per_frame, D features.
Units    audio at 16 kHz.
"""

from jaxtyping import Float, Int
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn

from bench.common.records import Frozen
from bench.data import Batch
from methods.layers.attention import Decoder, PeriodicPositionalEncoding, check_heads
from methods.layers.speech import (
    SpeechConfig,
    SpeechEncoder,
    num_frames_supported,
    resample_tokens,
    tokens_per_frame,
)
from methods.layers.speech.tokens import Hear, hear_clips, pad_heard


class DecoderConfig(Frozen):
    """Sizes of the decoder, and the encoder that it listens through."""

    speech: SpeechConfig = SpeechConfig()
    num_features: PositiveInt
    num_layers: PositiveInt
    num_heads: PositiveInt = 4
    feed_forward: PositiveInt | None = None  # None: 2 * num_features
    period: PositiveInt | None = None  # frames of positions and bias; None: one second
    dropout: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_fit(self) -> "DecoderConfig":
        check_heads("num_features", self.num_features, self.num_heads)
        return self


class SpeechDecoder(nn.Module):
    """Speech encoder, linear map from motion, biased transformer decoder.

    Attribute names are those of the published checkpoints (vertice_map, PPE, ...).
    """

    def __init__(self, config: DecoderConfig, num_vertices: int, fps: float) -> None:
        super().__init__()
        width = config.num_features
        self.fps = fps
        self.period = config.period or round(fps)
        self.tokens_per_frame = tokens_per_frame(fps)
        self.audio_encoder = SpeechEncoder(config.speech)
        self.audio_feature_map = nn.Linear(self.audio_encoder.num_features, width)
        self.vertice_map = nn.Linear(3 * num_vertices, width)
        self.PPE = PeriodicPositionalEncoding(width, self.period, config.dropout)
        feed_forward = config.feed_forward or 2 * width
        self.transformer_decoder = Decoder(
            config.num_layers, width, config.num_heads, feed_forward, config.dropout
        )

    def trainable_parameters(self) -> list[nn.Parameter]:
        """Everything but the frozen part of the speech encoder."""
        own = [p for name, p in self.named_parameters() if not name.startswith("audio_encoder.")]
        return [*self.audio_encoder.trainable_parameters(), *own]

    def hear(
        self, audio: Float[Tensor, "1 S"], num_frames: int | None = None
    ) -> Float[Tensor, "1 N D"]:
        """Tokens of one clip's normalised audio at the motion's rate; see :func:`hear_aligned`."""
        heard = hear_aligned(self.audio_encoder, audio, self.fps, num_frames)
        return self.audio_feature_map(heard)


def hear_aligned(
    encoder: SpeechEncoder, audio: Float[Tensor, "1 S"], fps: float, num_frames: int | None = None
) -> Float[Tensor, "1 N D"]:
    """Tokens of one clip's normalised audio, matched to the motion's rate.

    The rate changes between convolution and transformer, as published: at 25 fps whole pairs of
    tokens, cut to ``num_frames``; else interpolation to ``num_frames`` (None: as many as the audio
    supports). Raises ValueError when the audio is shorter than one frame.
    """
    paired, supported = tokens_per_frame(fps) == 2, num_frames_supported(audio.shape[1], fps)
    length = num_frames or supported
    if paired:
        length = min(length, supported)
    if length < 1:
        raise ValueError(
            f"Audio of {audio.shape[1]} samples is shorter than one frame at {fps:g} fps; "
            "drop the clip"
        )
    features = encoder.convolve(audio)
    features = features[:, : 2 * length] if paired else resample_tokens(features, length)
    return encoder.encode(features)


def hear_batch(
    hear: Hear, batch: Batch, fps: float
) -> tuple[Float[Tensor, "B N D"], Int[Tensor, " B"]]:
    """Every clip's tokens, zero-padded, and how many frames of each have audio."""
    tokens, num_tokens = pad_heard(hear_clips(hear, batch, fps), batch)
    return tokens, num_tokens // tokens_per_frame(fps)
