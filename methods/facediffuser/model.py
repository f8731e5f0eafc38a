"""FaceDiffuser's network: an estimate of the clean face from a noisy one, speech, step and style.

Attribute names are those of the published checkpoints (input_projection, norm_cond, gru, ...).
Shapes   B clips, S audio samples, T frames, L = latent features, C = 3 V.
Units    audio normalised, at 16 kHz; faces in whatever unit they are diffused in; steps 0 .. N-1.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.facediffuser.config import FaceDiffuserConfig
from methods.layers.speech import SpeechEncoder, frames_from_tokens

CONV_WIDTH = 9  # of the convolution along the features


class FaceDiffuserNetwork(nn.Module):
    """HuBERT, a projection of the noisy face, and a GRU that no later frame can reach.

    Everything between ``input_projection`` and ``final_layer`` but the GRU works on single frames.
    """

    def __init__(
        self, config: FaceDiffuserConfig, num_vertices: int, num_styles: int, fps: float
    ) -> None:
        super().__init__()
        latent = config.latent
        self.fps = fps
        self.num_steps = config.num_steps
        self.audio_encoder = SpeechEncoder(config.speech)
        self.cond_projection = nn.Linear(2 * self.audio_encoder.num_features, latent)
        self.input_projection = nn.Sequential(
            nn.Linear(3 * num_vertices, 2 * latent), nn.Conv1d(1, 1, CONV_WIDTH, padding="same")
        )
        self.time_mlp = nn.Sequential(nn.Linear(config.num_steps, latent), nn.Mish())
        self.norm_cond = nn.LayerNorm(3 * latent)
        self.gru = nn.GRU(
            3 * latent,
            latent,
            config.gru_layers,
            batch_first=True,
            dropout=config.gru_dropout if config.gru_layers > 1 else 0.0,
        )
        self.final_layer = nn.Linear(latent, 3 * num_vertices)
        self.obj_vector = nn.Linear(num_styles, latent, bias=False)
        nn.init.zeros_(self.final_layer.weight)
        nn.init.zeros_(self.final_layer.bias)

    def hear(
        self, audio: Float[Tensor, "1 S"], num_frames: int | None = None
    ) -> Float[Tensor, "1 T L"]:
        """Speech features of one clip's normalised audio.

        The rate changes after the whole encoder, as published: pairs of tokens at 25 fps, else
        interpolation to two tokens for each of ``num_frames`` (None: as many as the audio has).
        """
        tokens = self.audio_encoder.encode(self.audio_encoder.convolve(audio))
        return self.cond_projection(frames_from_tokens(tokens, self.fps, num_frames))

    def forward(
        self,
        noisy: Float[Tensor, "B T C"],
        heard: Float[Tensor, "B T L"],
        step: Int[Tensor, " B"],
        style: Int[Tensor, " B"],
        base: Float[Tensor, "B C"],
    ) -> Float[Tensor, "B T C"]:
        """The estimate of the clean face; ``base`` is what the last layer's output is added to."""
        features = torch.cat([heard, self.project(noisy), self.embed(step, noisy)], dim=2)
        hidden, _ = self.gru(self.norm_cond(features))  # (B, T, L)
        return self.decode(hidden, style, base)

    def project(self, noisy: Float[Tensor, "B T C"]) -> Float[Tensor, "B T L"]:
        """Linear to 2 L, convolution along those, ReLU, the larger of two neighbours."""
        x = self.smoothing(self.projection(noisy).flatten(0, 1)[:, None]).relu()  # (B T, 1, 2 L)
        return F.max_pool1d(x, 2).reshape(*noisy.shape[:2], -1)

    @property
    def projection(self) -> nn.Linear:
        """The only layer that sees a noisy face."""
        layer = self.input_projection[0]
        assert isinstance(layer, nn.Linear)
        return layer

    @property
    def smoothing(self) -> nn.Conv1d:
        """The convolution along the projection's outputs."""
        layer = self.input_projection[1]
        assert isinstance(layer, nn.Conv1d)
        return layer

    def embed(self, step: Int[Tensor, " B"], noisy: Float[Tensor, "B T C"]) -> Tensor:
        """The step's features in every frame, (B, T, L): a linear layer on its one-hot, Mish."""
        embedded = self.time_mlp(F.one_hot(step, self.num_steps).to(noisy))
        return embedded[:, None].expand(-1, noisy.shape[1], -1)

    def decode(
        self, hidden: Float[Tensor, "B T L"], style: Int[Tensor, " B"], base: Float[Tensor, "B C"]
    ) -> Float[Tensor, "B T C"]:
        """Faces of the GRU's output: a style multiplies its features."""
        return self.final_layer(hidden * self.gate(style)[:, None]) + base[:, None]

    def gate(self, style: Int[Tensor, " B"]) -> Float[Tensor, "B L"]:
        """The factors of a style for the GRU's output."""
        return self.obj_vector.weight.t()[style]
