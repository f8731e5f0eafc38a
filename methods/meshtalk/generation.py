"""Codes of a clip, drawn or taken frame after frame and head after head.

A code is argmax(log-probabilities + Gumbel noise), which is a draw (Gumbel-max); noise of zeros
gives the most likely code. The two forms give the same codes for the same noise:

plain    the context model over the whole history for each head: T^2 H / 2 evaluated frames.
fast     each layer keeps its inputs, so the past costs one product per layer and frame, and a head
         computes its own rows only: T evaluated frames.

Shapes   N samples, T frames, H heads, K classes, D features per head, A audio code.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from bench.exact import logarithm
from methods.meshtalk.context import ContextLayer, ContextModel
from methods.meshtalk.networks import one_hot
from methods.meshtalk.speech import NEGATIVE_SLOPE


def gumbel_from_normal(normal: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """-log(-log u) of u = Phi(z), z standard normal: Gumbel draws from the harness's noise.

    Phi(z) is uniform. log Phi is computed as such, in float64: finite for every float32 z.
    """
    return -logarithm(-torch.special.log_ndtr(normal.double())).to(normal)


def generate_plain(
    model: ContextModel, audio: Float[Tensor, "T A"], gumbel: Float[Tensor, "N T H K"]
) -> Int[Tensor, "N T H"]:
    """The definition, word by word."""
    count, frames, heads, classes = gumbel.shape
    labels = torch.zeros(count, frames, heads, dtype=torch.long, device=audio.device)
    heard = audio.expand(count, -1, -1)
    for t in range(frames):
        for head in range(heads):
            codes = one_hot(labels[:, : t + 1], classes)
            found = model(codes, heard[:, : t + 1])[:, t, head]
            labels[:, t, head] = (found + gumbel[:, t, head]).argmax(-1)
    return labels


def generate_fast(
    model: ContextModel, audio: Float[Tensor, "T A"], gumbel: Float[Tensor, "N T H K"]
) -> Int[Tensor, "N T H"]:
    """The same codes, without reading the history again."""
    generator = _Generator(model, audio, len(gumbel))
    return torch.stack([generator.frame(t, gumbel[:, t]) for t in range(gumbel.shape[1])], dim=1)


class _Layer:
    """A context layer, its weights laid out for steps and its past inputs in a ring."""

    def __init__(self, layer: ContextLayer, audio: Float[Tensor, "T A"], count: int):
        self.present = layer.present()
        own, past = layer.masked_linear.bias, layer.historic.bias
        assert own is not None and past is not None  # as built
        bias = own + past
        self.heard = layer.heard(audio) + bias  # (T, H D)
        self.taps = [tap.T.contiguous() for tap in layer.historic.weight.unbind(-1)]
        dilation = layer.historic.dilation[0]
        # the last tap reads the step before, the one before it a dilation earlier, ...
        self.delays = [1 + dilation * k for k in reversed(range(len(self.taps)))]
        width = layer.historic.in_channels
        self.ring = audio.new_zeros(self.delays[0], count, width)

    def before(self, t: int) -> Float[Tensor, "N features"]:
        """Everything of step t that is known before it: audio and past."""
        total = self.heard[t].expand(self.ring.shape[1], -1)
        for delay, tap in zip(self.delays, self.taps, strict=True):
            if delay <= t:
                total = torch.addmm(total, self.ring[(t - delay) % len(self.ring)], tap)
        return total


class _Generator:
    """State of N samples between two frames."""

    def __init__(self, model: ContextModel, audio: Float[Tensor, "T A"], count: int):
        self.heads, self.classes = model.heads, model.classes
        self.own = model.head_mask == "first"
        self.layers = [_Layer(layer, audio, count) for layer in model.layers()]
        # one row of what a code adds to all heads after its own
        self.embedding = model.embedding.present().T.contiguous()  # (H K, H D)
        first, last = model.embedding.masked_linear.bias, model.logits.masked_linear.bias
        assert first is not None and last is not None  # as built
        self.embedding_bias, self.logits_bias = first, last
        self.logits = model.logits.present()
        self.count, self.width = count, len(self.embedding_bias) // model.heads

    def frame(self, t: int, gumbel: Float[Tensor, "N H K"]) -> Int[Tensor, "N H"]:
        """Codes of one frame; heads one after another."""
        before = [layer.before(t) for layer in self.layers]
        features = [self.embedding_bias.repeat(self.count, 1)]
        features += [torch.zeros_like(features[0]) for _ in self.layers]
        labels = []
        for head in range(self.heads):
            rows = slice(head * self.width, (head + 1) * self.width)
            seen = slice(0, (head + self.own) * self.width)
            for k, layer in enumerate(self.layers):
                weight = layer.present[rows, seen].T
                new = torch.addmm(before[k][:, rows], features[k][:, seen], weight)
                features[k + 1][:, rows] = F.leaky_relu(new, NEGATIVE_SLOPE)
            out = slice(head * self.classes, (head + 1) * self.classes)
            weight = self.logits[out, seen].T
            logits = torch.addmm(self.logits_bias[out], features[-1][:, seen], weight)
            labels.append((logits + gumbel[:, head]).argmax(-1))
            features[0] = features[0] + self.embedding[head * self.classes + labels[-1]]
        for layer, inputs in zip(self.layers, features, strict=False):
            layer.ring[t % len(layer.ring)] = inputs
        return torch.stack(labels, dim=1)
