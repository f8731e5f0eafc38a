"""Vector quantisation (VQ-VAE) with a codebook that follows a gradient or a moving average.

Shapes   C channels of a latent, K codebook entries; leading axes (clips, frames, ...) are free.
Units    latents' own; counts are numbers of latents.
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
    counts: Int[Tensor, " K"]  # how many latents chose each entry; int64


EMA_EPSILON = 1e-5  # Laplace smoothing of the counts


class VectorQuantizer(nn.Module):
    """Nearest codebook entry in L2, straight-through gradient (GLDiTalker Eq. 4 and 8).

    The codebook starts uniform in +-1/K and follows the gradient of ``codebook_loss``, as in the
    published CodeTalker quantiser. With ``ema_decay`` it is no parameter: entries are moving
    averages of the latents that chose them (van den Oord et al. 2017, appendix A.1).
    ``restart_after`` = R > 0 moves entries that no latent chose in R training batches in a row onto
    latents of the current one. (``train.accumulate`` makes a step of several batches.)
    """

    codebook: Tensor  # (K, C)
    idle_steps: Tensor  # training batches since each entry was last chosen
    ema_counts: Tensor  # (K,): moving average of how many latents chose each entry
    ema_sums: Tensor  # (K, C): moving average of their sum

    def __init__(
        self,
        num_codes: int,
        num_channels: int,
        restart_after: int = 0,
        ema_decay: float | None = None,
    ) -> None:
        super().__init__()
        self.restart_after = restart_after
        self.ema_decay = ema_decay
        start = torch.empty(num_codes, num_channels).uniform_(-1 / num_codes, 1 / num_codes)
        if ema_decay is None:
            self.codebook = nn.Parameter(start)
        else:
            self.register_buffer("codebook", start)
            self.register_buffer("ema_counts", torch.ones(num_codes))
            self.register_buffer("ema_sums", start.clone())
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
            counts=kept_codes.flatten().bincount(minlength=len(self.codebook)),
        )
        if self.training and self.ema_decay is not None:
            self._follow(kept_codes, kept_latents, quantized.counts)
        if self.training and self.restart_after:
            self._restart_unused(kept_latents, quantized.counts)
        return quantized

    def nearest(self, latents: Float[Tensor, "... C"]) -> Int[Tensor, "..."]:
        """Index of the closest codebook entry; the first of equally close ones."""
        codebook = self.codebook.detach()
        flat = latents.detach().flatten(0, -2).to(codebook)  # (n, C)
        with torch.autocast(flat.device.type, enabled=False):  # bfloat16 mixes up close entries
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
        drawn = torch.randperm(len(latents))[:num_codes].to(latents.device)
        self._place(slice(None), latents[drawn])

    @torch.no_grad()
    def _follow(
        self, codes: Int[Tensor, "..."], latents: Float[Tensor, "... C"], counts: Int[Tensor, " K"]
    ) -> None:
        """e_k = sums_k / counts_k, averages over batches with weights falling by ``ema_decay``.

        Counts are smoothed, (n_k + eps) / (sum n + K eps) * sum n: no entry is divided by zero, and
        one that nobody chooses for very long drifts to the origin.
        """
        assert self.ema_decay is not None
        flat = latents.detach().flatten(0, -2).to(self.ema_sums)  # (n, C)
        sums = torch.zeros_like(self.ema_sums).index_add_(0, codes.flatten(), flat)
        self.ema_counts.lerp_(counts.to(self.ema_counts), 1 - self.ema_decay)
        self.ema_sums.lerp_(sums, 1 - self.ema_decay)
        total = self.ema_counts.sum()
        smoothed = (self.ema_counts + EMA_EPSILON) / (total + len(counts) * EMA_EPSILON) * total
        self.codebook.copy_(self.ema_sums / smoothed[:, None])

    @torch.no_grad()
    def _restart_unused(self, latents: Float[Tensor, "... C"], counts: Int[Tensor, " K"]) -> None:
        self.idle_steps.add_(1).masked_fill_(counts > 0, 0)
        dead = self.idle_steps >= self.restart_after
        flat = latents.detach().flatten(0, -2)
        # drawn for every entry, so that the number of draws does not depend on the training so far
        drawn = torch.randint(len(flat), (len(dead),)).to(latents.device)
        self._place(dead, flat[drawn[dead]])
        self.idle_steps.masked_fill_(dead, 0)

    def _place(self, chosen: slice | Bool[Tensor, " K"], entries: Float[Tensor, "n C"]) -> None:
        """Put entries into the codebook; a moving average starts anew from them."""
        entries = entries.to(self.codebook)
        self.codebook[chosen] = entries
        if self.ema_decay is not None:
            self.ema_counts[chosen] = 1
            self.ema_sums[chosen] = entries
