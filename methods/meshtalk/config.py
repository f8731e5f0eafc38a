"""Settings of MeshTalk; every default is what the published code does.

Units    widths and counts are numbers of features, heads, classes; regions are names of the
         dataset's masks; ``decay`` is a share of the diagonal of the face's bounding box.
"""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from bench.common.records import Frozen
from bench.config import SpeechInput


class SpeechConfig(SpeechInput):
    """The method's own ear: log-mel of one second around each frame, convolutions on top."""

    num_bands: PositiveInt = 80
    channels: PositiveInt = 128
    code: PositiveInt = 128  # features of a frame's audio code
    dropout: float = Field(default=0.2, ge=0, lt=1)
    level: float | None = Field(default=0.01, gt=0)  # mean |x| a clip is scaled to; None: as it is
    # floor: frame t starts at sample t * floor(16000 / fps), 37 ms early after a minute at 30 fps;
    # exact: at round(t * 16000 / fps)
    frame_hop: Literal["floor", "exact"] = "floor"
    # train: log-mel minus its mean over its deviation, per band, over the training clips
    standardise: Literal["none", "train"] = "none"

    @property
    def label(self) -> str:
        """As a table row names it."""
        return "log-mel (trained)"


class AutoencoderConfig(Frozen):
    """Stage 1: codes of motion and speech, and the decoder from codes to vertices."""

    speech: SpeechConfig = SpeechConfig()
    expression_hidden: tuple[PositiveInt, PositiveInt] = (256, 128)
    expression_code: PositiveInt = 128
    fusion_hidden: PositiveInt = 256
    heads: PositiveInt = 16  # the paper says 64; the released training and weights have 16
    classes: PositiveInt = 128  # per head
    unet_hidden: tuple[PositiveInt, ...] = (512, 256, 128)
    lstm_layers: PositiveInt = 2
    # none: no activation on the last layer, so that motion of both signs passes alike
    output_activation: Literal["leaky_relu", "none"] = "leaky_relu"
    # offsets: the encoder sees offsets from the template over their deviation, and the decoder's
    # output is in units of that deviation; geometry: vertices against the training mean
    normalise: Literal["geometry", "offsets"] = "geometry"
    temperature: float = Field(default=1.0, gt=0)  # of the Gumbel softmax
    gumbel_noise: float = Field(default=1.0, ge=0)  # scale of it in training; 0: argmax
    # what the last layer's first weights are multiplied by: above 1, codes tell inputs apart from
    # the first step on, where small logits would drown in the Gumbel noise
    logit_gain: float = Field(default=1.0, gt=0)
    reconstruction_weight: float = Field(default=1.0, ge=0)
    key_point_weight: float = Field(default=1.0, ge=0)
    crossing_weight: float = Field(default=1.0, ge=0)
    # of how far each head is from using all its classes alike over a batch; 0 as published
    usage_weight: float = Field(default=0.0, ge=0)
    mouth_region: str = "mouth"
    upper_region: str = "upper_face"
    key_point_region: str | None = None  # "eyes" where a dataset has such a mask
    decay: float = Field(default=0.05, gt=0)  # deviation of a mask's Gaussian around its region
    loss_unit: Literal["dataset", "train_rms"] = "dataset"  # errors over the rms training motion
    unet_weight_decay: float = Field(default=1e-3, ge=0)
    segment: PositiveInt | None = 32  # frames drawn from each training clip; None: all


class ContextConfig(Frozen):
    """Stage 2: the autoregressive model of the codes, over frames and over heads."""

    width: PositiveInt = 64  # features per head
    kernel_size: PositiveInt = 2
    dilations: tuple[PositiveInt, ...] = (1, 2, 4, 8)
    # strict: in every layer a head reads the heads before it only, as published, so that head 0 is
    # a constant distribution and a head sees labels of its own frame six heads late;
    # first: in the first layer only, its own features in later ones - every head hears
    head_mask: Literal["strict", "first"] = "strict"
    segment: PositiveInt | None = 64


class SamplingConfig(Frozen):
    """How predictions are drawn; changes nothing that is trained."""

    codes: Literal["sample", "argmax"] = "sample"  # argmax: deterministic
    smoothing: bool = True  # Gaussian over time where faces should move slowly; no: raw decoder
    smoothing_regions: tuple[str, ...] = ("upper_face", "neck")  # those that the dataset has
    form: Literal["fast", "plain"] = "fast"  # plain: the whole history again for every head


class MeshTalkConfig(Frozen):
    """MeshTalk as its released training code has it."""

    autoencoder: AutoencoderConfig = AutoencoderConfig()
    context: ContextConfig = ContextConfig()
    sampling: SamplingConfig = SamplingConfig()

    @model_validator(mode="after")
    def _heads_can_hear(self) -> "MeshTalkConfig":
        if self.context.head_mask == "strict" and self.autoencoder.heads < 2:
            raise ValueError("heads must be at least 2 with head_mask strict: head 0 never hears")
        return self
