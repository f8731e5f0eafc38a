"""Denoising network G of stage 2 (Eq. 11, 12): an estimate of the clean latents.

    queries          E_noise(Z^n) + E_s(S)      what is denoised, and who speaks
    keys and values  E_a(A) + E_d(n)            what is said, and how noisy the queries are
    estimate         head(f(CA(SA(queries), keys and values)))

Shapes   B clips, S audio samples, T frames, L = H * C features of a frame's latents, D features.
Units    audio in [-1, 1] at 16 kHz; latents divided by ``latent_scale``; steps 0 .. N-1.
"""

from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.gldi.config import DiffusionConfig
from methods.layers.attention import Decoder, PeriodicPositionalEncoding, biased_causal_mask
from methods.layers.speech import SpeechEncoder, frames_from_tokens, unpad_audio
from methods.layers.speech.tokens import check_frame


class ConvNoiseEncoder(nn.Module):
    """E_noise as FaceDiffuser has it: Linear to 2D, convolution along the features, pooling."""

    def __init__(self, latent_width: int, width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(latent_width, 2 * width)
        self.smooth = nn.Conv1d(1, 1, 9, padding="same")

    def forward(self, noisy: Float[Tensor, "B T L"]) -> Float[Tensor, "B T D"]:
        return self.after(self.expand(noisy))

    def after(self, expanded: Float[Tensor, "B T E"]) -> Float[Tensor, "B T D"]:
        """Everything after the linear layer (E = 2 D)."""
        x = self.smooth(expanded.flatten(0, 1)[:, None]).relu()  # (B T, 1, 2 D)
        return F.max_pool1d(x, 2).relu().reshape(*expanded.shape[:2], -1)


class StepEncoder(nn.Module):
    """E_d: a linear layer on the one-hot step."""

    def __init__(self, num_steps: int, width: int, activation: str) -> None:
        super().__init__()
        self.num_steps = num_steps
        self.linear = nn.Linear(num_steps, width)
        self.activation = nn.Mish() if activation == "mish" else nn.Identity()

    def forward(self, step: Int[Tensor, " B"]) -> Float[Tensor, "B D"]:
        one_hot = F.one_hot(step, self.num_steps).to(self.linear.weight.dtype)
        return self.activation(self.linear(one_hot))


class Denoiser(nn.Module):
    """E_noise, E_s, E_a, E_d and the decoder of Eq. 12."""

    def __init__(
        self, config: DiffusionConfig, latent_width: int, num_styles: int, fps: float
    ) -> None:
        super().__init__()
        width = config.width
        self.fps = fps
        self.num_heads = config.num_heads
        self.period = config.period or round(fps)
        self.speech = SpeechEncoder(config.speech)
        self.audio_projection = nn.Linear(2 * self.speech.num_features, width)
        self.noise_encoder = (
            ConvNoiseEncoder(latent_width, width)
            if config.noise_encoder == "conv"
            else nn.Linear(latent_width, width)
        )
        self.style_encoder = nn.Linear(num_styles, width, bias=False)
        self.step_encoder = StepEncoder(config.num_steps, width, config.step_activation)
        self.positions = (
            PeriodicPositionalEncoding(width, self.period, config.dropout)
            if config.periodic_positions
            else nn.Dropout(config.dropout)
        )
        self.decoder = Decoder(
            config.num_layers,
            width,
            config.num_heads,
            config.feed_forward_factor * width,
            config.dropout,
        )
        self.head = nn.Linear(width, latent_width)
        # as in FaceFormer and FaceDiffuser: the first estimate is 0
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def encode_clip(self, audio: Float[Tensor, " S"]) -> Float[Tensor, "1 T D"]:
        """E_a(A) for as many frames as the audio supports. Raises ValueError for less than one."""
        check_frame(len(audio), self.fps)
        return self._project(self.speech(audio[None]), None)

    def encode_clips(
        self, audio: Float[Tensor, "B S"], num_frames: Int[Tensor, " B"]
    ) -> list[Float[Tensor, "T D"]]:
        """E_a(A) of each clip by itself, of its ``num_frames`` or what its audio supports."""
        pairs = zip(unpad_audio(audio, num_frames, self.fps), num_frames.tolist(), strict=True)
        return [self._project(self.speech(clip), frames)[0] for clip, frames in pairs]

    def _project(
        self, tokens: Float[Tensor, "1 N features"], num_frames: int | None
    ) -> Float[Tensor, "1 T D"]:
        return self.audio_projection(frames_from_tokens(tokens, self.fps, num_frames))

    def forward(
        self,
        noisy: Float[Tensor, "B T L"],
        audio: Float[Tensor, "B T D"],
        style: Int[Tensor, " B"],
        step: Int[Tensor, " B"],
    ) -> Float[Tensor, "B T L"]:
        """The estimate of Z^0 from Z^n, encoded audio, style and step: Eq. 12."""
        queries, conditions = self.streams(noisy, audio, style, step)
        return self.head(self.decode(queries, conditions))

    def decode(
        self, queries: Float[Tensor, "B T D"], conditions: Float[Tensor, "B T D"]
    ) -> Float[Tensor, "B T D"]:
        """The decoder of Eq. 12: what the head makes latents of."""
        num_frames = queries.shape[1]
        causal = biased_causal_mask(num_frames, self.num_heads, self.period, queries.device)
        return decode_aligned(self.decoder, queries, conditions, causal)

    def streams(
        self,
        noisy: Float[Tensor, "B T L"],
        audio: Float[Tensor, "B T D"],
        style: Int[Tensor, " B"],
        step: Int[Tensor, " B"],
    ) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B T D"]]:
        """Queries (latents and style) and keys/values (audio and step): the arguments of Eq. 12."""
        conditions = audio + self.step_encoder(step)[:, None]
        return self.styled(self.noise_encoder(noisy), style), conditions

    def styled(
        self, encoded: Float[Tensor, "B T D"], style: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T D"]:
        """Queries: encoded latents, who speaks, and where in time."""
        one_hot = F.one_hot(style, self.style_encoder.in_features).to(encoded)
        return self.positions(encoded + self.style_encoder(one_hot)[:, None])


def decode_aligned(
    decoder: Decoder,
    x: Float[Tensor, "B T D"],
    memory: Float[Tensor, "B T D"],
    mask: Float[Tensor, "H T T"],
) -> Float[Tensor, "B T D"]:
    """``decoder(x, memory, mask, alignment_mask(T))``, dropout included; ``mask`` is added.

    A frame hears one key, its own. The softmax of one score is 1 whatever the score is, so
    cross-attention is a linear map of that frame's value: queries, keys and scores need no
    computing.
    """
    mask = mask.repeat(len(x), 1, 1)  # (B * H, T, T), as torch orders it
    for each in decoder.layers:
        layer = cast(nn.TransformerDecoderLayer, each)
        seen = layer.self_attn(x, x, x, attn_mask=mask, need_weights=False)[0]
        x = layer.norm1(x + layer.dropout1(seen))
        x = layer.norm2(x + layer.dropout2(listen(layer.multihead_attn, memory)))
        inner = layer.dropout(layer.linear1(x).relu())
        x = layer.norm3(x + layer.dropout3(layer.linear2(inner)))
    return x


def listen(
    attention: nn.MultiheadAttention, memory: Float[Tensor, "B T D"]
) -> Float[Tensor, "B T D"]:
    """A frame's share of its own memory."""
    width = attention.embed_dim
    values = F.linear(memory, attention.in_proj_weight[-width:], attention.in_proj_bias[-width:])
    if attention.training and attention.dropout:
        # torch drops weights of attention, of which every head of every frame has one
        weights = torch.ones(*values.shape[:2], attention.num_heads, 1).to(values)
        weights = F.dropout(weights, attention.dropout)
        values = (values.unflatten(2, (attention.num_heads, -1)) * weights).flatten(2)
    return attention.out_proj(values)
