"""Stage 2: an autoregressive transformer from speech and past motion to the latents of stage 1.

Attribute names are those of the published checkpoints (vertice_map, PPE, feat_map, ...).
Shapes   B clips, S audio samples, T frames, N = T * tokens_per_frame, D features, C = 3 V,
         L features of a frame's latents.
Units    motion in whatever scale the caller trains in.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.codetalker.config import PredictorConfig
from methods.layers.attention import alignment_mask, biased_causal_mask
from methods.layers.speech_decoder import SpeechDecoder


class Predictor(SpeechDecoder):
    """Speech encoder, biased transformer decoder, and linear maps from motion and to latents."""

    def __init__(
        self,
        config: PredictorConfig,
        num_vertices: int,
        num_styles: int,
        latent_width: int,
        fps: float,
    ) -> None:
        super().__init__(config, num_vertices, fps)
        width = config.num_features
        self.past_dropout = config.past_dropout
        self.feat_map = nn.Linear(width, latent_width, bias=False)
        self.learnable_style_emb = nn.Embedding(num_styles, width)
        nn.init.zeros_(self.feat_map.weight)

    def teacher_forced(
        self,
        memory: Float[Tensor, "B N D"],
        style: Int[Tensor, " B"],
        motion: Float[Tensor, "B T C"],
    ) -> Float[Tensor, "B T L"]:
        """Latents fed by the true motion, one frame late; the first frame is fed motion zero.

        In training ``past_dropout`` of the frames are fed motion zero too (0 as published).
        """
        fed = F.linear(F.pad(motion[:, :-1], (0, 0, 1, 0)), self.vertice_map.weight)  # (B, T, D)
        if self.training and self.past_dropout:
            kept = torch.rand(fed.shape[:2]) >= self.past_dropout  # on the CPU: equal everywhere
            fed = fed * kept[..., None].to(fed)
        constant = self.vertice_map.bias + self.style(style)[:, None]
        return self.decode(fed + constant, memory)

    def decode(
        self, x: Float[Tensor, "B T D"], memory: Float[Tensor, "B N D"]
    ) -> Float[Tensor, "B T L"]:
        """Latents of all frames at once, with dropout if it is active.

        ``memory`` may hold more frames than ``x``: those are projected, but not heard.
        """
        num_frames, num_heard = x.shape[1], memory.shape[1] // self.tokens_per_frame
        heads = self.transformer_decoder.num_heads
        mask = biased_causal_mask(num_frames, heads, self.period, x.device)
        aligned = alignment_mask(num_heard, self.tokens_per_frame, x.device)[:num_frames]
        hidden = self.transformer_decoder(self.PPE(x), memory, mask, aligned)
        return self.feat_map(hidden)

    def style(self, style: Int[Tensor, " B"]) -> Float[Tensor, "B D"]:
        """The learnt vector of a training subject."""
        return self.learnable_style_emb(style)
