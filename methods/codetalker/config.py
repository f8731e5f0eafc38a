"""Settings of CodeTalker. Defaults are the published BIWI model; what each quirk does: README.md.

Units    widths and counts are numbers of features, layers, steps; ``motion_scale`` is in the
         dataset's unit; periods are frames.
"""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from bench.common.records import Frozen
from methods.layers.clip_transformer import TrunkConfig
from methods.layers.speech_decoder import DecoderConfig


class AutoencoderConfig(TrunkConfig):
    """Stage 1: motion to a grid of T x H codebook entries, and back."""

    face_components: PositiveInt = 8  # H: latents per frame (VOCASET: 16)
    channels: PositiveInt = 128  # C: width of a latent and of a codebook entry (VOCASET: 64)
    codebook_size: PositiveInt = 256  # K
    latent_linear: bool = True  # linear layers between hidden and H C (VOCASET: none)
    vertex_bias: bool = False  # of the layer onto vertices (VOCASET: true)
    codebook_init: Literal["uniform", "data"] = "uniform"  # "data": latents of training clips
    dead_code_restart: int = Field(default=0, ge=0)  # batches an entry may idle; 0: for ever
    commitment_weight: float = Field(default=0.25, ge=0)
    motion_scale: Literal["none", "train_std"] = "none"  # what offsets are divided by

    @model_validator(mode="after")
    def _sizes_fit(self) -> "AutoencoderConfig":
        if not self.latent_linear and self.hidden != self.latent_width:
            raise ValueError(
                f"without latent_linear, face_components * channels = {self.latent_width} must be "
                f"hidden = {self.hidden}"
            )
        return self

    @property
    def latent_width(self) -> int:
        """L = H * C, the features of one frame's latents."""
        return self.face_components * self.channels


class PredictorConfig(DecoderConfig):
    """Stage 2: speech and past motion to the latents of stage 1."""

    num_features: PositiveInt = 1024
    num_layers: PositiveInt = 12  # VOCASET: 6
    dropout: float = Field(default=0.1, ge=0, lt=1)
    past_dropout: float = Field(default=0.0, ge=0, lt=1)  # ours: past frames fed as motion zero
    motion_weight: float = Field(default=1.0, ge=0)  # of the squared error of vertices
    latent_weight: float = Field(default=1.0, ge=0)  # of the squared error of latents


class SamplingConfig(Frozen):
    """How predictions are made; changes nothing that is trained. "rest" is motion zero."""

    form: Literal["fast", "plain"] = "fast"  # plain: the published loop word by word
    first_token: Literal["style", "rest"] = "style"  # published: without vertice_map's bias
    second_token: Literal["duplicate", "rest"] = "duplicate"  # published: frame 0 decoded twice


class CodeTalkerConfig(Frozen):
    """CodeTalker as published for BIWI."""

    autoencoder: AutoencoderConfig = AutoencoderConfig()
    predictor: PredictorConfig = PredictorConfig()
    sampling: SamplingConfig = SamplingConfig()
