"""Settings of FaceDiffuser. Defaults are the published behaviour; see README.md for each choice.

Units    widths and counts are numbers of features, layers, steps; ``huber_delta`` is in the unit of
         what is diffused.
"""

from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from bench.common.records import Frozen
from methods.layers.speech import SpeechConfig


class SamplingConfig(Frozen):
    """How predictions are drawn; changes nothing that is trained."""

    form: Literal["fast", "plain"] = "fast"  # plain: the published loop, vertices in every step
    sampler: Literal["ancestral", "ddim"] = "ancestral"
    steps: PositiveInt | None = None  # None: every step of training
    skip_steps: int = Field(0, ge=0)  # leave out the noisiest steps; the published demo skips 450
    encode_every_step: bool = True  # plain only: as published, the audio is heard in every step
    noise: Literal["projected", "vertices"] = "projected"  # fast only: vertices draws as plain does

    @model_validator(mode="after")
    def _one_way_to_leave_out_steps(self) -> "SamplingConfig":
        if self.steps is not None and self.skip_steps:
            raise ValueError("expected steps or skip_steps, not both")
        return self


class FaceDiffuserConfig(Frozen):
    """Structure and training of the published model; the sizes are BIWI's."""

    speech: SpeechConfig = SpeechConfig()
    latent: int = Field(512, ge=2)  # features per frame and GRU width; 256 for VOCASET
    gru_layers: PositiveInt = 2
    gru_dropout: float = Field(0.3, ge=0, lt=1)  # between GRU layers
    num_steps: PositiveInt = 500  # N; 1000 for VOCASET
    target: Literal["vertices", "motion"] = "vertices"  # what is diffused; motion: minus template
    motion_scale: Literal["none", "train_std"] = "none"  # what it is divided by
    loss: Literal["huber", "mse"] = "huber"
    huber_delta: float = Field(1.0, gt=0)
    sampling: SamplingConfig = SamplingConfig()

    @model_validator(mode="after")
    def _steps_fit(self) -> "FaceDiffuserConfig":
        asked, skipped = self.sampling.steps, self.sampling.skip_steps
        if (asked or 1) > self.num_steps or skipped >= self.num_steps:
            raise ValueError(
                f"sampling.steps must be at most num_steps {self.num_steps} and "
                f"sampling.skip_steps less, got {asked} and {skipped}"
            )
        return self
