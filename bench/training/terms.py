"""Adds up the terms that a method's loss returns: scalars are averaged, counts are summed.

Counts of codes from single batches cannot be averaged: a codebook that uses other entries in every
batch looks small in each of them. So they are summed over an epoch and over all validation clips,
and the health of the codebook is read from the sums.

Shapes   K codes.    Units  usage is a share; perplexity counts codes (1 = one code does it all).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from bench.data import Batch

Counts = dict[str, list[int]]
"""Name of a term -> how often each of its K codes was chosen."""


def is_counts(value: Tensor) -> bool:
    """Whether a term is a vector of counts, int64 (K,), and not a scalar."""
    return value.ndim == 1 and value.dtype == torch.int64 and len(value) > 0


def check_terms(terms: dict[str, Tensor], what: str, step: int, batch: Batch) -> None:
    """Every term is looked at: one that is only logged would spoil the curves at the end.

    Raises ValueError for a term that is neither a scalar nor counts, and for a scalar that is not
    finite.
    """
    for name, value in terms.items():
        if is_counts(value):
            continue
        if value.ndim > 0:
            kind = str(value.dtype).removeprefix("torch.")
            raise ValueError(
                f"{what} {name} is {kind} of shape {tuple(value.shape)}; expected a scalar, "
                "or counts of codes: int64 of shape (K,)"
            )
        if not torch.isfinite(value):
            raise ValueError(
                f"{what} {name} is {value.item()} at step {step} "
                f"(clips {', '.join(batch.names)}); lower train.lr or set train.clip_grad_norm"
            )


def add_scalars(sums: dict[str, float], terms: dict[str, Tensor], weight: float = 1.0) -> None:
    """Add ``weight`` times every scalar term to the sums."""
    for name, value in terms.items():
        if not is_counts(value):
            sums[name] = sums.get(name, 0.0) + weight * float(value.detach())


def add_counts(counts: Counts, terms: dict[str, Tensor]) -> None:
    """Add every vector of counts. Raises ValueError when a term's K changes."""
    for name, value in terms.items():
        if is_counts(value):
            new = value.tolist()
            old = counts.get(name) or [0] * len(new)
            if len(old) != len(new):
                raise ValueError(f"{name} has {len(new)} counts after {len(old)} before; keep K")
            counts[name] = [a + b for a, b in zip(old, new, strict=True)]


def health(counts: Counts) -> dict[str, float]:
    """``<name>_usage`` and ``<name>_perplexity`` of every vector of counts.

    Usage is the share of codes with a count above zero; perplexity is exp(-sum p log p) with
    p = count / total.
    """
    found: dict[str, float] = {}
    for name, values in counts.items():
        found[f"{name}_usage"] = sum(value > 0 for value in values) / len(values)
        found[f"{name}_perplexity"] = perplexity(values)
    return found


def perplexity(counts: Sequence[int]) -> float:
    """exp of the entropy of the counts; 0 where nothing was counted."""
    total = sum(counts)
    shares = [count / total for count in counts if count > 0]
    return math.exp(-sum(p * math.log(p) for p in shares)) if shares else 0.0
