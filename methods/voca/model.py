"""VOCA's network: a window of speech features and a style become one frame's vertex offsets.

Shapes   M frames of any clips, N feature steps at 50 Hz, C features, W = 16 window steps,
         S styles, V vertices.
Units    offsets from the template, in whatever scale the caller trains in.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from bench.common.records import Frozen
from methods.layers.speech import SpeechConfig
from methods.layers.speech.tokens import TOKEN_RATE
from methods.voca.features import SpeechSection

WINDOW_STEPS, PAST = 16, 8  # steps t - 8 to t + 7
STEP_RATE = 60.0  # Hz, of the published feature steps and of VOCASET's meshes
CONV_CHANNELS = (32, 32, 64, 64)
KERNEL, STRIDE = 3, 2
HIDDEN = 128
EDGE = 1e-6  # steps; a window's step that lies on the end of the speech up to rounding


class VocaConfig(Frozen):
    """The published model's structure; see README.md for what the extra fields are for."""

    speech: SpeechSection = SpeechConfig()
    window: Literal["centred", "frame-rate"] = "centred"  # steps at 60 Hz, or one per motion frame
    num_components: int = Field(50, ge=1)  # of the motion basis that the decoder starts from
    pairs_per_clip: int | None = Field(None, ge=1)  # drawn per training step; None: every frame's
    velocity_weight: float = Field(10.0, ge=0)
    motion_scale: Literal["none", "train_std"] = "none"  # what offsets are divided by


def speech_windows(
    features: Float[Tensor, "N C"], frames: Int[Tensor, " M"], fps: float, step_rate: float
) -> Float[Tensor, "M 16 C"]:
    """Sixteen steps around each frame: at seconds t / fps + (-8 .. 7) / step_rate.

    Features are interpolated linearly, and are zero before the first and after the last step; at
    60 fps and 60 Hz that is the published interpolation, zero padding and window.
    """
    last = len(features) - 1
    steps = torch.arange(-PAST, WINDOW_STEPS - PAST, dtype=torch.float64, device=features.device)
    position = (frames.double()[:, None] / fps + steps / step_rate) * TOKEN_RATE  # (M, 16)
    inside = (position > -EDGE) & (position < last + 1 - EDGE)
    position = position.clamp(0, last)
    left = position.long()
    right = (left + 1).clamp(max=last)
    weight = (position - left).to(features.dtype)[..., None]
    return torch.lerp(features[left], features[right], weight) * inside[..., None]


class VocaNetwork(nn.Module):
    """Normalisation, four temporal convolutions, two layers to 50 coefficients, a linear decoder.

    The style enters twice: beside every step, and beside the convolutions' result.
    """

    def __init__(self, num_features: int, num_styles: int, num_vertices: int, num_components: int):
        super().__init__()
        self.num_styles = num_styles
        self.norm = nn.BatchNorm2d(1, eps=1e-5, momentum=0.1)  # decay 0.9: one mean for everything
        widths = (num_features + num_styles, *CONV_CHANNELS)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(narrow, wide, KERNEL, STRIDE)
            for narrow, wide in zip(widths, widths[1:], strict=False)
        )
        self.hidden = nn.Linear(CONV_CHANNELS[-1] + num_styles, HIDDEN)
        self.coefficients = nn.Linear(HIDDEN, num_components)
        self.decoder = nn.Linear(num_components, 3 * num_vertices)
        self._initialise()

    def forward(
        self, windows: Float[Tensor, "M 16 C"], style: Int[Tensor, " M"]
    ) -> Float[Tensor, "M V 3"]:
        """Offsets of each window's frame."""
        one_hot = F.one_hot(style, self.num_styles).to(windows.dtype)  # (M, S)
        heard = self.norm(windows[:, None])[:, 0]  # (M, 16, C)
        styles = one_hot[:, None].expand(-1, WINDOW_STEPS, -1)
        x = torch.cat([heard, styles], dim=2).transpose(1, 2)  # (M, C + S, 16)
        for convolution in self.convolutions:
            x = convolution(pad_same(x)).relu()  # (M, channels, 8), 4, 2, 1
        x = torch.cat([x.flatten(1), one_hot], dim=1)
        coefficients = self.coefficients(self.hidden(x).tanh())  # (M, 50)
        return self.decoder(coefficients).unflatten(1, (-1, 3))

    @torch.no_grad()
    def set_basis(self, basis: Float[Tensor, "K P"]) -> None:
        """Start the decoder from a basis of motion, one row per component; its bias from zero."""
        self.decoder.weight.copy_(basis.T)
        self.decoder.bias.zero_()

    def _initialise(self) -> None:
        """Normal draws cut at two deviations: 0.02 for convolutions and their biases, 0.1 else."""
        for convolution in self.convolutions:
            for parameter in convolution.parameters():
                nn.init.trunc_normal_(parameter, std=0.02, a=-0.04, b=0.04)
        for layer in (self.hidden, self.coefficients):
            nn.init.trunc_normal_(layer.weight, std=0.1, a=-0.2, b=0.2)
            nn.init.zeros_(layer.bias)
        for parameter in self.decoder.parameters():  # until set_basis()
            nn.init.zeros_(parameter)


def pad_same(x: Float[Tensor, "M D L"]) -> Float[Tensor, "M D R"]:
    """TensorFlow's SAME padding for kernel 3 and stride 2, the odd zero on the right.

    In all max((ceil(L / 2) - 1) * 2 + 3 - L, 0) zeros: one for an even length, none on its left.
    A symmetric padding of 1 has the same number of outputs, each shifted by one step.
    """
    length = x.shape[-1]
    total = max((-(-length // STRIDE) - 1) * STRIDE + KERNEL - length, 0)
    return F.pad(x, (total // 2, total - total // 2))
