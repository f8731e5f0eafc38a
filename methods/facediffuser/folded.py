"""FaceDiffuser's network seen from the projected space, where a step never touches vertices.

A noisy face x enters the network only through u = Q x, Q = S M A: A is the weight of
``input_projection.0``, M the convolution along its 2 L outputs (linear, hence a matrix) and S puts
the even outputs before the odd ones, so that pooling compares two halves of u.

Shapes   T frames, L = latent features, P = 2 L, C = 3 V, G = 3 L, R = min(2 L, C).
Units    as diffused. Products over vertices are formed in float64, a few columns at a time.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from bench.exact import square_root
from methods.facediffuser.model import FaceDiffuserNetwork

COLUMNS = 8192  # of A at a time: 64 MB in float64 at 1024 rows
BLOCK = 256  # rows of A A^T at a time


class Folded(NamedTuple):
    """Products of a network's weights that serve any clip; float64 unless it says float32."""

    mix: Float[Tensor, "P P"]  # S M
    bias: Float[Tensor, " P"]  # of the projection and the convolution; float32
    feedback: Float[Tensor, "P L"]  # Q W, W the weight of final_layer
    audio_gates: Float[Tensor, "G L"]  # W_ih of the first layer behind the norm's weight,
    noisy_gates: Float[Tensor, "G L"]  # centred along its rows, in three blocks of columns; float32
    step_gates: Float[Tensor, "N G"]  # the last block applied to each step's features; float32
    step_features: Float[Tensor, "N L"]  # float32
    gate_bias: Float[Tensor, " G"]  # W_ih times the norm's bias, plus b_ih; float32


@torch.no_grad()
def fold(network: FaceDiffuserNetwork) -> Folded:
    """Every product that is the same for all clips, styles and steps.

    LayerNorm(c) = g (c - mean(c)) / s + b, so W_ih LayerNorm(c) + b_ih = (W_ih g)(c - mean(c)) / s
    + W_ih b + b_ih. Subtracting each row's mean from W_ih g does the centring of c, and blocks of
    columns meet speech, noisy face and step apart: only the middle block changes in a step.
    """
    linear, smooth = network.projection, network.smoothing
    assert smooth.bias is not None
    mix = _mix(linear.out_features, smooth.weight)
    feedback = mix.new_zeros(len(mix), len(mix) // 2)
    into, out = linear.weight.split(COLUMNS, dim=1), network.final_layer.weight.split(COLUMNS)
    for columns, rows in zip(into, out, strict=True):
        feedback += columns.double() @ rows.double()
    gru: Any = network.gru  # torch does not tell that its weights are tensors
    norm, weight = network.norm_cond, gru.weight_ih_l0.double()
    scaled = weight * norm.weight.double()
    centred = scaled - scaled.mean(1, keepdim=True)
    audio, noisy, step = (block.float().contiguous() for block in centred.chunk(3, dim=1))
    features = network.time_mlp(torch.eye(network.num_steps).to(linear.weight))
    return Folded(
        mix=mix,
        bias=(mix @ linear.bias.double() + smooth.bias.double()).float(),
        feedback=mix @ feedback,
        audio_gates=audio,
        noisy_gates=noisy,
        step_gates=features @ step.t(),
        step_features=features,
        gate_bias=(weight @ norm.bias.double() + gru.bias_ih_l0.double()).float(),
    )


@torch.no_grad()
def project_face(
    folded: Folded, network: FaceDiffuserNetwork, face: Float[Tensor, " C"]
) -> Float[Tensor, " P"]:
    """Q times one face, in float64."""
    pairs = zip(
        network.projection.weight.split(COLUMNS, dim=1), face.double().split(COLUMNS), strict=True
    )
    return folded.mix @ sum(columns.double() @ part for columns, part in pairs)


@torch.no_grad()
def noise_factor(folded: Folded, network: FaceDiffuserNetwork) -> Float[Tensor, "P R"]:
    """A matrix F with F F^T = Q Q^T, so that F z has the distribution of Q eps. float32.

    Cholesky in float64. Where Q Q^T is singular (fewer coordinates than projections, or a
    convolution that loses some), the eigenvectors times the roots of their eigenvalues; at most
    C eigenvalues are not zero, so R = min(2 L, C) columns are enough.
    """
    weight = network.projection.weight
    gram = torch.zeros_like(folded.mix)
    for columns in weight.split(COLUMNS, dim=1):
        part = columns.double()
        for rows in torch.arange(len(part), device=part.device).split(BLOCK):  # lower half only
            below, block = slice(int(rows[0]), None), slice(int(rows[0]), int(rows[-1]) + 1)
            gram[below, block] += part[below] @ part[block].t()
    gram = folded.mix @ (gram.tril() + gram.tril(-1).t()) @ folded.mix.t()
    if weight.shape[1] >= len(weight):
        factor, singular = torch.linalg.cholesky_ex(gram)
        if not singular:
            return factor.float()
    values, vectors = torch.linalg.eigh(gram)  # ascending
    rank = min(weight.shape)
    return (vectors * square_root(values.clamp(min=0)))[:, -rank:].float().contiguous()


def _mix(size: int, kernel: Float[Tensor, "1 1 width"]) -> Float[Tensor, "P P"]:
    """S M: the convolution as a matrix, rows of even outputs before those of odd ones."""
    unit = torch.eye(size, dtype=torch.float64, device=kernel.device)
    smooth = F.conv1d(unit[:, None], kernel.double(), padding="same")[:, 0].t()  # (2 L, 2 L)
    return torch.cat([smooth[0::2], smooth[1::2]])
