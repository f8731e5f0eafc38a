"""FaceFormer's network: an autoregressive transformer from speech to vertex offsets.

Attribute names are those of the published checkpoints (vertice_map, PPE, obj_vector, ...).
Shapes   B clips, S audio samples, T frames, N = T * tokens_per_frame, D features, C = 3 V.
Units    offsets from the template, in whatever scale the caller trains in.
"""

from typing import Literal

import torch
from jaxtyping import Float, Int
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from methods.layers.attention import CachedDecoder, alignment_mask, biased_causal_mask
from methods.layers.speech_decoder import DecoderConfig, SpeechDecoder


class FaceFormerConfig(DecoderConfig):
    """The published model's structure; see README.md for what the extra fields are for."""

    num_features: PositiveInt = 64  # 128 for BIWI, 64 for VOCASET in the paper
    num_layers: PositiveInt = 1
    dropout: float = Field(0.0, ge=0, lt=1)  # 0.1 in the paper; 0 trains by the cached loop
    teacher_forcing: bool = False  # training only; True feeds true motion, which nobody published
    unroll: Literal["fast", "reference"] = "fast"  # reference: the published loop word by word
    motion_scale: Literal["none", "train_std"] = "none"  # what offsets are divided by


class FaceFormerNetwork(SpeechDecoder):
    """Speech encoder, biased transformer decoder, and linear maps to and from vertex offsets.

    The decoder's output of frame t becomes offsets through ``vertice_map_r``; those become the
    input of frame t + 1 through ``vertice_map``. Two linear maps in a row are one: ``_feedback``
    folds them, so that no loop over frames touches vertices.
    """

    def __init__(self, config: FaceFormerConfig, num_vertices: int, num_styles: int, fps: float):
        super().__init__(config, num_vertices, fps)
        width = config.num_features
        self.reference = config.unroll == "reference"
        self.vertice_map_r = nn.Linear(width, 3 * num_vertices)
        self.obj_vector = nn.Linear(num_styles, width, bias=False)
        nn.init.zeros_(self.vertice_map_r.weight)
        nn.init.zeros_(self.vertice_map_r.bias)

    def forward(
        self, memory: Float[Tensor, "B N D"], style: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T D"]:
        """Decoder outputs of every frame, each fed by the frame before (no teacher forcing).

        Without active dropout the cached loop computes exactly what the published one does. With
        dropout every step decodes its whole prefix with fresh masks, as published, and only the
        last step's outputs count. The reference form also projects every prefix to vertices.
        """
        if self.reference or (self.training and self.PPE.dropout.p > 0):
            return self._unroll_prefixes(memory, style)
        return self._unroll_cached(memory, style)

    def teacher_forced(
        self,
        memory: Float[Tensor, "B N D"],
        style: Int[Tensor, " B"],
        offsets: Float[Tensor, "B T C"],
    ) -> Float[Tensor, "B T D"]:
        """Decoder outputs fed by the true offsets, one frame late.

        The first frame sees zero offsets through ``vertice_map``, hence its bias; an
        autoregressive first frame sees the style alone. Both are as published.
        """
        past = F.pad(offsets[:, :-1], (0, 0, 1, 0))
        return self._decode(self.vertice_map(past) + self._style(style)[:, None], memory)

    def _unroll_cached(self, memory: Tensor, style: Tensor) -> Tensor:
        num_frames = memory.shape[1] // self.tokens_per_frame
        decoder = CachedDecoder(
            self.transformer_decoder, memory, self.tokens_per_frame, self.period
        )
        weight, bias = self._feedback()
        first = self._style(style)[:, None] + self.PPE.rows(num_frames)  # (B, T, D)
        # every frame's style, position and bias in one addition outside the loop
        others = (first + bias).unbind(1)
        outputs = [decoder(first[:, 0])]
        for constant in others[1:]:
            outputs.append(decoder(torch.addmm(constant, outputs[-1], weight)))
        return torch.stack(outputs, dim=1)  # (B, T, D)

    def _unroll_prefixes(self, memory: Tensor, style: Tensor) -> Tensor:
        styles = self._style(style)
        weight, bias = self._feedback()
        inputs = [styles]
        while True:
            outputs = self._decode(torch.stack(inputs, dim=1), memory)  # (B, frames so far, D)
            if len(inputs) * self.tokens_per_frame == memory.shape[1]:
                return outputs
            if self.reference:
                fed_back = self.vertice_map(self.vertice_map_r(outputs)[:, -1])
            else:
                fed_back = torch.addmm(bias, outputs[:, -1], weight)
            inputs.append(fed_back + styles)

    def _decode(self, x: Tensor, memory: Tensor) -> Tensor:
        """All frames at once, with dropout if it is active. Memory beyond them is not heard."""
        num_frames = x.shape[1]
        mask = biased_causal_mask(
            num_frames, self.transformer_decoder.num_heads, self.period, x.device
        )
        memory = memory[:, : num_frames * self.tokens_per_frame]
        aligned = alignment_mask(num_frames, self.tokens_per_frame, x.device)
        return self.transformer_decoder(self.PPE(x), memory, mask, aligned)

    def _feedback(self) -> tuple[Tensor, Tensor]:
        """``vertice_map(vertice_map_r(h))`` as ``h @ weight + bias``."""
        weight = self.vertice_map_r.weight.T @ self.vertice_map.weight.T  # (D, D)
        return weight, self.vertice_map(self.vertice_map_r.bias)

    def _style(self, style: Tensor) -> Tensor:
        return self.obj_vector.weight.T[style]  # (B, D): the linear map of a one-hot vector
