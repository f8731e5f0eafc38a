"""Settings of GLDiTalker. Where the paper is silent the default is this suite's choice: README.md.

Units    widths and counts are numbers of features, layers, steps; ``motion_scale`` is in the
         dataset's unit; periods are frames.
"""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from bench.common.records import Frozen
from methods.layers.attention import check_heads
from methods.layers.clip_transformer import TrunkConfig
from methods.layers.speech import SpeechConfig

Scale = Literal["none", "train_std"]


class AutoencoderConfig(TrunkConfig):
    """Stage 1: spatial encoder, temporal transformer, codebook, and the way back."""

    space: Literal["quantized", "vertices"] = "quantized"  # vertices: no stage 1 but a scale
    spatial_encoder: Literal["spiral", "mlp"] = "spiral"  # mlp: one linear layer, as CodeTalker
    spiral_channels: tuple[PositiveInt, ...] = (32, 32, 32, 64)  # one Spiral Block each
    spiral_layers: PositiveInt | None = None  # None: all; L: the first L - 1 of them and the last
    kernel_size: PositiveInt = 9  # vertices a spiral convolution reads
    dilation: PositiveInt = 2  # it reads every dilation-th vertex of the spiral
    face_components: PositiveInt = 8  # H: latents per frame
    channels: PositiveInt = 128  # C: width of a latent and of a codebook entry
    codebook_size: PositiveInt = 256  # K
    codebook_init: Literal["uniform", "data"] = "uniform"  # "data": latents of training clips
    codebook_update: Literal["gradient", "ema"] = "gradient"  # ema: averages of chosen latents
    ema_decay: float = Field(default=0.99, gt=0, lt=1)  # of codebook_update ema, per batch
    dead_code_restart: int = Field(default=0, ge=0)  # batches an entry may idle; 0: for ever
    commitment_weight: float = Field(default=0.25, ge=0)  # beta of Eq. 8
    decoder_mlp_depth: PositiveInt = 1  # linear layers of the spatial decoder
    positions: Literal["first-row", "frames"] = "frames"  # CodeTalker: first-row
    attention_scale: Literal["width", "head"] = "head"  # CodeTalker: width
    frames_per_chunk: PositiveInt | None = None  # spirals in less memory, for more time
    motion_scale: Scale = "none"  # what offsets are divided by before they enter the network

    @model_validator(mode="after")
    def _layers_are_there(self) -> "AutoencoderConfig":
        asked, there = self.spiral_layers, len(self.spiral_channels)
        if asked is not None and asked > there:
            raise ValueError(
                f"spiral_layers must be at most {there}, the number of spiral_channels, got {asked}"
            )
        return self

    @property
    def block_channels(self) -> tuple[int, ...]:
        """Channels of the Spiral Blocks that are built."""
        layers = self.spiral_layers or len(self.spiral_channels)
        return (*self.spiral_channels[: layers - 1], self.spiral_channels[-1])


class DiffusionConfig(Frozen):
    """Stage 2: speech encoder and denoiser of the stage-1 latents."""

    speech: SpeechConfig = SpeechConfig()
    objective: Literal["diffusion", "regression"] = "diffusion"  # regression: zeros in, one pass
    num_steps: PositiveInt = 500  # N
    width: PositiveInt = 512  # d: features per frame in the denoiser
    num_layers: PositiveInt = 1
    num_heads: PositiveInt = 4
    feed_forward_factor: PositiveInt = 2  # feed-forward width over d
    dropout: float = Field(default=0.1, ge=0, lt=1)
    noise_encoder: Literal["conv", "linear"] = "conv"
    step_activation: Literal["none", "mish"] = "none"  # after the linear step encoder
    periodic_positions: bool = True
    period: PositiveInt | None = None  # frames; None: one second
    huber_delta: float = Field(default=1.0, gt=0)  # in units of the (scaled) latents
    velocity_weight: float = Field(default=1.0, ge=0)  # lambda_vel of Eq. 13
    latent_scale: Scale = "none"  # what latents are divided by before they are diffused

    @model_validator(mode="after")
    def _heads_fit(self) -> "DiffusionConfig":
        check_heads("width", self.width, self.num_heads)
        return self


class SamplingConfig(Frozen):
    """How predictions are drawn; changes nothing that is trained."""

    sampler: Literal["ancestral", "ddim"] = "ancestral"
    steps: PositiveInt | None = None  # None: every step of training
    requantize: bool = False  # snap the sampled latents to the codebook before decoding


class GLDiConfig(Frozen):
    """GLDiTalker as the paper has it; its sizes are BIWI's."""

    autoencoder: AutoencoderConfig = AutoencoderConfig()
    diffusion: DiffusionConfig = DiffusionConfig()
    sampling: SamplingConfig = SamplingConfig()

    @model_validator(mode="after")
    def _steps_fit(self) -> "GLDiConfig":
        asked, trained = self.sampling.steps, self.diffusion.num_steps
        if asked is not None and asked > trained:
            raise ValueError(
                f"sampling.steps must be at most diffusion.num_steps {trained}, got {asked}"
            )
        return self

    @model_validator(mode="after")
    def _there_is_a_codebook(self) -> "GLDiConfig":
        if self.sampling.requantize and self.autoencoder.space == "vertices":
            raise ValueError(
                "sampling.requantize needs a codebook, which autoencoder.space vertices has not; "
                "use autoencoder.space quantized or leave requantize false"
            )
        return self

    @model_validator(mode="after")
    def _there_is_something_to_sample(self) -> "GLDiConfig":
        drawn = self.sampling.sampler != "ancestral" or self.sampling.steps is not None
        if drawn and self.diffusion.objective == "regression":
            raise ValueError(
                "diffusion.objective regression is one pass that draws nothing; "
                "leave out sampling.sampler and sampling.steps"
            )
        return self
