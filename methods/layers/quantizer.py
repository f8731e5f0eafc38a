"""Vector quantisation with a codebook that is trained by gradient (VQ-VAE).

Shapes   C channels of a latent, K codebook entries; leading axes (clips, frames, ...) are free.
Units    perplexity counts codebook entries: 1 = one entry does it all, K = all are used equally.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Quantized(NamedTuple):
    """Codebook entries in place of latents, and how well they fit (means over the latents)."""

    latents: Float[Tensor, "... C"]  # exactly codebook[codes]; gradients go to what was quantised
    codes: Int[Tensor, "..."]
    codebook_loss: Float[Tensor, ""]  # moves the entries towards the latents
    commitment_loss: Float[Tensor, ""]  # moves the latents towards their entries
    perplexity: Float[Tensor, ""]  # exp of the entropy of the codes used


class VectorQuantizer(nn.Module):
    """Nearest codebook entry in L2, straight-through gradient (GLDiTalker Eq. 4 and 8).

    The codebook starts uniform in +-1/K and follows the gradient of ``codebook_loss``, as in the
    published CodeTalker quantiser; there is no moving average. ``restart_after`` = R > 0 moves
    entries that no latent chose in R training steps in a row onto latents of the current batch.
    """

    idle_steps: Tensor  # training steps since each entry was last chosen

    def __init__(self, num_codes: int, num_channels: int, restart_after: int = 0) -> None:
        super().__init__()
        self.restart_after = restart_after
        start = torch.empty(num_codes, num_channels).uniform_(-1 / num_codes, 1 / num_codes)
        self.codebook = nn.Parameter(start)
        self.register_buffer("idle_steps", torch.zeros(num_codes, dtype=torch.long))

    def forward(
        self, latents: Float[Tensor, "... C"], valid: Bool[Tensor, "..."] | None = None
    ) -> Quantized:
        """Quantise every latent; where ``valid`` is False it counts in no loss and no statistic."""
        codes = self.nearest(latents)
        entries = self.lookup(codes)
        chosen = slice(None) if valid is None else valid
        kept_latents, kept_entries, kept_codes = latents[chosen], entries[chosen], codes[chosen]
        quantized = Quantized(
            # x - x.detach() is exactly 0, so the value is the entry to the last bit
            latents=entries.detach() + (latents - latents.detach()),
            codes=codes,
            codebook_loss=(kept_latents.detach() - kept_entries).square().mean(),
            commitment_loss=(kept_latents - kept_entries.detach()).square().mean(),
            perplexity=perplexity(kept_codes, len(self.codebook)),
        )
        if self.training and self.restart_after:
            self._restart_unused(kept_codes, kept_latents)
        return quantized

    def nearest(self, latents: Float[Tensor, "... C"]) -> Int[Tensor, "..."]:
        """Index of the closest codebook entry; the first of equally close ones."""
        flat = latents.detach().flatten(0, -2)  # (n, C)
        codebook = self.codebook.detach()
        # |z - e|^2 = |z|^2 - 2 z.e + |e|^2, of which |z|^2 does not change the order
        distances = codebook.square().sum(-1) - 2 * flat @ codebook.T  # (n, K)
        return distances.argmin(-1).reshape(latents.shape[:-1])

    def lookup(self, codes: Int[Tensor, "..."]) -> Float[Tensor, "... C"]:
        """The codebook entries of these codes."""
        return nn.functional.embedding(codes, self.codebook)

    @torch.no_grad()
    def start_from(self, latents: Float[Tensor, "n C"]) -> None:
        """Make the codebook a random draw of these latents (global generator)."""
        num_codes = len(self.codebook)
        if len(latents) < num_codes:
            raise ValueError(
                f"A codebook of {num_codes} entries cannot start from {len(latents)} latents; "
                "use a smaller codebook or the uniform start"
            )
        self.codebook.copy_(latents[torch.randperm(len(latents))[:num_codes].to(latents.device)])

    @torch.no_grad()
    def _restart_unused(self, codes: Int[Tensor, "..."], latents: Float[Tensor, "... C"]) -> None:
        used = torch.zeros_like(self.idle_steps, dtype=torch.bool)
        used[codes.flatten()] = True
        self.idle_steps.add_(1).masked_fill_(used, 0)
        dead = self.idle_steps >= self.restart_after
        # drawn for every entry, so that the number of draws does not depend on the training so far
        drawn = torch.randint(codes.numel(), (len(dead),)).to(latents.device)
        self.codebook[dead] = latents.detach().flatten(0, -2)[drawn[dead]]
        self.idle_steps.masked_fill_(dead, 0)


def perplexity(codes: Int[Tensor, "..."], num_codes: int) -> Float[Tensor, ""]:
    """exp(entropy) of how often each code occurs: the number of entries in effective use."""
    shares = codes.flatten().bincount(minlength=num_codes) / codes.numel()
    return torch.special.entr(shares).sum().exp()
